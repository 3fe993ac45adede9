//! A network that the covariates pass before the first layer: x ← W₂ relu(W₁ x + b₁) + b₂, token by
//! token (section 5 of Ahn et al., `Transformer_MLP` of the authors' code). Labels stay as they are.

use std::ops::IndexMut;

use crate::lanes::Lane;
use crate::rng::Key;

/// A d → `hidden` → d network with one rectified layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoder {
    /// Width of the hidden layer.
    pub hidden: usize,
}

impl Encoder {
    /// Its tensors in the order of the parameters, with PyTorch's names and shapes.
    pub fn tensors(self, dim: usize) -> [(&'static str, Vec<usize>); 4] {
        let h = self.hidden;
        [
            ("mlp.0.weight", vec![h, dim]),
            ("mlp.0.bias", vec![h]),
            ("mlp.2.weight", vec![dim, h]),
            ("mlp.2.bias", vec![dim]),
        ]
    }

    /// Number of parameters, 2·d·h + h + d.
    pub fn params(self, dim: usize) -> usize {
        2 * dim * self.hidden + self.hidden + dim
    }

    /// PyTorch's default: weights and biases of a layer are uniform on ±1/√(its inputs).
    pub(super) fn init(self, dim: usize, key: Key) -> Vec<f64> {
        let inputs = [dim, dim, self.hidden, self.hidden];
        let lens = self.tensors(dim).map(|(_, shape)| shape.iter().product::<usize>());
        let bounds = lens
            .into_iter()
            .zip(inputs)
            .flat_map(|(len, inputs)| std::iter::repeat_n(1.0 / (inputs as f64).sqrt(), len));
        bounds
            .enumerate()
            .map(|(slot, bound)| bound * (2.0 * key.uniform(slot as u32) - 1.0))
            .collect()
    }
}

/// Its weights, or their gradient.
pub(super) struct Weights<V> {
    /// [h][d], [h], [d][h], [d].
    w1: Vec<V>,
    b1: Vec<V>,
    w2: Vec<V>,
    b2: Vec<V>,
}

impl<V: Lane> Weights<V> {
    pub(super) fn filled(encoder: Encoder, dim: usize, value: V) -> Weights<V> {
        let h = encoder.hidden;
        Weights {
            w1: vec![value; h * dim],
            b1: vec![value; h],
            w2: vec![value; dim * h],
            b2: vec![value; dim],
        }
    }

    #[inline(always)]
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let first = self.w1.iter_mut().chain(&mut self.b1);
        first.chain(&mut self.w2).chain(&mut self.b2)
    }
}

/// What tokens were, and what the hidden layer made of them.
pub(super) struct Tape<V> {
    dim: usize,
    /// [token][d] and [token][h].
    x: Vec<V>,
    hidden: Vec<V>,
    hidden_bar: Vec<V>,
}

impl<V: Lane> Tape<V> {
    pub(super) fn new(token: V::Token, encoder: Encoder, dim: usize) -> Tape<V> {
        let hidden_bar = vec![V::splat(token, 0.0); encoder.hidden];
        Tape { dim, x: Vec::new(), hidden: Vec::new(), hidden_bar }
    }

    /// Room for so many tokens.
    pub(super) fn resize(&mut self, tokens: usize, zero: V) {
        self.x.resize(tokens * self.dim, zero);
        self.hidden.resize(tokens * self.hidden_bar.len(), zero);
    }

    /// Replaces the covariates of token `t`.
    #[inline(always)]
    pub(super) fn forward(
        &mut self,
        token: V::Token,
        weights: &Weights<V>,
        t: usize,
        z: &mut impl IndexMut<usize, Output = V>,
    ) {
        let (d, h) = (self.dim, self.hidden_bar.len());
        let (x, hidden) = (&mut self.x[t * d..][..d], &mut self.hidden[t * h..][..h]);
        for i in 0..d {
            x[i] = z[i];
        }
        for j in 0..h {
            let mut sum = weights.b1[j];
            for (w, x) in weights.w1[j * d..][..d].iter().zip(x.iter()) {
                sum = w.mul_add(*x, sum);
            }
            hidden[j] = sum.gate(token, sum);
        }
        for i in 0..d {
            let mut sum = weights.b2[i];
            for (w, hidden) in weights.w2[i * h..][..h].iter().zip(hidden.iter()) {
                sum = w.mul_add(*hidden, sum);
            }
            z[i] = sum;
        }
    }

    /// Adds what the adjoint `z_bar` of token `t` tells of the weights to `bar`.
    ///
    /// b̄₂ += x̄,  W̄₂ += x̄ hᵀ,  h̄ = W₂ᵀ x̄ where h > 0,  b̄₁ += h̄,  W̄₁ += h̄ xᵀ
    #[inline(always)]
    pub(super) fn reverse(
        &mut self,
        token: V::Token,
        weights: &Weights<V>,
        t: usize,
        z_bar: &impl std::ops::Index<usize, Output = V>,
        bar: &mut Weights<V>,
    ) {
        let (d, h) = (self.dim, self.hidden_bar.len());
        let (x, hidden) = (&self.x[t * d..][..d], &self.hidden[t * h..][..h]);
        self.hidden_bar.fill(V::splat(token, 0.0));
        for i in 0..d {
            let x_bar = z_bar[i];
            bar.b2[i] = bar.b2[i] + x_bar;
            let (w2, w2_bar) = (&weights.w2[i * h..][..h], &mut bar.w2[i * h..][..h]);
            for j in 0..h {
                w2_bar[j] = x_bar.mul_add(hidden[j], w2_bar[j]);
                self.hidden_bar[j] = x_bar.mul_add(w2[j], self.hidden_bar[j]);
            }
        }
        for j in 0..h {
            let hidden_bar = hidden[j].gate(token, self.hidden_bar[j]);
            bar.b1[j] = bar.b1[j] + hidden_bar;
            for (w, x) in bar.w1[j * d..][..d].iter_mut().zip(x) {
                *w = hidden_bar.mul_add(*x, *w);
            }
        }
    }
}
