//! Mini-batches of a few steps, drawn once for several runs on the same prompts.

use std::sync::{Arc, Mutex, PoisonError};

use windtunnel_model::Trained;
use windtunnel_model::task::{Batch, Prompts};

use crate::config::{ConfigError, TrainConfig, require};

/// Most bytes of all batches of a window: what second-level caches hold today.
const BYTES: usize = 1 << 20;
/// Most steps of a window.
const STEPS: usize = 16;

/// A batch with its step, once one was drawn.
type Slot<T> = Option<(u64, Batch<T>)>;

/// Mini-batches of the last few steps that a run asked for, shared by runs on the same prompts.
///
/// Whoever asks for a step first draws its prompts; who asks next finds them, so runs that take turns
/// of [`Window::steps`] steps draw each batch once. A step that is not there is drawn again: a window
/// changes the time of a run and no bit of it.
#[derive(Clone)]
pub struct Window<T> {
    /// Settings of the runs, of which the optimizer does not matter.
    config: TrainConfig,
    /// Batch of a step at its number modulo the length.
    slots: Arc<Mutex<Vec<Slot<T>>>>,
    steps: usize,
}

impl<T: Trained> Window<T> {
    /// An empty window for runs on the prompts of `config`.
    ///
    /// # Errors
    /// See [`TrainConfig::check`].
    pub fn new(config: &TrainConfig) -> Result<Window<T>, ConfigError> {
        config.check()?;
        let values = config.batch_size * Prompts::<T>::layout(&config.prompts(0)).rows();
        let steps = (BYTES / (values * size_of::<T>()).max(1)).clamp(1, STEPS);
        let slots = Arc::new(Mutex::new((0..steps).map(|_| None).collect()));
        Ok(Window { config: config.clone(), slots, steps })
    }

    /// Number of steps whose prompts it holds.
    pub fn steps(&self) -> u64 {
        self.steps as u64
    }

    /// Refuses a run on other prompts.
    pub(crate) fn check(&self, config: &TrainConfig) -> Result<(), ConfigError> {
        let allowed = "the task, seed, batch size and form of prompts of the window";
        require(self.config.shares_prompts(config), "prompts", "others", allowed)
    }

    /// Calls `read` with the prompts of a step.
    pub(crate) fn with<R>(&self, step: u64, read: impl FnOnce(&Batch<T>) -> R) -> R {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = &mut slots[(step % self.steps()) as usize];
        let batch = match slot.take() {
            Some((known, batch)) if known == step => batch,
            Some((_, mut batch)) => {
                batch.refill(&self.config.prompts(step));
                batch
            }
            None => Batch::collect(&self.config.prompts(step)),
        };
        let (_, batch) = slot.insert((step, batch));
        read(batch)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::trainer::{StopReason, Trainer};
    use windtunnel_math::lanes::Isa;
    use windtunnel_model::Transformer;
    use windtunnel_model::task::{Covariates, Task};
    use windtunnel_optim::{Adam, Config, Sgd};

    fn config(covariates: Covariates, optimizer: Config) -> TrainConfig {
        let task = Task::new(3, 5, covariates).unwrap();
        let config = TrainConfig::new(task, Transformer::linear(2, 3), optimizer);
        TrainConfig { batch_size: 40, steps: 50, threads: 2, isa: Isa::detect(), ..config }
    }

    fn train(trainer: &mut Trainer<f32>, until: u64) -> StopReason {
        trainer.run(&mut [], &mut |_: u64, _: &str, _: f64| {}, |trainer, _| {
            match trainer.step() >= until {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })
    }

    #[test]
    fn runs_that_share_prompts_have_the_bits_of_runs_alone() {
        for covariates in [Covariates::gaussian(), Covariates::gamma_radial(0.1, 10.0).unwrap()] {
            let rates = [0.001, 0.02, 0.1];
            let adam = rates.map(|lr| config(covariates.clone(), Config::of::<Adam>().with_lr(lr)));
            let sgd = config(covariates, Config::of::<Sgd>().with_lr(0.01));
            let configs = [&adam[..], &[sgd]].concat();
            let window = Window::new(&configs[0]).unwrap();
            let shared = |config: &TrainConfig| {
                let mut trainer = Trainer::<f32>::new(config.clone()).unwrap();
                trainer.share(&window).unwrap();
                trainer
            };
            let mut together: Vec<Trainer<f32>> = configs.iter().map(shared).collect();
            // Turns that are longer and shorter than the window; one run ahead of the others.
            train(&mut together[1], 23);
            let mut ended = vec![StopReason::Interrupted; together.len()];
            for until in [3, 3 + window.steps(), 41, 60] {
                for (trainer, end) in together.iter_mut().zip(&mut ended) {
                    // A run that diverged is over.
                    if *end == StopReason::Interrupted {
                        *end = train(trainer, until);
                    }
                }
            }
            for ((config, shared), end) in configs.iter().zip(&together).zip(ended) {
                let mut alone = Trainer::<f32>::new(config.clone()).unwrap();
                assert_eq!(train(&mut alone, u64::MAX), end);
                let bits = |trainer: &Trainer<f32>| -> Vec<u32> {
                    trainer.params().iter().map(|x| x.to_bits()).collect()
                };
                assert_eq!((alone.step(), bits(&alone)), (shared.step(), bits(shared)));
            }
        }
    }

    #[test]
    fn runs_on_other_prompts_are_refused() {
        let own = config(Covariates::gaussian(), Config::of::<Adam>());
        let window = Window::<f32>::new(&own).unwrap();
        for other in [
            TrainConfig { seed: 1, ..own.clone() },
            TrainConfig { batch_size: 41, ..own.clone() },
            config(Covariates::sphere(), Config::of::<Adam>()),
        ] {
            let mut trainer = Trainer::<f32>::new(other).unwrap();
            assert_eq!(trainer.share(&window).unwrap_err().field, "prompts");
        }
        let longer = TrainConfig { steps: 7, init_std: 0.1, threads: 1, ..own };
        assert!(Trainer::<f32>::new(longer).unwrap().share(&window).is_ok());
    }

    #[test]
    fn windows_fit_their_cache() {
        let own = config(Covariates::gaussian(), Config::of::<Adam>());
        let steps = |batch_size| {
            Window::<f64>::new(&TrainConfig { batch_size, ..own.clone() }).unwrap().steps()
        };
        assert_eq!((steps(1), steps(1 << 24)), (STEPS as u64, 1));
    }
}
