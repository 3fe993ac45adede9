//! The training loop: fresh prompts each step, observers on a cadence, divergence as a result.

pub mod baseline;
mod live;
mod oracle;

pub use live::{Instruments, updates_at};

use std::cell::RefCell;
use std::ops::ControlFlow;

use oracle::{BatchOracle, Products};
use windtunnel_math::lanes::{Isa, Real};
use windtunnel_math::linalg::norm;
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_measure::metric::{Instrument, Metric, Name};
use windtunnel_measure::stats::{mean, quantile, top_share};
use windtunnel_model::task::{Batch, Stream, Task};
use windtunnel_model::{Evaluator, Trained, Transformer};
use windtunnel_optim::{Config, Error, Optimizer, Oracle, Point, RestoreError, Scalar, subtract};

/// Everything that determines a run, and the machine's part (`isa`, `threads`).
#[derive(Clone, Debug)]
pub struct TrainConfig {
    /// Law of the prompts.
    pub task: Task,
    /// The model.
    pub model: Transformer,
    /// Standard deviation of the initial parameters.
    pub init_std: f64,
    /// The optimizer.
    pub optimizer: Config,
    /// Fresh prompts per step.
    pub batch_size: usize,
    /// Number of updates.
    pub steps: u64,
    /// Seed of initial parameters and training prompts.
    pub seed: u64,
    /// Instruction set; one with another rounding changes last bits.
    pub isa: Isa,
    /// Threads that share the prompts of a step; their number changes no bit.
    pub threads: usize,
    /// Other optimizers, by name, that see every gradient of the run and move nothing: what would
    /// they have done here?
    pub shadows: Vec<(String, Config)>,
}

impl TrainConfig {
    /// The prompts of the mini-batch of a step.
    fn prompts(&self, step: u64) -> Stream<'_> {
        let key = Key { seed: self.seed, purpose: Purpose::Train, step };
        Stream::new(&self.task, self.model.form(), self.isa, key, self.batch_size)
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All steps were made.
    Finished,
    /// Loss, gradient, updated parameters or state of the optimizer of this step are not finite:
    /// Adam whose second moment has overflowed would never move again.
    Diverged {
        /// The first such step.
        step: u64,
    },
    /// The caller asked to stop; the trainer can go on from here.
    Interrupted,
    /// A transform of an optimizer, or what it asked for, failed; the trainer is of no use then.
    Failed {
        /// The step that was not made.
        step: u64,
        /// The reason.
        reason: String,
    },
}

/// What an observer sees: a point of the trajectory before its update.
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
    /// The others, also before theirs.
    pub shadows: &'a [Shadow<T>],
    /// The mini-batch loss at other points, for optimizers that ask for it.
    pub oracle: Option<&'a RefCell<dyn Oracle<T> + 'a>>,
}

/// An optimizer that is fed the gradients of a run and moves nothing.
pub struct Shadow<T> {
    /// Its name.
    pub name: String,
    /// What it would do.
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

/// What has no finite value.
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
    /// Measures at `view` and records what it found.
    fn observe(&mut self, view: &TrajectoryPoint<'_, T>, record: &mut dyn Recorder);
}

/// At which steps something is done, beside the last of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Every n-th step from 0 on, n ≥ 1.
    Every(u64),
    /// Step 0 and round(10^(i/k)), i = 0, 1, …: k ≥ 1 in each decade, fewer where they coincide.
    PerDecade(u32),
    /// These steps, and not the last unless it is one of them.
    At(Vec<u64>),
}

impl Schedule {
    /// How many times it is time in a run of `steps` updates, or a few more.
    pub fn count(&self, steps: u64) -> u64 {
        match self {
            Schedule::Every(every) => steps / every + 2,
            Schedule::PerDecade(k) => {
                let decades = (steps as f64).log10().max(0.0);
                (f64::from(*k) * decades).ceil() as u64 + 2
            }
            Schedule::At(at) => at.iter().filter(|step| **step <= steps).count() as u64,
        }
    }

