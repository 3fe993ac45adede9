//! Linear attention with full matrices and any number of heads: the recurrence of the whole Gram
//! matrix G = Z M Zᵀ/n, (d+1)×(d+1), and its reverse pass (docs/derivations.md).
//!
//! ```text
//! K_h = G Q_h,  B = I + Σ_h P_h K_h,  z ← B z,  G ← B G Bᵀ
//! ```
//!
//! Only the last row of the last layer's output is read.

use super::kernel::Kernel;
use super::matrix::{Dim, many};
use super::sparse::Weights as Head;
use super::terms::{Outer, Twice, add, apply, assign, assign_symmetric, n, symmetrize, t, times};
use super::{Transformer, encoder, full};
use crate::task::{label_row, query_row, square_row, target_row, triangle};
use windtunnel_math::lanes::{BlockRow, Lane};

/// Inputs and intermediate results of a layer.
struct Record<V: Lane, D: Dim> {
    /// Inputs: G and the query z.
    gram: D::Matrix<V>,
    z: D::Vector<V>,
    /// K_h, B, U = B G.
    k: Vec<D::Matrix<V>>,
    b: D::Matrix<V>,
    u: D::Matrix<V>,
    /// Last layer: Q_h z and G Q_h z.
    qz: Vec<D::Vector<V>>,
    gqz: Vec<D::Vector<V>>,
}

/// Everything that one register of prompts needs between forward and reverse pass.
pub(super) struct Tape<V: Lane, D: Dim> {
    token: V::Token,
    dim: D,
    model: Transformer,
    layers: Vec<Record<V, D>>,
    /// Adjoints of G and z, of B and K.
    gram_bar: D::Matrix<V>,
    z_bar: D::Vector<V>,
    b_bar: D::Matrix<V>,
    k_bar: D::Matrix<V>,
    /// Temporaries.
    m: D::Matrix<V>,
    v: D::Vector<V>,
    w: D::Vector<V>,
    /// Encoded tokens, if there is an encoder.
    tokens: Vec<D::Vector<V>>,
    encoder: Option<encoder::Tape<V, D>>,
}

impl<V: Lane, D: Dim> Tape<V, D> {
    pub(super) fn new(token: V::Token, dim: D, model: &Transformer) -> Tape<V, D> {
        let zero = V::splat(token, 0.0);
        let (vector, matrix) = (|| dim.vector(zero), || dim.matrix(zero));
        let record = || Record {
            gram: matrix(),
            z: vector(),
            k: many(model.heads, matrix),
            b: matrix(),
            u: matrix(),
            qz: many(model.heads, vector),
            gqz: many(model.heads, vector),
        };
        Tape {
            token,
            dim,
            model: *model,
            layers: many(model.depth, record),
            gram_bar: matrix(),
            z_bar: vector(),
            b_bar: matrix(),
            k_bar: matrix(),
            m: matrix(),
            v: vector(),
            w: vector(),
            tokens: Vec::new(),
            encoder: model.encoder.map(|encoder| encoder::Tape::new(token, encoder, dim)),
        }
    }

    /// Fills the first layer's G and z from moments; returns the target.
    #[inline(always)]
    fn load_moments(&mut self, block: &[BlockRow<V::Scalar>], lane: usize) -> V {
        let d = self.dim.get() - 1;
        let token = self.token;
        let Record { gram, z, .. } = &mut self.layers[0];
        let row = |r: usize| V::load(token, &block[r][lane..][..V::WIDTH]);
        for i in 0..d {
            for j in 0..=i {
                gram[i][j] = row(triangle(i, j));
                gram[j][i] = gram[i][j];
            }
            gram[d][i] = row(label_row(d) + i);
            gram[i][d] = gram[d][i];
            z[i] = row(query_row(d) + i);
        }
        gram[d][d] = row(square_row(d));
        z[d] = V::splat(token, 0.0);
        row(target_row(d))
    }

