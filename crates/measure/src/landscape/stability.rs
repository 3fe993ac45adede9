//! The Hessian as a preconditioned optimizer sees it; thresholds are in
//! [`windtunnel_math::stability`].

use super::Hessian;

/// D^{−1/2} H D^{−1/2} for a positive diagonal D: symmetric, with the eigenvalues of D⁻¹H.
///
/// # Panics
/// When there is not one entry of D for each parameter.
pub fn preconditioned(hessian: &Hessian, diagonal: &[f64]) -> Hessian {
    let p = hessian.dim();
    assert_eq!(diagonal.len(), p, "diagonal and Hessian");
    let scale: Vec<f64> = diagonal.iter().map(|d| 1.0 / d.sqrt()).collect();
    let mut entries = hessian.entries().to_vec();
    for (i, row) in entries.chunks_exact_mut(p).enumerate() {
        row.iter_mut().zip(&scale).for_each(|(x, s)| {
            // 0·∞: where a parameter never had a gradient, its row is zero and stays so.
            *x = if *x == 0.0 { 0.0 } else { *x * scale[i] * s };
        });
    }
    Hessian::from_entries(p, entries)
}
