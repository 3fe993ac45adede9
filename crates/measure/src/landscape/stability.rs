//! Where a quadratic stops being stable under an optimizer's update (Cohen et al. 2021, 2022).
//!
//! Thresholds are for the full-batch update without clipping and weight decay: clipping by a
//! factor c shortens the step and raises them by 1/c.

use super::Hessian;

/// 2/η, the largest stable sharpness of gradient descent.
pub fn gradient_descent_threshold(lr: f64) -> f64 {
    2.0 / lr
}

/// (2 + 2μ)/η, that of heavy-ball momentum in PyTorch's form b ← μb + g, θ ← θ − ηb.
pub fn heavy_ball_threshold(lr: f64, momentum: f64) -> f64 {
    (2.0 + 2.0 * momentum) / lr
}

/// (2 + 2μ)/((1 + 2μ)η), that of Nesterov's look-ahead in PyTorch's form.
pub fn nesterov_threshold(lr: f64, momentum: f64) -> f64 {
    (2.0 + 2.0 * momentum) / ((1.0 + 2.0 * momentum) * lr)
}

/// (2 + 2β₁)/((1 − β₁)η), that of Adam for the *preconditioned* sharpness λ_max(D⁻¹H) with
/// D = (1 − β₁ᵗ)·diag(√v̂ + ε) (Cohen et al. 2022).
pub fn adam_threshold(lr: f64, beta1: f64) -> f64 {
    (2.0 + 2.0 * beta1) / ((1.0 - beta1) * lr)
}

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
