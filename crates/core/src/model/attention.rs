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

use fearless_simd::Simd;

use super::kernel::Kernel;
use super::matrix::{Dim, Operand, n, t};
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

/// N items from the t-th on.
#[inline(always)]
fn some<T, const N: usize>(items: &[T], t: usize) -> &[T; N] {
    &items[t..t + N].as_chunks().0[0]
}

#[inline(always)]
fn some_mut<T, const N: usize>(items: &mut [T], t: usize) -> &mut [T; N] {
    &mut items[t..t + N].as_chunks_mut().0[0]
}

#[inline(always)]
fn hold_all<V: Lane, D: Dim, const N: usize>(vectors: &[D::Vector<V>; N]) -> [D::Held<'_, V>; N] {
    std::array::from_fn(
        #[inline(always)]
        |j| D::hold(&vectors[j]),
    )
}

/// The vectors, at zero and to be put back.
#[inline(always)]
fn take_all<V: Lane, D: Dim, const N: usize>(
    (token, dim): (V::Token, D),
    vectors: &mut [D::Vector<V>; N],
) -> [D::Vector<V>; N] {
    std::array::from_fn(
        #[inline(always)]
        |j| {
            let mut vector = D::take(&mut vectors[j]);
            for i in 0..dim.get() {
                vector[i] = V::splat(token, 0.0);
            }
            vector
        },
    )
}

/// `out = m · x` for each x, which share the loads of `m`.
#[inline(always)]
fn apply_all<V: Lane, D: Dim, const T: bool, const N: usize>(
    (token, dim): (V::Token, D),
    m: Operand<'_, V, D, T>,
    x: &[D::Vector<V>; N],
    out: &mut [D::Vector<V>; N],
) {
    token.vectorize(
        #[inline(always)]
        || {
            for i in 0..dim.get() {
                let mut sums = [V::splat(token, 0.0); N];
                for k in 0..dim.get() {
                    let m = m.at(i, k);
                    for j in 0..N {
                        sums[j] = m.mul_add(x[j][k], sums[j]);
                    }
                }
                for j in 0..N {
                    out[j][i] = sums[j];
                }
            }
        },
    );
}

/// `out += Σ a bᵀ` over the pairs.
#[inline(always)]
fn add_outers<V: Lane, D: Dim, const N: usize>(
    (token, dim): (V::Token, D),
    a: &[D::Vector<V>; N],
    b: &[D::Vector<V>; N],
    out: &mut D::Matrix<V>,
) {
    token.vectorize(
        #[inline(always)]
        || {
            for i in 0..dim.get() {
                for k in 0..dim.get() {
                    let mut sum = out[i][k];
                    for j in 0..N {
                        sum = a[j][i].mul_add(b[j][k], sum);
                    }
                    out[i][k] = sum;
                }
            }
        },
    );
}

/// e, γ and u of the queries `q`, of which softmax runs over the first `keys` tokens.
#[inline(always)]
fn attend<V: Lane, D: Dim, const N: usize>(
    on: (V::Token, D),
    (attention, keys): (Attention, usize),
    z: &[D::Vector<V>],
    q: &[D::Vector<V>; N],
    (e, scale): (&mut [V], &mut [V; N]),
    u: &mut [D::Vector<V>; N],
) {
    let (token, stride, context) = (on.0, z.len(), z.len() - 1);
    let largest = scores(on, &z[..keys], q, e, stride);
    *scale = [V::splat(token, 1.0 / context as f64); N];
    match attention {
        Attention::Linear => {
            weighted_sums(
                on,
                &z[..context],
                e,
                u,
                #[inline(always)]
                |_, s| s,
            );
        }
        Attention::Relu => {
            weighted_sums(
                on,
                &z[..context],
                e,
                u,
                #[inline(always)]
                |_, s| s.gate(token, s),
            );
        }
        Attention::Softmax => {
            // Taken from all scores alike the largest changes nothing, so it may be a constant.
            let mut sums = weighted_sums(
                on,
                &z[..context],
                e,
                u,
                #[inline(always)]
                |j, s| (s - largest[j]).exp(token),
            );
            for j in 0..N {
                if keys > context {
                    let e = &mut e[j * stride + context];
                    *e = (*e - largest[j]).exp(token);
                    sums[j] = sums[j] + *e;
                }
                scale[j] = scale[j] * sums[j].recip(token);
            }
        }
    }
    for j in 0..N {
        for i in 0..on.1.get() {
            u[j][i] = u[j][i] * scale[j];
        }
    }
}

/// `out[j·stride + k] = ⟨z_k, q_j⟩`; returns the largest of each query as a constant.
#[inline(always)]
fn scores<V: Lane, D: Dim, const N: usize>(
    (token, dim): (V::Token, D),
    z: &[D::Vector<V>],
    q: &[D::Vector<V>; N],
    out: &mut [V],
    stride: usize,
) -> [V; N] {
    token.vectorize(
        #[inline(always)]
        || {
            let q = hold_all::<V, D, N>(q);
            let out = &mut out[..(N - 1) * stride + z.len()];
            let mut largest = [V::splat(token, f64::from(f32::MIN)); N];
            for (k, z) in z.iter().enumerate() {
                for j in 0..N {
                    let mut sum = z[0] * q[j][0];
                    for i in 1..dim.get() {
                        sum = z[i].mul_add(q[j][i], sum);
                    }
                    out[j * stride + k] = sum;
                    largest[j] = largest[j].peak(token, sum);
                }
            }
            largest
        },
    )
}

