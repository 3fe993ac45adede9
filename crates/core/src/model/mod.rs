//! The linear Transformer of Ahn et al. (ICLR 2024), sparse parameterization.
//!
//! Layer: Z ← Z + (1/n) P Z M (Zᵀ Q Z) with P = [P 0; 0 1], Q = [Q 0; 0 0] and M hiding the query
//! from the keys; prediction `−[Z_L]_{d+1,n+1}`; loss E (prediction − ⟨w⋆, x_q⟩)². No n×n attention
//! matrix is ever formed: see docs/derivations.md. [`crate::reference`] does it the long way.

mod engine;
mod evaluator;
mod kernel;
mod matrix;
mod objective;

pub use engine::Trained;
pub use evaluator::Evaluator;
pub use objective::{BatchObjective, TaskObjective};

use crate::linalg;
use crate::rng::{Key, Purpose};

/// Depth L and dimension d: all there is to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearTransformer {
    /// Number of layers L ≥ 1.
    pub depth: usize,
    /// Dimension d of the covariates.
    pub dim: usize,
}

impl LinearTransformer {
    /// Number of parameters, 2·L·d².
    ///
    /// The d² of the last layer's P never reach the prediction: their gradient is zero.
    pub fn params(&self) -> usize {
        2 * self.depth * self.dim * self.dim
    }

    /// Initial parameters, each N(0, `std`²), a function of the seed alone.
    ///
    /// # Shapes
    /// [L, 2, d, d] row-major, P then Q, in the orientation Zᵀ Q Z with the key on the left.
    pub fn init(&self, seed: u64, std: f64) -> Vec<f64> {
        let key = Key { seed, purpose: Purpose::Init, step: 0 };
        linalg::normals(key, self.params()).into_iter().map(|z| std * z).collect()
    }
}
