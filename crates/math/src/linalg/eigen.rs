//! Eigenvalues of symmetric matrices; the only module that calls the library for them.

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
/// If `a` does not have `dim`² entries.
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
/// If `a` does not have `dim`² entries.
///
/// # Cost
/// A third of [`symmetric_eigen`].
pub fn symmetric_eigenvalues(dim: usize, a: &[f64]) -> Option<Vec<f64>> {
    let mut values = matrix(dim, a)?.symmetric_eigenvalues().as_slice().to_vec();
    values.sort_by(f64::total_cmp);
    values.iter().all(|value| value.is_finite()).then_some(values)
}

/// The matrix as the library has it; `None` where an entry is not finite, for which its iterations
/// need not end, or where there are no entries, for which it panics.
fn matrix(dim: usize, a: &[f64]) -> Option<DMatrix<f64>> {
    assert_eq!(a.len(), dim * dim, "entries of a {dim} by {dim} matrix");
    // Rows serve as columns: the matrix is its own transpose, and only one triangle is read.
    (dim > 0 && a.iter().all(|x| x.is_finite())).then(|| DMatrix::from_row_slice(dim, dim, a))
}
