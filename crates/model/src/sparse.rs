//! The kernel of [`Transformer::linear`](super::Transformer::linear): the Gram recurrence of the
//! sparse parameterization and its reverse pass.
//!
//! Written once for every scalar (f32 and f64 lanes, dual numbers over them) and every d.
//! Notation and equations are those of docs/derivations.md; S and s are already divided by n.
//!
//! Layers are of three kinds, because the prediction needs less and less of what they pass on:
//! an *inner* layer passes on S, s, x and costs O(d³); the *penultimate* passes on s and x only, so
//! that A = I + P S Q is applied and never formed, O(d²); the *last* only adds to y.

use std::ops::{Index, IndexMut};

use super::kernel::Kernel;
use super::matrix::{Dim, many};
use super::terms::{
    self, Outer, Twice, apply, apply_both, assign, assign_symmetric, assign_symmetrized, n, t,
    times,
};
use crate::task::{label_row, query_row, target_row, triangle};
use windtunnel_math::lanes::{BlockRow, Lane};

/// P and Q of one layer, or their gradients.
pub(super) struct Weights<V: Lane, D: Dim> {
    pub(super) p: D::Matrix<V>,
    pub(super) q: D::Matrix<V>,
}

impl<V: Lane, D: Dim> Weights<V, D> {
    pub(super) fn filled(dim: D, value: V) -> Weights<V, D> {
        Weights { p: dim.matrix(value), q: dim.matrix(value) }
    }

    /// Adds `other` and leaves it at zero.
    #[inline(always)]
    pub(super) fn take(&mut self, d: usize, other: &mut Self, zero: V) {
        for (own, other) in [(&mut self.p, &mut other.p), (&mut self.q, &mut other.q)] {
            for i in 0..d {
                for j in 0..d {
                    own[i][j] = own[i][j] + std::mem::replace(&mut other[i][j], zero);
                }
            }
        }
    }

    /// Calls `see` with every entry, P before Q.
    #[inline(always)]
    pub(super) fn visit(&mut self, d: usize, see: &mut impl FnMut(&mut V)) {
        for matrix in [&mut self.p, &mut self.q] {
            for i in 0..d {
                for j in 0..d {
                    see(&mut matrix[i][j]);
                }
            }
        }
    }
}

/// Inputs and intermediate results of a layer, for the reverse pass.
struct Record<V: Lane, D: Dim> {
    /// Inputs: S (not the last layer), s, query x.
    gram: D::Matrix<V>,
    s: D::Vector<V>,
    x: D::Vector<V>,
    /// b = Qᵀ s, v = s + S b.
    b: D::Vector<V>,
    v: D::Vector<V>,
    /// Inner layers: W = S Q, A = I + P W, U = A S.
    w: D::Matrix<V>,
    a: D::Matrix<V>,
    u: D::Matrix<V>,
}

/// Everything that one register of prompts needs between forward and reverse pass.
pub(super) struct Tape<V: Lane, D: Dim> {
    token: V::Token,
    dim: D,
    layers: Vec<Record<V, D>>,
    /// Penultimate layer: Q x, Q v, S Q x, S Q v.
    qx: D::Vector<V>,
    qv: D::Vector<V>,
    wx: D::Vector<V>,
    wv: D::Vector<V>,
    /// Adjoints S̄, s̄, x̄, v̄, b̄, Ā, T̄ = Pᵀ Ā.
    gram_bar: D::Matrix<V>,
    s_bar: D::Vector<V>,
    x_bar: D::Vector<V>,
    v_bar: D::Vector<V>,
    b_bar: D::Vector<V>,
    a_bar: D::Matrix<V>,
    t_bar: D::Matrix<V>,
    /// Temporaries.
    m: D::Matrix<V>,
    px: D::Vector<V>,
    ps: D::Vector<V>,
    gx: D::Vector<V>,
    gs: D::Vector<V>,
    ax: D::Vector<V>,
}

