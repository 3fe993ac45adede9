//! Instruments of the update that an optimizer makes.

use super::{Instrument, Readings, Snapshot, Updates, Warning, curvature};
use crate::landscape::{cosine, directional_smoothness, path_smoothness, update_geometry};
use crate::metric::Metric;
use windtunnel_math::linalg::norm;
use windtunnel_math::objective::ObjectiveError;

/// Eigenvalues below this share of ‖H‖₂ count as zero for the Newton step.
const NEWTON_CUTOFF: f64 = 1e-10;

/// −x.
fn negative(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| -x).collect()
}

/// Reason why curvature along a direction is not defined.
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
    Warning::Unavailable { instrument, reason }
}

pub(super) fn directional(
    snapshot: &mut Snapshot<'_>,
    readings: &mut Readings,
) -> Result<(), ObjectiveError> {
    let Snapshot { probe, updates, .. } = snapshot;
    let full = probe.gradient()?.1;
    readings.record(Metric::HeldOutGradNorm, norm(full));
    // Without an optimizer the step is that of gradient descent on the fixed batch.
    let full = if updates.is_none() { full.to_vec() } else { Vec::new() };
    let mut hessian = probe.operator();
    let mut along = |metric: Metric, direction: &[f64]| -> Result<(), ObjectiveError> {
        let value = directional_smoothness(&mut hessian, direction)?;
        readings.record_or(metric, value, without_direction(direction));
        Ok(())
    };
    match updates {
        Some(updates) => {
            along(Metric::DirectionalSmoothness, &updates.update)?;
            along(Metric::DirectionalSmoothnessNegGrad, &updates.grad)?;
            for (name, update) in &updates.others {
                along(Metric::DirectionalSmoothnessFor(name.as_str().into()), update)?;
            }
        }
        None => along(Metric::DirectionalSmoothnessNegGrad, &full)?,
    }
    Ok(())
}

pub(super) fn generalized(
    snapshot: &mut Snapshot<'_>,
    readings: &mut Readings,
) -> Result<(), ObjectiveError> {
    let Snapshot { probe, updates, estimators: plan, .. } = snapshot;
    readings.record(Metric::HeldOutGradNorm, norm(probe.gradient()?.1));
    readings.record(Metric::HessianNorm, curvature::hessian_norm(probe, plan)?);
    // Without a step, no step is assumed: the unit step of gradient descent would be arbitrary.
    let Some(Updates { update, .. }) = updates else { return Ok(()) };
    let (objective, params) = probe.parts();
    let path = path_smoothness(objective, params, &negative(update), plan.path_points)?;
    let reason = without_direction(update);
    readings.record_or(Metric::PathSmoothness, path, reason);
    let along = directional_smoothness(&mut probe.operator(), update)?;
    readings.record_or(Metric::DirectionalSmoothness, along, reason);
    Ok(())
}

pub(super) fn stability(
    snapshot: &mut Snapshot<'_>,
    readings: &mut Readings,
) -> Result<(), ObjectiveError> {
    let Snapshot { probe, updates, estimators: plan, .. } = snapshot;
    let Some(updates) = updates else {
        readings.warn(without_optimizer(Instrument::Stability));
        return Ok(());
    };
    let Some(stability) = &updates.stability else {
        let reason = "not measured: the threshold of stability of this optimizer is not known";
        let instrument = Instrument::Stability;
        readings.warn(Warning::Unavailable { instrument, reason });
        return Ok(());
    };
    let diagonal = stability.preconditioner.as_deref();
    let sharpness = curvature::largest(probe, diagonal, plan)?;
    let metric = match diagonal {
        Some(_) => Metric::PreconditionedSharpness,
        None => Metric::Sharpness,
    };
    readings.record(metric, sharpness);
    const NO_RATE: &str =
        "the learning rate of the step is 0, so the step is stable at any sharpness";
    readings.record_or(Metric::StabilityThreshold, stability.threshold, NO_RATE);
    readings.record(Metric::ClipFactor, stability.clip_factor);
    // Clipping multiplies gradient and curvature alike.
    readings
        .record(Metric::StabilityRatio, stability.clip_factor * sharpness / stability.threshold);
    Ok(())
}

pub(super) fn geometry(
    snapshot: &mut Snapshot<'_>,
    readings: &mut Readings,
) -> Result<(), ObjectiveError> {
    let Snapshot { probe, updates, estimators: plan, .. } = snapshot;
    let Some(updates) = updates else {
        readings.warn(without_optimizer(Instrument::UpdateGeometry));
        return Ok(());
    };
    let (objective, params) = probe.parts();
    let geometry = update_geometry(objective, params, &updates.update)?;
    readings.record(Metric::UpdateNorm, geometry.update_norm);
    readings.record(Metric::ParamsNorm, norm(params));
    record_cosine(readings, Metric::UpdateCosNegGrad, &updates.update, &updates.grad);
    record_cosine(readings, Metric::UpdateCosNegFullGrad, &updates.update, probe.gradient()?.1);
    const BEYOND: &str = "the loss or its model exceeds the largest double at one end of the step";
    readings.record_or(Metric::PredictedDecrease, geometry.quadratic_decrease, BEYOND);
    readings.record_or(Metric::PredictedDecreaseLinear, geometry.linear_decrease, BEYOND);
    readings.record_or(Metric::RealisedDecrease, geometry.realised_decrease, BEYOND);
    if plan.is_dense(updates.update.len()) {
        let full = probe.gradient()?.1.to_vec();
        let Some(spectrum) = probe.spectrum()? else { return Ok(()) };
        let newton = spectrum.newton_step(&full, NEWTON_CUTOFF);
        record_cosine(readings, Metric::UpdateCosNewton, &negative(&updates.update), &newton);
    }
    Ok(())
}

fn record_cosine(readings: &mut Readings, metric: Metric, a: &[f64], b: &[f64]) {
    let zero = norm(a) == 0.0 || norm(b) == 0.0;
    let reason = if zero { "a vector is 0" } else { "a vector is not finite" };
    readings.record_or(metric, cosine(a, b), reason);
}
