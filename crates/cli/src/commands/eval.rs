//! `windtunnel eval`: parameters and prompts of another implementation, evaluated by ours.

use serde::Serialize;
use serde_json::{Map, Value};
use windtunnel_core::instrument::{Readings, Scene};
use windtunnel_core::landscape::{Probe, Resampled};
use windtunnel_core::lanes::Isa;
use windtunnel_core::linalg::norm;
use windtunnel_core::model::{BatchObjective, Evaluator, Transformer};
use windtunnel_core::objective::Objective;
use windtunnel_core::task::Batch;
use windtunnel_lab::exchange::{read_model, read_params, read_prompts, write_params};
use windtunnel_lab::spec::Document;

use super::measure::readings;
use crate::args::{Eval, Global, With};
use crate::error::Error;
use crate::{output, session};

/// Seed of mini-batches that are drawn from given prompts.
const SEED: u64 = 0;

#[derive(Serialize)]
struct Evaluation {
    /// Mean over prompts of (prediction − y)².
    loss: f64,
    /// Euclidean norm of its gradient with respect to all parameters.
    grad_norm: f64,
    prompts: usize,
    depth: usize,
    dim: usize,
    context_len: usize,
    /// What the instruments of `--with` found.
    #[serde(skip_serializing_if = "Map::is_empty")]
    readings: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

pub fn run(global: &Global, eval: &Eval) -> Result<(), Error> {
    let usage = |error: windtunnel_lab::exchange::Error| Error::Usage(error.to_string());
    let prompts = read_prompts(&eval.prompts).map_err(usage)?;
    let model = match &eval.spec {
        Some(path) => {
            let spec = Document::read(path)?.resolve()?;
            Transformer { dim: prompts.dim, ..spec.model.transformer }
        }
        None => read_model(&eval.params).map_err(usage)?,
    };
    if model.dim != prompts.dim {
        return Err(Error::Usage(format!(
            "{} is for d = {}, but the prompts in {} have d = {}",
            eval.params.display(),
            model.dim,
            eval.prompts.display(),
            prompts.dim
        )));
    }
    let params = read_params(&eval.params, &model).map_err(usage)?;
    let batch = Batch::<f64>::from_tokens(model.form(), prompts.dim, &prompts.z, &prompts.targets);
    let evaluator = Evaluator::new(model, Isa::detect(), session::jobs(global));
    let mut objective = BatchObjective::new(evaluator, batch);
    let mut grad = vec![0.0; params.len()];
    let loss = objective.gradient(&params, &mut grad);
    if let Some(path) = &eval.grad {
        write_params(path, &model, &grad).map_err(|error| Error::Failed(error.to_string()))?;
    }
    let found = instruments(&eval.with, &mut objective, &params);
    output::json(&Evaluation {
        loss,
        grad_norm: norm(&grad),
        prompts: prompts.targets.len(),
        depth: model.depth,
        dim: prompts.dim,
        context_len: prompts.context_len,
        readings: readings(&found),
        warnings: found.warnings().iter().map(ToString::to_string).collect(),
    })
}

/// The instruments of `--with` on the given prompts: fresh ones are drawn from these.
fn instruments(with: &With, objective: &mut BatchObjective, params: &[f64]) -> Readings {
    let mut readings = Readings::default();
    let chosen = with.instruments();
    if chosen.is_empty() {
        return readings;
    }
    let population = objective.prompt_gradients(params);
    let mut population = Resampled::new(population, objective.blocks(), SEED);
    let reference = population.reference();
    let probe = Probe::new(objective, params.to_vec());
    let mut scene = Scene::new(probe, &mut population, None, with.plan());
    scene.reference = Some(reference);
    for instrument in chosen {
        instrument.measure(&mut scene, &mut readings);
    }
    readings
}
