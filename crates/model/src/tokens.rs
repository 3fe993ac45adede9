//! The kernel of models that need the tokens: attention with an activation, and its reverse pass.
//!
//! For a query t and keys k, with all heads' outputs added to Z:
//!
//! ```text
//! q = Q z_t,  s_k = ⟨z_k, q⟩,  u = γ Σ_{k<n} e_k z_k,  z_t ← z_t + P u
//! ```
//!
//! with e = φ(s) and γ = 1/n, or 1/(n Σ e) for weights that are normalized.
//!
//! In the last layer only the prompt's query is a query. Two queries are worked on at a time, so
//! that they share the loads of a key. P and Q of the sparse parameterization are stored as d×d
//! blocks: labels have no part in scores, and u's label is added as it is.

use super::kernel::Kernel;
use super::matrix::{Dim, many, some};
use super::queries::{On, add_outers, apply_all, some_mut, spread};
use super::sparse::Weights as Head;
use super::terms::{n, t};
use super::{Mask, Transformer, encoder, full};
use windtunnel_math::lanes::{BlockRow, Lane};

/// Results of one head of a layer for every query.
struct Queries<V: Lane, D: Dim, E: Dim> {
    /// q and u of every query.
    q: Vec<E::Vector<V>>,
    u: Vec<D::Vector<V>>,
    /// e, [query][key], and γ of every query.
    e: Vec<V>,
    scale: Vec<V>,
}

/// Inputs of a layer and results of its heads.
struct Record<V: Lane, D: Dim, E: Dim> {
    z: Vec<D::Vector<V>>,
    heads: Vec<Queries<V, D, E>>,
}

/// Everything that one register of prompts needs between forward and reverse pass.
pub(super) struct Tape<V: Lane, D: Dim, E: Dim> {
    on: On<V, D, E>,
    model: Transformer,
    /// Layers, and one more for the output of the last.
    layers: Vec<Record<V, D, E>>,
    /// Adjoints of a layer's output and input.
    out_bar: Vec<D::Vector<V>>,
    z_bar: Vec<D::Vector<V>>,
    /// Adjoints of q, by head and query.
    q_bar: Vec<Vec<E::Vector<V>>>,
    /// Of two queries: adjoints of s, of u and then Σ e z; products of a matrix with a vector.
    s_bar: Vec<V>,
    u_bar: [D::Vector<V>; 2],
    v: [E::Vector<V>; 2],
    encoder: Option<encoder::Tape<V, D>>,
}

impl<V: Lane, D: Dim, E: Dim> Tape<V, D, E> {
    pub(super) fn new(
        token: V::Token,
        (width, rows): (D, E),
        model: &Transformer,
    ) -> Tape<V, D, E> {
        let zero = V::splat(token, 0.0);
        let heads = || Queries { q: Vec::new(), u: Vec::new(), e: Vec::new(), scale: Vec::new() };
        let record = || Record { z: Vec::new(), heads: many(model.heads, heads) };
        Tape {
            on: On { token, width, rows },
            model: *model,
            layers: many(model.depth + 1, record),
            out_bar: Vec::new(),
            z_bar: Vec::new(),
            q_bar: many(model.heads, Vec::new),
            s_bar: Vec::new(),
            u_bar: [width.vector(zero), width.vector(zero)],
            v: [rows.vector(zero), rows.vector(zero)],
            encoder: model.encoder.map(|encoder| encoder::Tape::new(token, encoder, width)),
        }
    }

    /// Makes room for prompts of this number of tokens.
    fn resize(&mut self, tokens: usize) {
        let On { token, width, rows } = self.on;
        let zero = V::splat(token, 0.0);
        let fit =
            |vectors: &mut Vec<D::Vector<V>>| vectors.resize_with(tokens, || width.vector(zero));
        let fit_rows =
            |vectors: &mut Vec<E::Vector<V>>| vectors.resize_with(tokens, || rows.vector(zero));
        for Record { z, heads } in &mut self.layers {
            fit(z);
            for Queries { q, u, e, scale } in heads {
                fit_rows(q);
                fit(u);
                e.resize(tokens * tokens, zero);
                scale.resize(tokens, zero);
            }
        }
        fit(&mut self.out_bar);
        fit(&mut self.z_bar);
        self.q_bar.iter_mut().for_each(fit_rows);
        self.s_bar.resize(2 * tokens, zero);
        if let Some(encoder) = &mut self.encoder {
            encoder.resize(tokens);
        }
    }

