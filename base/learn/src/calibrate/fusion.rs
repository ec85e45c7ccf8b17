//! Several p-values → one score that adds up and one p-value that is calibrated again.
//!
//! The score is Fisher's: Σ −ln p, so each part's share is its own −ln p. Parts depend on each other (a long connection is
//! also a large one), so Fisher's own p-value would claim too much: the sum is ranked among the sums of normals instead.
//! A sum also dilutes: one part that is certain may drown among nine that saw nothing. So a part that is extreme may alert
//! alone: what is ranked is the larger of the sum's surprise and the best part's (less ln of the number of parts, for having
//! tried them all), and that too is ranked among normals, so that the asked false-alarm rate holds for the decision as a
//! whole.

use super::Conformal;
use crate::tensors::{LoadError, Tensors};

/// p-values are taken as no smaller than this: −ln of it is 690 nats, and it is still a normal number.
const P_VALUE_MIN: f64 = 1e-300;

/// −ln p, finite for everything; what is not a p-value says nothing.
pub fn surprise(p_value: f64) -> f64 {
    if p_value.is_nan() { 0.0 } else { -p_value.clamp(P_VALUE_MIN, 1.0).ln() + 0.0 }
}

/// Fisher's sum of −ln p, in the parts' order.
pub fn fisher(p_values: &[f64]) -> f64 {
    p_values.iter().map(|p| surprise(*p)).sum()
}

/// The p-value of a sum of −ln p of `parts` *independent* parts: the chi-squared tail with 2 × parts degrees of freedom,
/// e^−x Σ xᵏ/k! for k < parts. It makes sums of different numbers of parts comparable; calibrate it before believing it.
pub fn fisher_p_value(sum: f64, parts: usize) -> f64 {
    if parts == 0 || sum.is_nan() || sum <= 0.0 {
        return 1.0;
    }
    // Terms in logarithms, largest taken out: no overflow at any sum or number of parts.
    let ln = sum.ln();
    let (mut term, mut largest) = (0.0, 0.0);
    let mut terms = Vec::with_capacity(parts.min(PARTS_MAX));
    for k in 0..parts.min(PARTS_MAX) {
        if k > 0 {
            term += ln - (k as f64).ln();
        }
        largest = f64::max(largest, term);
        terms.push(term);
    }
    let total: f64 = terms.iter().map(|term| (term - largest).exp()).sum();
    (largest + total.ln() - sum).exp().clamp(P_VALUE_MIN, 1.0)
}

/// Parts that are fused: more than any finding has, and a bound on the work.
pub const PARTS_MAX: usize = 4096;

/// What fusing gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fused {
    /// Σ −ln p: the parts' shares add up to it.
    pub score: f64,
    /// How often a normal is at least this strange, by the sum or by its best part.
    pub p_value: f64,
    /// Orders what is beyond the reference; never a p-value.
    pub rank: f64,
    /// The part that is stranger alone than the sum is together.
    pub alone: Option<usize>,
}

/// A fusion of a fixed number of parts, calibrated on normals.
#[derive(Clone, Debug, PartialEq)]
pub struct Fusion {
    sums: Conformal,
    strangest: Conformal,
}

impl Fusion {
    /// Calibrates on normals: each the p-values of its parts, from references that did not see it.
    pub fn new<'a>(normals: impl IntoIterator<Item = &'a [f64]>) -> Self {
        let normals: Vec<&[f64]> = normals.into_iter().collect();
        let sums = Conformal::new(normals.iter().map(|parts| fisher(parts)));
        let strangest = Conformal::new(normals.iter().map(|parts| strangeness(&sums, parts).0));
        Self { sums, strangest }
    }

    /// Fuses the parts' p-values.
    pub fn fuse(&self, p_values: &[f64]) -> Fused {
        let (strange, alone) = strangeness(&self.sums, p_values);
        Fused {
            score: fisher(p_values),
            p_value: self.strangest.p_value(strange),
            rank: self.strangest.ranking_surprise(strange),
            alone,
        }
    }

    /// Arrays to keep it as.
    pub fn to_tensors(&self) -> Tensors {
        let mut out = Tensors::default();
        out.put_part("sums", self.sums.to_tensors());
        out.put_part("strangest", self.strangest.to_tensors());
        out
    }

    /// Back from arrays.
    ///
    /// # Errors
    /// When a reference does not load.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, LoadError> {
        Ok(Self {
            sums: Conformal::from_tensors(&tensors.part("sums"))?,
            strangest: Conformal::from_tensors(&tensors.part("strangest"))?,
        })
    }
}

