//! What an instrument sees of a model: a function of its parameters.

use std::ops::Range;

/// Parameters that belong together, such as one matrix of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Name in metrics and pictures, such as `q2`.
    pub name: String,
    /// Where they are in the parameter vector.
    pub range: Range<usize>,
    /// Rows and columns where they are all entries of one matrix, row by row.
    pub shape: Option<(usize, usize)>,
    /// Whether f does not depend on them at all: gradient and Hessian rows are exactly zero.
    pub unused: bool,
}

impl Block {
    /// The partition of `dim` parameters into one block.
    pub fn whole(dim: usize) -> Vec<Block> {
        vec![Block { name: "all".into(), range: 0..dim, shape: None, unused: false }]
    }
}

/// A twice differentiable function f: ℝᵖ → ℝ, in double precision whatever the model was trained
/// in.
///
/// Methods take `&mut self` because implementations keep their workspaces.
pub trait Objective {
    /// Number of parameters p.
    fn dim(&self) -> usize;
    /// f(params).
    fn value(&mut self, params: &[f64]) -> f64;
    /// f(params); ∇f goes to `grad`.
    fn gradient(&mut self, params: &[f64], grad: &mut [f64]) -> f64;
    /// ⟨∇f, v⟩; the Hessian-vector product ∇²f · v goes to `out`, exact to rounding.
    fn hvp(&mut self, params: &[f64], v: &[f64], out: &mut [f64]) -> f64;
    /// The Hessian ∇²f, [p, p], goes to `out`: by default, one product for each column.
    fn hessian(&mut self, params: &[f64], out: &mut [f64]) {
        let p = self.dim();
        let mut unit = vec![0.0; p];
        for (k, column) in out.chunks_exact_mut(p).enumerate() {
            unit[k] = 1.0;
            self.hvp(params, &unit, column);
            unit[k] = 0.0;
        }
    }
    /// A partition of the parameters, in order: by default, all of them in one block.
    fn blocks(&self) -> Vec<Block> {
        Block::whole(self.dim())
    }
}

/// Gradients and losses of single samples: f_ξ(params) and ∇f_ξ(params).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleGradients {
    /// Losses, one for each sample.
    pub losses: Vec<f64>,
    /// [samples, p].
    pub grads: Vec<f64>,
}

/// A function that is a mean over random samples, f = E f_ξ, seen through finite draws of ξ.
///
/// A draw is an address: the same one gives the same samples at any parameters, and different ones
/// give independent samples.
pub trait Stochastic {
    /// Number of parameters p.
    fn dim(&self) -> usize;
    /// A partition of the parameters, in order: by default, all of them in one block.
    fn blocks(&self) -> Vec<Block> {
        Block::whole(self.dim())
    }
    /// Mean of f_ξ over the first `samples` samples of `draw`; its gradient goes to `grad`.
    fn batch_gradient(
        &mut self,
        params: &[f64],
        draw: u64,
        samples: usize,
        grad: &mut [f64],
    ) -> f64;
    /// Loss and gradient of each of the first `samples` samples of `draw`.
    fn sample_gradients(&mut self, params: &[f64], draw: u64, samples: usize) -> SampleGradients;
    /// Loss of each of the first `samples` samples of `draw`.
    fn sample_losses(&mut self, params: &[f64], draw: u64, samples: usize) -> Vec<f64> {
        self.sample_gradients(params, draw, samples).losses
    }
}