    /// Fills the first layer's tokens; returns the target.
    #[inline(always)]
    fn load(
        &mut self,
        weights: &full::Weights<V, E>,
        block: &[BlockRow<V::Scalar>],
        lane: usize,
    ) -> V {
        let (token, width) = (self.on.token, self.on.width.get());
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
            encoder.forward(weights, z);
        }
        target
    }

    /// Number of keys that weights are normalized over.
    #[inline(always)]
    fn keys(&self) -> usize {
        let tokens = self.out_bar.len();
        let all = self.model.attention.is_normalized() && self.model.mask == Mask::Values;
        if all { tokens } else { tokens - 1 }
    }

    /// Whether the adjoint of the layer's input is used.
    #[inline(always)]
    fn is_read(&self, l: usize) -> bool {
        l > 0 || self.encoder.is_some()
    }

    /// One layer for the queries `first..`.
    #[inline(always)]
    fn forward_layer(&mut self, l: usize, heads: &[Head<V, E>], first: usize) {
        let tokens = self.out_bar.len();
        for t in (first..tokens - 1).step_by(2) {
            self.forward_queries::<2>(l, heads, t);
        }
        if (tokens - first) % 2 == 1 {
            self.forward_queries::<1>(l, heads, tokens - 1);
        }
    }

    #[inline(always)]
    fn forward_queries<const N: usize>(&mut self, l: usize, heads: &[Head<V, E>], t: usize) {
        let (on, keys) = (self.on, self.keys());
        let (of_rows, width, rows) = ((on.token, on.rows), on.width.get(), on.rows.get());
        let Tape { model, layers, v, .. } = self;
        let (head, tail) = layers.split_at_mut(l + 1);
        let (Record { z, heads: queries }, next) = (&mut head[l], &mut tail[0].z);
        let (z, next) = (z.as_slice(), some_mut::<_, N>(next, t));
        let (z_t, tokens) = (some::<_, N>(z, t), z.len());
        for (h, (head, Queries { q, u, e, scale })) in heads.iter().zip(queries).enumerate() {
            let (q, u, v) = (some_mut(q, t), some_mut(u, t), some_mut::<_, N>(v, 0));
            let weights = (&mut e[t * tokens..][..N * tokens], some_mut(scale, t));
            apply_all::<V, E, D, E, _, N>(of_rows, n(&head.q), z_t, q);
            model.attention.attend(on, z, keys, q, weights, u);
            apply_all::<V, E, D, E, _, N>(of_rows, n(&head.p), u, v);
            for j in 0..N {
                let next = &mut next[j];
                for i in 0..width {
                    let before = if h == 0 { z_t[j][i] } else { next[i] };
                    next[i] = before + if i < rows { v[j][i] } else { u[j][i] };
                }
            }
        }
    }

    /// One layer's reverse pass for the queries `first..`: from the adjoint of its output to that of
    /// its input, which takes its place; where nothing reads the latter, it is not made.
    ///
    /// With g the adjoint of the query's output:
    ///
    /// ```text
    /// P̄ += g uᵀ,  ū = γ Pᵀ g,  ē_k = ⟨ū, z_k⟩,  q̄ = Σ s̄_k z_k,  Q̄ += q̄ z_tᵀ
    /// z̄_k += e_k ū + s̄_k q,  z̄_t += g + Qᵀ q̄
    /// ```
    #[inline(always)]
    fn reverse_layer(
        &mut self,
        l: usize,
        heads: &[Head<V, E>],
        first: usize,
        bars: &mut [Head<V, E>],
    ) {
        let On { token, width, .. } = self.on;
        let (tokens, zero) = (self.out_bar.len(), V::splat(token, 0.0));
        let read = if self.is_read(l) { tokens } else { 0 };
        for (t, (z_bar, out_bar)) in self.z_bar.iter_mut().zip(&self.out_bar[..read]).enumerate() {
            for i in 0..width.get() {
                z_bar[i] = if t < first { zero } else { out_bar[i] };
            }
        }
        for t in (first..tokens - 1).step_by(2) {
            self.reverse_queries::<2>(l, heads, t);
        }
        if (tokens - first) % 2 == 1 {
            self.reverse_queries::<1>(l, heads, tokens - 1);
        }
        let (of_rows, Record { z, heads }) = ((token, self.on.rows), &self.layers[l]);
        for (h, (bar, Queries { u, .. })) in bars.iter_mut().zip(heads).enumerate() {
            let (g, q_bar) = (&self.out_bar[first..], &self.q_bar[h][first..]);
            add_outers::<V, E, D, D>(of_rows, g, &u[first..], &mut bar.p);
            add_outers::<V, E, E, D>(of_rows, q_bar, &z[first..], &mut bar.q);
        }
        std::mem::swap(&mut self.out_bar, &mut self.z_bar);
    }

    #[inline(always)]
    fn reverse_queries<const N: usize>(&mut self, l: usize, heads: &[Head<V, E>], t: usize) {
        let (on, keys, is_read) = (self.on, self.keys(), self.is_read(l));
        let (of_rows, width, rows) = ((on.token, on.rows), on.width.get(), on.rows.get());
        let Tape { model, layers, out_bar, z_bar, s_bar, u_bar, q_bar, v, .. } = self;
        let Record { z, heads: queries } = &layers[l];
        let (tokens, context) = (z.len(), z.len() - 1);
        let g = some::<_, N>(out_bar, t);
        let (u_bar, v) = (some_mut::<_, N>(u_bar, 0), some_mut::<_, N>(v, 0));
        for ((head, q_bar), Queries { q, u, e, scale }) in heads.iter().zip(q_bar).zip(queries) {
            let q_bar = some_mut(q_bar, t);
            let (q, u, e) = (some(q, t), some(u, t), &e[t * tokens..][..N * tokens]);
            apply_all::<V, E, D, D, _, N>(of_rows, self::t(&head.p), g, u_bar);
            for j in 0..N {
                for i in rows..width {
                    u_bar[j][i] = g[j][i];
                }
            }
            let forward = (e, some(scale, t), u);
            model.attention.attend_bar(on, z, keys, forward, u_bar, (&mut *s_bar, &mut *q_bar));
            if !is_read {
                continue;
            }
            spread(on, &mut z_bar[..context], (e, u_bar), (s_bar, q), tokens);
            apply_all::<V, E, E, E, _, N>(of_rows, self::t(&head.q), q_bar, v);
            let of_queries = some_mut::<_, N>(z_bar, t);
            for j in 0..N {
                for i in 0..rows {
                    of_queries[j][i] = of_queries[j][i] + v[j][i];
                }
            }
            if keys > context {
                let of_prompt = &mut z_bar[context];
                for j in 0..N {
                    let s_bar = s_bar[j * tokens + context];
                    for i in 0..rows {
                        of_prompt[i] = s_bar.mul_add(q[j][i], of_prompt[i]);
                    }
                }
            }
        }
    }
}

