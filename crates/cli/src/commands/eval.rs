//! `windtunnel eval`: evaluates parameters and prompts of another implementation.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};
use windtunnel_lab::evaluation::{BEYOND, evaluate};
use windtunnel_math::objective::ObjectiveError;
use windtunnel_model::Transformer;
use windtunnel_model::task::Batch;
use windtunnel_runs::exchange::{
    PromptFile, TokenPrompts, Use, encode_params, read_model, read_params,
};
use windtunnel_runs::spec::Document;
use windtunnel_runs::store::disk;

use super::folder;
use super::measure::{missing, readings};
use crate::args::{Eval, Global};
use crate::error::Error;
use crate::{output, session};

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
    /// Readings of the instruments of `--with`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    readings: Map<String, Value>,
    /// Reasons for numbers that are null.
    #[serde(skip_serializing_if = "Map::is_empty")]
    missing: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

pub fn run(global: &Global, eval: &Eval) -> Result<(), Error> {
    let usage = |error: windtunnel_runs::exchange::Error| Error::Usage(error.to_string());
    check_grad(global, eval)?;
    let prompts = PromptFile::open(&eval.prompts).map_err(usage)?;
    let model = match &eval.spec {
        Some(path) => {
            let spec = Document::read(path)?.resolve()?;
            Transformer { dim: prompts.dim(), ..spec.model.transformer }
        }
        None => read_model(&eval.params).map_err(usage)?,
    };
    if model.dim != prompts.dim() {
        return Err(Error::Usage(format!(
            "{} is for d = {}, but the prompts in {} have d = {}",
            eval.params.display(),
            model.dim,
            eval.prompts.display(),
            prompts.dim()
        )));
    }
    let chosen = eval.with.instruments();
    let purpose = if chosen.is_empty() { Use::Loss } else { Use::PromptGradients };
    prompts.fits(&model, purpose).map_err(usage)?;
    let params = read_params(&eval.params, &model).map_err(usage)?;
    let prompts = prompts.read().map_err(usage)?;
    let batch = Batch::<f64>::from_tokens(model.form(), prompts.dim, &prompts.z, &prompts.targets);
    let TokenPrompts { dim, context_len, targets, z } = prompts;
    drop(z);
    let found = evaluate(
        model,
        batch,
        &params,
        (&eval.with.instruments(), eval.with.plan()),
        session::jobs(global),
    )
    .map_err(failed)?;
    let written = eval.grad.as_ref().map_or(Ok(()), |path| save(path, &model, &found.grad));
    let mut missing = missing(&found.readings);
    for (name, value) in [("loss", found.loss), ("grad_norm", found.grad_norm)] {
        if !value.is_finite() {
            missing.insert(name.into(), BEYOND.into());
        }
    }
    // The numbers come first: a failure to write the file then costs nothing else.
    output::json(&Evaluation {
        loss: found.loss,
        grad_norm: found.grad_norm,
        prompts: targets.len(),
        depth: model.depth,
        dim,
        context_len,
        readings: readings(&found.readings),
        missing,
        warnings: found.readings.warnings().iter().map(ToString::to_string).collect(),
    })?;
    written
}

fn failed(error: ObjectiveError) -> Error {
    Error::Failed(format!("the loss could not be evaluated: {error}"))
}

/// Refuses a `--grad` that would overwrite an input, or that cannot be written.
fn check_grad(global: &Global, eval: &Eval) -> Result<(), Error> {
    let Some(grad) = &eval.grad else { return Ok(()) };
    let mut inputs = vec![("--params", eval.params.as_path()), ("--prompts", &eval.prompts)];
    inputs.extend(eval.spec.iter().map(|spec| ("--spec", spec.as_path())));
    folder::check(global, ("--grad", grad), &inputs)
}

fn save(path: &Path, model: &Transformer, grad: &[f64]) -> Result<(), Error> {
    let file = encode_params(model, grad).map_err(|error| Error::Failed(error.to_string()))?;
    Ok(disk::save(path, &file)?)
}
