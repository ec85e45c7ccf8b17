//! Which buckets a piece's n-grams fall into: multiply–mix of up to seven bytes and their number, no collision handling
//! (Weinberger et al., "Feature hashing for large scale multitask learning", 2009).

use crate::tensors::LoadError;

/// Longest n-gram: with its length it fits in 64 bits.
pub const GRAM_BYTES_MAX: u8 = 7;

/// Largest table of weights, as a power of two.
pub const BUCKETS_LOG2_MAX: u8 = 20;

/// Lengths of n-grams and size of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grams {
    /// Buckets, as a power of two.
    pub buckets_log2: u8,
    /// Shortest and longest n-gram of bytes.
    pub bytes: (u8, u8),
    /// Shortest and longest n-gram of classes; none where the longest is 0.
    pub classes: (u8, u8),
}

impl Grams {
    /// How many buckets.
    pub fn buckets(&self) -> usize {
        1 << self.buckets_log2
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// When a length or the size is beyond its limit.
    pub fn checked(self) -> Result<Self, LoadError> {
        let lengths = [self.bytes, self.classes];
        let bad = |(low, high): (u8, u8)| high > GRAM_BYTES_MAX || (high > 0 && (low == 0 || low > high));
        if self.buckets_log2 == 0 || self.buckets_log2 > BUCKETS_LOG2_MAX || lengths.into_iter().any(bad) {
            return Err(LoadError::new("word `grams`", "lengths or buckets beyond the limits"));
        }
        Ok(self)
    }

    /// Calls `take(start, length, bucket)` for each n-gram of the piece.
    #[inline]
    pub fn each(&self, piece: &[u8], classes: &[u8; 256], mut take: impl FnMut(usize, usize, u32)) {
        self.run(piece, self.bytes, 0, |byte| byte, &mut take);
        if self.classes.1 > 0 {
            let class = |byte: u8| classes.get(usize::from(byte)).copied().unwrap_or(byte);
            self.run(piece, self.classes, 8, class, &mut take);
        }
    }

    /// How many n-grams a piece of this many bytes has.
    pub fn count(&self, bytes: usize) -> usize {
        let of = |(low, high): (u8, u8)| -> usize {
            (low.max(1)..=high).map(|length| (bytes + 1).saturating_sub(usize::from(length))).sum()
        };
        of(self.bytes) + of(self.classes)
    }

    #[inline]
    fn run(
        &self,
        piece: &[u8],
        (low, high): (u8, u8),
        salt: u64,
        class: impl Fn(u8) -> u8,
        take: &mut impl FnMut(usize, usize, u32),
    ) {
        let shift = 64 - u32::from(self.buckets_log2);
        let mut window = 0u64;
        for (at, byte) in piece.iter().enumerate() {
            window = window << 8 | u64::from(class(*byte));
            for length in low.max(1)..=high {
                if at + 1 < usize::from(length) {
                    break;
                }
                let gram = window & (u64::MAX >> (64 - 8 * u32::from(length)));
                let key = gram | (u64::from(length) + salt) << 56;
                let mixed = (key ^ key >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let bucket = ((mixed ^ mixed >> 32).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> shift) as u32;
                take(at + 1 - usize::from(length), usize::from(length), bucket);
            }
        }
    }
}
