//! Second derivatives along a direction, and along a path.

use super::SymmetricOperator;
use windtunnel_math::linalg::{dot, norm};
use windtunnel_math::objective::{Objective, ObjectiveError};

/// uᵀHu of the unit vector u along `direction` for the Hessian H, with its sign: negative where f
/// bends downwards (Pan and Li 2023, "directional sharpness"); NaN along the zero vector.
///
/// # Errors
/// If the objective cannot be evaluated.
///
/// # Cost
/// One product and 2 vectors.
pub fn directional_smoothness(
    hessian: &mut dyn SymmetricOperator,
    direction: &[f64],
) -> Result<f64, ObjectiveError> {
    let length = norm(direction);
    if !(length.is_finite() && length > 0.0) {
        return Ok(f64::NAN);
    }
    let unit: Vec<f64> = direction.iter().map(|x| x / length).collect();
    let mut hu = vec![0.0; unit.len()];
    hessian.apply(&unit, &mut hu)?;
    Ok(dot(&unit, &hu))
}

/// max over α of ‖∇f(θ + αΔ) − ∇f(θ)‖ / ‖αΔ‖ with α = j/(points + 1), j = 1..=points: the
/// smoothness along a step of Zhang et al. (ICLR 2020), whose released code has `points` = 1.
///
/// A lower bound of the largest ‖H‖₂ on the segment; never negative. NaN for Δ = 0.
///
/// # Errors
/// If the objective cannot be evaluated.
///
/// # Cost
/// `points` + 1 gradients and 3 vectors.
pub fn path_smoothness(
    objective: &mut dyn Objective,
    params: &[f64],
    delta: &[f64],
    points: usize,
) -> Result<f64, ObjectiveError> {
    let mut start = vec![0.0; params.len()];
    objective.gradient(params, &mut start)?;
    let mut grad = vec![0.0; params.len()];
    let mut moved = vec![0.0; params.len()];
    let length = norm(delta);
    let mut largest = f64::NEG_INFINITY;
    for j in 1..=points {
        let alpha = j as f64 / (points + 1) as f64;
        let path = params.iter().zip(delta).map(|(p, d)| p + alpha * d);
        moved.iter_mut().zip(path).for_each(|(moved, at)| *moved = at);
        objective.gradient(&moved, &mut grad)?;
        grad.iter_mut().zip(&start).for_each(|(g, start)| *g -= start);
        let slope = norm(&grad) / (alpha * length);
        // Not `max` alone, which would drop a slope that is NaN.
        largest = if largest >= slope || largest.is_nan() { largest } else { slope };
    }
    Ok(largest)
}