    /// Whether it is time at `step`, the `last` of the run or not.
    pub fn due(&self, step: u64, last: bool) -> bool {
        match self {
            Schedule::Every(every) => last || step.is_multiple_of(*every),
            Schedule::PerDecade(_) if last || step == 0 => true,
            Schedule::PerDecade(k) => {
                let k = f64::from(*k);
                let i = k * (step as f64).log10();
                // If any 10^(i/k) rounds to the step, then one of its two neighbours does.
                [i.floor(), i.ceil()].iter().any(|i| 10_f64.powf(i / k).round() as u64 == step)
            }
            Schedule::At(steps) => steps.contains(&step),
        }
    }
}

/// An observer with the steps it is called at.
pub struct Scheduled<'a, T> {
    /// When.
    pub schedule: Schedule,
    /// Who is called.
    pub observer: &'a mut dyn Observer<T>,
}

/// Mini-batch loss `train_loss` and gradient norm `grad_norm` before clipping.
pub struct TrainLoss;

impl<T: Real> Observer<T> for TrainLoss {
    fn observe(&mut self, view: &TrajectoryPoint<'_, T>, record: &mut dyn Recorder) {
        record.record(view.step, Metric::TrainLoss.into(), view.loss);
        let grad: Vec<f64> = view.grad.iter().map(|g| g.widen()).collect();
        record.record(view.step, Metric::GradNorm.into(), norm(&grad));
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
}

impl<T: Trained> HeldOut<T> {
    /// `batch_size` prompts of the run's task, drawn once at `seed`: the same for every run seed.
    pub fn new(settings: &TrainConfig, batch_size: usize, seed: u64) -> HeldOut<T> {
        let key = Key { seed, purpose: Purpose::HeldOut, step: 0 };
        let batch = settings.task.batch(settings.model.form(), settings.isa, key, batch_size);
        let evaluator = Evaluator::new(settings.model, settings.isa, settings.threads);
        HeldOut { evaluator, batch }
    }
}

impl<T: Trained> Observer<T> for HeldOut<T> {
    fn observe(&mut self, view: &TrajectoryPoint<'_, T>, record: &mut dyn Recorder) {
        let losses = self.evaluator.losses(view.params, &self.batch);
        let mut losses: Vec<f64> = losses.into_iter().map(Real::widen).collect();
        let (mean, share) = (mean(&losses), top_share(&losses));
        losses.sort_by(f64::total_cmp);
        record.record(view.step, Metric::HeldOutLoss.into(), mean);
        record.record(view.step, Metric::HeldOutMedian.into(), quantile(&losses, 0.5));
        record.record(view.step, Metric::HeldOutTopShare.into(), share);
    }
}

const OPTIMIZER: &str = "optimizer.";

/// Prefix of the state of a shadow.
fn prefix(name: &str) -> String {
    format!("shadow.{name}.")
}

/// The parts of a state whose names begin with `prefix`, without it.
fn beginning<'a, T>(state: &[(&'a str, &'a [T])], prefix: &str) -> Vec<(&'a str, &'a [T])> {
    let own = |&(name, values): &(&'a str, &'a [T])| Some((name.strip_prefix(prefix)?, values));
    state.iter().filter_map(own).collect()
}

fn point<'a, T>(params: &'a [T], loss: f64, oracle: &'a mut dyn Oracle<T>) -> Point<'a, T> {
    Point { params, loss: Some(loss), oracle: Some(oracle) }
}

/// A run in progress.
pub struct Trainer<T> {
    settings: TrainConfig,
    evaluator: Evaluator<T>,
    products: Products,
    optimizer: Optimizer<T>,
    shadows: Vec<Shadow<T>>,
    params: Vec<T>,
    grad: Vec<T>,
    /// Gradients for the shadows to spoil.
    spare: Vec<T>,
}

impl<T: Trained + Scalar> Trainer<T> {
    /// A run at its initial parameters.
    pub fn new(settings: TrainConfig) -> Trainer<T> {
        let model = settings.model;
        let init = model.init(settings.seed, settings.init_std);
        let params: Vec<T> = init.into_iter().map(T::nearest).collect();
        let blocks = model.blocks();
        let shadow = |(name, config): &(String, Config)| Shadow {
            name: name.clone(),
            optimizer: Optimizer::new(config, &blocks),
        };
        Trainer {
            evaluator: Evaluator::new(model, settings.isa, settings.threads),
            products: Products::default(),
            optimizer: Optimizer::new(&settings.optimizer, &blocks),
            shadows: settings.shadows.iter().map(shadow).collect(),
            grad: vec![T::zero(); params.len()],
            spare: vec![T::zero(); params.len()],
            params,
            settings,
        }
    }

