//! Geometry of an update in the landscape, and the decrease of the loss that it brings.

use windtunnel_math::linalg::{dot, norm, scaled_norm};
use windtunnel_math::objective::{Objective, ObjectiveError};

/// ⟨a, b⟩/(‖a‖‖b‖), also where products leave the range of doubles; NaN where either is zero or not
/// finite.
pub fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let (product, norms) = (dot(a, b), norm(a) * norm(b));
    if norms.is_normal() && product.is_finite() {
        return product / norms;
    }
    let unit = |x: &[f64]| -> Vec<f64> {
        let (scale, norm) = scaled_norm(x);
        x.iter().map(|v| v / scale / norm).collect()
    };
    dot(&unit(a), &unit(b))
}

/// Decrease of f that the update θ ← θ − u predicts, and the decrease that it brings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateGeometry {
    /// ‖u‖.
    pub update_norm: f64,
    /// ⟨∇f, u⟩, the decrease of the linear model.
    pub linear_decrease: f64,
    /// ⟨∇f, u⟩ − ½uᵀHu, the decrease of the quadratic model.
    pub quadratic_decrease: f64,
    /// f(θ) − f(θ − u).
    pub realised_decrease: f64,
}

/// The geometry of the update `update` at `params`.
///
/// # Errors
/// If the objective cannot be evaluated.
///
/// # Cost
/// One Hessian-vector product, two values and 2 vectors.
pub fn update_geometry(
    objective: &mut dyn Objective,
    params: &[f64],
    update: &[f64],
) -> Result<UpdateGeometry, ObjectiveError> {
    let mut hu = vec![0.0; update.len()];
    let linear = objective.hvp(params, update, &mut hu)?;
    let moved: Vec<f64> = params.iter().zip(update).map(|(p, u)| p - u).collect();
    Ok(UpdateGeometry {
        update_norm: norm(update),
        linear_decrease: linear,
        quadratic_decrease: linear - 0.5 * dot(update, &hu),
        realised_decrease: objective.value(params)? - objective.value(&moved)?,
    })
}
