//! Attention with an activation, token by token, and its reverse pass.
//!
//! For a query t and keys k, with all heads' outputs added to Z:
//!
//! ```text
//! q = Q z_t,  s_k = ⟨z_k, q⟩,  u = γ Σ_{k<n} e_k z_k,  z_t ← z_t + P u
//! ```
//!
//! with e = s, max(0, s) or exp(s − max s) and γ = 1/n, for softmax 1/(n Σ e).
//!
//! In the last layer only the prompt's query is a query. Two queries are worked on at a time, so that
//! what is loaded of a key serves both.

use super::kernel::Kernel;
use super::matrix::{Dim, n, t};
use super::queries::{add_outers, apply_all, attend, attend_bar, some, some_mut, spread};
use super::sparse::Weights as Head;
use super::{Attention, Mask, Transformer, encoder, full};
use crate::lanes::{BLOCK, Lane};

/// What one head of a layer computed for every query.
struct Queries<V: Lane, D: Dim> {
    /// q and u of every query.
    q: Vec<D::Vector<V>>,
    u: Vec<D::Vector<V>>,
    /// e, [query][key], and γ of every query.
    e: Vec<V>,
    scale: Vec<V>,
}

/// What a layer received, and what its heads computed.
struct Record<V: Lane, D: Dim> {
    z: Vec<D::Vector<V>>,
    heads: Vec<Queries<V, D>>,
}

/// Everything that one register of prompts needs between forward and reverse pass.
pub(super) struct Tape<V: Lane, D: Dim> {
    token: V::Token,
    dim: D,
    model: Transformer,
    /// Layers, and one more for what the last leaves.
    layers: Vec<Record<V, D>>,
    /// Adjoints of a layer's output and input.
    out_bar: Vec<D::Vector<V>>,
    z_bar: Vec<D::Vector<V>>,
    /// Of two queries: adjoint of s; Pᵀ g, then that of Σ e z; that of q, or the output of a head.
    s_bar: Vec<V>,
    u_bar: [D::Vector<V>; 2],
    v: [D::Vector<V>; 2],
    encoder: Option<encoder::Tape<V>>,
}

impl<V: Lane, D: Dim> Tape<V, D> {
    pub(super) fn new(token: V::Token, dim: D, model: &Transformer) -> Tape<V, D> {
        let pair = || [dim.vector(V::splat(token, 0.0)), dim.vector(V::splat(token, 0.0))];
        let heads = || Queries { q: Vec::new(), u: Vec::new(), e: Vec::new(), scale: Vec::new() };
        let record =
            || Record { z: Vec::new(), heads: (0..model.heads).map(|_| heads()).collect() };
        Tape {
            token,
            dim,
            model: *model,
            layers: (0..=model.depth).map(|_| record()).collect(),
            out_bar: Vec::new(),
            z_bar: Vec::new(),
            s_bar: Vec::new(),
            u_bar: pair(),
            v: pair(),
            encoder: model.encoder.map(|encoder| encoder::Tape::new(token, encoder, model.dim)),
        }
    }

    /// Room for prompts of so many tokens.
    fn resize(&mut self, tokens: usize) {
        let Tape { token, dim, .. } = *self;
        let zero = V::splat(token, 0.0);
        let fit =
            |vectors: &mut Vec<D::Vector<V>>| vectors.resize_with(tokens, || dim.vector(zero));
        for Record { z, heads } in &mut self.layers {
            fit(z);
            for Queries { q, u, e, scale } in heads {
                fit(q);
                fit(u);
                e.resize(tokens * tokens, zero);
                scale.resize(tokens, zero);
            }
        }
        fit(&mut self.out_bar);
        fit(&mut self.z_bar);
        self.s_bar.resize(2 * tokens, zero);
        if let Some(encoder) = &mut self.encoder {
            encoder.resize(tokens, zero);
        }
    }

    /// Fills the first layer's tokens; returns the target.
    #[inline(always)]
    fn load(
        &mut self,
        weights: &full::Weights<V, D>,
        block: &[[V::Scalar; BLOCK]],
        lane: usize,
    ) -> V {
        let (token, width) = (self.token, self.dim.get());
        let count = block.len() / width;
        if self.out_bar.len() != count {
            self.resize(count);
        }
        let z = &mut self.layers[0].z;
        for (t, z) in z.iter_mut().enumerate() {
            for i in 0..width {
                z[i] = V::load(token, &block[t * width + i][lane..][..V::WIDTH]);
            }
        }
        let target = z[count - 1][width - 1];
        z[count - 1][width - 1] = V::splat(token, 0.0);
        if let (Some(encoder), Some(weights)) = (&mut self.encoder, &weights.encoder) {
            for (t, z) in z.iter_mut().enumerate() {
                encoder.forward(token, weights, t, z);
            }
        }
        target
    }

