//! Square matrices over techniques, kept as `f32`: a row is what one observed technique says of all others.

/// A square matrix, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    size: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// From values, row by row; `None` where there are not `size` × `size`.
    pub fn new(size: usize, values: Vec<f32>) -> Option<Self> {
        (size.checked_mul(size) == Some(values.len())).then_some(Self { size, values })
    }

    /// From values as `f64`, the diagonal zero: what was observed says nothing of itself.
    pub fn without_diagonal(size: usize, values: &[f64]) -> Self {
        let at = |(at, value): (usize, &f64)| if at % (size + 1) == 0 { 0.0 } else { *value as f32 };
        Self { size, values: values.iter().enumerate().map(at).collect() }
    }

    /// Its size.
    pub fn size(&self) -> usize {
        self.size
    }

    /// All values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// A row; empty beyond the last.
    pub fn row(&self, row: u16) -> &[f32] {
        let start = usize::from(row) * self.size;
        self.values.get(start..start + self.size).unwrap_or(&[])
    }

    /// Adds a multiple of a row to scores.
    pub fn add_row(&self, row: u16, times: f64, scores: &mut [f64]) {
        for (score, value) in scores.iter_mut().zip(self.row(row)) {
            *score += times * f64::from(*value);
        }
    }
}

/// Σ weight × (each pair of a set), the diagonal how often each: the Gram matrix of the sets.
pub fn gram<'a>(size: usize, sets: impl Iterator<Item = (&'a [u16], f64)>) -> Vec<f64> {
    let mut gram = vec![0.0; size * size];
    for (set, weight) in sets {
        for a in set {
            for b in set {
                if let Some(cell) = gram.get_mut(usize::from(*a) * size + usize::from(*b)) {
                    *cell += weight;
                }
            }
        }
    }
    gram
}

/// The inverse of a symmetric positive definite matrix, by Cholesky's factors; O(n³). `None` where it is not one.
pub fn inverse(size: usize, mut matrix: Vec<f64>) -> Option<Vec<f64>> {
    if matrix.len() != size * size {
        return None;
    }
    // L in the lower half, row by row.
    for i in 0..size {
        let (above, rest) = matrix.split_at_mut(i * size);
        let row = rest.get_mut(..size)?;
        for j in 0..=i {
            let (own, other) = (row.get(..j)?, if j < i { above.get(j * size..j * size + j)? } else { row.get(..j)? });
            let dot: f64 = own.iter().zip(other).map(|(a, b)| a * b).sum();
            let value = row.get(j)? - dot;
            *row.get_mut(j)? = if j < i {
                value / above.get(j * size + j)?
            } else if value > 0.0 {
                value.sqrt()
            } else {
                return None;
            };
        }
    }
    // L⁻¹, kept transposed so that every sum runs along a row.
    let mut turned = vec![0.0; size * size];
    for column in 0..size {
        let out = turned.get_mut(column * size..(column + 1) * size)?;
        for i in column..size {
            let row = matrix.get(i * size..i * size + i)?;
            let dot: f64 = row.get(column..)?.iter().zip(out.get(column..i)?).map(|(a, b)| a * b).sum();
            let unit = if i == column { 1.0 } else { 0.0 };
            *out.get_mut(i)? = (unit - dot) / matrix.get(i * size + i)?;
        }
    }
    // A⁻¹ = L⁻ᵀ L⁻¹.
    let mut inverse = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..=i {
            let (a, b) = (turned.get(i * size + i..(i + 1) * size)?, turned.get(j * size + i..(j + 1) * size)?);
            let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            *inverse.get_mut(i * size + j)? = dot;
            *inverse.get_mut(j * size + i)? = dot;
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shieldwall_learn::Random;

    #[test]
    fn an_inverse_times_its_matrix_is_one() {
        let (size, mut random) = (23, Random::new(3));
        let sets: Vec<Vec<u16>> = (0..60).map(|_| (0..6).map(|_| random.below(size) as u16).collect()).collect();
        let mut matrix = gram(size, sets.iter().map(|set| (set.as_slice(), 0.5)));
        (0..size).for_each(|at| matrix[at * size + at] += 2.0);
        let inverse = inverse(size, matrix.clone()).unwrap();
        for i in 0..size {
            for j in 0..size {
                let cell: f64 = (0..size).map(|k| matrix[i * size + k] * inverse[k * size + j]).sum();
                assert!((cell - f64::from(u8::from(i == j))).abs() < 1e-9, "{i} {j}: {cell}");
            }
        }
        assert_eq!(super::inverse(2, vec![1.0, 2.0, 2.0, 1.0]), None);
        assert_eq!(super::inverse(2, vec![1.0]), None);
    }
}