    /// The settings.
    pub fn settings(&self) -> &TrainConfig {
        &self.settings
    }

    /// Updates made so far.
    pub fn step(&self) -> u64 {
        self.optimizer.steps()
    }

    /// Current parameters, [L, 2, d, d].
    pub fn params(&self) -> &[T] {
        &self.params
    }

    /// State of the optimizers, by name: `optimizer.…` and `shadow.NAME.…`.
    pub fn state(&self) -> impl Iterator<Item = (String, &[T])> {
        let own = std::iter::once((OPTIMIZER.to_string(), &self.optimizer));
        let shadows = self.shadows.iter().map(|s| (prefix(&s.name), &s.optimizer));
        own.chain(shadows).flat_map(|(prefix, optimizer)| {
            optimizer.state().map(move |(name, values)| (format!("{prefix}{name}"), values))
        })
    }

    /// Continues where another trainer of the same settings stopped.
    ///
    /// # Errors
    /// Parameters or a state that do not fit the settings; the trainer is of no use then.
    pub fn restore(
        &mut self,
        step: u64,
        params: &[T],
        state: &[(&str, &[T])],
    ) -> Result<(), RestoreError> {
        if params.len() != self.params.len() {
            return Err(RestoreError::Length {
                name: "params".into(),
                expected: self.params.len(),
                found: params.len(),
            });
        }
        self.optimizer.restore(step, &beginning(state, OPTIMIZER))?;
        for shadow in &mut self.shadows {
            shadow.optimizer.restore(step, &beginning(state, &prefix(&shadow.name)))?;
        }
        self.params.copy_from_slice(params);
        Ok(())
    }

    /// Trains to the last step, or until `callback` breaks, the run diverges or an optimizer fails.
    ///
    /// `callback` is called before every step with the trainer, in a state that [`Trainer::restore`]
    /// continues with the same bits. Observers of step t are called after the callback of step t.
    pub fn run<R: Recorder>(
        &mut self,
        observers: &mut [Scheduled<'_, T>],
        record: &mut R,
        mut callback: impl FnMut(&Trainer<T>, &R) -> ControlFlow<()>,
    ) -> Outcome {
        loop {
            if callback(self, record).is_break() {
                return Outcome::Interrupted;
            }
            let step = self.step();
            let prompts = self.settings.prompts(step);
            let loss = self.evaluator.gradient(&self.params, &prompts, &mut self.grad);
            let last = step >= self.settings.steps;
            let mut oracle = RefCell::new(BatchOracle {
                evaluator: &mut self.evaluator,
                products: &mut self.products,
                prompts: &prompts,
                isa: self.settings.isa,
                threads: self.settings.threads,
            });
            let view = TrajectoryPoint {
                step,
                last,
                params: &self.params,
                grad: &self.grad,
                loss,
                optimizer: &self.optimizer,
                shadows: &self.shadows,
                oracle: Some(&oracle),
            };
            for scheduled in observers.iter_mut() {
                if scheduled.schedule.due(step, last) {
                    scheduled.observer.observe(&view, record);
                }
            }
            if !loss.is_finite() || !self.grad.iter().all(|g| num_traits::Float::is_finite(*g)) {
                return Outcome::Diverged { step };
            }
            if last {
                return Outcome::Finished;
            }
            let failed = |error: Error| Outcome::Failed { step, reason: error.to_string() };
            for shadow in &mut self.shadows {
                self.spare.copy_from_slice(&self.grad);
                let at = point(&self.params, loss, oracle.get_mut());
                if let Err(error) = shadow.optimizer.update(at, &mut self.spare) {
                    return failed(error);
                }
            }
            let at = point(&self.params, loss, oracle.get_mut());
            if let Err(error) = self.optimizer.update(at, &mut self.grad) {
                return failed(error);
            }
            subtract(&mut self.params, &self.grad);
            let finite = |values: &[T]| values.iter().all(|x| num_traits::Float::is_finite(*x));
            if !finite(&self.params) || !self.optimizer.state().all(|(_, v)| finite(v)) {
                return Outcome::Diverged { step };
            }
        }
    }
}