    /// Number of keys that softmax runs over.
    #[inline(always)]
    fn keys(&self) -> usize {
        let tokens = self.out_bar.len();
        match (self.model.attention, self.model.mask) {
            (Attention::Softmax, Mask::Values) => tokens,
            _ => tokens - 1,
        }
    }

    /// One layer for the queries `first..`.
    #[inline(always)]
    fn forward_layer(&mut self, l: usize, heads: &[Head<V, D>], first: usize) {
        let tokens = self.out_bar.len();
        for t in (first..tokens - 1).step_by(2) {
            self.forward_queries::<2>(l, heads, t);
        }
        if (tokens - first) % 2 == 1 {
            self.forward_queries::<1>(l, heads, tokens - 1);
        }
    }

    #[inline(always)]
    fn forward_queries<const N: usize>(&mut self, l: usize, heads: &[Head<V, D>], t: usize) {
        let (on, width, keys) = ((self.token, self.dim), self.dim.get(), self.keys());
        let Tape { model, layers, v, .. } = self;
        let (head, tail) = layers.split_at_mut(l + 1);
        let (Record { z, heads: queries }, next) = (&mut head[l], &mut tail[0].z);
        let tokens = z.len();
        for j in t..t + N {
            for i in 0..width {
                next[j][i] = z[j][i];
            }
        }
        for (head, Queries { q, u, e, scale }) in heads.iter().zip(queries) {
            let (q, u, v) = (some_mut(q, t), some_mut(u, t), some_mut::<_, N>(v, 0));
            let (e, scale) = (&mut e[t * tokens..][..N * tokens], some_mut(scale, t));
            apply_all(on, n(&head.q), some(z, t), q);
            attend(on, (model.attention, keys), z, q, (e, scale), u);
            apply_all(on, n(&head.p), u, v);
            for j in 0..N {
                for i in 0..width {
                    next[t + j][i] = next[t + j][i] + v[j][i];
                }
            }
        }
    }

    /// One layer's reverse pass for the queries `first..`: from the adjoint of its output to that of
    /// its input, which takes its place.
    ///
    /// With g the adjoint of the query's output:
    ///
    /// ```text
    /// P̄ += g uᵀ,  ū = γ Pᵀ g,  ē_k = ⟨ū, z_k⟩,  q̄ = Σ s̄_k z_k,  Q̄ += q̄ z_tᵀ
    /// z̄_k += e_k ū + s̄_k q,  z̄_t += g + Qᵀ q̄
    /// ```
    ///
    /// s̄ is ē, ē where s > 0, or of softmax e_k (ē_k − Σ a ē) with a = e/Σ e: that mean is
    /// n γ ⟨Pᵀ g, u⟩, and no sum over the keys.
    #[inline(always)]
    fn reverse_layer(
        &mut self,
        l: usize,
        heads: &[Head<V, D>],
        first: usize,
        bars: &mut [Head<V, D>],
    ) {
        let (tokens, width, zero) = (self.out_bar.len(), self.dim.get(), V::splat(self.token, 0.0));
        for (t, z_bar) in self.z_bar.iter_mut().enumerate() {
            for i in 0..width {
                z_bar[i] = if t < first { zero } else { self.out_bar[t][i] };
            }
        }
        for t in (first..tokens - 1).step_by(2) {
            self.reverse_queries::<2>(l, heads, t, bars);
        }
        if (tokens - first) % 2 == 1 {
            self.reverse_queries::<1>(l, heads, tokens - 1, bars);
        }
        std::mem::swap(&mut self.out_bar, &mut self.z_bar);
    }

