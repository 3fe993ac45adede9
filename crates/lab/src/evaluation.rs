//! Evaluation of given parameters on given prompts, in double precision.

use windtunnel_math::lanes::Isa;
use windtunnel_math::linalg::norm;
use windtunnel_math::objective::{Objective, ObjectiveError};
use windtunnel_measure::instrument::{Instrument, NoisePlan, Readings, Snapshot};
use windtunnel_measure::landscape::{Probe, Resampled};
use windtunnel_model::task::Batch;
use windtunnel_model::{BatchObjective, Evaluator, Transformer};

/// Seed of mini-batches that are drawn from given prompts.
const SEED: u64 = 0;

/// Reason why a loss or its gradient is not finite although prompts and parameters are.
pub const BEYOND: &str = "on the way to it a number exceeds the largest double, 1.8e308";

/// Loss of parameters on a batch, with the readings of instruments.
pub struct Evaluation {
    /// Mean over prompts of (prediction − y)².
    pub loss: f64,
    /// Gradient of the loss with respect to all parameters.
    pub grad: Vec<f64>,
    /// Euclidean norm of the gradient.
    pub grad_norm: f64,
    /// Readings of the instruments.
    pub readings: Readings,
}

/// Evaluates `params` on a batch, with instruments and the sizes of the noise instruments. Fresh
/// prompts are drawn from the batch.
///
/// # Errors
/// None in practice: the loss of a batch can always be computed.
pub fn evaluate(
    model: Transformer,
    batch: Batch<f64>,
    params: &[f64],
    (instruments, plan): (&[Instrument], NoisePlan),
    threads: usize,
) -> Result<Evaluation, ObjectiveError> {
    let evaluator = Evaluator::new(model, Isa::detect(), threads);
    let mut objective = BatchObjective::new(evaluator, batch);
    let mut grad = vec![0.0; params.len()];
    let loss = objective.gradient(params, &mut grad)?;
    let mut readings = Readings::default();
    if !instruments.is_empty() {
        measure(&mut objective, params, instruments, plan, &mut readings);
    }
    Ok(Evaluation { loss, grad_norm: norm(&grad), grad, readings })
}

fn measure(
    objective: &mut BatchObjective,
    params: &[f64],
    instruments: &[Instrument],
    plan: NoisePlan,
    readings: &mut Readings,
) {
    let population = objective.prompt_gradients(params);
    let mut population = Resampled::new(population, objective.blocks(), SEED);
    let reference = population.reference();
    let probe = Probe::new(objective, params.to_vec());
    let mut snapshot = Snapshot::new(probe, &mut population, None, plan);
    snapshot.reference = Some(reference);
    for instrument in instruments {
        instrument.measure(&mut snapshot, readings);
    }
}