impl<V: Lane, D: Dim> Tape<V, D> {
    pub(super) fn new(token: V::Token, dim: D, depth: usize) -> Tape<V, D> {
        let zero = V::splat(token, 0.0);
        let (vector, matrix) = (|| dim.vector(zero), || dim.matrix(zero));
        let record = || Record {
            gram: matrix(),
            s: vector(),
            x: vector(),
            b: vector(),
            v: vector(),
            w: matrix(),
            a: matrix(),
            u: matrix(),
        };
        Tape {
            token,
            dim,
            layers: many(depth, record),
            qx: vector(),
            qv: vector(),
            wx: vector(),
            wv: vector(),
            gram_bar: matrix(),
            s_bar: vector(),
            x_bar: vector(),
            v_bar: vector(),
            b_bar: vector(),
            a_bar: matrix(),
            t_bar: matrix(),
            m: matrix(),
            px: vector(),
            ps: vector(),
            gx: vector(),
            gs: vector(),
            ax: vector(),
        }
    }

    /// Fills the first layer's S, s and x; returns y, which starts at ⟨w⋆, x_q⟩.
    #[inline(always)]
    fn load(&mut self, block: &[BlockRow<V::Scalar>], lane: usize) -> V {
        let d = self.dim.get();
        let first = &mut self.layers[0];
        let row = |r: usize| V::load(self.token, &block[r][lane..][..V::WIDTH]);
        for i in 0..d {
            for j in 0..=i {
                let value = row(triangle(i, j));
                first.gram[i][j] = value;
                first.gram[j][i] = value;
            }
            first.s[i] = row(label_row(d) + i);
            first.x[i] = row(query_row(d) + i);
        }
        row(target_row(d))
    }

    /// b = Qᵀ s,  y ← y + ⟨b, x⟩
    #[inline(always)]
    fn forward_label(&mut self, l: usize, weights: &Weights<V, D>, mut y: V) -> V {
        let Record { s, x, b, .. } = &mut self.layers[l];
        apply((self.token, self.dim), t(&weights.q), s, b);
        for i in 0..self.dim.get() {
            y = b[i].mul_add(x[i], y);
        }
        y
    }

    /// v = s + S b,  A = I + P S Q,  x ← A x,  s ← A v,  S ← A S Aᵀ
    #[inline(always)]
    fn forward_inner(&mut self, l: usize, weights: &Weights<V, D>) {
        let (on, d) = ((self.token, self.dim), self.dim.get());
        let (now, next) = neighbours(&mut self.layers, l);
        let Record { gram, s, x, b, v, w, a, u } = now;
        apply(on, n(gram), b, v);
        add(d, s, v);
        assign(on, times(self.dim, n(gram), n(&weights.q)), w);
        assign(on, times(self.dim, n(&weights.p), n(w)), a);
        let one = V::splat(self.token, 1.0);
        for i in 0..d {
            a[i][i] = a[i][i] + one;
        }
        apply_both(on, n(a), [x, v], [&mut next.x, &mut next.s]);
        assign(on, times(self.dim, n(a), n(gram)), u);
        assign_symmetric(on, times(self.dim, n(u), t(a)), &mut next.gram);
    }

    /// v = s + S b,  x ← x + P S Q x,  s ← v + P S Q v
    #[inline(always)]
    fn forward_penultimate(&mut self, l: usize, weights: &Weights<V, D>) {
        let (on, d) = ((self.token, self.dim), self.dim.get());
        let (now, next) = neighbours(&mut self.layers, l);
        let Record { gram, s, x, b, v, .. } = now;
        apply(on, n(gram), b, v);
        add(d, s, v);
        apply_both(on, n(&weights.q), [x, v], [&mut self.qx, &mut self.qv]);
        apply_both(on, n(gram), [&self.qx, &self.qv], [&mut self.wx, &mut self.wv]);
        apply_both(on, n(&weights.p), [&self.wx, &self.wv], [&mut next.x, &mut next.s]);
        add(d, x, &mut next.x);
        add(d, v, &mut next.s);
    }

    /// b̄ = ȳ x,  Q̄ += s b̄ᵀ,  s̄ ← Q b̄,  x̄ ← ȳ b
    #[inline(always)]
    fn reverse_last(
        &mut self,
        l: usize,
        weights: &Weights<V, D>,
        y_bar: V,
        bar: &mut Weights<V, D>,
    ) {
        let (on, d) = ((self.token, self.dim), self.dim.get());
        let Record { s, x, b, .. } = &self.layers[l];
        for i in 0..d {
            self.b_bar[i] = y_bar * x[i];
            self.x_bar[i] = y_bar * b[i];
        }
        terms::add(on, Outer::<V, D>(s, &self.b_bar), &mut bar.q);
        apply(on, n(&weights.q), &self.b_bar, &mut self.s_bar);
    }

