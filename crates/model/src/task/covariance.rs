//! Covariance matrices Σ of z ↦ C z, held as a factor C with C Cᵀ = Σ.

use windtunnel_math::linalg;
use windtunnel_math::rng::Key;

/// Covariance Σ of C z, z ~ N(0, I).
#[derive(Clone, Debug, PartialEq)]
pub struct Covariance {
    factor: Option<Factor>,
}

#[derive(Clone, Debug, PartialEq)]
struct Factor {
    dim: usize,
    c: Vec<f64>,
}

/// Error returned when a [`Covariance`] cannot be made.
#[derive(Clone, Debug, PartialEq)]
pub enum CovarianceError {
    /// No entries.
    Empty,
    /// A variance or eigenvalue that is not positive and finite.
    Variance {
        /// Its position.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// A row of the wrong length.
    NotSquare {
        /// Number of rows.
        rows: usize,
        /// Length of the offending row.
        row_len: usize,
    },
    /// Entries (i, j) and (j, i) that differ.
    NotSymmetric(usize, usize),
    /// No Cholesky factor: an eigenvalue is zero, negative or not finite.
    NotPositiveDefinite,
}

impl std::fmt::Display for CovarianceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CovarianceError::Empty => write!(f, "no entries"),
            CovarianceError::Variance { index, value } => {
                write!(f, "entry {index} is {value}, not a finite number > 0")
            }
            CovarianceError::NotSquare { rows, row_len } => {
                write!(f, "{rows} rows, but one row has {row_len} entries")
            }
            CovarianceError::NotSymmetric(i, j) => {
                write!(f, "entries [{i}][{j}] and [{j}][{i}] differ")
            }
            CovarianceError::NotPositiveDefinite => {
                write!(f, "the matrix is not positive definite")
            }
        }
    }
}

impl std::error::Error for CovarianceError {}

impl Covariance {
    /// Σ = I, in any dimension.
    pub fn identity() -> Covariance {
        Covariance { factor: None }
    }

    /// Σ = diag(`variances`).
    ///
    /// # Errors
    /// A variance that is not positive and finite.
    pub fn diagonal(variances: &[f64]) -> Result<Covariance, CovarianceError> {
        let roots = positive_roots(variances)?;
        let mut c = vec![0.0; roots.len() * roots.len()];
        for (i, root) in roots.iter().enumerate() {
            c[i * roots.len() + i] = *root;
        }
        Ok(Covariance::from_factor(roots.len(), c))
    }

    /// Σ = U diag(`eigenvalues`) Uᵀ with U a uniformly random rotation of the given seed.
    ///
    /// # Errors
    /// An eigenvalue that is not positive and finite.
    pub fn rotated(eigenvalues: &[f64], seed: u64) -> Result<Covariance, CovarianceError> {
        let roots = positive_roots(eigenvalues)?;
        let dim = roots.len();
        let key = Key::rotation(seed);
        let mut c = linalg::random_orthogonal(dim, key);
        for row in c.chunks_exact_mut(dim) {
            for (x, root) in row.iter_mut().zip(&roots) {
                *x *= root;
            }
        }
        Ok(Covariance::from_factor(dim, c))
    }

    /// Eigenvalues λᵢ ∝ i^−α, i = 1 … `dim`, of trace `dim`; along the axes, or along those of a
    /// random rotation of the seed.
    ///
    /// # Errors
    /// An exponent so large, or not finite, that an eigenvalue is not positive and finite.
    pub fn power_law(
        dim: usize,
        alpha: f64,
        rotation_seed: Option<u64>,
    ) -> Result<Covariance, CovarianceError> {
        let powers: Vec<f64> = (1..=dim).map(|i| (i as f64).powf(-alpha)).collect();
        let sum: f64 = powers.iter().sum();
        let eigenvalues: Vec<f64> = powers.iter().map(|x| x * dim as f64 / sum).collect();
        match rotation_seed {
            None => Covariance::diagonal(&eigenvalues),
            Some(seed) => Covariance::rotated(&eigenvalues, seed),
        }
    }

