//! Sources of the gradients that a trainer trains on.

use windtunnel_math::objective::Block;
use windtunnel_model::task::Stream;
use windtunnel_model::{Evaluator, Trained};
use windtunnel_optim::{Error, Oracle};

use crate::config::{ConfigError, TrainConfig};
use crate::window::Window;

/// Loss that changes from step to step, as that of mini-batches does, with its gradient.
///
/// A step number names a mini-batch: asked again for the same one, a source gives the same numbers.
/// So runs resume to the bit, and optimizers can look at other points.
pub trait Source<T> {
    /// Partition of the parameters, in order; the end of the last block is their number.
    fn blocks(&self) -> Vec<Block>;

    /// Mini-batch loss of a step; its gradient goes to `grad`.
    ///
    /// # Errors
    /// If it cannot be computed; the run ends then. NaN is a value, not an error.
    fn gradient(&mut self, step: u64, params: &[T], grad: &mut [T]) -> Result<f64, Error>;

    /// Mini-batch loss of a step, for optimizers that ask for it.
    ///
    /// # Errors
    /// As [`Source::gradient`]; by default, the error that there is none.
    fn loss(&mut self, step: u64, params: &[T]) -> Result<f64, Error> {
        let _ = (step, params);
        Err("this source of gradients has no loss without its gradient".into())
    }

    /// ⟨∇f, v⟩ of the mini-batch of a step; the Hessian-vector product ∇²f · v goes to `out`.
    ///
    /// # Errors
    /// As [`Source::gradient`]; by default, the error that there is none.
    fn hvp(&mut self, step: u64, params: &[T], v: &[T], out: &mut [T]) -> Result<f64, Error> {
        let _ = (step, params, v, out);
        Err("this source of gradients has no Hessian-vector products".into())
    }
}

/// The mini-batch of one step as optimizers see it.
pub(crate) struct AtStep<'a, S> {
    pub(crate) source: &'a mut S,
    pub(crate) step: u64,
}

impl<T, S: Source<T>> Oracle<T> for AtStep<'_, S> {
    fn loss(&mut self, params: &[T]) -> Result<f64, Error> {
        self.source.loss(self.step, params)
    }
    fn gradient(&mut self, params: &[T], grad: &mut [T]) -> Result<f64, Error> {
        self.source.gradient(self.step, params, grad)
    }
    fn hvp(&mut self, params: &[T], v: &[T], out: &mut [T]) -> Result<f64, Error> {
        self.source.hvp(self.step, params, v, out)
    }
}

/// Fresh prompts of a task every step, read by a Transformer.
pub struct TaskSource<T> {
    config: TrainConfig,
    evaluator: Evaluator<T>,
    products: Option<Workspace>,
    window: Option<Window<T>>,
}

/// Evaluator and vectors for Hessian-vector products, which are computed in double precision
/// whatever the parameters are; made when the first one is asked for.
struct Workspace {
    evaluator: Evaluator<f64>,
    params: Vec<f64>,
    v: Vec<f64>,
    out: Vec<f64>,
}

impl<T: Trained> TaskSource<T> {
    /// The source that a run of `config` trains on.
    ///
    /// # Errors
    /// See [`TrainConfig::check`].
    pub fn new(config: TrainConfig) -> Result<TaskSource<T>, ConfigError> {
        config.check()?;
        let evaluator = Evaluator::new(config.model, config.isa, config.threads);
        Ok(TaskSource { config, evaluator, products: None, window: None })
    }

    /// Reads prompts from a window from now on.
    pub(crate) fn share(&mut self, window: &Window<T>) -> Result<(), ConfigError> {
        window.check(&self.config)?;
        self.window = Some(window.clone());
        Ok(())
    }

    /// The configuration of the run.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }
}

impl<T: Trained> Source<T> for TaskSource<T> {
    fn blocks(&self) -> Vec<Block> {
        self.config.model.blocks()
    }

    fn gradient(&mut self, step: u64, params: &[T], grad: &mut [T]) -> Result<f64, Error> {
        let TaskSource { config, evaluator, window, .. } = self;
        Ok(match window {
            Some(window) => window.with(step, |batch| evaluator.gradient(params, batch, grad)),
            None => evaluator.gradient(params, &config.prompts(step), grad),
        })
    }

    fn loss(&mut self, step: u64, params: &[T]) -> Result<f64, Error> {
        Ok(self.evaluator.value(params, &self.config.prompts(step)))
    }

    fn hvp(&mut self, step: u64, params: &[T], v: &[T], out: &mut [T]) -> Result<f64, Error> {
        let TaskSource { config, products, .. } = self;
        let workspace = products.get_or_insert_with(|| Workspace::new(config));
        Ok(workspace.hvp(&config.prompts(step), params, v, out))
    }
}

impl Workspace {
    fn new(config: &TrainConfig) -> Workspace {
        let zeros = || vec![0.0; config.model.params()];
        let evaluator = Evaluator::new(config.model, config.isa, config.threads);
        Workspace { evaluator, params: zeros(), v: zeros(), out: zeros() }
    }

    fn hvp<T: Trained>(&mut self, prompts: &Stream, params: &[T], v: &[T], out: &mut [T]) -> f64 {
        let widen = |from: &[T], to: &mut [f64]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = from.widen());
        };
        widen(params, &mut self.params);
        widen(v, &mut self.v);
        let slope = self.evaluator.hvp(&self.params, &self.v, prompts, &mut self.out);
        out.iter_mut().zip(&self.out).for_each(|(to, from)| *to = T::nearest(*from));
        slope
    }
}