/// `out_j = Σ_k e z_k` with `e = phi(j, s)` in the place of its score s; returns Σ e.
#[inline(always)]
fn weighted_sums<V: Lane, D: Dim, const N: usize>(
    (token, dim): (V::Token, D),
    z: &[D::Vector<V>],
    e: &mut [V],
    out: &mut [D::Vector<V>; N],
    phi: impl Fn(usize, V) -> V,
) -> [V; N] {
    token.vectorize(
        #[inline(always)]
        || {
            let mut sums = take_all::<V, D, N>((token, dim), out);
            let mut totals = [V::splat(token, 0.0); N];
            let stride = z.len() + 1;
            let e = &mut e[..(N - 1) * stride + z.len()];
            for (k, z) in z.iter().enumerate() {
                for j in 0..N {
                    let weight = phi(j, e[j * stride + k]);
                    e[j * stride + k] = weight;
                    totals[j] = totals[j] + weight;
                    for i in 0..dim.get() {
                        sums[j][i] = weight.mul_add(z[i], sums[j][i]);
                    }
                }
            }
            *out = sums;
            totals
        },
    )
}

/// s̄ and q̄ = Σ s̄_k z_k from ē_k = ⟨ū, z_k⟩.
#[inline(always)]
fn attend_bar<V: Lane, D: Dim, const N: usize>(
    on: (V::Token, D),
    attention: Attention,
    z: &[D::Vector<V>],
    (e, u_bar, mean): (&[V], &[D::Vector<V>; N], [V; N]),
    s_bar: &mut [V],
    q_bar: &mut [D::Vector<V>; N],
) {
    let (token, e_and_u) = (on.0, (e, u_bar));
    match attention {
        Attention::Linear => weighted_adjoints(
            on,
            z,
            e_and_u,
            s_bar,
            q_bar,
            #[inline(always)]
            |_, _, bar| bar,
        ),
        Attention::Relu => weighted_adjoints(
            on,
            z,
            e_and_u,
            s_bar,
            q_bar,
            #[inline(always)]
            |_, e, bar| e.gate(token, bar),
        ),
        Attention::Softmax => weighted_adjoints(
            on,
            z,
            e_and_u,
            s_bar,
            q_bar,
            #[inline(always)]
            |j, e, bar| e * (bar - mean[j]),
        ),
    }
}

/// `s_bar = phi_bar(j, e, ⟨u_bar_j, z_k⟩)` and `q_bar_j = Σ_k s_bar z_k`.
#[inline(always)]
fn weighted_adjoints<V: Lane, D: Dim, const N: usize>(
    (token, dim): (V::Token, D),
    z: &[D::Vector<V>],
    (e, u_bar): (&[V], &[D::Vector<V>; N]),
    s_bar: &mut [V],
    q_bar: &mut [D::Vector<V>; N],
    phi_bar: impl Fn(usize, V, V) -> V,
) {
    token.vectorize(
        #[inline(always)]
        || {
            let u_bar = hold_all::<V, D, N>(u_bar);
            let mut sums = take_all::<V, D, N>((token, dim), q_bar);
            let stride = z.len() + 1;
            let len = (N - 1) * stride + z.len();
            let (e, s_bar) = (&e[..len], &mut s_bar[..len]);
            for (k, z) in z.iter().enumerate() {
                for j in 0..N {
                    let mut bar = z[0] * u_bar[j][0];
                    for i in 1..dim.get() {
                        bar = z[i].mul_add(u_bar[j][i], bar);
                    }
                    let bar = phi_bar(j, e[j * stride + k], bar);
                    s_bar[j * stride + k] = bar;
                    for i in 0..dim.get() {
                        sums[j][i] = bar.mul_add(z[i], sums[j][i]);
                    }
                }
            }
            *q_bar = sums;
        },
    );
}

/// `z_bar_k += Σ_j a[j·stride + k] x_j + b[j·stride + k] y_j`.
#[inline(always)]
fn spread<V: Lane, D: Dim, const N: usize>(
    (token, dim): (V::Token, D),
    z_bar: &mut [D::Vector<V>],
    (a, x): (&[V], &[D::Vector<V>; N]),
    (b, y): (&[V], &[D::Vector<V>; N]),
    stride: usize,
) {
    token.vectorize(
        #[inline(always)]
        || {
            let (x, y) = (hold_all::<V, D, N>(x), hold_all::<V, D, N>(y));
            let len = (N - 1) * stride + z_bar.len();
            let (a, b) = (&a[..len], &b[..len]);
            for (k, z_bar) in z_bar.iter_mut().enumerate() {
                for i in 0..dim.get() {
                    let mut sum = z_bar[i];
                    for j in 0..N {
                        sum = a[j * stride + k].mul_add(x[j][i], sum);
                        sum = b[j * stride + k].mul_add(y[j][i], sum);
                    }
                    z_bar[i] = sum;
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
