//! Memory of the instruments with a million parameters: as many vectors as they declare. One test
//! in a process of its own, whose allocations are counted.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod updates;

use peak_alloc::PeakAlloc;
use updates::updates;
use windtunnel_math::objective::{Objective, ObjectiveError, SampleGradients, Stochastic};
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_measure::instrument::{EstimatorPlan, Instrument, NoisePlan, Readings, Snapshot};
use windtunnel_measure::landscape::{LanczosMemory, LanczosPlan, Probe};
use windtunnel_measure::metric::Name;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const P: usize = 1_000_000;

/// ½ Σ cᵢ θᵢ² with curvatures from −1 to 10 and one of 100.
struct Quadratic;

fn curvature(index: usize) -> f64 {
    if index == P / 3 { 100.0 } else { 11.0 * index as f64 / P as f64 - 1.0 }
}

impl Objective for Quadratic {
    fn dim(&self) -> usize {
        P
    }
    fn value(&mut self, params: &[f64]) -> Result<f64, ObjectiveError> {
        Ok(params.iter().enumerate().map(|(i, x)| 0.5 * curvature(i) * x * x).sum())
    }
    fn gradient(&mut self, params: &[f64], grad: &mut [f64]) -> Result<f64, ObjectiveError> {
        grad.iter_mut().enumerate().for_each(|(i, g)| *g = curvature(i) * params[i]);
        self.value(params)
    }
    fn hvp(&mut self, params: &[f64], v: &[f64], out: &mut [f64]) -> Result<f64, ObjectiveError> {
        out.iter_mut().enumerate().for_each(|(i, x)| *x = curvature(i) * v[i]);
        Ok(out.iter().zip(params).map(|(x, theta)| x * theta).sum())
    }
}

/// Signs in every coordinate, divided by √B: noise of norm √(P/B) exactly.
impl Stochastic for Quadratic {
    fn dim(&self) -> usize {
        P
    }
    fn batch_gradient(
        &mut self,
        _: &[f64],
        draw: u64,
        samples: usize,
        grad: &mut [f64],
    ) -> Result<f64, ObjectiveError> {
        let key = Key { seed: 0, purpose: Purpose::Samples, step: draw };
        let size = 1.0 / (samples as f64).sqrt();
        for (k, chunk) in grad.chunks_mut(128).enumerate() {
            let words = key.words(k as u32, 0);
            for (i, g) in chunk.iter_mut().enumerate() {
                *g = if words[i / 32] >> (i % 32) & 1 == 0 { size } else { -size };
            }
        }
        Ok(1.0)
    }
    fn sample_gradients(
        &mut self,
        _: &[f64],
        _: u64,
        _: usize,
    ) -> Result<SampleGradients, ObjectiveError> {
        Err(ObjectiveError::new("gradients of all samples at once are too many"))
    }
    fn sample_losses(
        &mut self,
        _: &[f64],
        _: u64,
        samples: usize,
    ) -> Result<Vec<f64>, ObjectiveError> {
        Ok((0..samples).map(|k| 2.0 + (k as f64).sin()).collect())
    }
}

/// The readings of an instrument, and the largest number of vectors that it held at a time.
fn measured(instrument: Instrument, estimators: EstimatorPlan) -> (Readings, f64) {
    let (mut fixed, mut stochastic) = (Quadratic, Quadratic);
    let updates = updates(P, 0.1, Some(vec![4.0; P]));
    let probe = Probe::new(&mut fixed, vec![1.0; P]);
    let mut snapshot = Snapshot::new(probe, &mut stochastic, Some(updates), noise());
    snapshot.estimators = estimators;
    let mut readings = Readings::default();
    let given = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    instrument.measure(&mut snapshot, &mut readings);
    let most = ALLOCATED.peak_usage() - given;
    (readings, most as f64 / (8 * P) as f64)
}

fn noise() -> NoisePlan {
    NoisePlan { batch_sizes: vec![4], draws: 20, reference: 40, prompts: 100 }
}

