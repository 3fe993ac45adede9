//! Transformers of in-context linear regression, with exact derivatives.
//!
//! ```
//! use windtunnel_math::lanes::Isa;
//! use windtunnel_math::rng::Key;
//! use windtunnel_model::task::{Batch, Covariates, Task};
//! use windtunnel_model::{Evaluator, Transformer};
//!
//! let task = Task::new(5, 20, Covariates::gaussian())?;
//! let model = Transformer::linear(3, 5);
//! let params = model.init(0, 0.05);
//! assert_eq!(params.len(), 3 * 2 * 5 * 5);
//!
//! let isa = Isa::detect();
//! let prompts: Batch<f64> = task.batch(model.form(), isa, Key::held_out(99), 1000);
//! let mut evaluator = Evaluator::new(model, isa, 1);
//! let mut grad = vec![0.0; params.len()];
//! let loss = evaluator.gradient(&params, &prompts, &mut grad);
//!
//! // A step of gradient descent.
//! let next: Vec<f64> = params.iter().zip(&grad).map(|(p, g)| p - 0.01 * g).collect();
//! assert!(evaluator.value(&next, &prompts) < loss);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A prompt Z [d+1, n+1] has one token (x, y) per column, the query last with label 0. Layer l, with
//! heads h = 1..H:
//!
//! ```text
//! Z ← Z + (1/n) Σ_h P_h Z M φ(Zᵀ Q_h Z)
//! ```
//!
//! φ acts on scores (key by query) and M = diag(1, …, 1, 0) hides the query from the keys. The
//! prediction is `−[Z_L]_{d+1,n+1}`, the loss E (prediction − target)². [`Transformer::linear`] is
//! the model of Ahn et al. (ICLR 2024): φ(s) = s, one head, P = [P 0; 0 1], Q = [Q 0; 0 0].
//!
//! Linear attention needs the moments of a prompt only, so no n×n matrix is ever formed
//! (docs/derivations.md); other attention and an encoder need its tokens ([`Transformer::form`]).
//! [`crate::reference`] computes all of it naively.

pub mod attention;
mod blocks;
mod embedding;
mod encoder;
mod engine;
mod evaluator;
mod full;
mod gram;
mod kernel;
mod matrix;
mod objective;
mod queries;
pub mod reference;
mod sparse;
pub mod task;
mod terms;
mod tokens;

pub use attention::{Activation, Attention};
pub use encoder::Encoder;
pub use engine::Trained;
pub use evaluator::Evaluator;
pub use objective::{BatchObjective, TaskObjective};

use crate::task::Form;
use windtunnel_math::linalg;
use windtunnel_math::rng::Key;

/// Place where the query of the prompt is kept from being a key. It makes a difference to
/// normalized weights only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// Among the values: softmax runs over all n + 1 keys, then the query's value is dropped, as in
    /// the authors' code.
    Values,
    /// Among the scores: softmax runs over the n labelled keys.
    Scores,
}

/// The last entry of P, by which labels are passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corner {
    /// The constant 1, which removes the symmetry P → γP, Q → Q/γ.
    Fixed,
    /// A parameter like all others.
    Free,
}

/// Choice of the entries of the (d+1)×(d+1) matrices P and Q that are parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameterization {
    /// The leading d×d blocks; P = [P 0; 0 1], Q = [Q 0; 0 0].
    Sparse,
    /// All of them, but for a fixed corner of P.
    Full(Corner),
}

/// A Transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transformer {
    /// Number of layers L ≥ 1.
    pub depth: usize,
    /// Dimension d ≥ 1 of the covariates.
    pub dim: usize,
    /// Number of heads H ≥ 1, whose outputs are added.
    pub heads: usize,
    /// Activation φ of the scores.
    pub attention: Attention,
    /// Mask of normalized weights.
    pub mask: Mask,
    /// Parameterization of P and Q.
    pub parameterization: Parameterization,
    /// Whether all layers share their parameters (a looped Transformer).
    pub tied: bool,
    /// A network that every x passes before the first layer.
    pub encoder: Option<Encoder>,
}

impl Transformer {
    /// The linear Transformer of Ahn et al.
    pub fn linear(depth: usize, dim: usize) -> Transformer {
        Transformer {
            depth,
            dim,
            heads: 1,
            attention: Attention::Linear,
            mask: Mask::Values,
            parameterization: Parameterization::Sparse,
            tied: false,
            encoder: None,
        }
    }

    /// Number of parameters: 2·L·H·d² of the sparse parameterization, 2·L·H·(d+1)² of the full one,
    /// L = 1 for tied layers; then those of the encoder.
    pub fn params(&self) -> usize {
        let matrices: usize = self.shape().iter().product();
        matrices + self.encoder.map_or(0, |encoder| encoder.params(self.dim))
    }

    /// Shape of the tensor of all P and Q: [L, 2, r, r], or [L, H, 2, r, r] with several heads, with
    /// L = 1 for tied layers and r = d or d + 1; the orientation is Zᵀ Q Z with the key on the left.
    pub fn shape(&self) -> Vec<usize> {
        let size = self.size();
        let layers = [if self.tied { 1 } else { self.depth }];
        let heads = [self.heads];
        let heads = if self.heads == 1 { &heads[..0] } else { &heads };
        [&layers, heads, &[2, size, size]].concat()
    }

    /// Rows r of P and Q.
    fn size(&self) -> usize {
        match self.parameterization {
            Parameterization::Sparse => self.dim,
            Parameterization::Full(_) => self.dim + 1,
        }
    }

    /// Rows of the matrices that kernels work on: recurrences of moments mix labels in.
    fn kernel_rows(&self) -> usize {
        if self.attention == Attention::Linear { self.dim + 1 } else { self.size() }
    }

    /// Form in which the model reads a prompt.
    pub fn form(&self) -> Form {
        match (self.attention, self.encoder) {
            (Attention::Linear, None) => Form::Moments,
            _ => Form::Tokens,
        }
    }

    /// Whether the kernel of [`Transformer::linear`] computes this model.
    fn is_plain(&self) -> bool {
        *self == Transformer { mask: self.mask, ..Transformer::linear(self.depth, self.dim) }
    }

    /// Initial parameters, a function of the seed alone: entries of P and Q are N(0, `std`²), a
    /// fixed corner is 1, the encoder has PyTorch's default law.
    pub fn init(&self, seed: u64, std: f64) -> Vec<f64> {
        let key = Key::parameters(seed);
        let matrices = self.shape().iter().product();
        let mut params: Vec<f64> =
            linalg::normals(key, matrices).into_iter().map(|z| std * z).collect();
        for corner in self.corners() {
            params[corner] = 1.0;
        }
        if let Some(encoder) = self.encoder {
            params.extend(encoder.init(self.dim, Key::encoder(seed)));
        }
        params
    }

    /// Indices of the fixed corners of P among the parameters.
    pub fn corners(&self) -> impl Iterator<Item = usize> + use<> {
        let size = self.size() * self.size();
        let fixed = self.parameterization == Parameterization::Full(Corner::Fixed);
        let layers = if self.tied { 1 } else { self.depth };
        let matrices = if fixed { layers * self.heads } else { 0 };
        (0..matrices).map(move |matrix| 2 * matrix * size + size - 1)
    }
}
