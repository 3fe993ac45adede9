//! Instruments of the Hessian at one point.

use super::{EstimatorPlan, Instrument, Readings, Warning};
use crate::landscape::{
    Lanczos, LanczosPlan, Median, Probe, ProbeMean, SpectralDensity, SymmetricOperator,
    block_heterogeneity, hutchinson_diag, hutchinson_trace, lanczos, negative_mass, random_start,
    robust_condition_number, robust_condition_numbers, slq,
};
use crate::metric::{Metric, Pair, Part};
use windtunnel_math::objective::ObjectiveError;

/// Seed of all random vectors.
const SEED: u64 = 0;

const NOT_FINITE: &str = "the Hessian is not finite, or its eigenvalues exceed the largest double";
const ZERO_HESSIAN: &str = "the Hessian is 0";

/// Reason why a robust condition number is not finite.
fn without_condition(value: f64, curvatures: &[f64]) -> &'static str {
    if curvatures.iter().all(|c| *c == 0.0) {
        "all curvatures are 0"
    } else if value == f64::INFINITY && curvatures.iter().all(|c| c.is_finite()) {
        "infinite: the median of the curvatures is 0, or smaller than any double beside the largest"
    } else {
        NOT_FINITE
    }
}

/// Whether the dense Hessian of the probe is computed.
fn dense(probe: &Probe<'_>, plan: &EstimatorPlan) -> bool {
    plan.is_dense(probe.params().len())
}

pub(super) fn spectrum(
    probe: &mut Probe<'_>,
    plan: &EstimatorPlan,
    readings: &mut Readings,
) -> Result<(), ObjectiveError> {
    if !dense(probe, plan) {
        return large_spectrum(probe, plan, readings);
    }
    let blocks = probe.blocks().to_vec();
    if let Some(spectrum) = probe.spectrum()? {
        readings.record(Metric::Sharpness, spectrum.sharpness());
        readings.record(Metric::LambdaMin, spectrum.min());
        readings.record(Metric::HessianNorm, spectrum.norm());
        readings.record_or(Metric::NegativeMass, spectrum.negative_mass(), ZERO_HESSIAN);
        for (k, value) in spectrum.values().iter().enumerate() {
            readings.record(Metric::Eigenvalue(k), *value);
        }
    } else {
        use Metric::{HessianNorm, LambdaMin, NegativeMass, Sharpness};
        for metric in [Sharpness, LambdaMin, HessianNorm, NegativeMass] {
            readings.record_missing(metric, NOT_FINITE);
        }
    }
    let hessian = probe.hessian()?;
    readings.record_or(Metric::Trace, hessian.trace(), NOT_FINITE);
    for block in blocks.iter().filter(|block| !block.unused) {
        let [sharpness, trace, mass] =
            [Metric::SharpnessOf, Metric::TraceOf, Metric::NegativeMassOf]
                .map(|of| of(block.into()));
        let Some(values) = hessian.block(block.range.clone()).eigenvalues() else {
            for metric in [sharpness, trace, mass] {
                readings.record_missing(metric, NOT_FINITE);
            }
            continue;
        };
        readings.record(sharpness, values.last().copied().unwrap_or(f64::NAN));
        readings.record(trace, values.iter().sum());
        readings.record_or(mass, negative_mass(&values), ZERO_HESSIAN);
    }
    Ok(())
}

fn large_spectrum(
    probe: &mut Probe<'_>,
    plan: &EstimatorPlan,
    readings: &mut Readings,
) -> Result<(), ObjectiveError> {
    let estimates = Estimates::of(&mut probe.operator(), plan)?;
    let (sharpness, residual) = estimates.sharpness;
    readings.record_or(Metric::Sharpness, sharpness, NOT_FINITE);
    readings.record_or(Metric::Sharpness.part(Part::Residual), residual, NOT_FINITE);
    readings.record_or(Metric::HessianNorm, estimates.norm, NOT_FINITE);
    standard(readings, Metric::Trace, estimates.trace);
    standard(readings, Metric::NegativeMass, ProbeMean::of(&estimates.density.negative_mass));
    Ok(())
}

/// ‖H‖₂: exact from the dense Hessian, else by Lanczos.
pub(super) fn hessian_norm(
    probe: &mut Probe<'_>,
    plan: &EstimatorPlan,
) -> Result<f64, ObjectiveError> {
    if dense(probe, plan) {
        return Ok(probe.spectrum()?.map_or(f64::NAN, |spectrum| spectrum.norm()));
    }
    Ok(extremes(&mut probe.operator(), plan.lanczos.without_products())?.norm())
}

/// λ_max of the Hessian, or of D⁻¹H for a `diagonal` D ≥ 0: exact from the dense Hessian, else by
/// Lanczos.
pub(super) fn largest(
    probe: &mut Probe<'_>,
    diagonal: Option<&[f64]>,
    plan: &EstimatorPlan,
) -> Result<f64, ObjectiveError> {
    if dense(probe, plan) {
        let hessian = probe.hessian()?;
        let values = match diagonal {
            Some(diagonal) => hessian.preconditioned(diagonal).eigenvalues(),
            None => hessian.eigenvalues(),
        };
        return Ok(values.and_then(|values| values.last().copied()).unwrap_or(f64::NAN));
    }
    let (mut hessian, plan) = (probe.operator(), plan.lanczos.without_products());
    let found = match diagonal {
        Some(diagonal) => extremes(&mut hessian.preconditioned(diagonal), plan)?,
        None => extremes(&mut hessian, plan)?,
    };
    Ok(found.max().0)
}

