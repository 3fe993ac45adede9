//! Attention with an activation, token by token, and its reverse pass.
//!
//! For a query t and keys k, with all heads' outputs added to Z:
//!
//! ```text
//! q = Q z_t,  s_k = ⟨z_k, q⟩,  a = φ(s),  u = (1/n) Σ_{k<n} a_k z_k,  z_t ← z_t + P u
//! ```
//!
//! In the last layer only the prompt's query is a query.

use super::kernel::Kernel;
use super::matrix::{Dim, add_outer, apply, n, t};
use super::sparse::Weights as Head;
use super::{Attention, Mask, Transformer, encoder, full};
use crate::lanes::{BLOCK, Lane};

/// What one head of a layer computed for every query.
struct Queries<V: Lane, D: Dim> {
    /// q and u of every query.
    q: Vec<D::Vector<V>>,
    u: Vec<D::Vector<V>>,
    /// a, [query][key].
    a: Vec<V>,
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
    /// Adjoint of a, then of s.
    a_bar: Vec<V>,
    v: D::Vector<V>,
    encoder: Option<encoder::Tape<V>>,
}

impl<V: Lane, D: Dim> Tape<V, D> {
    pub(super) fn new(token: V::Token, dim: D, model: &Transformer) -> Tape<V, D> {
        let heads = || Queries { q: Vec::new(), u: Vec::new(), a: Vec::new() };
        let record =
            || Record { z: Vec::new(), heads: (0..model.heads).map(|_| heads()).collect() };
        Tape {
            token,
            dim,
            model: *model,
            layers: (0..=model.depth).map(|_| record()).collect(),
            out_bar: Vec::new(),
            z_bar: Vec::new(),
            a_bar: Vec::new(),
            v: dim.vector(V::splat(token, 0.0)),
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
            for Queries { q, u, a } in heads {
                fit(q);
                fit(u);
                a.resize(tokens * tokens, zero);
            }
        }
        fit(&mut self.out_bar);
        fit(&mut self.z_bar);
        self.a_bar.resize(tokens, zero);
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
        let (on, width, keys) = ((self.token, self.dim), self.dim.get(), self.keys());
        let Tape { token, model, layers, v, .. } = self;
        let (head, tail) = layers.split_at_mut(l + 1);
        let (Record { z, heads: queries }, next) = (&mut head[l], &mut tail[0].z);
        let context = z.len() - 1;
        let mean = V::splat(*token, 1.0 / context as f64);
        for t in first..z.len() {
            for i in 0..width {
                next[t][i] = z[t][i];
            }
            for (head, Queries { q, u, a }) in heads.iter().zip(queries.iter_mut()) {
                let a = &mut a[t * (context + 1)..][..context + 1];
                apply(on, n(&head.q), &z[t], &mut q[t]);
                scores::<V, D>(on, &z[..keys], &q[t], a);
                activate(*token, model.attention, &mut a[..keys]);
                weighted_sum::<V, D>(on, &z[..context], a, &mut u[t]);
                for i in 0..width {
                    u[t][i] = u[t][i] * mean;
                }
                apply(on, n(&head.p), &u[t], v);
                for i in 0..width {
                    next[t][i] = next[t][i] + v[i];
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
    /// P̄ += g uᵀ,  ū = Pᵀ g/n,  ā_k = ⟨ū, z_k⟩,  s̄ = φ'(s) ā,  q̄ = Σ s̄_k z_k,  Q̄ += q̄ z_tᵀ
    /// z̄_k += a_k ū + s̄_k q,  z̄_t += g + Qᵀ q̄
    /// ```
    #[inline(always)]
    fn reverse_layer(
        &mut self,
        l: usize,
        heads: &[Head<V, D>],
        first: usize,
        bars: &mut [Head<V, D>],
    ) {
        let (on, width, keys) = ((self.token, self.dim), self.dim.get(), self.keys());
        let Tape { token, dim, model, layers, out_bar, z_bar, a_bar, v, .. } = self;
        let Record { z, heads: queries } = &layers[l];
        let context = z.len() - 1;
        let (zero, mean) = (V::splat(*token, 0.0), V::splat(*token, 1.0 / context as f64));
        for (t, z_bar) in z_bar.iter_mut().enumerate() {
            for i in 0..width {
                z_bar[i] = if t < first { zero } else { out_bar[t][i] };
            }
        }
        let mut u_bar = dim.vector(zero);
        for t in first..z.len() {
            let g = &out_bar[t];
            for ((head, bar), Queries { q, u, a }) in heads.iter().zip(bars.iter_mut()).zip(queries)
            {
                let a = &a[t * (context + 1)..][..context + 1];
                add_outer(on, g, &u[t], &mut bar.p);
                apply(on, self::t(&head.p), g, &mut u_bar);
                for i in 0..width {
                    u_bar[i] = u_bar[i] * mean;
                }
                scores::<V, D>(on, &z[..context], &u_bar, a_bar);
                a_bar[context] = zero;
                activate_bar(*token, model.attention, &a[..keys], &mut a_bar[..keys]);
                weighted_sum::<V, D>(on, &z[..keys], a_bar, v);
                spread::<V, D>(on, z_bar, [(&a[..context], &u_bar), (&a_bar[..keys], &q[t])]);
                add_outer(on, v, &z[t], &mut bar.q);
                apply(on, self::t(&head.q), v, &mut u_bar);
                for i in 0..width {
                    z_bar[t][i] = z_bar[t][i] + u_bar[i];
                }
            }
        }
        std::mem::swap(out_bar, z_bar);
    }
}

/// `out[k] = ⟨z_k, q⟩`.
#[inline(always)]
fn scores<V: Lane, D: Dim>(
    (token, dim): (V::Token, D),
    z: &[D::Vector<V>],
    q: &D::Vector<V>,
    out: &mut [V],
) {
    use fearless_simd::Simd;
    token.vectorize(
        #[inline(always)]
        || {
            for (z, out) in z.iter().zip(out) {
                let mut sum = z[0] * q[0];
                for i in 1..dim.get() {
                    sum = z[i].mul_add(q[i], sum);
                }
                *out = sum;
            }
        },
    );
}

/// `out = Σ a_k z_k`.
#[inline(always)]
fn weighted_sum<V: Lane, D: Dim>(
    (token, dim): (V::Token, D),
    z: &[D::Vector<V>],
    a: &[V],
    out: &mut D::Vector<V>,
) {
    use fearless_simd::Simd;
    token.vectorize(
        #[inline(always)]
        || {
            let mut sum = dim.vector(V::splat(token, 0.0));
            for (z, a) in z.iter().zip(a) {
                for i in 0..dim.get() {
                    sum[i] = a.mul_add(z[i], sum[i]);
                }
            }
            *out = sum;
        },
    );
}

/// `z_bar_k += a_k x` for both pairs of weights a and vector x, where they reach.
#[inline(always)]
fn spread<V: Lane, D: Dim>(
    (token, dim): (V::Token, D),
    z_bar: &mut [D::Vector<V>],
    [(a, x), (b, y)]: [(&[V], &D::Vector<V>); 2],
) {
    use fearless_simd::Simd;
    token.vectorize(
        #[inline(always)]
        || {
            let both = a.len().min(b.len());
            for ((z_bar, a), b) in z_bar.iter_mut().zip(a).zip(b) {
                for i in 0..dim.get() {
                    z_bar[i] = a.mul_add(x[i], b.mul_add(y[i], z_bar[i]));
                }
            }
            for (z_bar, b) in z_bar[both..].iter_mut().zip(&b[both..]) {
                for i in 0..dim.get() {
                    z_bar[i] = b.mul_add(y[i], z_bar[i]);
                }
            }
        },
    );
}

/// a = φ(s), in place.
#[inline(always)]
fn activate<V: Lane>(token: V::Token, attention: Attention, s: &mut [V]) {
    use fearless_simd::Simd;
    token.vectorize(
        #[inline(always)]
        || match attention {
            Attention::Linear => {}
            Attention::Relu => {
                for s in s {
                    *s = s.gate(token, *s);
                }
            }
            Attention::Softmax => {
                // Taken from all scores alike it changes nothing, so it may be a constant.
                let mut largest = s[0];
                for s in s.iter() {
                    largest = largest.peak(token, *s);
                }
                let mut sum = V::splat(token, 0.0);
                for s in s.iter_mut() {
                    *s = (*s - largest).exp(token);
                    sum = sum + *s;
                }
                let scale = sum.recip(token);
                for s in s {
                    *s = *s * scale;
                }
            }
        },
    );
}

/// s̄ from ā, in place: of softmax a (ā − ⟨a, ā⟩).
#[inline(always)]
fn activate_bar<V: Lane>(token: V::Token, attention: Attention, a: &[V], a_bar: &mut [V]) {
    use fearless_simd::Simd;
    token.vectorize(
        #[inline(always)]
        || match attention {
            Attention::Linear => {}
            Attention::Relu => {
                for (a, a_bar) in a.iter().zip(a_bar) {
                    *a_bar = a.gate(token, *a_bar);
                }
            }
            Attention::Softmax => {
                let mut mean = V::splat(token, 0.0);
                for (a, a_bar) in a.iter().zip(a_bar.iter()) {
                    mean = a.mul_add(*a_bar, mean);
                }
                for (a, a_bar) in a.iter().zip(a_bar) {
                    *a_bar = *a * (*a_bar - mean);
                }
            }
        },
    );
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
