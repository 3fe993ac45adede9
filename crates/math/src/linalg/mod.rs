//! Small dense linear algebra on row-major slices; sizes are those of the model, not of data.

mod eigen;

pub use eigen::{Eigen, symmetric_eigen, symmetric_eigenvalues};

use crate::rng::Key;

/// Norms whose squares are far from both ends of the range of doubles.
const SAFE: std::ops::Range<f64> = 1e-140..1e140;

/// Euclidean norm of `x`, also where its square is beyond the range of doubles: infinite only where
/// an entry or the norm itself is, NaN where an entry is.
pub fn norm(x: &[f64]) -> f64 {
    let plain = dot(x, x).sqrt();
    if SAFE.contains(&plain) || plain.is_nan() {
        return plain;
    }
    let (scale, norm) = scaled_norm(x);
    scale * norm
}

/// The largest |xᵢ| and the Euclidean norm of `x` over it, which is 0 or from 1 to √p: their product
/// is ‖x‖, also where that overflows. An infinite entry gives (∞, 1), a NaN one (NaN, NaN).
pub fn scaled_norm(x: &[f64]) -> (f64, f64) {
    if x.iter().any(|v| v.is_nan()) {
        return (f64::NAN, f64::NAN);
    }
    let scale = x.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if scale == 0.0 || scale.is_infinite() {
        return (scale, f64::from(u8::from(scale > 0.0)));
    }
    let squares: f64 = x.iter().map(|v| (v / scale) * (v / scale)).sum();
    (scale, squares.sqrt())
}

/// Root mean square of `x`, also where squares are beyond the range of doubles; NaN when empty.
pub fn root_mean_square(x: &[f64]) -> f64 {
    let plain = (x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64).sqrt();
    if SAFE.contains(&plain) || plain.is_nan() {
        return plain;
    }
    let (scale, norm) = scaled_norm(x);
    scale * (norm / (x.len() as f64).sqrt())
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

/// The polar factor U Vᵀ of a `rows`×`columns` matrix U Σ Vᵀ, row-major, over the singular values
/// above rounding; NaN everywhere if an entry is not finite.
pub fn polar(rows: usize, columns: usize, a: &[f64]) -> Vec<f64> {
    let largest = a.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    if !a.iter().all(|x| x.is_finite()) {
        return vec![f64::NAN; a.len()];
    }
    if largest == 0.0 {
        return vec![0.0; a.len()];
    }
    // Of entries up to 1, so that no square underflows.
    let matrix = nalgebra::DMatrix::from_row_slice(rows, columns, a) / largest;
    let svd = matrix.svd(true, true);
    let smallest = rows.max(columns) as f64 * f64::EPSILON * svd.singular_values.max();
    let (Some(mut u), Some(v)) = (svd.u, svd.v_t) else { return vec![f64::NAN; a.len()] };
    for (mut column, value) in u.column_iter_mut().zip(svd.singular_values.iter()) {
        if *value <= smallest {
            column.fill(0.0);
        }
    }
    // Storage is by columns.
    (u * v).transpose().as_slice().to_vec()
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
    fn norms_scale() {
        for scale in [1e-320, 1e-300, 1e-160, 1e-3, 1.0, 1e155, 1e300, 3e307] {
            // Denormals have few digits.
            let digits = if scale < 1e-300 { 1e-3 } else { 4.0 * f64::EPSILON };
            let x = [3.0 * scale, 0.0, -4.0 * scale];
            assert!((norm(&x) / scale / 5.0 - 1.0).abs() < digits, "{scale}");
            let rms = root_mean_square(&x) / scale;
            assert!((rms / (25.0_f64 / 3.0).sqrt() - 1.0).abs() < digits, "{scale}: {rms}");
        }
        assert_eq!((norm(&[]), norm(&[0.0, -0.0])), (0.0, 0.0));
        assert_eq!(norm(&[1.0, f64::NEG_INFINITY]), f64::INFINITY);
        assert!(norm(&[f64::INFINITY, f64::NAN]).is_nan() && norm(&[0.0, f64::NAN]).is_nan());
        assert_eq!(scaled_norm(&[1.5e308; 4]), (1.5e308, 2.0));
        assert_eq!(norm(&[1.5e308; 4]), f64::INFINITY);
        assert!(root_mean_square(&[]).is_nan());
    }

    #[test]
    fn cholesky_refuses_indefinite_and_undefined_matrices() {
        assert!(cholesky(2, &[1.0, 2.0, 2.0, 1.0]).is_none());
        assert!(cholesky(1, &[f64::NAN]).is_none());
        assert!(cholesky(1, &[0.0]).is_none());
        assert!(cholesky(1, &[4.0]).is_some_and(|c| c == [2.0]));
    }
}
