//! Instruments of the update that an optimizer makes.

use super::{Context, Instrument, Readings, Warning, curvature};
use crate::landscape::{cosine, directional_smoothness, path_smoothness, update_geometry};
use windtunnel_math::linalg::norm;
use windtunnel_math::stability::Stability;

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
    /// Threshold of stability of the run's own optimizer on a quadratic, where that is known.
    pub stability: Option<Stability>,
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
    readings.record("held_out_grad_norm", norm(&full));
    let (objective, params) = context.probe.parts();
    let mut along = |name: &str, direction: &[f64]| {
        let value = directional_smoothness(objective, params, direction);
        readings.record_or(name, value, without_direction(direction));
    };
    match &context.updates {
        Some(updates) => {
            along("directional_smoothness", &updates.update);
            along("directional_smoothness.neg_grad", &updates.grad);
            for (name, update) in &updates.others {
                along(&format!("directional_smoothness.{name}"), update);
            }
        }
        None => along("directional_smoothness.neg_grad", &full),
    }
}

pub(super) fn generalized(context: &mut Context<'_>, readings: &mut Readings) {
    let grad = context.probe.gradient().1.to_vec();
    readings.record("held_out_grad_norm", norm(&grad));
    readings.record("hessian_norm", curvature::hessian_norm(&mut context.probe));
    let (objective, params) = context.probe.parts();
    // Without a step, the unit step of gradient descent would be as good as any: none is taken.
    let Some(updates) = &context.updates else { return };
    let path = path_smoothness(objective, params, &negative(&updates.update), PATH_POINTS);
    let reason = without_direction(&updates.update);
    readings.record_or("path_smoothness", path, reason);
    let along = directional_smoothness(objective, params, &updates.update);
    readings.record_or("directional_smoothness", along, reason);
}

pub(super) fn stability(context: &mut Context<'_>, readings: &mut Readings) {
    let Some(updates) = &context.updates else {
        return readings.warn(without_optimizer(Instrument::Stability));
    };
    let Some(stability) = updates.stability.clone() else {
        let reason = "not measured: the threshold of stability of this optimizer is not known";
        let instrument = Instrument::Stability.name();
        return readings.warn(Warning::Unavailable { instrument, reason });
    };
    let diagonal = stability.preconditioner.as_deref();
    let sharpness = curvature::largest(&mut context.probe, diagonal);
    let metric = if diagonal.is_some() { "preconditioned_sharpness" } else { "sharpness" };
    readings.record(metric, sharpness);
    readings.record("stability_threshold", stability.threshold);
    readings.record("clip_factor", stability.clip_factor);
    // Clipping multiplies gradient and curvature alike.
    readings.record("stability_ratio", stability.clip_factor * sharpness / stability.threshold);
}

pub(super) fn geometry(context: &mut Context<'_>, readings: &mut Readings) {
    let Some(updates) = context.updates.clone() else {
        return readings.warn(without_optimizer(Instrument::UpdateGeometry));
    };
    let full = context.probe.gradient().1.to_vec();
    let (objective, params) = context.probe.parts();
    let geometry = update_geometry(objective, params, &updates.update);
    readings.record("update_norm", geometry.update_norm);
    readings.record("params_norm", norm(params));
    record_cosine(readings, "update_cos_neg_grad", &updates.update, &updates.grad);
    record_cosine(readings, "update_cos_neg_full_grad", &updates.update, &full);
    const BEYOND: &str = "the loss or its model exceeds the largest double at one end of the step";
    readings.record_or("predicted_decrease", geometry.quadratic_decrease, BEYOND);
    readings.record_or("predicted_decrease.linear", geometry.linear_decrease, BEYOND);
    readings.record_or("realised_decrease", geometry.realised_decrease, BEYOND);
    if params.len() <= super::DENSE_LIMIT
        && let Some(spectrum) = context.probe.spectrum()
    {
        let newton = spectrum.newton_step(&full, NEWTON_CUTOFF);
        record_cosine(readings, "update_cos_newton", &negative(&updates.update), &newton);
    }
}

fn record_cosine(readings: &mut Readings, metric: &str, a: &[f64], b: &[f64]) {
    let zero = norm(a) == 0.0 || norm(b) == 0.0;
    let reason = if zero { "a vector is 0" } else { "a vector is not finite" };
    readings.record_or(metric, cosine(a, b), reason);
}
