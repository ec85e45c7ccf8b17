//! Many p-values at once: which to call discoveries so that few of them are false (Benjamini and Hochberg 1995).

/// Which p-values are discoveries at a false discovery rate of at most `rate`: on average at most that share of them is
/// chance, where p-values are independent or positively dependent. Not a number: never a discovery. O(n log n).
pub fn benjamini_hochberg(p_values: &[f64], rate: f64) -> Vec<bool> {
    adjusted(p_values).into_iter().map(|q| q <= rate).collect()
}

/// For each p-value the smallest rate at which it would be a discovery.
pub fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    let p_of = |at: usize| p_values.get(at).copied().filter(|p| !p.is_nan()).unwrap_or(f64::INFINITY);
    order.sort_by(|a, b| p_of(*b).total_cmp(&p_of(*a)));
    let mut out = vec![f64::INFINITY; p_values.len()];
    let mut least = f64::INFINITY;
    for (from_last, at) in order.into_iter().enumerate() {
        let rank = (p_values.len() - from_last) as f64;
        let p = p_of(at);
        if p.is_finite() {
            least = least.min(p * p_values.len() as f64 / rank).min(1.0);
        }
        if let Some(slot) = out.get_mut(at) {
            *slot = if p.is_finite() { least } else { f64::INFINITY };
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_up_procedure_keeps_a_later_p_value_that_fits() {
        // Sorted: 0.01 ≤ 0.0125, 0.02 ≤ 0.025, 0.03 ≤ 0.0375, 0.9: three discoveries at 5 %.
        assert_eq!(benjamini_hochberg(&[0.9, 0.02, 0.03, 0.01], 0.05), [false, true, true, true]);
        // 0.04 and 0.045 fail at their own rank, but both fit at rank 2 of 2.
        assert_eq!(benjamini_hochberg(&[0.04, 0.045], 0.05), [true, true]);
        assert_eq!(benjamini_hochberg(&[0.04, f64::NAN, 0.9], 0.05), [false, false, false]);
        assert_eq!(benjamini_hochberg(&[], 0.05), Vec::<bool>::new());
        assert_eq!(adjusted(&[0.01, 0.02]), [0.02, 0.02]);
    }

    #[test]
    fn among_nothing_but_chance_discoveries_are_rare() {
        let mut random = crate::Random::new(9);
        let runs = (0..400)
            .filter(|_| {
                let p_values: Vec<f64> = (0..200).map(|_| random.unit()).collect();
                benjamini_hochberg(&p_values, 0.1).contains(&true)
            })
            .count();
        assert!((15..70).contains(&runs), "{runs} of 400 runs, 40 expected");
    }
}