    /// Here S̄ = 0 and Ā = x̄ xᵀ + s̄ vᵀ has rank two, so its products are outer products:
    ///
    /// ```text
    /// P̄ += x̄ (S Q x)ᵀ + s̄ (S Q v)ᵀ,  Q̄ += (S Pᵀ x̄) xᵀ + (S Pᵀ s̄) vᵀ + s b̄ᵀ
    /// v̄ = s̄ + Qᵀ S Pᵀ s̄,  b̄ = S v̄ + ȳ x,  S̄ ← sym((Pᵀ x̄)(Q x)ᵀ + (Pᵀ s̄)(Q v)ᵀ + v̄ bᵀ)
    /// x̄ ← x̄ + Qᵀ S Pᵀ x̄ + ȳ b,  s̄ ← v̄ + Q b̄
    /// ```
    #[inline(always)]
    fn reverse_penultimate(
        &mut self,
        l: usize,
        weights: &Weights<V, D>,
        y_bar: V,
        bar: &mut Weights<V, D>,
    ) {
        let (on, d) = ((self.token, self.dim), self.dim.get());
        let Weights { p, q } = weights;
        let Record { gram, s, x, b, v, .. } = &self.layers[l];
        let Tape { gram_bar, s_bar, x_bar, v_bar, b_bar, px, ps, gx, gs, ax, .. } = self;
        terms::add(
            on,
            (Outer::<V, D>(x_bar, &self.wx), Outer::<V, D>(s_bar, &self.wv)),
            &mut bar.p,
        );
        apply_both(on, t(p), [x_bar, s_bar], [px, ps]);
        apply_both(on, n(gram), [px, ps], [gx, gs]);
        apply_both(on, t(q), [gx, gs], [ax, v_bar]);
        add(d, s_bar, v_bar);
        add(d, ax, x_bar);
        apply(on, n(gram), v_bar, b_bar);
        for i in 0..d {
            b_bar[i] = y_bar.mul_add(x[i], b_bar[i]);
            x_bar[i] = y_bar.mul_add(b[i], x_bar[i]);
        }
        terms::add(
            on,
            ((Outer::<V, D>(gx, x), Outer::<V, D>(gs, v)), Outer::<V, D>(s, b_bar)),
            &mut bar.q,
        );
        if l == 0 {
            return;
        }
        let terms =
            ((Outer::<V, D>(v_bar, b), Outer::<V, D>(ps, &self.qv)), Outer::<V, D>(px, &self.qx));
        assign_symmetrized(on, terms, gram_bar);
        apply(on, n(q), b_bar, s_bar);
        add(d, v_bar, s_bar);
    }

    /// ```text
    /// Ā = x̄ xᵀ + s̄ vᵀ + 2 S̄ U,  v̄ = Aᵀ s̄,  b̄ = S v̄ + ȳ x,  T̄ = Pᵀ Ā
    /// P̄ += Ā Wᵀ,  Q̄ += S T̄ + s b̄ᵀ,  S̄ ← sym(Aᵀ S̄ A + T̄ Qᵀ + v̄ bᵀ)
    /// x̄ ← Aᵀ x̄ + ȳ b,  s̄ ← v̄ + Q b̄
    /// ```
    #[inline(always)]
    fn reverse_inner(
        &mut self,
        l: usize,
        weights: &Weights<V, D>,
        y_bar: V,
        bar: &mut Weights<V, D>,
    ) {
        let (on, d) = ((self.token, self.dim), self.dim.get());
        let Weights { p, q } = weights;
        let Record { gram, s, x, b, v, w, a, u } = &self.layers[l];
        let Tape { gram_bar, s_bar, x_bar, v_bar, b_bar, a_bar, t_bar, m, ax, .. } = self;
        let dim = self.dim;
        let direct = (Twice(times(dim, n(gram_bar), n(u))), Outer::<V, D>(x_bar, x));
        assign(on, (direct, Outer::<V, D>(s_bar, v)), a_bar);
        apply_both(on, t(a), [x_bar, s_bar], [ax, v_bar]);
        apply(on, n(gram), v_bar, b_bar);
        for i in 0..d {
            b_bar[i] = y_bar.mul_add(x[i], b_bar[i]);
            x_bar[i] = y_bar.mul_add(b[i], ax[i]);
        }
        terms::add(on, times(dim, n(a_bar), t(w)), &mut bar.p);
        assign(on, times(dim, t(p), n(a_bar)), t_bar);
        terms::add(on, (times(dim, n(gram), n(t_bar)), Outer::<V, D>(s, b_bar)), &mut bar.q);
        if l == 0 {
            return;
        }
        assign(on, times(dim, t(a), n(gram_bar)), m);
        let terms = (times(dim, n(m), n(a)), times(dim, n(t_bar), t(q)));
        assign_symmetrized(on, (terms, Outer::<V, D>(v_bar, b)), gram_bar);
        apply(on, n(q), b_bar, s_bar);
        add(d, v_bar, s_bar);
    }
}

