//! The one source of chance: xoshiro256++ seeded by SplitMix64 (Blackman and Vigna, "Scrambled linear pseudorandom number
//! generators", 2021). Integer arithmetic only, hence the same on every machine.

/// A seeded generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// A generator for a seed; every seed gives a good state.
    pub fn new(seed: u64) -> Self {
        let mut at = seed;
        Self { state: [(); 4].map(|()| split_mix(&mut at)) }
    }

    /// An independent generator for part `at` of a whole, so that parts may be done in any order and on any thread.
    pub fn part(&self, at: u64) -> Self {
        let [a, b, c, d] = self.state;
        let mut seed =
            a ^ b.rotate_left(17) ^ c.rotate_left(31) ^ d.rotate_left(47) ^ at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self { state: [(); 4].map(|()| split_mix(&mut seed)) }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let [mut a, mut b, mut c, mut d] = self.state;
        let out = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let t = b << 17;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= t;
        d = d.rotate_left(45);
        self.state = [a, b, c, d];
        out
    }

    /// A number below `limit`, without bias that matters (128-bit multiplication); 0 if `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.bits()) * limit as u128) >> 64) as usize
    }

    /// A number in [0, 1) with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Puts a list into random order (Fisher–Yates).
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            let other = self.below(at + 1);
            list.swap(at, other);
        }
    }

    /// `count` different numbers below `limit`, ascending; all of them if there are fewer.
    pub fn sample(&mut self, limit: usize, count: usize) -> Vec<usize> {
        if count >= limit {
            return (0..limit).collect();
        }
        // Floyd's algorithm: one draw a pick, no list of all.
        let mut picked = std::collections::BTreeSet::new();
        for at in limit - count..limit {
            let draw = self.below(at + 1);
            if !picked.insert(draw) {
                picked.insert(at);
            }
        }
        picked.into_iter().collect()
    }
}

fn split_mix(at: &mut u64) -> u64 {
    *at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *at;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_numbers() {
        let draw = |seed| {
            (0..3)
                .map({
                    let mut random = Random::new(seed);
                    move |_| random.bits()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert_ne!(Random::new(7).part(0), Random::new(7).part(1));
    }

    #[test]
    fn samples_are_different_ascending_and_even() {
        let mut random = Random::new(1);
        let mut hits = [0u32; 10];
        for _ in 0..10_000 {
            let sample = random.sample(10, 3);
            assert!(sample.len() == 3 && sample.windows(2).all(|pair| pair[0] < pair[1]));
            sample.into_iter().for_each(|at| hits[at] += 1);
        }
        assert!(hits.iter().all(|hits| (2800..3200).contains(hits)), "{hits:?}");
        assert!((0..1000).all(|_| (0.0..1.0).contains(&random.unit())));
    }
}