    #[inline(always)]
    fn reverse_queries<const N: usize>(
        &mut self,
        l: usize,
        heads: &[Head<V, D>],
        t: usize,
        bars: &mut [Head<V, D>],
    ) {
        let (on, width, keys) = ((self.token, self.dim), self.dim.get(), self.keys());
        let Tape { token, model, layers, out_bar, z_bar, s_bar, u_bar, v, .. } = self;
        let Record { z, heads: queries } = &layers[l];
        let (tokens, context) = (z.len(), z.len() - 1);
        let (zero, len) = (V::splat(*token, 0.0), V::splat(*token, context as f64));
        let (g, z_t) = (some::<_, N>(out_bar, t), some::<_, N>(z, t));
        let (u_bar, v) = (some_mut::<_, N>(u_bar, 0), some_mut::<_, N>(v, 0));
        for ((head, bar), Queries { q, u, e, scale }) in heads.iter().zip(bars).zip(queries) {
            let (q, u, e) = (some(q, t), some(u, t), &e[t * tokens..][..N * tokens]);
            add_outers(on, g, u, &mut bar.p);
            apply_all(on, self::t(&head.p), g, u_bar);
            let mut mean = [zero; N];
            for j in 0..N {
                let scale = scale[t + j];
                for i in 0..width {
                    mean[j] = u_bar[j][i].mul_add(u[j][i], mean[j]);
                    u_bar[j][i] = u_bar[j][i] * scale;
                }
                mean[j] = mean[j] * scale * len;
            }
            attend_bar(on, model.attention, &z[..context], (e, u_bar, mean), s_bar, v);
            spread(on, &mut z_bar[..context], (e, u_bar), (s_bar, q), tokens);
            if keys > context {
                // The prompt's query is a key without a value: ē = 0.
                for j in 0..N {
                    let s_bar = zero - e[j * tokens + context] * mean[j];
                    for i in 0..width {
                        z_bar[context][i] = s_bar.mul_add(q[j][i], z_bar[context][i]);
                        v[j][i] = s_bar.mul_add(z[context][i], v[j][i]);
                    }
                }
            }
            add_outers(on, v, z_t, &mut bar.q);
            apply_all(on, self::t(&head.q), v, u_bar);
            for j in 0..N {
                for i in 0..width {
                    z_bar[t + j][i] = z_bar[t + j][i] + u_bar[j][i];
                }
            }
        }
    }
}

impl<V: Lane, D: Dim> Kernel<V> for Tape<V, D> {
    /// The whole model.
    type Part = full::Weights<V, D>;

    fn part(&self, value: V) -> full::Weights<V, D> {
        full::Weights::filled(self.dim, &self.model, value)
    }

    fn part_len(&self) -> usize {
        full::Weights::<V, D>::len(self.dim.get(), &self.model)
    }

    #[inline(always)]
    fn visit(&self, part: &mut full::Weights<V, D>, mut see: impl FnMut(&mut V)) {
        part.visit(self.dim.get(), &mut see);
    }

    #[inline(always)]
    fn merge(&self, own: &mut Self::Part, other: &mut Self::Part, zero: V) {
        own.take(self.dim.get(), other, zero);
    }

    #[inline(always)]
    fn forward(&mut self, weights: &[Self::Part], block: &[[V::Scalar; BLOCK]], lane: usize) -> V {
        let (weights, depth) = (&weights[0], self.model.depth);
        let target = self.load(weights, block, lane);
        let query = self.out_bar.len() - 1;
        for (l, heads) in weights.layers.iter().enumerate() {
            self.forward_layer(l, heads, if l + 1 == depth { query } else { 0 });
        }
        self.layers[depth].z[query][self.dim.get() - 1] + target
    }

    #[inline(always)]
    fn reverse(&mut self, weights: &[Self::Part], residual: V, grad: &mut [Self::Part]) {
        let (weights, bar, depth) = (&weights[0], &mut grad[0], self.model.depth);
        let (query, width) = (self.out_bar.len() - 1, self.dim.get());
        for i in 0..width {
            self.out_bar[query][i] = V::splat(self.token, 0.0);
        }
        self.out_bar[query][width - 1] = residual + residual;
        for l in (0..depth).rev() {
            let first = if l + 1 == depth { query } else { 0 };
            self.reverse_layer(l, &weights.layers[l], first, &mut bar.layers[l]);
        }
        let Tape { token, encoder, out_bar, .. } = self;
        if let (Some(encoder), Some(weights), Some(bar)) =
            (encoder, &weights.encoder, &mut bar.encoder)
        {
            for (t, z_bar) in out_bar.iter().enumerate() {
                encoder.reverse(*token, weights, t, z_bar, bar);
            }
        }
    }
}
