//! The training loop.

use std::cell::RefCell;
use std::ops::ControlFlow;

use windtunnel_math::objective::Block;
use windtunnel_model::Trained;
use windtunnel_optim::{Config, Error, Optimizer, Oracle, Point, RestoreError, Scalar, subtract};

use crate::config::{ConfigError, TrainConfig, require};
use crate::observe::{Recorder, Scheduled, Shadow, TrajectoryPoint};
use crate::source::{AtStep, Source, TaskSource};
use crate::window::Window;

/// Reason why a call of [`Trainer::run`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
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
    /// A transform of an optimizer, or the oracle that it called, failed; the trainer is of no use
    /// then.
    Failed {
        /// The step that was not made.
        step: u64,
        /// The reason.
        reason: String,
    },
}

/// Beginning of the names of the states of shadow optimizers.
pub const SHADOW: &str = "shadow.";
const OPTIMIZER: &str = "optimizer.";

/// Prefix of the state of a shadow.
fn prefix(name: &str) -> String {
    format!("{SHADOW}{name}.")
}

/// The parts of a state whose names begin with `prefix`, without it.
fn beginning<'a, T>(state: &[(&'a str, &'a [T])], prefix: &str) -> Vec<(&'a str, &'a [T])> {
    let own = |&(name, values): &(&'a str, &'a [T])| Some((name.strip_prefix(prefix)?, values));
    state.iter().filter_map(own).collect()
}

fn at<'a, T>(params: &'a [T], loss: f64, oracle: &'a mut dyn Oracle<T>) -> Point<'a, T> {
    Point { params, loss: Some(loss), oracle: Some(oracle) }
}

/// A run in progress.
pub struct Trainer<T, S = TaskSource<T>> {
    source: S,
    optimizer: Optimizer<T>,
    shadows: Vec<Shadow<T>>,
    params: Vec<T>,
    grad: Vec<T>,
    /// Copy of the gradient for each shadow in turn, whose update overwrites it.
    spare: Vec<T>,
    /// Number of updates.
    steps: u64,
}

impl<T: Trained + Scalar> Trainer<T> {
    /// A run at its initial parameters.
    ///
    /// # Errors
    /// See [`TrainConfig::check`].
    pub fn new(config: TrainConfig) -> Result<Trainer<T>, ConfigError> {
        let source = TaskSource::new(config)?;
        let config = source.config();
        let init = config.model.init(config.seed, config.init_std);
        let params = init.into_iter().map(T::nearest).collect();
        let (optimizer, steps) = (config.optimizer.clone(), config.steps);
        let shadows = config.shadows.clone();
        Trainer::over(source, &optimizer, params, steps).map(|trainer| trainer.shadowed(&shadows))
    }

    /// Reads prompts from a window that other runs on the same prompts share, from now on. It changes
    /// no bit.
    ///
    /// # Errors
    /// A window of other prompts.
    pub fn share(&mut self, window: &Window<T>) -> Result<(), ConfigError> {
        self.source.share(window)
    }

    /// The configuration of the run.
    pub fn config(&self) -> &TrainConfig {
        self.source.config()
    }
}

impl<T: Scalar, S: Source<T>> Trainer<T, S> {
    /// A run on any source of gradients, from `params` on, for `steps` steps.
    ///
    /// # Errors
    /// If the blocks of the source leave gaps, or there are not as many parameters as they have.
    pub fn over(
        source: S,
        optimizer: &Config,
        params: Vec<T>,
        steps: u64,
    ) -> Result<Trainer<T, S>, ConfigError> {
        let blocks = source.blocks();
        let mut dim = 0;
        for Block { name, range, .. } in &blocks {
            let (start, allowed) =
                (range.start, format!("a start at {dim}, where the last one ends"));
            require(start == dim && range.end >= dim, "block of parameters", name, allowed)?;
            dim = dim.max(range.end).max(start);
        }
        let allowed = format!("{dim} of them, as many as the source of gradients has");
        require(params.len() == dim, "number of parameters", params.len(), allowed)?;
        Ok(Trainer {
            optimizer: Optimizer::new(optimizer, &blocks),
            shadows: Vec::new(),
            grad: vec![T::zero(); dim],
            spare: vec![T::zero(); dim],
            source,
            params,
            steps,
        })
    }

    /// This run with shadow optimizers, by name, that see every gradient and change nothing.
    fn shadowed(mut self, shadows: &[(String, Config)]) -> Trainer<T, S> {
        let blocks = self.source.blocks();
        let shadow = |(name, config): &(String, Config)| Shadow {
            name: name.clone(),
            optimizer: Optimizer::new(config, &blocks),
        };
        self.shadows = shadows.iter().map(shadow).collect();
        self
    }

    /// The source of gradients.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Updates made so far.
    pub fn step(&self) -> u64 {
        self.optimizer.steps()
    }

    /// Current parameters; of a Transformer, those of [`Transformer::shape`](windtunnel_model::Transformer::shape), then the encoder's.
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
    /// Parameters or a state that do not fit the settings; the trainer is then as it was.
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
        let mut optimizer = self.optimizer.clone();
        optimizer.restore(step, &beginning(state, OPTIMIZER))?;
        let mut shadows = Vec::new();
        for shadow in &self.shadows {
            let mut restored = shadow.optimizer.clone();
            restored.restore(step, &beginning(state, &prefix(&shadow.name)))?;
            shadows.push(Shadow { name: shadow.name.clone(), optimizer: restored });
        }
        (self.optimizer, self.shadows) = (optimizer, shadows);
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
        mut callback: impl FnMut(&Trainer<T, S>, &R) -> ControlFlow<()>,
    ) -> StopReason {
        loop {
            if callback(self, record).is_break() {
                return StopReason::Interrupted;
            }
            let step = self.step();
            let failed = |error: Error| StopReason::Failed { step, reason: error.to_string() };
            let loss = match self.source.gradient(step, &self.params, &mut self.grad) {
                Ok(loss) => loss,
                Err(error) => return failed(error),
            };
            let last = step >= self.steps;
            let mut oracle = RefCell::new(AtStep { source: &mut self.source, step });
            let point = TrajectoryPoint {
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
                    scheduled.observer.observe(&point, record);
                }
            }
            if !loss.is_finite() || !self.grad.iter().all(|g| num_traits::Float::is_finite(*g)) {
                return StopReason::Diverged { step };
            }
            if last {
                return StopReason::Finished;
            }
            for shadow in &mut self.shadows {
                self.spare.copy_from_slice(&self.grad);
                let at = at(&self.params, loss, oracle.get_mut());
                if let Err(error) = shadow.optimizer.update(at, &mut self.spare) {
                    return failed(error);
                }
            }
            let at = at(&self.params, loss, oracle.get_mut());
            if let Err(error) = self.optimizer.update(at, &mut self.grad) {
                return failed(error);
            }
            subtract(&mut self.params, &self.grad);
            let finite = |values: &[T]| values.iter().all(|x| num_traits::Float::is_finite(*x));
            if !finite(&self.params) || !self.optimizer.state().all(|(_, v)| finite(v)) {
                return StopReason::Diverged { step };
            }
        }
    }
}