/// The larger of the sum's surprise and the best part's, and which part if it is the part's.
fn strangeness(sums: &Conformal, p_values: &[f64]) -> (f64, Option<usize>) {
    let together = sums.ranking_surprise(fisher(p_values));
    let best = p_values.iter().map(|p| surprise(*p)).enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    match best.map(|(at, nats)| (at, nats - (p_values.len() as f64).ln())) {
        Some((at, nats)) if nats > together => (nats, Some(at)),
        _ => (together, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn fishers_tail_is_as_in_the_books() {
        // chi²(2) tail at 2x is e^−x; chi²(4): e^−x (1 + x).
        assert!((fisher_p_value(3.0, 1) - (-3f64).exp()).abs() < 1e-15);
        assert!((fisher_p_value(3.0, 2) - 4.0 * (-3f64).exp()).abs() < 1e-15);
        // scipy.stats.chi2.sf(2 × 30, 2 × 10) = 7.121…e-06
        assert!((fisher_p_value(30.0, 10) / 7.121_0e-6 - 1.0).abs() < 1e-3, "{}", fisher_p_value(30.0, 10));
        assert_eq!(fisher_p_value(0.0, 3), 1.0);
        assert!(fisher_p_value(1e6, 3) > 0.0 && fisher_p_value(f64::NAN, 3) == 1.0);
    }

    #[test]
    fn dependent_parts_keep_the_asked_rate_and_one_part_may_alert_alone() {
        let mut random = Random::new(11);
        // Ten parts that are nearly copies: Fisher alone would flag far too much.
        let mut normal = move || {
            let shared = random.unit();
            (0..10).map(|_| (shared * 0.9 + random.unit() * 0.1).clamp(1e-9, 1.0)).collect::<Vec<f64>>()
        };
        let reference: Vec<Vec<f64>> = (0..4000).map(|_| normal()).collect();
        let fusion = Fusion::new(reference.iter().map(Vec::as_slice));
        let new: Vec<Vec<f64>> = (0..20_000).map(|_| normal()).collect();
        let rate = |flag: &dyn Fn(&[f64]) -> f64| new.iter().filter(|parts| flag(parts) <= 0.01).count();
        let naive = rate(&|parts| fisher_p_value(fisher(parts), 10));
        let ours = rate(&|parts| fusion.fuse(parts).p_value);
        assert!(naive > 1000 && (120..290).contains(&ours), "naive {naive}, ours {ours} of 20,000, 200 asked");
        let mut one = vec![0.6; 10];
        one[4] = 1e-9;
        let fused = fusion.fuse(&one);
        assert!(fused.p_value < 0.001 && fused.alone == Some(4), "{fused:?}");
        assert!((fused.score - fisher(&one)).abs() < 1e-12);
        let back = Fusion::from_tensors(&fusion.to_tensors()).unwrap();
        assert_eq!(back.fuse(&one), fused);
    }

    #[test]
    fn hostile_p_values_stay_finite() {
        let fusion = Fusion::new([[0.5, 0.5].as_slice(), [0.1, 0.9].as_slice()]);
        for parts in [&[f64::NAN, f64::INFINITY][..], &[0.0, -1.0], &[], &[0.0]] {
            let fused = fusion.fuse(parts);
            assert!(fused.score.is_finite() && fused.rank.is_finite() && fused.p_value > 0.0, "{parts:?} {fused:?}");
        }
    }
}