    /// Σ given entry by entry.
    ///
    /// # Errors
    /// A matrix that is not square, symmetric and positive definite.
    pub fn full(rows: &[Vec<f64>]) -> Result<Covariance, CovarianceError> {
        let dim = rows.len();
        if dim == 0 {
            return Err(CovarianceError::Empty);
        }
        for (i, row) in rows.iter().enumerate() {
            if row.len() != dim {
                return Err(CovarianceError::NotSquare { rows: dim, row_len: row.len() });
            }
            for j in 0..i {
                // Text formats carry 17 digits; a larger difference is a different number.
                if (row[j] - rows[j][i]).abs() > 1e-12 * row[j].abs().max(rows[j][i].abs()) {
                    return Err(CovarianceError::NotSymmetric(i, j));
                }
            }
        }
        let sigma: Vec<f64> = rows.iter().flatten().copied().collect();
        let c = linalg::cholesky(dim, &sigma).ok_or(CovarianceError::NotPositiveDefinite)?;
        Ok(Covariance::from_factor(dim, c))
    }

    fn from_factor(dim: usize, c: Vec<f64>) -> Covariance {
        Covariance { factor: Some(Factor { dim, c }) }
    }

    /// The dimension, or `None` for the identity, which fits any.
    pub fn dim(&self) -> Option<usize> {
        self.factor.as_ref().map(|f| f.dim)
    }

    /// C with C Cᵀ = Σ, row-major d×d; `None` for the identity.
    pub fn factor(&self) -> Option<&[f64]> {
        self.factor.as_ref().map(|f| f.c.as_slice())
    }

    /// Σ itself, row-major `dim`×`dim`.
    pub fn matrix(&self, dim: usize) -> Vec<f64> {
        let mut sigma = vec![0.0; dim * dim];
        for i in 0..dim {
            for j in 0..dim {
                sigma[i * dim + j] = match self.factor() {
                    Some(c) => (0..dim).map(|k| c[i * dim + k] * c[j * dim + k]).sum(),
                    None => f64::from(u8::from(i == j)),
                };
            }
        }
        sigma
    }
}

fn positive_roots(values: &[f64]) -> Result<Vec<f64>, CovarianceError> {
    if values.is_empty() {
        return Err(CovarianceError::Empty);
    }
    let root = |(index, &value): (usize, &f64)| {
        if value > 0.0 && value.is_finite() {
            Ok(value.sqrt())
        } else {
            Err(CovarianceError::Variance { index, value })
        }
    };
    values.iter().enumerate().map(root).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_spectrum_has_its_trace_and_norm() {
        let eigenvalues = [4.0, 1.0, 0.5, 0.25];
        let sigma = Covariance::rotated(&eigenvalues, 7).unwrap().matrix(4);
        let trace: f64 = (0..4).map(|i| sigma[i * 5]).sum();
        let norm2: f64 = sigma.iter().map(|x| x * x).sum();
        // Invariants of a rotation, to rounding.
        assert!((trace - 5.75).abs() < 1e-13);
        assert!((norm2 - eigenvalues.iter().map(|l| l * l).sum::<f64>()).abs() < 1e-12);
        assert!(sigma[1].abs() > 1e-3, "not rotated");
    }

    #[test]
    fn a_full_matrix_is_its_own_product_of_factors() {
        let rows = vec![vec![2.0, 0.3], vec![0.3, 1.0]];
        let sigma = Covariance::full(&rows).unwrap().matrix(2);
        assert!(sigma.iter().zip(rows.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-15));
    }

    #[test]
    fn impossible_covariances_are_refused() {
        let full = |rows: &[Vec<f64>]| Covariance::full(rows).unwrap_err();
        assert_eq!(Covariance::diagonal(&[]), Err(CovarianceError::Empty));
        assert!(matches!(
            Covariance::diagonal(&[1.0, -1.0]),
            Err(CovarianceError::Variance { index: 1, .. })
        ));
        assert!(Covariance::rotated(&[f64::NAN], 0).is_err());
        assert_eq!(full(&[vec![1.0, 2.0], vec![0.0, 1.0]]), CovarianceError::NotSymmetric(1, 0));
        assert_eq!(full(&[vec![1.0, 2.0], vec![2.0, 1.0]]), CovarianceError::NotPositiveDefinite);
        assert!(matches!(full(&[vec![1.0, 2.0]]), CovarianceError::NotSquare { .. }));
    }
}