    /// Fills the first layer's G and z from tokens that pass the encoder; returns the target.
    #[inline(always)]
    fn load_tokens(
        &mut self,
        weights: &encoder::Weights<V, D>,
        block: &[BlockRow<V::Scalar>],
        lane: usize,
    ) -> V {
        let Tape { token, dim, tokens, encoder, layers, .. } = self;
        let (token, width) = (*token, dim.get());
        let zero = V::splat(token, 0.0);
        let count = block.len() / width;
        tokens.resize_with(count, || dim.vector(zero));
        for (t, z) in tokens.iter_mut().enumerate() {
            for i in 0..width {
                z[i] = V::load(token, &block[t * width + i][lane..][..V::WIDTH]);
            }
        }
        let target = tokens[count - 1][width - 1];
        tokens[count - 1][width - 1] = zero;
        if let Some(encoder) = encoder {
            encoder.resize(count);
            encoder.forward(weights, tokens);
        }
        let Record { gram, z, .. } = &mut layers[0];
        let mean = V::splat(token, 1.0 / (count - 1) as f64);
        for i in 0..width {
            for j in 0..=i {
                let mut sum = zero;
                for z in &tokens[..count - 1] {
                    sum = z[i].mul_add(z[j], sum);
                }
                gram[i][j] = sum * mean;
                gram[j][i] = gram[i][j];
            }
            z[i] = tokens[count - 1][i];
        }
        target
    }

    #[inline(always)]
    fn forward_inner(&mut self, l: usize, heads: &[Head<V, D>]) {
        let on = (self.token, self.dim);
        let (head, tail) = self.layers.split_at_mut(l + 1);
        let (Record { gram, z, k, b, u, .. }, next) = (&mut head[l], &mut tail[0]);
        identity(on, b);
        for (head, k) in heads.iter().zip(k) {
            assign(on, times(self.dim, n(gram), n(&head.q)), k);
            add(on, times(self.dim, n(&head.p), n(k)), b);
        }
        apply(on, n(b), z, &mut next.z);
        assign(on, times(self.dim, n(b), n(gram)), u);
        assign_symmetric(on, times(self.dim, n(u), t(b)), &mut next.gram);
    }

    /// y = z_{d+1} + Σ_h ⟨p_h, G Q_h z⟩, p_h the last row of P_h.
    #[inline(always)]
    fn forward_last(&mut self, heads: &[Head<V, D>]) -> V {
        let (on, width) = ((self.token, self.dim), self.dim.get());
        let Record { gram, z, qz, gqz, .. } = &mut self.layers[self.model.depth - 1];
        let mut y = z[width - 1];
        for (h, head) in heads.iter().enumerate() {
            apply(on, n(&head.q), z, &mut qz[h]);
            apply(on, n(gram), &qz[h], &mut gqz[h]);
            for j in 0..width {
                y = head.p[width - 1][j].mul_add(gqz[h][j], y);
            }
        }
        y
    }

    /// With w = ȳ p_h:  p̄_h += ȳ G Q_h z,  Q̄_h += G w zᵀ,  Ḡ = sym(Σ w (Q_h z)ᵀ),
    /// z̄ = ȳ e + Σ Q_hᵀ G w
    #[inline(always)]
    fn reverse_last(&mut self, heads: &[Head<V, D>], y_bar: V, bars: &mut [Head<V, D>]) {
        let (on, width) = ((self.token, self.dim), self.dim.get());
        let Tape { layers, gram_bar, z_bar, v, w, model, token, .. } = self;
        let Record { gram, z, qz, gqz, .. } = &layers[model.depth - 1];
        let zero = V::splat(*token, 0.0);
        for i in 0..width {
            z_bar[i] = zero;
            for j in 0..width {
                gram_bar[i][j] = zero;
            }
        }
        z_bar[width - 1] = y_bar;
        for (h, (head, bar)) in heads.iter().zip(bars).enumerate() {
            let row = &mut bar.p[width - 1];
            for j in 0..width {
                row[j] = y_bar.mul_add(gqz[h][j], row[j]);
                w[j] = y_bar * head.p[width - 1][j];
            }
            add(on, Outer::<V, D>(w, &qz[h]), gram_bar);
            apply(on, n(gram), w, v);
            add(on, Outer::<V, D>(v, z), &mut bar.q);
            apply(on, t(&head.q), v, w);
            for i in 0..width {
                z_bar[i] = z_bar[i] + w[i];
            }
        }
        symmetrize::<V, D>(*token, width, gram_bar);
    }

