//! Tails of the distributions that chance has here, by their standard series and continued fractions (Abramowitz and Stegun
//! 6.1, 6.5, 26.4), to about ten digits.

/// Terms of a series or fraction: converges within a few hundred for all that is asked here.
const TERMS_MAX: usize = 10_000;

/// ln Γ(x), x > 0 (Lanczos).
pub(super) fn ln_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const C: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum = C.iter().enumerate().fold(0.999_999_999_999_809_9, |sum, (at, c)| sum + c / (x + at as f64 + 1.0));
    let t = x + G + 0.5;
    0.918_938_533_204_672_8 + (x + 0.5) * t.ln() - t + sum.ln()
}

/// P(X ≥ count) for a Poisson X of mean `mean`: chance makes at least that many.
pub fn poisson_tail(count: u64, mean: f64) -> f64 {
    if count == 0 {
        return 1.0;
    }
    if mean.is_nan() || mean <= 0.0 {
        return if mean.is_nan() { 1.0 } else { f64::MIN_POSITIVE };
    }
    lower_gamma(count as f64, mean)
}

/// P(X ≥ value) for a chi-squared X with `freedom` degrees of freedom.
pub fn chi_squared_tail(value: f64, freedom: usize) -> f64 {
    if freedom == 0 || value.is_nan() || value <= 0.0 {
        return 1.0;
    }
    upper_gamma(freedom as f64 / 2.0, value / 2.0)
}

/// Regularised lower incomplete gamma P(a, x).
fn lower_gamma(a: f64, x: f64) -> f64 {
    if x < a + 1.0 { series(a, x) } else { 1.0 - fraction(a, x) }.clamp(f64::MIN_POSITIVE, 1.0)
}

/// Regularised upper incomplete gamma Q(a, x).
fn upper_gamma(a: f64, x: f64) -> f64 {
    if x < a + 1.0 { 1.0 - series(a, x) } else { fraction(a, x) }.clamp(f64::MIN_POSITIVE, 1.0)
}

fn series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum) = (1.0 / a, 1.0 / a);
    for n in 1..TERMS_MAX {
        term *= x / (a + n as f64);
        sum += term;
        if term < sum * 1e-16 {
            break;
        }
    }
    (sum.ln() + a * x.ln() - x - ln_gamma(a)).exp()
}

/// Lentz's method.
fn fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut h = d;
    for n in 1..TERMS_MAX {
        let n = n as f64;
        let an = -n * (n - a);
        b += 2.0;
        d = an * d + b;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + an / c;
        c = if c.abs() < TINY { TINY } else { c };
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (h.ln() + a * x.ln() - x - ln_gamma(a)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_as_in_the_books() {
        let near = |have: f64, want: f64| assert!((have / want - 1.0).abs() < 1e-6, "{have} is not {want}");
        near(poisson_tail(1, 1.0), 1.0 - (-1f64).exp());
        near(poisson_tail(2, 0.5), 1.0 - 1.5 * (-0.5f64).exp());
        // P(X ≥ 20) for mean 5: Σ over k ≥ 20.
        near(
            poisson_tail(20, 5.0),
            (20..200).map(|k| (f64::from(k) * 5f64.ln() - 5.0 - ln_gamma(f64::from(k) + 1.0)).exp()).sum(),
        );
        near(chi_squared_tail(3.841_458_820_694_124, 1), 0.05);
        near(chi_squared_tail(16.918_977_604_620_448, 9), 0.05);
        near(chi_squared_tail(100.0, 2), (-50f64).exp());
        near(ln_gamma(11.0), 3_628_800f64.ln());
        assert!(poisson_tail(1_000_000, 1.0) > 0.0 && poisson_tail(5, f64::NAN) == 1.0);
    }
}