fn near(found: &Readings, metric: &str, expected: f64, slack: f64) {
    let name: Name = metric.parse().unwrap();
    let value = found.get(name).unwrap();
    assert!((value - expected).abs() <= slack, "{metric} is {value}, not {expected} ± {slack}");
}

#[test]
fn instruments_hold_as_many_vectors_as_they_say() {
    let plan = |steps, memory| LanczosPlan { steps, memory };
    let recent = EstimatorPlan {
        lanczos: plan(40, LanczosMemory::Recent),
        probes: 10,
        slq_probes: 2,
        slq: plan(20, LanczosMemory::Recent),
        kept_gradients: 0,
        ..EstimatorPlan::for_params(P)
    };
    let kept = EstimatorPlan {
        lanczos: plan(6, LanczosMemory::Products),
        slq: plan(6, LanczosMemory::Basis),
        kept_gradients: 1000,
        ..recent
    };
    let asked = [
        Instrument::LossTails,
        Instrument::UpdateGeometry,
        Instrument::DirectionalSmoothness,
        Instrument::RobustCondition,
        Instrument::GeneralizedSmoothness,
        Instrument::Stability,
        Instrument::Spectrum,
        Instrument::Estimators,
        Instrument::Noise,
    ];
    let more = [Instrument::Stability, Instrument::Spectrum, Instrument::Noise];
    let cases = asked.map(|i| (i, recent)).into_iter().chain(more.map(|i| (i, kept)));
    let measure = |(instrument, estimators): (Instrument, EstimatorPlan)| {
        let (readings, most) = measured(instrument, estimators);
        let said = instrument.vectors(P, &noise(), &estimators) as f64;
        // A hundredth of a vector for everything else; and up to one vector less, for instruments
        // that do not run first.
        assert!((said - 1.01..said + 0.01).contains(&most), "{instrument:?}: {most}, not {said}");
        ((instrument, estimators), readings)
    };
    let found: Vec<_> = cases.map(measure).collect();
    let of = |instrument, estimators| -> &Readings {
        let found = found.iter().find(|(case, _)| *case == (instrument, estimators));
        &found.unwrap_or_else(|| panic!("no {instrument:?}")).1
    };
    // With θ = 1 and u = 0.1: ⟨∇f, u⟩ − ½uᵀHu = (0.1 − 0.005) tr H, which equals the realised
    // decrease.
    let trace: f64 = (0..P).map(curvature).sum();
    near(of(Instrument::UpdateGeometry, recent), "predicted_decrease", 0.095 * trace, 1e-9 * trace);
    near(of(Instrument::UpdateGeometry, recent), "realised_decrease", 0.095 * trace, 1e-9 * trace);
    near(
        of(Instrument::DirectionalSmoothness, recent),
        "directional_smoothness",
        trace / P as f64,
        1e-9,
    );
    // Random signs are exact on diagonal matrices: |cᵢ| is below 4.5 in half of −1..10.
    near(
        of(Instrument::RobustCondition, recent),
        "robust_condition_number.hutchinson.lower.all",
        100.0 / 4.5,
        1e-3,
    );
    near(of(Instrument::GeneralizedSmoothness, recent), "hessian_norm", 100.0, 1e-6);
    near(of(Instrument::Stability, recent), "preconditioned_sharpness", 25.0, 1e-6);
    for (instrument, prefix) in [(Instrument::Spectrum, ""), (Instrument::Estimators, "lanczos.")] {
        near(of(instrument, recent), &format!("{prefix}sharpness"), 100.0, 1e-6);
    }
    let spectrum = of(Instrument::Spectrum, recent);
    near(spectrum, "trace", trace, 1e-9 * trace);
    // ∫ from −1 to 0 and to 10 of |c|: 0.5 of 50.5; two probes of a million coordinates.
    near(spectrum, "negative_mass", 0.5 / 50.5, 1e-3);
    for plan in [recent, kept] {
        let kept = of(Instrument::Noise, plan);
        // Against the mean of the reference, whose own error is known from 40 parts to 16 %.
        near(kept, "grad_noise.b4.rms", (P as f64 / 4.0).sqrt(), 0.01 * (P as f64 / 4.0).sqrt());
    }
}
