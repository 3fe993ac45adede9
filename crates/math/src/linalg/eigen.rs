//! Eigenvalues of symmetric matrices, the one door to the library that computes them.

use nalgebra::{DMatrix, SymmetricEigen};

/// Eigenvalues in ascending order, with orthonormal eigenvectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// λ₁ ≤ … ≤ λₚ.
    pub values: Vec<f64>,
    /// [p, p], row k the eigenvector of `values[k]`.
    pub vectors: Vec<f64>,
}

/// Eigenvalues and eigenvectors of the symmetric matrix `a`; `None` where an entry or an eigenvalue
/// is not finite, or there are none.
///
/// Householder tridiagonalization and implicit QR; only the lower triangle is read.
///
/// # Shapes
/// `a`: [p, p].
///
/// # Panics
/// When `a` does not have `dim`² entries.
///
/// # Cost
/// O(p³): 3 ms at p = 150.
pub fn symmetric_eigen(dim: usize, a: &[f64]) -> Option<Eigen> {
    let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::new(matrix(dim, a)?);
    if !eigenvalues.iter().all(|value| value.is_finite()) {
        return None;
    }
    let mut order: Vec<usize> = (0..dim).collect();
    order.sort_by(|&i, &j| eigenvalues[i].total_cmp(&eigenvalues[j]));
    let values = order.iter().map(|&k| eigenvalues[k]).collect();
    let vectors =
        order.iter().flat_map(|&k| eigenvectors.column(k).iter().copied().collect::<Vec<_>>());
    Some(Eigen { values, vectors: vectors.collect() })
}

/// Eigenvalues alone, ascending; `None` where an entry or an eigenvalue is not finite, or there are
/// none.
///
/// # Panics
/// When `a` does not have `dim`² entries.
///
/// # Cost
/// A third of [`symmetric_eigen`].
pub fn symmetric_eigenvalues(dim: usize, a: &[f64]) -> Option<Vec<f64>> {
    let mut values = matrix(dim, a)?.symmetric_eigenvalues().as_slice().to_vec();
    values.sort_by(f64::total_cmp);
    values.iter().all(|value| value.is_finite()).then_some(values)
}

/// The library's iterations need not end where an entry is NaN or infinite, and panic without any.
fn matrix(dim: usize, a: &[f64]) -> Option<DMatrix<f64>> {
    assert_eq!(a.len(), dim * dim, "entries of a {dim} by {dim} matrix");
    // Rows for columns: the matrix is its own transpose, and only one triangle is read.
    (dim > 0 && a.iter().all(|x| x.is_finite())).then(|| DMatrix::from_row_slice(dim, dim, a))
}
