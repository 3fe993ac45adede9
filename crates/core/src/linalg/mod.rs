//! Small dense linear algebra on row-major slices; sizes are those of the model, not of data.

mod eigen;

pub use eigen::{Eigen, symmetric_eigen, symmetric_eigenvalues};

use crate::rng::Key;

/// Euclidean norm of `x`.
pub fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// ⟨x, y⟩.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}

/// Lower-triangular C with C Cᵀ = `a`, or `None` where `a` is not positive definite.
///
/// # Shapes
/// `a` and the result: `dim`×`dim`, row-major; only the lower triangle of `a` is read.
pub fn cholesky(dim: usize, a: &[f64]) -> Option<Vec<f64>> {
    let mut c = vec![0.0; dim * dim];
    for i in 0..dim {
        for j in 0..=i {
            let known = dot(&c[i * dim..i * dim + j], &c[j * dim..j * dim + j]);
            let rest = a[i * dim + j] - known;
            c[i * dim + j] = if i == j { rest.sqrt() } else { rest / c[j * dim + j] };
        }
        // A negative or undefined pivot has no positive root: the comparison is false for NaN.
        if !(c[i * dim + i] > 0.0 && c[i * dim + i].is_finite()) {
            return None;
        }
    }
    Some(c)
}

/// A⁻¹ of a `dim`×`dim` matrix, row-major; `None` where it is singular or not finite.
pub fn inverse(dim: usize, a: &[f64]) -> Option<Vec<f64>> {
    let inverse = nalgebra::DMatrix::from_row_slice(dim, dim, a).try_inverse()?;
    // Storage is by columns.
    let inverse = inverse.transpose().as_slice().to_vec();
    inverse.iter().all(|x| x.is_finite()).then_some(inverse)
}

/// A uniformly random orthogonal matrix: Gram-Schmidt on Gaussian rows.
pub fn random_orthogonal(dim: usize, key: Key) -> Vec<f64> {
    let mut u = normals(key, dim * dim);
    for i in 0..dim {
        // Twice is enough for orthogonality to rounding (Kahan, Parlett).
        for _ in 0..2 {
            for j in 0..i {
                let (above, row) = u.split_at_mut(i * dim);
                let other = &above[j * dim..(j + 1) * dim];
                let overlap = dot(&row[..dim], other);
                row[..dim].iter_mut().zip(other).for_each(|(x, y)| *x -= overlap * y);
            }
            let row = &mut u[i * dim..(i + 1) * dim];
            let length = norm(row);
            row.iter_mut().for_each(|x| *x /= length);
        }
    }
    u
}

/// `len` independent N(0, 1) variates at `key`, one stream "prompt" for each four.
///
/// In double precision with the platform-independent lane functions, for initial parameters and
/// other draws that are made once.
pub fn normals(key: Key, len: usize) -> Vec<f64> {
    crate::lanes::Isa::Baseline.run(Normals { key, len })
}

struct Normals {
    key: Key,
    len: usize,
}

impl crate::lanes::WithSimd for Normals {
    type Output = Vec<f64>;
    fn with_simd<S: fearless_simd::Simd>(self, token: S) -> Vec<f64> {
        (0..self.len.div_ceil(4))
            .flat_map(|i| {
                let draws = crate::rng::Draws::new(token, self.key, i as u32);
                draws.normals([0])[0].map(|z| f64::from(z[0]))
            })
            .take(self.len)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn random_orthogonal_matrices_are_orthogonal() {
        for dim in [1, 2, 5, 64] {
            let u = random_orthogonal(dim, Key { seed: 3, purpose: Purpose::Rotation, step: 0 });
            for i in 0..dim {
                for j in 0..dim {
                    let overlap = dot(&u[i * dim..(i + 1) * dim], &u[j * dim..(j + 1) * dim]);
                    let expected = f64::from(u8::from(i == j));
                    // Rounding of dim products.
                    assert!((overlap - expected).abs() < 1e-15 * (dim as f64 + 4.0));
                }
            }
        }
    }

    #[test]
    fn cholesky_refuses_indefinite_and_undefined_matrices() {
        assert!(cholesky(2, &[1.0, 2.0, 2.0, 1.0]).is_none());
        assert!(cholesky(1, &[f64::NAN]).is_none());
        assert!(cholesky(1, &[0.0]).is_none());
        assert!(cholesky(1, &[4.0]).is_some_and(|c| c == [2.0]));
    }
}
