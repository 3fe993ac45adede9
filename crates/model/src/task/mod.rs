//! In-context linear regression: random prompts (x₁, y₁), …, (xₙ, yₙ), x_q with yᵢ = ⟨w⋆, xᵢ⟩.
//!
//! Linear attention sees a prompt only through its moments S/n = Σ xᵢxᵢᵀ/n, s/n = Σ xᵢyᵢ/n,
//! σ/n = Σ yᵢ²/n and the query: for such models those are what [`Batch`] holds and what sampling
//! makes. Other models get tokens ([`Form`]).

mod batch;
mod covariance;
mod covariates;
pub mod family;
mod labels;
mod sampler;

pub use batch::{Batch, Form, Layout, Prompts, Scratch};
pub(crate) use batch::{label_row, query_row, square_row, target_row, triangle};
pub use covariance::{Covariance, CovarianceError};
pub use covariates::{Covariates, Size};
pub use family::{Family, FamilyError};
pub use labels::{Labels, Mlp, WStar};
pub use sampler::{Drawn, Stream};

use windtunnel_math::linalg;
use windtunnel_math::rng::Gamma;

/// Largest supported dimension.
pub const MAX_DIM: usize = 64;
/// Largest supported context: slots of the random stream are numbered with 26 bits.
pub const MAX_CONTEXT_LEN: usize = 1_000_000;

/// Largest width of a network of labels.
pub const MAX_HIDDEN: usize = 1024;

/// A distribution of prompts.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    dim: usize,
    context_len: usize,
    covariates: Covariates,
    noise_std: f64,
    w_star: WStar,
    distractors: usize,
    labels: Labels,
    /// r C, row-major; none for Σ = I.
    map: Option<Vec<f64>>,
    /// r where there is no map, else 1: x = factor · map · √τ z.
    factor: f64,
    /// C⁻ᵀ where w⋆ = C⁻ᵀ g differs from g.
    whitening: Option<Vec<f64>>,
    /// Laws of T_ii²/2, T Bartlett's factor.
    bartlett: Vec<Gamma>,
    /// Law of χ²/2 of the label noise outside the span of Gaussian covariates; none for n ≤ d.
    residual: Option<Gamma>,
}

/// Error returned when a [`Task`] cannot be made.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskError {
    /// `dim` outside 1..=[`MAX_DIM`].
    Dim(usize),
    /// `context_len` outside 1..=[`MAX_CONTEXT_LEN`].
    ContextLen(usize),
    /// Standard deviation of the label noise that is negative or not finite.
    NoiseStd(f64),
    /// Covariance of another dimension than the task's.
    CovarianceDim {
        /// Dimension of the covariance.
        covariance: usize,
        /// Dimension of the task.
        task: usize,
    },
    /// A second moment to match in a family that has none.
    NoSecondMoment(&'static str),
    /// A covariance whose inverse is not finite.
    Singular,
    /// As many distractors (features that do not matter) as features, or more.
    Distractors {
        /// Number of distractors.
        distractors: usize,
        /// Number of features.
        dim: usize,
    },
    /// Distractors together with a network, which reads all features.
    DistractorsOfNetwork,
    /// A network of another dimension, or of a width outside 1..=[`MAX_HIDDEN`].
    Network {
        /// Its dimension.
        dim: usize,
        /// Its width.
        hidden: usize,
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
            TaskError::CovarianceDim { covariance, task } => {
                write!(f, "{covariance} by {covariance} entries for dim = {task}")
            }
            TaskError::NoSecondMoment(name) => write!(f, "{name} has an infinite second moment"),
            TaskError::Singular => write!(f, "the inverse of the covariance is not finite"),
            TaskError::Distractors { distractors, dim } => {
                write!(f, "distractors = {distractors} is not below dim = {dim}")
            }
            TaskError::DistractorsOfNetwork => {
                write!(f, "distractors need linear labels: a network reads every feature")
            }
            TaskError::Network { dim, hidden } => {
                write!(f, "a network of {dim} inputs and {hidden} hidden units does not fit")
            }
        }
    }
}

