//! Second derivatives along a direction, and along a path.

use windtunnel_math::linalg::{dot, norm};
use windtunnel_math::objective::Objective;

/// uᵀHu of the unit vector u along `direction`, with its sign: negative where f bends downwards
/// (Pan and Li 2023, "directional sharpness"); NaN along the zero vector.
///
/// # Cost
/// One Hessian-vector product.
pub fn directional_smoothness(
    objective: &mut dyn Objective,
    params: &[f64],
    direction: &[f64],
) -> f64 {
    let length = norm(direction);
    let unit: Vec<f64> = direction.iter().map(|x| x / length).collect();
    let mut hu = vec![0.0; unit.len()];
    if length.is_finite() && length > 0.0 {
        objective.hvp(params, &unit, &mut hu);
        dot(&unit, &hu)
    } else {
        f64::NAN
    }
}

/// max over α of ‖∇f(θ + αΔ) − ∇f(θ)‖ / ‖αΔ‖ with α = j/(points + 1), j = 1..=points: the
/// smoothness along a step of Zhang et al. (ICLR 2020), whose released code has `points` = 1.
///
/// A lower bound of the largest ‖H‖₂ on the segment; never negative. NaN for Δ = 0.
///
/// # Cost
/// `points` + 1 gradients.
pub fn path_smoothness(
    objective: &mut dyn Objective,
    params: &[f64],
    delta: &[f64],
    points: usize,
) -> f64 {
    let mut start = vec![0.0; params.len()];
    objective.gradient(params, &mut start);
    let mut grad = vec![0.0; params.len()];
    let length = norm(delta);
    let slopes = (1..=points).map(|j| {
        let alpha = j as f64 / (points + 1) as f64;
        let moved: Vec<f64> = params.iter().zip(delta).map(|(p, d)| p + alpha * d).collect();
        objective.gradient(&moved, &mut grad);
        let change: Vec<f64> = grad.iter().zip(&start).map(|(a, b)| a - b).collect();
        norm(&change) / (alpha * length)
    });
    // Not `max` alone, which would drop a slope that is NaN.
    slopes.fold(f64::NEG_INFINITY, |m, s| if m >= s || m.is_nan() { m } else { s })
}
