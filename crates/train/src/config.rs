//! Configuration of a run.

use std::fmt;

use windtunnel_math::lanes::Isa;
use windtunnel_math::rng::Key;
use windtunnel_model::Transformer;
use windtunnel_model::task::{Stream, Task};
use windtunnel_optim::Config;

/// Settings of a run: everything that determines it, and the machine's part (`isa`, `threads`).
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
    /// Shadow optimizers, by name: they see every gradient of the run, and change nothing.
    pub shadows: Vec<(String, Config)>,
}

/// Error returned when a run cannot be set up as it is described.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigError {
    /// Field of the configuration.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// Allowed values.
    pub allowed: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConfigError { field, value, allowed } = self;
        write!(f, "{field} = {value}: expected {allowed}")
    }
}

impl std::error::Error for ConfigError {}

impl TrainConfig {
    /// Setting 1 of Ahn et al. (ICLR 2024), with `model` on `task` and this optimizer: 10,000 steps
    /// of 1000 fresh prompts, initial standard deviation 0.02, seed 0, the best instruction set of
    /// this machine, one thread, no shadows.
    pub fn new(task: Task, model: Transformer, optimizer: Config) -> TrainConfig {
        TrainConfig {
            task,
            model,
            init_std: 0.02,
            optimizer,
            batch_size: 1000,
            steps: 10_000,
            seed: 0,
            isa: Isa::detect(),
            threads: 1,
            shadows: Vec::new(),
        }
    }

    /// Checks that a run can be made of these settings.
    ///
    /// # Errors
    /// A size of zero, a model of another dimension than the task, an initial deviation that is negative
    /// or not finite, an instruction set that this machine lacks.
    pub fn check(&self) -> Result<(), ConfigError> {
        let model = &self.model;
        for (field, size) in [
            ("model.depth", model.depth),
            ("model.dim", model.dim),
            ("model.heads", model.heads),
            ("batch_size", self.batch_size),
            ("threads", self.threads),
        ] {
            require(size >= 1, field, size, "1 or more")?;
        }
        let dim = self.task.dim();
        require(model.dim == dim, "model.dim", model.dim, format!("{dim}, that of the task"))?;
        let std = self.init_std;
        require(std.is_finite() && std >= 0.0, "init_std", std, "a finite number, 0 or more")?;
        let isa = self.isa;
        require(isa.available(), "isa", isa.name(), "instructions that this machine has")
    }

    /// Whether another run reads the same prompts at every step.
    pub fn shares_prompts(&self, other: &TrainConfig) -> bool {
        let of = |config: &TrainConfig| {
            (config.seed, config.batch_size, config.isa, config.model.form())
        };
        of(self) == of(other) && self.task == other.task
    }

    /// The prompts of the mini-batch of a step.
    pub(crate) fn prompts(&self, step: u64) -> Stream<'_> {
        let key = Key::train(self.seed, step);
        Stream::new(&self.task, self.model.form(), self.isa, key, self.batch_size)
    }
}

/// Returns the error of a field unless `holds`.
pub(crate) fn require(
    holds: bool,
    field: &'static str,
    value: impl fmt::Display,
    allowed: impl Into<String>,
) -> Result<(), ConfigError> {
    match holds {
        true => Ok(()),
        false => Err(ConfigError { field, value: value.to_string(), allowed: allowed.into() }),
    }
}
