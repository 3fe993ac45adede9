//! Observers of a run: they read its trajectory and change nothing.

use std::cell::RefCell;

use windtunnel_math::lanes::Real;
use windtunnel_math::linalg::norm;
use windtunnel_math::rng::Key;
use windtunnel_measure::metric::{Instrument, Metric, Name};
use windtunnel_measure::stats::{mean, quantile, top_share};
use windtunnel_model::task::Batch;
use windtunnel_model::{Evaluator, Trained};
use windtunnel_optim::{Error, Optimizer, Oracle, Point};

use crate::config::{ConfigError, TrainConfig, require};
use crate::schedule::Schedule;

/// Point of the trajectory before its update, as observers see it.
pub struct TrajectoryPoint<'a, T> {
    /// Updates made so far.
    pub step: u64,
    /// Whether no update follows.
    pub last: bool,
    /// Parameters θ at this step.
    pub params: &'a [T],
    /// Mini-batch gradient at θ, before clipping.
    pub grad: &'a [T],
    /// Mini-batch loss at θ.
    pub loss: f64,
    /// The optimizer before the update.
    pub optimizer: &'a Optimizer<T>,
    /// The shadow optimizers, also before their updates.
    pub shadows: &'a [Shadow<T>],
    /// The mini-batch loss at other points, for optimizers that ask for it.
    pub oracle: Option<&'a RefCell<dyn Oracle<T> + 'a>>,
}

/// An optimizer that sees the gradients of a run and changes nothing.
pub struct Shadow<T> {
    /// Name of the shadow.
    pub name: String,
    /// The optimizer itself.
    pub optimizer: Optimizer<T>,
}

impl<T: Real> TrajectoryPoint<'_, T> {
    /// The update u that `optimizer` makes here, θ ← θ − u, and the optimizer after it.
    ///
    /// # Errors
    /// If a transform fails.
    pub fn update_of(&self, optimizer: &Optimizer<T>) -> Result<(Vec<T>, Optimizer<T>), Error> {
        let mut after = optimizer.clone();
        let mut update = self.grad.to_vec();
        let mut oracle = self.oracle.map(RefCell::borrow_mut);
        let oracle = oracle.as_mut().map(|oracle| &mut **oracle as &mut dyn Oracle<T>);
        let at = Point { params: self.params, loss: Some(self.loss), oracle };
        after.update(at, &mut update)?;
        Ok((update, after))
    }
}

/// Receives named values: (step, metric, value).
pub trait Recorder {
    /// Takes one value.
    fn record(&mut self, step: u64, metric: Name, value: f64);

    /// Takes the reason why something has no finite value at `step`: by default nobody listens.
    fn missing(&mut self, step: u64, what: Missing<'_>, reason: &str) {
        let _ = (step, what, reason);
    }
}

/// A function of step, name and value is a recorder.
impl<F: FnMut(u64, &str, f64)> Recorder for F {
    fn record(&mut self, step: u64, metric: Name, value: f64) {
        self(step, &metric.to_string(), value);
    }
}

/// Metric or instrument that has no finite value at a step.
#[derive(Clone, Copy, Debug)]
pub enum Missing<'a> {
    /// A metric or a part of it.
    Metric(&'a Name),
    /// All of an instrument.
    Instrument(Instrument),
}

impl std::fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Missing::Metric(name) => name.fmt(f),
            Missing::Instrument(instrument) => f.write_str(instrument.name()),
        }
    }
}

/// An instrument that reads the trajectory without touching it.
pub trait Observer<T> {
    /// Measures at `point` and records what it found.
    fn observe(&mut self, point: &TrajectoryPoint<'_, T>, record: &mut dyn Recorder);
}

/// An observer with the steps it is called at.
pub struct Scheduled<'a, T> {
    /// Steps at which it is called.
    pub schedule: Schedule,
    /// Observer that is called.
    pub observer: &'a mut dyn Observer<T>,
}

