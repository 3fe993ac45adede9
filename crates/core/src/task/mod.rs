//! In-context linear regression: random prompts (x₁, y₁), …, (xₙ, yₙ), x_q with yᵢ = ⟨w⋆, xᵢ⟩.
//!
//! Linear attention sees a prompt only through its moments S/n = Σ xᵢxᵢᵀ/n, s/n = Σ xᵢyᵢ/n,
//! σ/n = Σ yᵢ²/n and the query: for such models those are what [`Batch`] holds and what sampling
//! makes. Other models get tokens ([`Form`]).

mod batch;
mod covariance;
mod sampler;

pub use batch::{Batch, Form, Layout, Prompts, Scratch};
pub(crate) use batch::{label_row, query_row, target_row, triangle};
pub use covariance::{Covariance, CovarianceError};
pub use sampler::{Drawn, Stream};

use crate::lanes::Isa;
use crate::rng::{Gamma, Key};

/// Largest supported dimension.
pub const MAX_DIM: usize = 64;
/// Largest supported context: slots of the random stream are numbered with 26 bits.
pub const MAX_CONTEXT_LEN: usize = 1_000_000;

/// Law of one covariate vector x ∈ ℝᵈ; context and query are drawn alike.
#[derive(Clone, Debug, PartialEq)]
pub enum Covariates {
    /// x ~ N(0, Σ).
    Gaussian(Covariance),
    /// x uniform on the unit sphere: E‖x‖² = 1, covariance I/d.
    Sphere,
    /// x = √ρ · u with ρ ~ Gamma(shape, scale) and u uniform on the unit sphere, independently
    /// for every token: E‖x‖² = shape · scale.
    ///
    /// Ahn et al. use shape 0.1 and scale 10 for heavy tails; shape d/2 and scale 2 is N(0, I).
    GammaRadial {
        /// Shape k > 0.
        shape: f64,
        /// Scale θ > 0.
        scale: f64,
    },
}

/// A distribution of prompts with w⋆ ~ N(0, I_d).
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    dim: usize,
    context_len: usize,
    covariates: Covariates,
    noise_std: f64,
    /// Gaussian: laws of T_ii²/2, T Bartlett's factor. Gamma radial: law of ρ/scale.
    gammas: Vec<Gamma>,
    /// Law of χ²/2 of the label noise outside the span of Gaussian covariates; none for n ≤ d.
    residual: Option<Gamma>,
}

/// Why a [`Task`] cannot exist.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskError {
    /// `dim` outside 1..=[`MAX_DIM`].
    Dim(usize),
    /// `context_len` outside 1..=[`MAX_CONTEXT_LEN`].
    ContextLen(usize),
    /// Standard deviation of the label noise that is negative or not finite.
    NoiseStd(f64),
    /// Gamma shape that is not positive and finite.
    Shape(f64),
    /// Gamma scale that is not positive and finite.
    Scale(f64),
    /// Covariance of another dimension than the task's.
    CovarianceDim {
        /// Dimension of the covariance.
        covariance: usize,
        /// Dimension of the task.
        task: usize,
    },
}

impl std::fmt::Display for TaskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TaskError::Dim(d) => write!(f, "dim = {d} is outside 1..={MAX_DIM}"),
            TaskError::ContextLen(n) => {
                write!(f, "context_len = {n} is outside 1..={MAX_CONTEXT_LEN}")
            }
            TaskError::NoiseStd(s) => write!(f, "noise_std = {s} is not a finite number >= 0"),
            TaskError::Shape(k) => write!(f, "shape = {k} is not a finite number > 0"),
            TaskError::Scale(t) => write!(f, "scale = {t} is not a finite number > 0"),
            TaskError::CovarianceDim { covariance, task } => {
                write!(f, "{covariance} by {covariance} entries for dim = {task}")
            }
        }
    }
}

impl std::error::Error for TaskError {}

impl Task {
    /// A task without label noise.
    ///
    /// # Errors
    /// Sizes out of range, parameters of the covariates that are not positive.
    pub fn new(dim: usize, context_len: usize, covariates: Covariates) -> Result<Task, TaskError> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        if !(1..=MAX_DIM).contains(&dim) {
            return Err(TaskError::Dim(dim));
        }
        if !(1..=MAX_CONTEXT_LEN).contains(&context_len) {
            return Err(TaskError::ContextLen(context_len));
        }
        match &covariates {
            Covariates::Gaussian(c) => match c.dim() {
                Some(covariance) if covariance != dim => {
                    return Err(TaskError::CovarianceDim { covariance, task: dim });
                }
                _ => {}
            },
            Covariates::Sphere => {}
            Covariates::GammaRadial { shape, .. } if !positive(*shape) => {
                return Err(TaskError::Shape(*shape));
            }
            Covariates::GammaRadial { scale, .. } if !positive(*scale) => {
                return Err(TaskError::Scale(*scale));
            }
            Covariates::GammaRadial { .. } => {}
        }
        let gammas = match covariates {
            // T_ii² ~ χ²(n − i) = 2 Gamma((n − i)/2).
            Covariates::Gaussian(_) => {
                let degrees = (0..dim.min(context_len)).map(|i| context_len - i);
                degrees.map(|k| Gamma::new(k as f64 / 2.0)).collect()
            }
            Covariates::Sphere => Vec::new(),
            Covariates::GammaRadial { shape, .. } => vec![Gamma::new(shape)],
        };
        let outside = context_len.saturating_sub(dim);
        let residual = (outside > 0).then(|| Gamma::new(outside as f64 / 2.0));
        Ok(Task { dim, context_len, covariates, noise_std: 0.0, gammas, residual })
    }

    /// The same task with labels yᵢ = ⟨w⋆, xᵢ⟩ + N(0, `noise_std`²) in the context.
    ///
    /// The query's target stays ⟨w⋆, x_q⟩ without noise.
    ///
    /// # Errors
    /// A negative or non-finite standard deviation.
    pub fn with_noise(self, noise_std: f64) -> Result<Task, TaskError> {
        if noise_std >= 0.0 && noise_std.is_finite() {
            Ok(Task { noise_std, ..self })
        } else {
            Err(TaskError::NoiseStd(noise_std))
        }
    }

    /// Dimension d of the covariates.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number n of labelled tokens, the query excluded.
    pub fn context_len(&self) -> usize {
        self.context_len
    }

    /// Law of the covariates.
    pub fn covariates(&self) -> &Covariates {
        &self.covariates
    }

    /// Standard deviation of the label noise.
    pub fn noise_std(&self) -> f64 {
        self.noise_std
    }

    /// Draws `len` prompts at `key` and keeps them.
    pub fn batch<T: Drawn>(&self, form: Form, isa: Isa, key: Key, len: usize) -> Batch<T> {
        Batch::collect(&Stream::new(self, form, isa, key, len))
    }
}
