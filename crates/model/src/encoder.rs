//! A network that the covariates pass before the first layer: x ← W₂ relu(W₁ x + b₁) + b₂, token by
//! token (section 5 of Ahn et al., `Transformer_MLP` of the authors' code). Labels stay as they are.

use super::matrix::{Dim, many};
use super::queries::{hold_all, some_mut, take_all};
use windtunnel_math::lanes::Lane;
use windtunnel_math::rng::Key;

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

/// One hidden unit's weights, or their gradient.
struct Unit<V: Lane, D: Dim> {
    /// Row of W₁, entry of b₁, column of W₂.
    w1: D::Vector<V>,
    b1: V,
    w2: D::Vector<V>,
}

/// Its weights, or their gradient; the first `dim` entries of vectors.
pub(super) struct Weights<V: Lane, D: Dim> {
    dim: usize,
    units: Vec<Unit<V, D>>,
    b2: D::Vector<V>,
}

impl<V: Lane, D: Dim> Weights<V, D> {
    pub(super) fn filled(encoder: Encoder, dim: usize, vectors: D, value: V) -> Weights<V, D> {
        let vector = || vectors.vector(value);
        let unit = || Unit { w1: vector(), b1: value, w2: vector() };
        Weights { dim, units: many(encoder.hidden, unit), b2: vector() }
    }

    /// Calls `see` with every weight in the order of the parameters.
    #[inline(always)]
    pub(super) fn visit(&mut self, see: &mut impl FnMut(&mut V)) {
        for unit in &mut self.units {
            (0..self.dim).for_each(|i| see(&mut unit.w1[i]));
        }
        self.units.iter_mut().for_each(|unit| see(&mut unit.b1));
        for i in 0..self.dim {
            self.units.iter_mut().for_each(|unit| see(&mut unit.w2[i]));
        }
        (0..self.dim).for_each(|i| see(&mut self.b2[i]));
    }

    /// Adds `other` and leaves it at zero.
    #[inline(always)]
    pub(super) fn take(&mut self, other: &mut Self, zero: V) {
        let move_to = |own: &mut V, other: &mut V| *own = *own + std::mem::replace(other, zero);
        for (own, other) in self.units.iter_mut().zip(&mut other.units) {
            move_to(&mut own.b1, &mut other.b1);
            for i in 0..self.dim {
                move_to(&mut own.w1[i], &mut other.w1[i]);
                move_to(&mut own.w2[i], &mut other.w2[i]);
            }
        }
        for i in 0..self.dim {
            move_to(&mut self.b2[i], &mut other.b2[i]);
        }
    }
}

/// Record of the forward pass over tokens of `width` entries: the tokens and the hidden layer.
pub(super) struct Tape<V: Lane, D: Dim> {
    token: V::Token,
    width: D,
    x: Vec<D::Vector<V>>,
    /// [h][token], so that the reverse pass of a unit reads it in order.
    hidden: Vec<V>,
    units: usize,
}

impl<V: Lane, D: Dim> Tape<V, D> {
    pub(super) fn new(token: V::Token, encoder: Encoder, width: D) -> Tape<V, D> {
        Tape { token, width, x: Vec::new(), hidden: Vec::new(), units: encoder.hidden }
    }

    /// Makes room for this number of tokens.
    pub(super) fn resize(&mut self, tokens: usize) {
        let (width, zero) = (self.width, V::splat(self.token, 0.0));
        self.x.resize_with(tokens, || width.vector(zero));
        self.hidden.resize(tokens * self.units, zero);
    }

    /// Replaces the covariates of all tokens by the network's output, two tokens at a time, which
    /// share the loads of weights.
    #[inline(always)]
    pub(super) fn forward<E: Dim>(&mut self, weights: &Weights<V, E>, z: &mut [D::Vector<V>]) {
        for t in (0..z.len() - 1).step_by(2) {
            self.forward_some::<E, 2>(weights, z, t);
        }
        if z.len() % 2 == 1 {
            self.forward_some::<E, 1>(weights, z, z.len() - 1);
        }
    }

    #[inline(always)]
    fn forward_some<E: Dim, const N: usize>(
        &mut self,
        weights: &Weights<V, E>,
        z: &mut [D::Vector<V>],
        t: usize,
    ) {
        let (token, d, tokens) = (self.token, self.width.get() - 1, z.len());
        let (z, kept) = (some_mut::<_, N>(z, t), some_mut::<_, N>(&mut self.x, t));
        let mut sums = take_all::<V, D, N>((token, self.width), kept);
        for k in 0..N {
            for i in 0..d {
                sums[k][i] = weights.b2[i];
            }
        }
        {
            let x = hold_all::<V, D, N>(z);
            for (unit, hidden) in weights.units.iter().zip(self.hidden.chunks_exact_mut(tokens)) {
                let hidden = some_mut::<_, N>(hidden, t);
                for k in 0..N {
                    let mut sum = unit.b1;
                    for i in 0..d {
                        sum = unit.w1[i].mul_add(x[k][i], sum);
                    }
                    hidden[k] = sum.gate(token, sum);
                    for i in 0..d {
                        sums[k][i] = unit.w2[i].mul_add(hidden[k], sums[k][i]);
                    }
                }
            }
        }
        for (k, sums) in sums.into_iter().enumerate() {
            let label = z[k][d];
            kept[k] = std::mem::replace(&mut z[k], sums);
            z[k][d] = label;
        }
    }

    /// Adds the gradient of the weights to `bar`, from the adjoints of all tokens.
    ///
    /// b̄₂ += x̄,  W̄₂ += x̄ hᵀ,  h̄ = W₂ᵀ x̄ where h > 0,  b̄₁ += h̄,  W̄₁ += h̄ xᵀ
    #[inline(always)]
    pub(super) fn reverse<E: Dim>(
        &self,
        weights: &Weights<V, E>,
        z_bar: &[D::Vector<V>],
        bar: &mut Weights<V, E>,
    ) {
        let (token, d, zero) = (self.token, self.width.get() - 1, V::splat(self.token, 0.0));
        let units = weights.units.iter().zip(&mut bar.units);
        for ((unit, bar), hidden) in units.zip(self.hidden.chunks_exact(z_bar.len())) {
            let w2 = E::hold(&unit.w2);
            let (mut w1_bar, mut b1_bar) = (E::take(&mut bar.w1), bar.b1);
            let mut w2_bar = E::take(&mut bar.w2);
            for ((x, x_bar), hidden) in self.x.iter().zip(z_bar).zip(hidden) {
                let mut hidden_bar = zero;
                for i in 0..d {
                    hidden_bar = x_bar[i].mul_add(w2[i], hidden_bar);
                }
                let hidden_bar = hidden.gate(token, hidden_bar);
                b1_bar = b1_bar + hidden_bar;
                for i in 0..d {
                    w1_bar[i] = hidden_bar.mul_add(x[i], w1_bar[i]);
                    w2_bar[i] = x_bar[i].mul_add(*hidden, w2_bar[i]);
                }
            }
            (bar.w1, bar.b1, bar.w2) = (w1_bar, b1_bar, w2_bar);
        }
        for x_bar in z_bar {
            for i in 0..d {
                bar.b2[i] = bar.b2[i] + x_bar[i];
            }
        }
    }
}