/// The held-out prompts of a checked configuration.
pub(crate) fn held_out_batch<T: Trained>(
    config: &TrainConfig,
    batch_size: usize,
    key: Key,
) -> Result<Batch<T>, ConfigError> {
    config.check()?;
    require(batch_size >= 1, "held-out batch", batch_size, "1 prompt or more")?;
    Ok(config.task.batch(config.model.form(), config.isa, key, batch_size))
}

/// The name of a row on a fresh held-out batch, if there is one.
pub(crate) fn on_batch(name: Name, batch: Option<usize>) -> Name {
    match batch {
        Some(batch) => name.on_batch(batch),
        None => name,
    }
}

/// Mini-batch loss `train_loss` and gradient norm `grad_norm` before clipping.
pub struct TrainLoss;

impl<T: Real> Observer<T> for TrainLoss {
    fn observe(&mut self, point: &TrajectoryPoint<'_, T>, record: &mut dyn Recorder) {
        record.record(point.step, Metric::TrainLoss.into(), point.loss);
        let grad: Vec<f64> = point.grad.iter().map(|g| g.widen()).collect();
        record.record(point.step, Metric::GradNorm.into(), norm(&grad));
    }
}

/// Loss on a batch that is never trained on: mean over its prompts (`held_out_loss`), median
/// (`held_out_median`), and the share of the sum that the worst prompt has (`held_out_top_share`).
///
/// Losses of single prompts are heavy-tailed after training, because the residual is a polynomial
/// of degree (3ᴸ−1)/2 in the eigenvalues of S/n: where the share is near 1, the mean is one prompt.
pub struct HeldOut<T> {
    evaluator: Evaluator<T>,
    batch: Batch<T>,
    /// Number of the batch in the names of its rows, if it is a fresh one.
    number: Option<usize>,
}

impl<T: Trained> HeldOut<T> {
    /// `batch_size` prompts of the run's task, drawn once at `seed`: the same for every run seed.
    ///
    /// # Errors
    /// A configuration that no run can be made of, an empty batch.
    pub fn new(
        config: &TrainConfig,
        batch_size: usize,
        seed: u64,
    ) -> Result<HeldOut<T>, ConfigError> {
        HeldOut::of(config, batch_size, Key::held_out(seed), None)
    }

    /// `batch_size` prompts that no run with another seed is evaluated on; `number`, from 1, tells
    /// several such batches of a run apart. Rows have names as `batch2.held_out_loss`.
    ///
    /// # Errors
    /// As [`HeldOut::new`].
    pub fn fresh(
        config: &TrainConfig,
        batch_size: usize,
        number: usize,
    ) -> Result<HeldOut<T>, ConfigError> {
        let key = Key::fresh_held_out(config.seed, number as u64);
        HeldOut::of(config, batch_size, key, Some(number))
    }

    fn of(
        config: &TrainConfig,
        batch_size: usize,
        key: Key,
        number: Option<usize>,
    ) -> Result<HeldOut<T>, ConfigError> {
        let batch = held_out_batch(config, batch_size, key)?;
        let evaluator = Evaluator::new(config.model, config.isa, config.threads);
        Ok(HeldOut { evaluator, batch, number })
    }
}

impl<T: Trained> Observer<T> for HeldOut<T> {
    fn observe(&mut self, point: &TrajectoryPoint<'_, T>, record: &mut dyn Recorder) {
        let losses = self.evaluator.losses(point.params, &self.batch);
        let mut losses: Vec<f64> = losses.into_iter().map(Real::widen).collect();
        let (mean, share) = (mean(&losses), top_share(&losses));
        losses.sort_by(f64::total_cmp);
        let name = |metric: Metric| on_batch(metric.into(), self.number);
        record.record(point.step, name(Metric::HeldOutLoss), mean);
        record.record(point.step, name(Metric::HeldOutMedian), quantile(&losses, 0.5));
        record.record(point.step, name(Metric::HeldOutTopShare), share);
    }
}