impl std::error::Error for TaskError {}

impl Task {
    /// A task with w⋆ ~ N(0, I), linear labels and no label noise.
    ///
    /// # Errors
    /// Sizes out of range, or a second moment to match that is infinite.
    pub fn new(dim: usize, context_len: usize, covariates: Covariates) -> Result<Task, TaskError> {
        if !(1..=MAX_DIM).contains(&dim) {
            return Err(TaskError::Dim(dim));
        }
        if !(1..=MAX_CONTEXT_LEN).contains(&context_len) {
            return Err(TaskError::ContextLen(context_len));
        }
        match covariates.covariance().dim() {
            Some(covariance) if covariance != dim => {
                return Err(TaskError::CovarianceDim { covariance, task: dim });
            }
            _ => {}
        }
        let r = covariates.factor(dim)?;
        let map = covariates.covariance().factor();
        let map: Option<Vec<f64>> = map.map(|c| c.iter().map(|x| r * x).collect());
        let factor = if map.is_some() { 1.0 } else { r };
        // T_ii² ~ χ²(n − i) = 2 Gamma((n − i)/2).
        let chi2 = |degrees: usize| Gamma::new(degrees as f64 / 2.0);
        let bartlett = (0..dim.min(context_len)).map(|i| chi2(context_len - i)).collect();
        let residual = (context_len > dim).then(|| chi2(context_len - dim));
        let (w_star, labels) = (WStar::Standard, Labels::Linear);
        Ok(Task {
            dim,
            context_len,
            covariates,
            noise_std: 0.0,
            w_star,
            distractors: 0,
            labels,
            map,
            factor,
            whitening: None,
            bartlett,
            residual,
        })
    }

    /// This task with labels yᵢ = ⟨w⋆, xᵢ⟩ + N(0, `noise_std`²) in the context.
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

    /// This task with another law of w⋆.
    ///
    /// # Errors
    /// A covariance that is singular in double precision.
    pub fn with_w_star(self, w_star: WStar) -> Result<Task, TaskError> {
        let whitening = match (w_star, self.covariates.covariance().factor()) {
            (WStar::InverseCovariance, Some(c)) => {
                let inverse = linalg::inverse(self.dim, c).ok_or(TaskError::Singular)?;
                let d = self.dim;
                Some((0..d * d).map(|k| inverse[k % d * d + k / d]).collect())
            }
            _ => None,
        };
        Ok(Task { w_star, whitening, ..self })
    }

    /// This task with a w⋆ whose last `distractors` entries are zero.
    ///
    /// # Errors
    /// `dim` or more of them; labels of a network, which reads every feature.
    pub fn with_distractors(self, distractors: usize) -> Result<Task, TaskError> {
        if distractors >= self.dim {
            return Err(TaskError::Distractors { distractors, dim: self.dim });
        }
        if distractors > 0 && self.labels != Labels::Linear {
            return Err(TaskError::DistractorsOfNetwork);
        }
        Ok(Task { distractors, ..self })
    }

    /// This task with other labels.
    ///
    /// # Errors
    /// A network that does not fit, or one with distractors.
    pub fn with_labels(self, labels: Labels) -> Result<Task, TaskError> {
        if let Labels::Mlp(net) = &labels {
            let (dim, hidden) = (net.dim(), net.hidden());
            if dim != self.dim || !(1..=MAX_HIDDEN).contains(&hidden) {
                return Err(TaskError::Network { dim, hidden });
            }
            if self.distractors > 0 {
                return Err(TaskError::DistractorsOfNetwork);
            }
        }
        Ok(Task { labels, ..self })
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

    /// Law of w⋆.
    pub fn w_star(&self) -> WStar {
        self.w_star
    }

    /// Number of last entries of w⋆ that are zero.
    pub fn distractors(&self) -> usize {
        self.distractors
    }

    /// Labels as a function of covariates and w⋆.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Standard deviation of the label noise.
    pub fn noise_std(&self) -> f64 {
        self.noise_std
    }
}
