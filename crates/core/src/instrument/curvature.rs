//! Instruments of the Hessian at one point.

use super::{DENSE_LIMIT, Instrument, Readings, Warning};
use crate::landscape::{
    Convention, Estimate, Median, Probe, SpectralDensity, block_heterogeneity, hutchinson_diag,
    hutchinson_trace, lanczos, negative_mass, preconditioned, random_start,
    robust_condition_number, robust_condition_numbers, slq,
};
use crate::objective::Objective;

/// Lanczos steps; extreme eigenvalues of these spectra converge in fewer.
const LANCZOS_STEPS: usize = 60;
/// Probe vectors of Hutchinson's estimators.
const PROBES: usize = 100;
/// Probes of stochastic Lanczos quadrature, each of `SLQ_STEPS` steps.
const SLQ_PROBES: usize = 10;
const SLQ_STEPS: usize = 30;
/// Seed of all random vectors.
const SEED: u64 = 0;

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
        readings.record("sharpness", spectrum.sharpness());
        readings.record("lambda_min", spectrum.min());
        readings.record("hessian_norm", spectrum.norm());
        readings.record("negative_mass", spectrum.negative_mass());
        for (k, value) in spectrum.values().iter().enumerate() {
            readings.record(format!("eigenvalue.{k}"), *value);
        }
    }
    let hessian = probe.hessian();
    readings.record("trace", hessian.trace());
    for block in blocks.iter().filter(|block| !block.dead) {
        let name = &block.name;
        let Some(values) = hessian.block(block.range.clone()).eigenvalues() else { continue };
        readings.record(format!("sharpness.{name}"), values.last().copied().unwrap_or(f64::NAN));
        readings.record(format!("trace.{name}"), values.iter().sum());
        readings.record(format!("negative_mass.{name}"), negative_mass(&values));
    }
}

fn large_spectrum(probe: &mut Probe<'_>, readings: &mut Readings) {
    let estimates = Estimates::at(probe);
    let (sharpness, residual) = estimates.sharpness;
    readings.record("sharpness", sharpness);
    readings.record("sharpness.residual", residual);
    readings.record("hessian_norm", estimates.norm);
    standard(readings, "trace", estimates.trace);
    standard(readings, "negative_mass", Estimate::of(&estimates.density.negative_mass));
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
    const METRIC: &str = "robust_condition_number";
    if !dense(probe) {
        // The median of noisy entries is biased upwards: a convention of its own.
        let (objective, params) = probe.parts();
        let diag = hutchinson_diag(&mut product(objective, params), params.len(), PROBES, SEED);
        let diag: Vec<f64> = diag.iter().map(|estimate| estimate.value).collect();
        let value = robust_condition_number(&diag, Median::Lower);
        return readings.record(format!("{METRIC}.hutchinson.lower.all"), value);
    }
    let blocks = probe.blocks().to_vec();
    let hessian = probe.hessian();
    for (convention, value) in robust_condition_numbers(hessian, &blocks) {
        if convention == Convention::PAPER {
            readings.record(METRIC, value);
        } else {
            readings.record(format!("{METRIC}.{}", convention.name()), value);
        }
    }
    let diag = hessian.diag();
    for block in blocks.iter().filter(|block| !block.dead) {
        let value = robust_condition_number(&diag[block.range.clone()], Median::Lower);
        readings.record(format!("{METRIC}.{}", block.name), value);
    }
}

pub(super) fn heterogeneity(probe: &mut Probe<'_>, readings: &mut Readings) {
    if !dense(probe) {
        let reason = "not measured: the dense Hessian of so many parameters is not made";
        let instrument = Instrument::Heterogeneity.name();
        return readings.warn(Warning::Unavailable { instrument, reason });
    }
    let blocks = probe.blocks().to_vec();
    let Some(heterogeneity) = block_heterogeneity(probe.hessian(), &blocks) else { return };
    readings.record("js_distance", heterogeneity.mean());
    for (a, b, distance) in heterogeneity.pairs {
        readings.record(format!("js_distance.{}.{}", blocks[a].name, blocks[b].name), distance);
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

fn standard(readings: &mut Readings, metric: &str, estimate: Estimate) {
    readings.record(metric, estimate.value);
    readings.record(format!("{metric}.se"), estimate.standard_error);
}

pub(super) fn estimators(probe: &mut Probe<'_>, readings: &mut Readings) {
    let Estimates { sharpness: (sharpness, residual), trace, density, .. } = Estimates::at(probe);
    readings.record("lanczos.sharpness", sharpness);
    readings.record("lanczos.sharpness.residual", residual);
    standard(readings, "hutchinson.trace", trace);
    standard(readings, "slq.negative_mass", Estimate::of(&density.negative_mass));
    if !dense(probe) {
        return;
    }
    if let Some(spectrum) = probe.spectrum() {
        readings.record("lanczos.sharpness.exact", spectrum.sharpness());
        readings.record("hutchinson.trace.exact", spectrum.trace());
        readings.record("slq.negative_mass.exact", spectrum.negative_mass());
        readings.record("slq.wasserstein", density.wasserstein(spectrum.values()));
    }
}
