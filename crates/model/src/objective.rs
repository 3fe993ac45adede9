//! The two functions that instruments see: the loss on a fixed batch, and the loss over the law of
//! the prompts through fresh ones.

use super::Evaluator;
use crate::task::{Batch, Stream, Task};
use windtunnel_math::objective::{Block, Objective, ObjectiveError, SampleGradients, Stochastic};
use windtunnel_math::rng::Key;

/// The mean loss over a fixed batch, as a function of the parameters.
pub struct BatchObjective {
    evaluator: Evaluator<f64>,
    batch: Batch<f64>,
}

impl BatchObjective {
    /// The objective that `evaluator` computes on `batch`.
    pub fn new(evaluator: Evaluator<f64>, batch: Batch<f64>) -> BatchObjective {
        BatchObjective { evaluator, batch }
    }

    /// Loss and gradient of every prompt of the batch, in order.
    ///
    /// # Panics
    /// If `params` do not fit the model.
    pub fn prompt_gradients(&mut self, params: &[f64]) -> SampleGradients {
        self.evaluator.prompt_gradients(params, &self.batch)
    }
}

impl Objective for BatchObjective {
    fn dim(&self) -> usize {
        self.evaluator.model().params()
    }
    fn value(&mut self, params: &[f64]) -> Result<f64, ObjectiveError> {
        Ok(self.evaluator.value(params, &self.batch))
    }
    fn gradient(&mut self, params: &[f64], grad: &mut [f64]) -> Result<f64, ObjectiveError> {
        Ok(self.evaluator.gradient(params, &self.batch, grad))
    }
    fn hvp(&mut self, params: &[f64], v: &[f64], out: &mut [f64]) -> Result<f64, ObjectiveError> {
        Ok(self.evaluator.hvp(params, v, &self.batch, out))
    }
    fn hessian(&mut self, params: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.evaluator.hessian(params, &self.batch, out);
        Ok(())
    }
    fn blocks(&self) -> Vec<Block> {
        self.evaluator.model().blocks()
    }
}

/// The expected loss of a task: f_ξ is the loss of one fresh prompt.
pub struct TaskObjective {
    evaluator: Evaluator<f64>,
    task: Task,
    seed: u64,
}

impl TaskObjective {
    /// The loss that `evaluator` computes on prompts of `task`, drawn at `seed` in a stream of
    /// their own: never those that a run trains on or is evaluated on.
    ///
    /// # Panics
    /// If the dimensions of model and task differ.
    pub fn new(evaluator: Evaluator<f64>, task: Task, seed: u64) -> TaskObjective {
        assert_eq!(task.dim(), evaluator.model().dim, "dimension of task and model");
        TaskObjective { evaluator, task, seed }
    }

    /// The evaluator beside the prompts of a draw: two parts, because one is borrowed to change.
    fn at(&mut self, draw: u64, samples: usize) -> (&mut Evaluator<f64>, Stream<'_>) {
        let key = Key::samples(self.seed, draw);
        let isa = self.evaluator.isa();
        let form = self.evaluator.model().form();
        (&mut self.evaluator, Stream::new(&self.task, form, isa, key, samples))
    }
}

impl Stochastic for TaskObjective {
    fn dim(&self) -> usize {
        self.evaluator.model().params()
    }
    fn blocks(&self) -> Vec<Block> {
        self.evaluator.model().blocks()
    }
    fn batch_gradient(
        &mut self,
        params: &[f64],
        draw: u64,
        samples: usize,
        grad: &mut [f64],
    ) -> Result<f64, ObjectiveError> {
        let (evaluator, prompts) = self.at(draw, samples);
        Ok(evaluator.gradient(params, &prompts, grad))
    }
    fn sample_gradients(
        &mut self,
        params: &[f64],
        draw: u64,
        samples: usize,
    ) -> Result<SampleGradients, ObjectiveError> {
        let (evaluator, prompts) = self.at(draw, samples);
        Ok(evaluator.prompt_gradients(params, &prompts))
    }
    fn sample_losses(
        &mut self,
        params: &[f64],
        draw: u64,
        samples: usize,
    ) -> Result<Vec<f64>, ObjectiveError> {
        let (evaluator, prompts) = self.at(draw, samples);
        Ok(evaluator.losses(params, &prompts))
    }
}