impl<V: Lane, D: Dim, E: Dim> Kernel<V> for Tape<V, D, E> {
    /// The whole model.
    type Part = full::Weights<V, E>;

    fn part(&self, value: V) -> full::Weights<V, E> {
        full::Weights::filled(self.on.rows, &self.model, value)
    }

    fn part_len(&self) -> usize {
        full::Weights::<V, D>::len(self.on.rows.get(), &self.model)
    }

    #[inline(always)]
    fn visit(&self, part: &mut full::Weights<V, E>, mut see: impl FnMut(&mut V)) {
        part.visit(self.on.rows.get(), &mut see);
    }

    #[inline(always)]
    fn merge(&self, own: &mut Self::Part, other: &mut Self::Part, zero: V) {
        own.take(self.on.rows.get(), other, zero);
    }

    #[inline(always)]
    fn forward(&mut self, weights: &[Self::Part], block: &[BlockRow<V::Scalar>], lane: usize) -> V {
        let (weights, depth) = (&weights[0], self.model.depth);
        let target = self.load(weights, block, lane);
        let query = self.out_bar.len() - 1;
        for (l, heads) in weights.layers.iter().enumerate() {
            self.forward_layer(l, heads, if l + 1 == depth { query } else { 0 });
        }
        self.layers[depth].z[query][self.on.width.get() - 1] + target
    }

    #[inline(always)]
    fn reverse(&mut self, weights: &[Self::Part], residual: V, grad: &mut [Self::Part]) {
        let (weights, bar, depth) = (&weights[0], &mut grad[0], self.model.depth);
        let (query, width) = (self.out_bar.len() - 1, self.on.width.get());
        for i in 0..width {
            self.out_bar[query][i] = V::splat(self.on.token, 0.0);
        }
        self.out_bar[query][width - 1] = residual + residual;
        for l in (0..depth).rev() {
            let first = if l + 1 == depth { query } else { 0 };
            self.reverse_layer(l, &weights.layers[l], first, &mut bar.layers[l]);
        }
        let Tape { encoder, out_bar, .. } = self;
        if let (Some(encoder), Some(weights), Some(bar)) =
            (encoder, &weights.encoder, &mut bar.encoder)
        {
            encoder.reverse(weights, out_bar, bar);
        }
    }
}
