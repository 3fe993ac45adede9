//! An objective that fails: every instrument reports it, whichever call fails.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod updates;

use std::cell::Cell;

use updates::updates;
use windtunnel_math::objective::{Block, Objective, ObjectiveError, SampleGradients, Stochastic};
use windtunnel_measure::instrument::{
    EstimatorPlan, Instrument, NoisePlan, Readings, Snapshot, Updates, Warning,
};
use windtunnel_measure::landscape::{LanczosMemory, LanczosPlan, Probe};
use windtunnel_measure::metric::Name;

const P: usize = 6;

/// Number of calls that are answered before one fails, and number of calls made, over both
/// functions.
struct Calls {
    answered: usize,
    made: Cell<usize>,
}

impl Calls {
    fn count(&self) -> Result<(), ObjectiveError> {
        let call = self.made.get();
        self.made.set(call + 1);
        if call < self.answered {
            return Ok(());
        }
        Err(ObjectiveError::new(format!("call {call} was not answered")))
    }
}

/// Σ (i + 1) θᵢ⁴, and noise of a gradient that alternates between samples.
struct Failing<'a>(&'a Calls);

fn slope(index: usize, theta: f64) -> f64 {
    4.0 * (index as f64 + 1.0) * theta.powi(3)
}

impl Objective for Failing<'_> {
    fn dim(&self) -> usize {
        P
    }
    fn value(&mut self, params: &[f64]) -> Result<f64, ObjectiveError> {
        self.0.count()?;
        Ok(params.iter().enumerate().map(|(i, x)| (i as f64 + 1.0) * x.powi(4)).sum())
    }
    fn gradient(&mut self, params: &[f64], grad: &mut [f64]) -> Result<f64, ObjectiveError> {
        // Half of the gradient is written before the failure.
        grad[..P / 2].fill(f64::NAN);
        self.0.count()?;
        grad.iter_mut().enumerate().for_each(|(i, g)| *g = slope(i, params[i]));
        Ok(1.0)
    }
    fn hvp(&mut self, params: &[f64], v: &[f64], out: &mut [f64]) -> Result<f64, ObjectiveError> {
        out[..P / 2].fill(f64::NAN);
        self.0.count()?;
        for (i, x) in out.iter_mut().enumerate() {
            *x = 12.0 * (i as f64 + 1.0) * params[i] * params[i] * v[i];
        }
        Ok((0..P).map(|i| slope(i, params[i]) * v[i]).sum())
    }
    fn blocks(&self) -> Vec<Block> {
        let block =
            |name: &str, range| Block { name: name.into(), range, shape: None, unused: false };
        vec![block("a", 0..2), block("b", 2..P)]
    }
}

impl Stochastic for Failing<'_> {
    fn dim(&self) -> usize {
        P
    }
    fn batch_gradient(
        &mut self,
        params: &[f64],
        draw: u64,
        samples: usize,
        grad: &mut [f64],
    ) -> Result<f64, ObjectiveError> {
        self.0.count()?;
        let noise = ((draw as f64).sin() + 0.1) / (samples as f64).sqrt();
        grad.iter_mut().enumerate().for_each(|(i, g)| *g = slope(i, params[i]) + noise);
        Ok(1.0)
    }
    fn sample_gradients(
        &mut self,
        params: &[f64],
        _: u64,
        samples: usize,
    ) -> Result<SampleGradients, ObjectiveError> {
        self.0.count()?;
        let noise = |k: usize| (k as f64 / P as f64).floor().sin();
        let grads = (0..samples * P).map(|k| slope(k % P, params[k % P]) + noise(k)).collect();
        let losses = (0..samples).map(|k| 2.0 + (k as f64).sin()).collect();
        Ok(SampleGradients { losses, grads })
    }
}

