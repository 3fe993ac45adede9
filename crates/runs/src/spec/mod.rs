//! The spec of a run: a TOML document, checked and resolved to a [`RunSpec`], and its [`RunId`].
//!
//! Every default is the paper's Setting 1 (Ahn et al., ICLR 2024), or that of the named preset.

mod canonical;
mod condition;
mod document;
mod error;
mod id;
mod instruments;
mod limits;
mod memory;
mod model;
mod multiply_add;
mod optimizer;
mod preset;
mod reader;
mod resolve;
mod task;
mod template;

pub use canonical::{NUMERICS_VERSION, run_id, run_id_of_text, run_id_with};
pub use condition::Condition;
pub use document::{Document, preset_named};
pub use error::SpecError;
pub use id::{ParseRunIdError, RunId};
pub use memory::Memory;
pub use model::describe_model;
pub use multiply_add::MultiplyAdd;
pub use preset::{InstrumentPreset, PRESETS, PRESETS_OF_INSTRUMENTS, Preset};

pub use resolve::{MAX_MEMORY, key_of, noise_memory, workspace_bytes};
pub use template::template;

use std::ops::Deref;

use windtunnel_math::lanes::Isa;
use windtunnel_measure::instrument::{Instrument, NoisePlan};
use windtunnel_model::Transformer;
use windtunnel_model::task::{Family, Size, Task};
use windtunnel_optim::{Adam, Config, Sgd};
use windtunnel_train::{Schedule, TrainConfig};

use limits::MAX_SEED;

/// Everything that determines the numbers of one run, checked: its sections can be read, and
/// changed only by [`RunSpec::with`] or through a [`Document`], which check what they make.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSpec(Sections);

impl Deref for RunSpec {
    type Target = Sections;

    fn deref(&self) -> &Sections {
        &self.0
    }
}

/// The sections of a spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Sections {
    /// Law of the prompts.
    pub task: TaskSpec,
    /// The model and its initial parameters.
    pub model: ModelSpec,
    /// The optimizer and its learning rate.
    pub optimizer: Config,
    /// Length, batch, seed and precision of training.
    pub train: TrainSpec,
    /// Held-out evaluation.
    pub eval: EvalSpec,
    /// Instruments.
    pub instruments: InstrumentsSpec,
}

/// `[task]`: the text-level description next to the checked [`Task`] built from it. A document makes
/// both, so that they agree.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSpec {
    /// `covariates` as the user wrote it.
    covariates: CovariatesSpec,
    task: Task,
}

impl TaskSpec {
    /// The task.
    pub fn task(&self) -> &Task {
        &self.task
    }
}

/// `task.covariates`.
#[derive(Clone, Debug, PartialEq)]
pub struct CovariatesSpec {
    /// `kind` with its parameters.
    pub family: Family,
    /// `covariance`.
    pub covariance: CovarianceSpec,
    /// `match`.
    pub size: Size,
}

/// `task.covariates.covariance`.
#[derive(Clone, Debug, PartialEq)]
pub enum CovarianceSpec {
    /// `"identity"`.
    Identity,
    /// A list of variances.
    Diagonal(Vec<f64>),
    /// A list of rows.
    Full(Vec<Vec<f64>>),
    /// A spectrum in a random basis.
    Rotated {
        /// Eigenvalues.
        spectrum: Vec<f64>,
        /// Seed of the rotation.
        rotation_seed: u64,
    },
    /// Eigenvalues λᵢ ∝ i^−α of trace d.
    PowerLaw {
        /// α.
        alpha: f64,
        /// Seed of the rotation; without one the axes are the eigenvectors.
        rotation_seed: Option<u64>,
    },
}

/// `[model]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// The model.
    pub transformer: Transformer,
    /// Standard deviation of the initial parameters.
    pub init_std: f64,
}

/// `[train]`.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSpec {
    /// Number of updates.
    pub steps: u64,
    /// Fresh prompts per step.
    pub batch_size: usize,
    /// Seed of initial parameters and prompts.
    pub seed: u64,
    /// Scalar type of parameters and kernels.
    pub precision: Precision,
}

/// `train.precision`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// `"f32"`, as the paper's experiments.
    F32,
    /// `"f64"`.
    F64,
}

impl Precision {
    /// The name in specs.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::F64 => "f64",
        }
    }
}

/// `[eval]`.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalSpec {
    /// Number of further held-out batches, drawn anew for every seed of training.
    pub fresh_batches: usize,
    /// Number of steps from one evaluation to the next.
    pub every: u64,
    /// Held-out prompts.
    pub batch_size: usize,
    /// Their seed, shared by all run seeds.
    pub seed: u64,
}

/// `[instruments]`.
#[derive(Clone, Debug, PartialEq)]
pub struct InstrumentsSpec {
    /// Instruments with their schedules, in the order in which they measure.
    pub schedules: Vec<(Instrument, Schedule)>,
    /// Sizes of the noise instruments.
    pub plan: NoisePlan,
}

impl RunSpec {
    /// The run as the trainer takes it, on `threads` threads.
    pub fn train_config(&self, isa: Isa, threads: usize) -> TrainConfig {
        TrainConfig {
            task: self.task.task.clone(),
            model: self.model.transformer,
            init_std: self.model.init_std,
            optimizer: self.optimizer.clone(),
            batch_size: self.train.batch_size,
            steps: self.train.steps,
            seed: self.train.seed,
            isa,
            threads,
            shadows: if self.instruments.schedules.iter().any(|(i, _)| i.needs_shadows()) {
                self.shadows()
            } else {
                Vec::new()
            },
        }
    }

    /// The shadow optimizers, which show what they would do: SGD and Adam with the paper's
    /// defaults, momentum 0.9 and betas (0.9, 0.9), clipped as the run is; without the one that the
    /// run itself has. Learning rates are 1, because only directions matter.
    pub fn shadows(&self) -> Vec<(String, Config)> {
        let other = |config: &Config| config.name() != self.optimizer.name();
        let shadow = |config: Config| {
            let config = config.with_lr(1.0).with_clip_norm(self.optimizer.clip_norm());
            (config.name().into(), config)
        };
        let papers = [Config::of::<Sgd>(), Config::of::<Adam>()];
        papers.into_iter().filter(other).map(shadow).collect()
    }

    /// This run with another learning rate.
    ///
    /// # Panics
    /// If the learning rate is not finite and positive.
    #[must_use]
    pub fn with_lr(&self, lr: f64) -> RunSpec {
        let optimizer = self.optimizer.clone().with_lr(lr);
        RunSpec(Sections { optimizer, ..self.0.clone() })
    }

    /// This run with another seed.
    ///
    /// # Panics
    /// If the seed is above 2⁶³ − 1, which a spec file cannot have.
    #[must_use]
    pub fn with_seed(&self, seed: u64) -> RunSpec {
        assert!(seed <= MAX_SEED, "seed {seed}: at most {MAX_SEED}");
        let mut spec = self.clone();
        spec.0.train.seed = seed;
        spec
    }
}
