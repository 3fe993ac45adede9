//! A problem on which every side must agree before it is timed.

use std::fs;

use serde::{Deserialize, Serialize};
use windtunnel_math::lanes::Isa;
use windtunnel_math::objective::{Objective, ObjectiveError};
use windtunnel_model::reference;
use windtunnel_model::task::{Batch, Covariates, Form, Task};
use windtunnel_model::{BatchObjective, Evaluator, Transformer};

/// Standard deviation of the parameters: large enough for every layer to matter.
const INIT_STD: f64 = 0.3;

/// Parameters `[L, 2, d, d]` and prompts `[B, n+1, d+1]` with their targets `[B]`.
#[derive(Deserialize, Serialize)]
pub struct Problem {
    dim: usize,
    context_len: usize,
    depth: usize,
    params: Vec<f64>,
    z: Vec<f64>,
    targets: Vec<f64>,
}

/// Loss, gradient `[p]` and Hessian `[p, p]`.
#[derive(Serialize)]
pub struct Solution {
    loss: f64,
    grad: Vec<f64>,
    hessian: Vec<f64>,
}

impl Problem {
    /// Gaussian prompts of the token-level twin, which shares no sampler with the kernels.
    pub fn draw(
        dim: usize,
        context_len: usize,
        depth: usize,
        batch: usize,
        seed: u64,
    ) -> Result<Problem, String> {
        let covariates = Covariates::gaussian();
        let task = Task::new(dim, context_len, covariates).map_err(|error| error.to_string())?;
        let params = Transformer::linear(depth, dim).init(seed, INIT_STD);
        let tokens = reference::sample(&task, seed, batch);
        Ok(Problem { dim, context_len, depth, params, z: tokens.z, targets: tokens.targets })
    }

    pub fn read(file: &str) -> Result<Problem, String> {
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))
    }

    pub fn write(&self, file: &str) -> Result<(), String> {
        let text = serde_json::to_string(self).map_err(|error| error.to_string())?;
        fs::write(file, text).map_err(|error| format!("{file}: {error}"))
    }

    /// The loss alone, by the naive twin.
    pub fn solve_by_tokens(&self) -> f64 {
        reference::loss(
            &Transformer::linear(self.depth, self.dim),
            &self.params,
            &self.z,
            &self.targets,
        )
    }

    pub fn solve(&self, isa: Isa) -> Result<Solution, String> {
        let model = Transformer::linear(self.depth, self.dim);
        let batch = Batch::from_tokens(Form::Moments, self.dim, &self.z, &self.targets);
        let mut objective = BatchObjective::new(Evaluator::new(model, isa, 1), batch);
        let p = objective.dim();
        let (mut grad, mut hessian) = (vec![0.0; p], vec![0.0; p * p]);
        let failed = |error: ObjectiveError| error.to_string();
        let loss = objective.gradient(&self.params, &mut grad).map_err(failed)?;
        objective.hessian(&self.params, &mut hessian).map_err(failed)?;
        Ok(Solution { loss, grad, hessian })
    }
}