/// The readings of one instrument if `answered` calls succeed, and the number of calls it made.
fn read(instrument: Instrument, estimators: EstimatorPlan, answered: usize) -> (Readings, usize) {
    let calls = Calls { answered, made: Cell::new(0) };
    let (mut fixed, mut stochastic) = (Failing(&calls), Failing(&calls));
    let others = vec![("other".into(), vec![0.2; P])];
    let updates = Updates { others, ..updates(P, 0.1, Some(vec![0.5; P])) };
    let plan = NoisePlan { batch_sizes: vec![1, 4], draws: 30, reference: 20, prompts: 40 };
    let probe = Probe::new(&mut fixed, (0..P).map(|i| 1.0 + 0.1 * i as f64).collect());
    let mut snapshot = Snapshot::new(probe, &mut stochastic, Some(updates), plan);
    snapshot.estimators = estimators;
    let mut readings = Readings::default();
    instrument.measure(&mut snapshot, &mut readings);
    (readings, calls.made.get())
}

/// Values as bits.
fn bits(readings: &Readings) -> Vec<(&Name, u64)> {
    readings.iter().map(|(metric, value)| (metric, value.to_bits())).collect()
}

fn plans() -> [EstimatorPlan; 3] {
    let dense = EstimatorPlan::for_params(P);
    let products = EstimatorPlan { dense_limit: 0, probes: 5, slq_probes: 2, ..dense };
    let recent = |steps| LanczosPlan { steps, memory: LanczosMemory::Recent };
    let streamed =
        EstimatorPlan { lanczos: recent(4), slq: recent(3), kept_gradients: 0, ..products };
    [dense, products, streamed]
}

#[test]
fn at_whichever_call_an_objective_fails_the_instrument_says_so() {
    for estimators in plans() {
        for instrument in Instrument::ALL {
            let (all, calls) = read(instrument, estimators, usize::MAX);
            let failed = |warning: &Warning| matches!(warning, Warning::Failed { .. });
            assert!(!all.warnings().iter().any(failed), "{instrument:?} {:?}", all.warnings());
            for call in 0..calls {
                let (found, made) = read(instrument, estimators, call);
                assert_eq!(made, call + 1, "{instrument:?} asked again after a failure");
                let reason =
                    format!("the objective could not be evaluated: call {call} was not answered");
                let warning = Warning::Failed { instrument, reason: reason.clone() };
                assert_eq!(found.warnings().last(), Some(&warning), "{instrument:?} at {call}");
                assert_eq!(warning.to_string(), format!("{}: {reason}", instrument.name()));
                assert!(found.unmeasured().any(|one| one == (instrument, reason.as_str())));
                // The readings before the failure are those of a complete measurement, with the
                // same reasons.
                let (read, whole) = (bits(&found), bits(&all));
                assert_eq!(read, whole[..read.len()], "{instrument:?} at {call}");
                let missing: Vec<_> = all.missing().take(found.missing().count()).collect();
                assert_eq!(
                    found.missing().collect::<Vec<_>>(),
                    missing,
                    "{instrument:?} at {call}"
                );
            }
        }
    }
}

#[test]
fn every_instrument_but_one_asks_the_objective() {
    for estimators in plans() {
        for instrument in Instrument::ALL {
            let (_, calls) = read(instrument, estimators, usize::MAX);
            let silent = instrument == Instrument::Heterogeneity && !estimators.is_dense(P);
            assert_eq!(calls == 0, silent, "{instrument:?}");
        }
    }
}

/// A failed computation is repeated, and a cached one is not.
#[test]
fn a_point_recovers_from_a_failure() {
    let calls = Calls { answered: 1, made: Cell::new(0) };
    let mut objective = Failing(&calls);
    let mut probe = Probe::new(&mut objective, vec![1.0; P]);
    let gradient = probe.gradient().unwrap().1.to_vec();
    assert_eq!(gradient[5], 24.0);
    assert!(probe.hessian().is_err() && probe.spectrum().is_err());
    assert_eq!(probe.gradient().unwrap().1, gradient);
    let calls = Calls { answered: usize::MAX, made: Cell::new(0) };
    let mut objective = Failing(&calls);
    let mut probe = Probe::new(&mut objective, vec![1.0; P]);
    assert_eq!(probe.spectrum().unwrap().unwrap().sharpness(), 72.0);
}
