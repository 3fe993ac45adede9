//! Instruments of the Hessian at one point.

use super::{DENSE_LIMIT, Instrument, Readings, Warning};
use crate::landscape::{
    Estimate, Median, Probe, SpectralDensity, block_heterogeneity, hutchinson_diag,
    hutchinson_trace, lanczos, negative_mass, preconditioned, random_start,
    robust_condition_number, robust_condition_numbers, slq,
};
use crate::metric::{Metric, Pair, Part};
use windtunnel_math::objective::Objective;

/// Lanczos steps; extreme eigenvalues of these spectra converge in fewer.
pub(super) const LANCZOS_STEPS: usize = 60;
/// Probe vectors of Hutchinson's estimators.
pub(super) const PROBES: usize = 100;
/// Probes of stochastic Lanczos quadrature, each of `SLQ_STEPS` steps.
pub(super) const SLQ_PROBES: usize = 10;
pub(super) const SLQ_STEPS: usize = 30;
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

/// Whether the dense Hessian of the probe is affordable.
fn dense(probe: &Probe<'_>) -> bool {
    probe.params().len() <= DENSE_LIMIT
}

pub(super) fn spectrum(probe: &mut Probe<'_>, readings: &mut Readings) {
    if !dense(probe) {
        return large_spectrum(probe, readings);
    }
    let blocks = probe.blocks().to_vec();
    if let Some(spectrum) = probe.spectrum() {
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
    let hessian = probe.hessian();
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
}

fn large_spectrum(probe: &mut Probe<'_>, readings: &mut Readings) {
    let estimates = Estimates::at(probe);
    let (sharpness, residual) = estimates.sharpness;
    readings.record_or(Metric::Sharpness, sharpness, NOT_FINITE);
    readings.record_or(Metric::Sharpness.part(Part::Residual), residual, NOT_FINITE);
    readings.record_or(Metric::HessianNorm, estimates.norm, NOT_FINITE);
    standard(readings, Metric::Trace, estimates.trace);
    standard(readings, Metric::NegativeMass, Estimate::of(&estimates.density.negative_mass));
}

/// ‖H‖₂: exact where the Hessian is dense, by Lanczos beyond.
pub(super) fn hessian_norm(probe: &mut Probe<'_>) -> f64 {
    if dense(probe) {
        return probe.spectrum().map_or(f64::NAN, |spectrum| spectrum.norm());
    }
    let (objective, params) = probe.parts();
    let start = random_start(params.len(), SEED, 0);
    lanczos(&mut product(objective, params), &start, LANCZOS_STEPS).norm()
}

/// λ_max of the Hessian, or of D⁻¹H for a positive `diagonal` D: exact where the Hessian is dense,
/// by Lanczos beyond.
pub(super) fn largest(probe: &mut Probe<'_>, diagonal: Option<&[f64]>) -> f64 {
    if dense(probe) {
        let hessian = probe.hessian();
        let values = match diagonal {
            Some(diagonal) => preconditioned(hessian, diagonal).eigenvalues(),
            None => hessian.eigenvalues(),
        };
        return values.and_then(|values| values.last().copied()).unwrap_or(f64::NAN);
    }
    let (objective, params) = probe.parts();
    let p = params.len();
    // D^(−1/2) H D^(−1/2) is symmetric and has the eigenvalues of D⁻¹H. Where Adam's ε is 0, D is
    // 0 for parameters that never had a gradient: their rows are zero and stay so.
    let root = |d: &f64| if *d > 0.0 { 1.0 / d.sqrt() } else { 0.0 };
    let scale = diagonal.map_or_else(|| vec![1.0; p], |d| d.iter().map(root).collect());
    let mut scaled = vec![0.0; p];
    let mut product = |v: &[f64], out: &mut [f64]| {
        scaled.iter_mut().zip(v.iter().zip(&scale)).for_each(|(x, (v, s))| *x = v * s);
        objective.hvp(params, &scaled, out);
        out.iter_mut().zip(&scale).for_each(|(x, s)| *x *= s);
    };
    lanczos(&mut product, &random_start(p, SEED, 0), LANCZOS_STEPS).max().0
}

pub(super) fn robust_condition(probe: &mut Probe<'_>, readings: &mut Readings) {
    if !dense(probe) {
        // The median of noisy entries is biased upwards: a convention of its own.
        let (objective, params) = probe.parts();
        let diag = hutchinson_diag(&mut product(objective, params), params.len(), PROBES, SEED);
        let diag: Vec<f64> = diag.iter().map(|estimate| estimate.value).collect();
        let value = robust_condition_number(&diag, Median::Lower);
        let metric = Metric::RobustConditionNumberEstimate;
        return readings.record_or(metric, value, without_condition(value, &diag));
    }
    let blocks = probe.blocks().to_vec();
    let hessian = probe.hessian();
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
}

pub(super) fn heterogeneity(probe: &mut Probe<'_>, readings: &mut Readings) {
    if !dense(probe) {
        let reason = "not measured: the dense Hessian of so many parameters is not made";
        let instrument = Instrument::Heterogeneity.name();
        return readings.warn(Warning::Unavailable { instrument, reason });
    }
    let blocks = probe.blocks().to_vec();
    let Some(heterogeneity) = block_heterogeneity(probe.hessian(), &blocks) else {
        return readings.record_missing(Metric::JsDistance, NOT_FINITE);
    };
    let alone = "there is one matrix, and no pair";
    readings.record_or(Metric::JsDistance, heterogeneity.mean(), alone);
    for (a, b, distance) in heterogeneity.pairs {
        readings.record(Metric::JsDistanceBetween(Pair::new(&blocks[a], &blocks[b])), distance);
    }
}

/// What products with vectors tell of a Hessian.
struct Estimates {
    sharpness: (f64, f64),
    norm: f64,
    trace: Estimate,
    density: SpectralDensity,
}

impl Estimates {
    fn at(probe: &mut Probe<'_>) -> Estimates {
        let (objective, params) = probe.parts();
        let p = params.len();
        let product = &mut product(objective, params);
        let lanczos = lanczos(product, &random_start(p, SEED, 0), LANCZOS_STEPS);
        Estimates {
            sharpness: lanczos.max(),
            norm: lanczos.norm(),
            trace: hutchinson_trace(product, p, PROBES, SEED),
            density: slq(product, p, (SLQ_PROBES, SLQ_STEPS), SEED),
        }
    }
}

fn product(objective: &mut dyn Objective, params: &[f64]) -> impl FnMut(&[f64], &mut [f64]) {
    |v, out| {
        objective.hvp(params, v, out);
    }
}

fn standard(readings: &mut Readings, metric: Metric, estimate: Estimate) {
    const REASON: &str = "the Hessian is 0 or not finite";
    readings.record_or(&metric, estimate.value, REASON);
    readings.record_or(metric.part(Part::StandardError), estimate.standard_error, REASON);
}

pub(super) fn estimators(probe: &mut Probe<'_>, readings: &mut Readings) {
    let Estimates { sharpness: (sharpness, residual), trace, density, .. } = Estimates::at(probe);
    readings.record_or(Metric::LanczosSharpness, sharpness, NOT_FINITE);
    readings.record_or(Metric::LanczosSharpness.part(Part::Residual), residual, NOT_FINITE);
    standard(readings, Metric::HutchinsonTrace, trace);
    standard(readings, Metric::SlqNegativeMass, Estimate::of(&density.negative_mass));
    if !dense(probe) {
        return;
    }
    if let Some(spectrum) = probe.spectrum() {
        readings.record(Metric::LanczosSharpness.part(Part::Exact), spectrum.sharpness());
        readings.record(Metric::HutchinsonTrace.part(Part::Exact), spectrum.trace());
        let mass = Metric::SlqNegativeMass.part(Part::Exact);
        readings.record_or(mass, spectrum.negative_mass(), ZERO_HESSIAN);
        readings.record(Metric::SlqWasserstein, density.wasserstein(spectrum.values()));
    }
}
