//! Instruments of the Hessian at one point.

use super::{EstimatorPlan, Instrument, Readings, Warning};
use crate::landscape::{
    Convention, Estimate, Lanczos, LanczosPlan, Median, Probe, SpectralDensity, SymmetricOperator,
    block_heterogeneity, hutchinson_diag, hutchinson_trace, lanczos, negative_mass, random_start,
    robust_condition_number, robust_condition_numbers, slq,
};
use windtunnel_math::objective::ObjectiveError;

/// Seed of all random vectors.
const SEED: u64 = 0;

const NOT_FINITE: &str = "the Hessian is not finite, or its eigenvalues exceed the largest double";
const ZERO_HESSIAN: &str = "the Hessian is 0";

/// Why a robust condition number is not finite.
fn without_condition(value: f64, curvatures: &[f64]) -> &'static str {
    if curvatures.iter().all(|c| *c == 0.0) {
        "all curvatures are 0"
    } else if value == f64::INFINITY && curvatures.iter().all(|c| c.is_finite()) {
        "infinite: the median of the curvatures is 0, or smaller than any double beside the largest"
    } else {
        NOT_FINITE
    }
}

/// Whether the dense Hessian of the probe is made.
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
        readings.record("sharpness", spectrum.sharpness());
        readings.record("lambda_min", spectrum.min());
        readings.record("hessian_norm", spectrum.norm());
        readings.record_or("negative_mass", spectrum.negative_mass(), ZERO_HESSIAN);
        for (k, value) in spectrum.values().iter().enumerate() {
            readings.record(format!("eigenvalue.{k}"), *value);
        }
    } else {
        for metric in ["sharpness", "lambda_min", "hessian_norm", "negative_mass"] {
            readings.record_missing(metric, NOT_FINITE);
        }
    }
    let hessian = probe.hessian()?;
    readings.record_or("trace", hessian.trace(), NOT_FINITE);
    for block in blocks.iter().filter(|block| !block.unused) {
        let name = &block.name;
        let Some(values) = hessian.block(block.range.clone()).eigenvalues() else {
            for metric in ["sharpness", "trace", "negative_mass"] {
                readings.record_missing(format!("{metric}.{name}"), NOT_FINITE);
            }
            continue;
        };
        readings.record(format!("sharpness.{name}"), values.last().copied().unwrap_or(f64::NAN));
        readings.record(format!("trace.{name}"), values.iter().sum());
        readings.record_or(format!("negative_mass.{name}"), negative_mass(&values), ZERO_HESSIAN);
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
    readings.record_or("sharpness", sharpness, NOT_FINITE);
    readings.record_or("sharpness.residual", residual, NOT_FINITE);
    readings.record_or("hessian_norm", estimates.norm, NOT_FINITE);
    standard(readings, "trace", estimates.trace);
    standard(readings, "negative_mass", Estimate::of(&estimates.density.negative_mass));
    Ok(())
}

/// ‖H‖₂: exact where the Hessian is dense, by Lanczos beyond.
pub(super) fn hessian_norm(
    probe: &mut Probe<'_>,
    plan: &EstimatorPlan,
) -> Result<f64, ObjectiveError> {
    if dense(probe, plan) {
        return Ok(probe.spectrum()?.map_or(f64::NAN, |spectrum| spectrum.norm()));
    }
    Ok(extremes(&mut probe.operator(), plan.lanczos.without_products())?.norm())
}

/// λ_max of the Hessian, or of D⁻¹H for a `diagonal` D ≥ 0: exact where the Hessian is dense, by
/// Lanczos beyond.
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
    const METRIC: &str = "robust_condition_number";
    if !dense(probe, plan) {
        // The median of noisy entries is biased upwards: a convention of its own.
        let diag = hutchinson_diag(&mut probe.operator(), plan.probes, SEED)?.values;
        let value = robust_condition_number(&diag, Median::Lower);
        let metric = format!("{METRIC}.hutchinson.lower.all");
        readings.record_or(metric, value, without_condition(value, &diag));
        return Ok(());
    }
    let blocks = probe.blocks().to_vec();
    let hessian = probe.hessian()?;
    for (convention, value) in robust_condition_numbers(hessian, &blocks) {
        let reason = without_condition(value, hessian.entries());
        if convention == Convention::PAPER {
            readings.record_or(METRIC, value, reason);
        } else {
            readings.record_or(format!("{METRIC}.{}", convention.name()), value, reason);
        }
    }
    let diag = hessian.diag();
    for block in blocks.iter().filter(|block| !block.unused) {
        let own = &diag[block.range.clone()];
        let value = robust_condition_number(own, Median::Lower);
        let reason = without_condition(value, own);
        readings.record_or(format!("{METRIC}.{}", block.name), value, reason);
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
        let instrument = Instrument::Heterogeneity.name();
        readings.warn(Warning::Unavailable { instrument, reason });
        return Ok(());
    }
    let blocks = probe.blocks().to_vec();
    let Some(heterogeneity) = block_heterogeneity(probe.hessian()?, &blocks) else {
        readings.record_missing("js_distance", NOT_FINITE);
        return Ok(());
    };
    readings.record_or("js_distance", heterogeneity.mean(), "there is one matrix, and no pair");
    for (a, b, distance) in heterogeneity.pairs {
        readings.record(format!("js_distance.{}.{}", blocks[a].name, blocks[b].name), distance);
    }
    Ok(())
}

/// What products with vectors tell of a Hessian.
struct Estimates {
    sharpness: (f64, f64),
    norm: f64,
    trace: Estimate,
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

fn standard(readings: &mut Readings, metric: &str, estimate: Estimate) {
    const REASON: &str = "the Hessian is 0 or not finite";
    readings.record_or(metric, estimate.value, REASON);
    readings.record_or(format!("{metric}.se"), estimate.standard_error, REASON);
}

pub(super) fn estimators(
    probe: &mut Probe<'_>,
    plan: &EstimatorPlan,
    readings: &mut Readings,
) -> Result<(), ObjectiveError> {
    let estimates = Estimates::of(&mut probe.operator(), plan)?;
    let Estimates { sharpness: (sharpness, residual), trace, density, .. } = estimates;
    readings.record_or("lanczos.sharpness", sharpness, NOT_FINITE);
    readings.record_or("lanczos.sharpness.residual", residual, NOT_FINITE);
    standard(readings, "hutchinson.trace", trace);
    standard(readings, "slq.negative_mass", Estimate::of(&density.negative_mass));
    if !dense(probe, plan) {
        return Ok(());
    }
    if let Some(spectrum) = probe.spectrum()? {
        readings.record("lanczos.sharpness.exact", spectrum.sharpness());
        readings.record("hutchinson.trace.exact", spectrum.trace());
        readings.record_or("slq.negative_mass.exact", spectrum.negative_mass(), ZERO_HESSIAN);
        readings.record("slq.wasserstein", density.wasserstein(spectrum.values()));
    }
    Ok(())
}