/// Lanczos from the first random start.
fn extremes(
    operator: &mut dyn SymmetricOperator,
    plan: LanczosPlan,
) -> Result<Lanczos, ObjectiveError> {
    let start = random_start(operator.dim(), SEED, 0);
    lanczos(operator, &start, plan)
}

pub(super) fn robust_condition(
    probe: &mut Probe<'_>,
    plan: &EstimatorPlan,
    readings: &mut Readings,
) -> Result<(), ObjectiveError> {
    if !dense(probe, plan) {
        // The median of noisy entries is biased upwards, so it has a convention of its own.
        let diag = hutchinson_diag(&mut probe.operator(), plan.probes, SEED)?.values;
        let value = robust_condition_number(&diag, Median::Lower);
        let metric = Metric::RobustConditionNumberEstimate;
        readings.record_or(metric, value, without_condition(value, &diag));
        return Ok(());
    }
    let blocks = probe.blocks().to_vec();
    let hessian = probe.hessian()?;
    for (convention, value) in robust_condition_numbers(hessian, &blocks) {
        let reason = without_condition(value, hessian.entries());
        readings.record_or(Metric::robust_condition_number(convention), value, reason);
    }
    let diag = hessian.diag();
    for block in blocks.iter().filter(|block| !block.unused) {
        let own = &diag[block.range.clone()];
        let value = robust_condition_number(own, Median::Lower);
        let reason = without_condition(value, own);
        readings.record_or(Metric::RobustConditionNumberOf(block.into()), value, reason);
    }
    Ok(())
}

pub(super) fn heterogeneity(
    probe: &mut Probe<'_>,
    plan: &EstimatorPlan,
    readings: &mut Readings,
) -> Result<(), ObjectiveError> {
    if !dense(probe, plan) {
        let reason = "not measured: the dense Hessian of so many parameters is not made";
        let instrument = Instrument::Heterogeneity;
        readings.warn(Warning::Unavailable { instrument, reason });
        return Ok(());
    }
    let blocks = probe.blocks().to_vec();
    let Some(heterogeneity) = block_heterogeneity(probe.hessian()?, &blocks) else {
        readings.record_missing(Metric::JsDistance, NOT_FINITE);
        return Ok(());
    };
    let alone = "there is one matrix, and no pair";
    readings.record_or(Metric::JsDistance, heterogeneity.mean(), alone);
    for (a, b, distance) in heterogeneity.pairs {
        readings.record(Metric::JsDistanceBetween(Pair::new(&blocks[a], &blocks[b])), distance);
    }
    Ok(())
}

/// Estimates of a Hessian from products with vectors.
struct Estimates {
    sharpness: (f64, f64),
    norm: f64,
    trace: ProbeMean,
    density: SpectralDensity,
}

impl Estimates {
    fn of(
        hessian: &mut dyn SymmetricOperator,
        plan: &EstimatorPlan,
    ) -> Result<Estimates, ObjectiveError> {
        let lanczos = extremes(hessian, plan.lanczos)?;
        Ok(Estimates {
            sharpness: lanczos.max(),
            norm: lanczos.norm(),
            trace: hutchinson_trace(hessian, plan.probes, SEED)?,
            density: slq(hessian, plan.slq_probes, plan.slq, SEED)?,
        })
    }
}

fn standard(readings: &mut Readings, metric: Metric, estimate: ProbeMean) {
    const REASON: &str = "the Hessian is 0 or not finite";
    readings.record_or(&metric, estimate.value, REASON);
    readings.record_or(metric.part(Part::StandardError), estimate.standard_error, REASON);
}

pub(super) fn estimators(
    probe: &mut Probe<'_>,
    plan: &EstimatorPlan,
    readings: &mut Readings,
) -> Result<(), ObjectiveError> {
    let estimates = Estimates::of(&mut probe.operator(), plan)?;
    let Estimates { sharpness: (sharpness, residual), trace, density, .. } = estimates;
    readings.record_or(Metric::LanczosSharpness, sharpness, NOT_FINITE);
    readings.record_or(Metric::LanczosSharpness.part(Part::Residual), residual, NOT_FINITE);
    standard(readings, Metric::HutchinsonTrace, trace);
    standard(readings, Metric::SlqNegativeMass, ProbeMean::of(&density.negative_mass));
    if !dense(probe, plan) {
        return Ok(());
    }
    if let Some(spectrum) = probe.spectrum()? {
        readings.record(Metric::LanczosSharpness.part(Part::Exact), spectrum.sharpness());
        readings.record(Metric::HutchinsonTrace.part(Part::Exact), spectrum.trace());
        readings.record_or(
            Metric::SlqNegativeMass.part(Part::Exact),
            spectrum.negative_mass(),
            ZERO_HESSIAN,
        );
        readings.record(Metric::SlqWasserstein, density.wasserstein(spectrum.values()));
    }
    Ok(())
}
