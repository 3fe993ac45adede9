//! Thresholds of stability: the largest sharpness of a quadratic at which an optimizer's update is
//! stable (Cohen et al. 2021, 2022).
//!
//! Thresholds are for the full-batch update without clipping and weight decay: clipping by a
//! factor c shortens the step and raises them by 1/c.

/// An optimizer on a quadratic: stable while the (preconditioned) sharpness is below a threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Stability {
    /// The threshold, for the update without clipping and weight decay.
    pub threshold: f64,
    /// The diagonal D of the optimizer's preconditioner, where it has one.
    pub preconditioner: Option<Vec<f64>>,
    /// min(1, c/‖g‖), by which this step is clipped.
    pub clip_factor: f64,
}

/// 2/η, the largest stable sharpness of gradient descent.
pub fn gradient_descent_threshold(lr: f64) -> f64 {
    2.0 / lr
}

/// (2 + 2μ)/η, the largest stable sharpness of heavy-ball momentum in PyTorch's form
/// b ← μb + g, θ ← θ − ηb.
pub fn heavy_ball_threshold(lr: f64, momentum: f64) -> f64 {
    (2.0 + 2.0 * momentum) / lr
}

/// (2 + 2μ)/((1 + 2μ)η), the largest stable sharpness of Nesterov's look-ahead in PyTorch's form.
pub fn nesterov_threshold(lr: f64, momentum: f64) -> f64 {
    (2.0 + 2.0 * momentum) / ((1.0 + 2.0 * momentum) * lr)
}

/// (2 + 2β₁)/((1 − β₁)η), the largest stable *preconditioned* sharpness λ_max(D⁻¹H) of Adam, with
/// D = (1 − β₁ᵗ)·diag(√v̂ + ε) (Cohen et al. 2022).
pub fn adam_threshold(lr: f64, beta1: f64) -> f64 {
    (2.0 + 2.0 * beta1) / ((1.0 - beta1) * lr)
}
