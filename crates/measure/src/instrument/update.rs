//! Instruments of the update that an optimizer makes.

use super::{Context, Instrument, Readings, Warning, curvature};
use crate::landscape::{cosine, directional_smoothness, path_smoothness, update_geometry};
use crate::metric::Metric;
use windtunnel_math::linalg::norm;

/// Points of the path estimator of the smoothness.
pub(super) const PATH_POINTS: usize = 5;
/// Eigenvalues below this share of ‖H‖₂ count as zero for the Newton step.
const NEWTON_CUTOFF: f64 = 1e-10;

/// What optimizers do at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Updates {
    /// Mini-batch gradient g, before clipping.
    pub grad: Vec<f64>,
    /// The update u of the run's own optimizer, θ ← θ − u.
    pub update: Vec<f64>,
    /// Those of other optimizers that saw the same gradients, by name.
    pub others: Vec<(String, Vec<f64>)>,
    /// How the run's own optimizer moves on a quadratic, where that is known.
    pub dynamics: Option<Dynamics>,
}

/// An optimizer on a quadratic: stable while the (preconditioned) sharpness is below a threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Dynamics {
    /// The threshold, for the update without clipping and weight decay.
    pub threshold: f64,
    /// The diagonal D of Adam's preconditioner.
    pub preconditioner: Option<Vec<f64>>,
    /// min(1, c/‖g‖), by which this step is clipped.
    pub clip_factor: f64,
}

/// −x.
fn negative(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| -x).collect()
}

/// Why nothing is known along a direction.
fn without_direction(direction: &[f64]) -> &'static str {
    let length = norm(direction);
    if length == 0.0 {
        "the step is 0"
    } else if length.is_finite() {
        "gradient or curvature along the step exceeds the largest double"
    } else {
        "the step is not finite"
    }
}

fn without_optimizer(instrument: Instrument) -> Warning {
    let reason = "not measured: it reads the update of an optimizer, and here are parameters alone";
    Warning::Unavailable { instrument: instrument.name(), reason }
}

pub(super) fn directional(context: &mut Context<'_>, readings: &mut Readings) {
    let full = context.probe.gradient().1.to_vec();
    readings.record(Metric::HeldOutGradNorm, norm(&full));
    let (objective, params) = context.probe.parts();
    let mut along = |metric: Metric, direction: &[f64]| {
        let value = directional_smoothness(objective, params, direction);
        readings.record_or(metric, value, without_direction(direction));
    };
    match &context.updates {
        Some(updates) => {
            along(Metric::DirectionalSmoothness, &updates.update);
            along(Metric::DirectionalSmoothnessNegGrad, &updates.grad);
            for (name, update) in &updates.others {
                along(Metric::DirectionalSmoothnessFor(name.as_str().into()), update);
            }
        }
        None => along(Metric::DirectionalSmoothnessNegGrad, &full),
    }
}

pub(super) fn generalized(context: &mut Context<'_>, readings: &mut Readings) {
    let grad = context.probe.gradient().1.to_vec();
    readings.record(Metric::HeldOutGradNorm, norm(&grad));
    readings.record(Metric::HessianNorm, curvature::hessian_norm(&mut context.probe));
    let (objective, params) = context.probe.parts();
    // Without a step, the unit step of gradient descent would be as good as any: none is taken.
    let Some(updates) = &context.updates else { return };
    let path = path_smoothness(objective, params, &negative(&updates.update), PATH_POINTS);
    let reason = without_direction(&updates.update);
    readings.record_or(Metric::PathSmoothness, path, reason);
    let along = directional_smoothness(objective, params, &updates.update);
    readings.record_or(Metric::DirectionalSmoothness, along, reason);
}

pub(super) fn stability(context: &mut Context<'_>, readings: &mut Readings) {
    let Some(dynamics) = context.updates.as_ref().and_then(|updates| updates.dynamics.clone())
    else {
        return readings.warn(without_optimizer(Instrument::Stability));
    };
    let diagonal = dynamics.preconditioner.as_deref();
    let sharpness = curvature::largest(&mut context.probe, diagonal);
    let metric = match diagonal {
        Some(_) => Metric::PreconditionedSharpness,
        None => Metric::Sharpness,
    };
    readings.record(metric, sharpness);
    readings.record(Metric::StabilityThreshold, dynamics.threshold);
    readings.record(Metric::ClipFactor, dynamics.clip_factor);
    // Clipping multiplies gradient and curvature alike.
    let ratio = dynamics.clip_factor * sharpness / dynamics.threshold;
    readings.record(Metric::StabilityRatio, ratio);
}

pub(super) fn geometry(context: &mut Context<'_>, readings: &mut Readings) {
    let Some(updates) = context.updates.clone() else {
        return readings.warn(without_optimizer(Instrument::UpdateGeometry));
    };
    let full = context.probe.gradient().1.to_vec();
    let (objective, params) = context.probe.parts();
    let geometry = update_geometry(objective, params, &updates.update);
    readings.record(Metric::UpdateNorm, geometry.update_norm);
    readings.record(Metric::ParamsNorm, norm(params));
    record_cosine(readings, Metric::UpdateCosNegGrad, &updates.update, &updates.grad);
    record_cosine(readings, Metric::UpdateCosNegFullGrad, &updates.update, &full);
    const BEYOND: &str = "the loss or its model exceeds the largest double at one end of the step";
    readings.record_or(Metric::PredictedDecrease, geometry.quadratic_decrease, BEYOND);
    readings.record_or(Metric::PredictedDecreaseLinear, geometry.linear_decrease, BEYOND);
    readings.record_or(Metric::RealisedDecrease, geometry.realised_decrease, BEYOND);
    if params.len() <= super::DENSE_LIMIT
        && let Some(spectrum) = context.probe.spectrum()
    {
        let newton = spectrum.newton_step(&full, NEWTON_CUTOFF);
        record_cosine(readings, Metric::UpdateCosNewton, &negative(&updates.update), &newton);
    }
}

fn record_cosine(readings: &mut Readings, metric: Metric, a: &[f64], b: &[f64]) {
    let zero = norm(a) == 0.0 || norm(b) == 0.0;
    let reason = if zero { "a vector is 0" } else { "a vector is not finite" };
    readings.record_or(metric, cosine(a, b), reason);
}
