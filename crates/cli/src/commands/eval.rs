//! `windtunnel eval`: parameters and prompts of another implementation, evaluated by ours.

use serde::Serialize;
use windtunnel_core::lanes::Isa;
use windtunnel_core::linalg::norm;
use windtunnel_core::model::Evaluator;
use windtunnel_core::task::Batch;
use windtunnel_lab::exchange::{read_params, read_prompts};

use crate::args::Eval;
use crate::error::Error;
use crate::output;

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
}

pub fn run(eval: &Eval) -> Result<(), Error> {
    let usage = |error: windtunnel_lab::exchange::Error| Error::Usage(error.to_string());
    let params = read_params(&eval.params).map_err(usage)?;
    let prompts = read_prompts(&eval.prompts).map_err(usage)?;
    if params.model.dim != prompts.dim {
        return Err(Error::Usage(format!(
            "{} is for d = {}, but the prompts in {} have d = {}",
            eval.params.display(),
            params.model.dim,
            eval.prompts.display(),
            prompts.dim
        )));
    }
    let batch = Batch::<f64>::from_tokens(prompts.dim, &prompts.z, &prompts.targets);
    let mut evaluator = Evaluator::new(params.model, Isa::detect(), 1);
    let mut grad = vec![0.0; params.values.len()];
    let loss = evaluator.gradient(&params.values, &batch, &mut grad);
    output::json(&Evaluation {
        loss,
        grad_norm: norm(&grad),
        prompts: prompts.targets.len(),
        depth: params.model.depth,
        dim: prompts.dim,
        context_len: prompts.context_len,
    })
}
