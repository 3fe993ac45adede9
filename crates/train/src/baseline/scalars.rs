//! Scalars of linear Transformers that compute gradient descent and GD++.

use windtunnel_model::Transformer;

/// Scalars of L layers P = b I, Q = a I.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalars {
    /// a of every layer: minus the step sizes of gradient descent.
    pub a: Vec<f64>,
    /// b of every layer but the last, which never reaches the prediction; zero for gradient
    /// descent.
    pub b: Vec<f64>,
    /// The mean squared error on the prompts that they were fitted on.
    pub fitted: f64,
}

impl Scalars {
    /// Parameters of the sparse linear Transformer of dimension `dim` with these scalars.
    pub fn params(&self, dim: usize) -> Vec<f64> {
        let eye =
            |scale: f64| (0..dim * dim).map(move |k| if k % (dim + 1) == 0 { scale } else { 0.0 });
        let last = self.a.len() - 1;
        let b = |l: usize| if l < last { self.b[l] } else { 0.0 };
        self.a.iter().enumerate().flat_map(|(l, &a)| eye(b(l)).chain(eye(a))).collect()
    }

    /// The Transformer that [`Scalars::params`] are the parameters of.
    pub fn model(&self, dim: usize) -> Transformer {
        Transformer::linear(self.a.len(), dim)
    }
}