    /// ```text
    /// B̄ = z̄ zᵀ + 2 Ḡ U,  P̄_h += B̄ K_hᵀ,  K̄_h = P_hᵀ B̄,  Q̄_h += G K̄_h
    /// Ḡ ← sym(Bᵀ Ḡ B + Σ_h K̄_h Q_hᵀ),  z̄ ← Bᵀ z̄
    /// ```
    #[inline(always)]
    fn reverse_inner(&mut self, l: usize, heads: &[Head<V, D>], bars: &mut [Head<V, D>]) {
        let (on, width) = ((self.token, self.dim), self.dim.get());
        let Tape { layers, gram_bar, z_bar, b_bar, k_bar, m, v, token, .. } = self;
        let Record { gram, z, k, b, u, .. } = &layers[l];
        let dim = self.dim;
        let terms = (Twice(times(dim, n(gram_bar), n(u))), Outer::<V, D>(z_bar, z));
        assign(on, terms, b_bar);
        assign(on, times(dim, t(b), n(gram_bar)), m);
        assign(on, times(dim, n(m), n(b)), gram_bar);
        for (h, (head, bar)) in heads.iter().zip(bars).enumerate() {
            add(on, times(dim, n(b_bar), t(&k[h])), &mut bar.p);
            assign(on, times(dim, t(&head.p), n(b_bar)), k_bar);
            add(on, times(dim, n(gram), n(k_bar)), &mut bar.q);
            add(on, times(dim, n(k_bar), t(&head.q)), gram_bar);
        }
        symmetrize::<V, D>(*token, width, gram_bar);
        apply(on, t(b), z_bar, v);
        std::mem::swap(z_bar, v);
    }

    /// Reverse pass from Ḡ to the tokens, z̄ₜ = 2 Ḡ zₜ/n in their place, and on to the encoder.
    #[inline(always)]
    fn reverse_tokens(
        &mut self,
        weights: &encoder::Weights<V, D>,
        bar: &mut encoder::Weights<V, D>,
    ) {
        let (on, width) = ((self.token, self.dim), self.dim.get());
        let Tape { tokens, encoder, gram_bar, z_bar, v, token, .. } = self;
        let (Some(encoder), Some((query, context))) = (encoder, tokens.split_last_mut()) else {
            return;
        };
        let scale = V::splat(*token, 2.0 / context.len() as f64);
        for z in context {
            apply(on, n(gram_bar), z, v);
            for i in 0..width {
                z[i] = v[i] * scale;
            }
        }
        std::mem::swap(query, z_bar);
        encoder.reverse(weights, tokens, bar);
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
    fn forward(&mut self, weights: &[Self::Part], block: &[BlockRow<V::Scalar>], lane: usize) -> V {
        let weights = &weights[0];
        let target = match &weights.encoder {
            None => self.load_moments(block, lane),
            Some(encoder) => self.load_tokens(encoder, block, lane),
        };
        let last = self.model.depth - 1;
        for l in 0..last {
            self.forward_inner(l, &weights.layers[l]);
        }
        self.forward_last(&weights.layers[last]) + target
    }

    #[inline(always)]
    fn reverse(&mut self, weights: &[Self::Part], residual: V, grad: &mut [Self::Part]) {
        let (weights, bar) = (&weights[0], &mut grad[0]);
        let last = self.model.depth - 1;
        self.reverse_last(&weights.layers[last], residual + residual, &mut bar.layers[last]);
        for l in (0..last).rev() {
            self.reverse_inner(l, &weights.layers[l], &mut bar.layers[l]);
        }
        if let (Some(weights), Some(bar)) = (&weights.encoder, &mut bar.encoder) {
            self.reverse_tokens(weights, bar);
        }
    }
}

/// Sets `m` to the identity.
#[inline(always)]
fn identity<V: Lane, D: Dim>((token, dim): (V::Token, D), m: &mut D::Matrix<V>) {
    for i in 0..dim.get() {
        for j in 0..dim.get() {
            m[i][j] = V::splat(token, if i == j { 1.0 } else { 0.0 });
        }
    }
}