impl<V: Lane, D: Dim> Kernel<V> for Tape<V, D> {
    type Part = Weights<V, D>;

    fn part(&self, value: V) -> Weights<V, D> {
        Weights::filled(self.dim, value)
    }

    fn part_len(&self) -> usize {
        2 * self.dim.get() * self.dim.get()
    }

    #[inline(always)]
    fn visit(&self, part: &mut Weights<V, D>, mut see: impl FnMut(&mut V)) {
        part.visit(self.dim.get(), &mut see);
    }

    #[inline(always)]
    fn merge(&self, own: &mut Weights<V, D>, other: &mut Weights<V, D>, zero: V) {
        own.take(self.dim.get(), other, zero);
    }

    #[inline(always)]
    fn forward(
        &mut self,
        weights: &[Weights<V, D>],
        block: &[BlockRow<V::Scalar>],
        lane: usize,
    ) -> V {
        let mut y = self.load(block, lane);
        for (l, layer) in weights.iter().enumerate() {
            y = self.forward_label(l, layer, y);
            match weights.len() - l {
                1 => {}
                2 => self.forward_penultimate(l, layer),
                _ => self.forward_inner(l, layer),
            }
        }
        y
    }

    #[inline(always)]
    fn reverse(&mut self, weights: &[Weights<V, D>], residual: V, grad: &mut [Weights<V, D>]) {
        let y_bar = residual + residual;
        for (l, (layer, bar)) in weights.iter().zip(grad).enumerate().rev() {
            match weights.len() - l {
                1 => self.reverse_last(l, layer, y_bar, bar),
                2 => self.reverse_penultimate(l, layer, y_bar, bar),
                _ => self.reverse_inner(l, layer, y_bar, bar),
            }
        }
    }

    /// Needs a tape of two layers at least.
    #[inline(always)]
    fn advance(&mut self, first: &Weights<V, D>, block: &mut [BlockRow<V::Scalar>], lane: usize) {
        let d = self.dim.get();
        let y = self.load(block, lane);
        let y = self.forward_label(0, first, y);
        self.forward_inner(0, first);
        let Record { gram, s, x, .. } = &self.layers[1];
        let mut set = |row: usize, value: V| value.store(0, &mut block[row][lane..][..V::WIDTH]);
        for i in 0..d {
            for j in 0..=i {
                set(triangle(i, j), gram[i][j]);
            }
            set(label_row(d) + i, s[i]);
            set(query_row(d) + i, x[i]);
        }
        set(target_row(d), y);
    }
}

/// Records of layers `l` and `l + 1`.
#[inline(always)]
fn neighbours<R>(layers: &mut [R], l: usize) -> (&mut R, &mut R) {
    let (head, tail) = layers.split_at_mut(l + 1);
    (&mut head[l], &mut tail[0])
}

/// `out += x`.
#[inline(always)]
fn add<V: Lane>(
    d: usize,
    x: &impl Index<usize, Output = V>,
    out: &mut impl IndexMut<usize, Output = V>,
) {
    for i in 0..d {
        out[i] = out[i] + x[i];
    }
}
