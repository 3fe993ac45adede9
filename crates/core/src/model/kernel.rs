//! Loss and gradient of one block of prompts: the Gram recurrence and its reverse pass.
//!
//! Written once for every scalar (f32 and f64 lanes, dual numbers over them) and every d.
//! Notation and equations are those of docs/derivations.md; S and s are already divided by n.

use super::gemm::{Dim, N, T, add_product, apply, product};
use crate::lanes::{BLOCK, Lane};

/// Everything that one register of prompts needs between forward and reverse pass.
pub(super) struct Tape<V: Lane> {
    token: V::Token,
    depth: usize,
    /// Per layer, d×d: S, W = S Q, A = I + P W, U = A S.
    gram: Vec<V>,
    w: Vec<V>,
    a: Vec<V>,
    u: Vec<V>,
    /// Per layer, d: query x, s, v = s + S b, b = Qᵀ s.
    x: Vec<V>,
    s: Vec<V>,
    v: Vec<V>,
    b: Vec<V>,
    /// Adjoints, and one temporary.
    gram_bar: Vec<V>,
    a_bar: Vec<V>,
    t_bar: Vec<V>,
    temp: Vec<V>,
    x_bar: Vec<V>,
    s_bar: Vec<V>,
    v_bar: Vec<V>,
    b_bar: Vec<V>,
}

impl<V: Lane> Tape<V> {
    pub(super) fn new(token: V::Token, depth: usize, d: usize) -> Tape<V> {
        let zeros = |len: usize| vec![V::splat(token, 0.0); len];
        let (matrices, vectors) = (depth * d * d, depth * d);
        Tape {
            token,
            depth,
            gram: zeros(matrices),
            w: zeros(matrices),
            a: zeros(matrices),
            u: zeros(matrices),
            x: zeros(vectors),
            s: zeros(vectors),
            v: zeros(vectors),
            b: zeros(vectors),
            gram_bar: zeros(d * d),
            a_bar: zeros(d * d),
            t_bar: zeros(d * d),
            temp: zeros(d * d),
            x_bar: zeros(d),
            s_bar: zeros(d),
            v_bar: zeros(d),
            b_bar: zeros(d),
        }
    }

    /// Residual r = y_L + ⟨w⋆, x_q⟩ of the prompts in lanes `lane..lane + WIDTH` of `block`.
    ///
    /// # Shapes
    /// `params`: [L, 2, d, d], P then Q. `block`: rows of [`BLOCK`] lanes as in `task::Batch`.
    #[inline(always)]
    pub(super) fn forward<D: Dim>(
        &mut self,
        dim: D,
        params: &[V],
        block: &[V::Scalar],
        lane: usize,
    ) -> V {
        let (d, zero) = (dim.get(), V::splat(self.token, 0.0));
        let dd = d * d;
        let one = V::splat(self.token, 1.0);
        let labels = d * (d + 1) / 2;
        for i in 0..d {
            for j in 0..=i {
                let value = self.load(block, i * (i + 1) / 2 + j, lane);
                self.gram[i * d + j] = value;
                self.gram[j * d + i] = value;
            }
            self.s[i] = self.load(block, labels + i, lane);
            self.x[i] = self.load(block, labels + d + i, lane);
        }
        let mut y = self.load(block, labels + 2 * d, lane);
        for l in 0..self.depth {
            let (p, q) = layer(params, l, dd);
            let (s, x) = (&self.s[l * d..][..d], &self.x[l * d..][..d]);
            let b = &mut self.b[l * d..][..d];
            apply(dim, zero, T(q), s, b);
            for i in 0..d {
                y = b[i].mul_add(x[i], y);
            }
            if l + 1 == self.depth {
                break;
            }
            let (gram, next_gram) = self.gram[l * dd..].split_at_mut(dd);
            let w = &mut self.w[l * dd..][..dd];
            product(dim, zero, N(gram), N(q), w);
            let a = &mut self.a[l * dd..][..dd];
            product(dim, zero, N(p), N(w), a);
            for i in 0..d {
                a[i * d + i] = a[i * d + i] + one;
            }
            let (x, next_x) = self.x[l * d..].split_at_mut(d);
            apply(dim, zero, N(a), x, next_x);
            let v = &mut self.v[l * d..][..d];
            apply(dim, zero, N(gram), b, v);
            let (s, next_s) = self.s[l * d..].split_at_mut(d);
            for i in 0..d {
                v[i] = v[i] + s[i];
            }
            apply(dim, zero, N(a), v, next_s);
            if l + 2 < self.depth {
                // The last layer reads s and x only, so S stops one layer earlier.
                let u = &mut self.u[l * dd..][..dd];
                product(dim, zero, N(a), N(gram), u);
                product(dim, zero, N(u), T(a), next_gram);
            }
        }
        y
    }

    #[inline(always)]
    fn load(&self, block: &[V::Scalar], row: usize, lane: usize) -> V {
        V::load(self.token, &block[row * BLOCK + lane..][..V::WIDTH])
    }

    /// Adds the gradient of Σ r² over the lanes to `grad`, lane by lane.
    ///
    /// # Shapes
    /// `params`, `grad`: [L, 2, d, d]. `residual`: what [`Tape::forward`] returned.
    #[inline(always)]
    pub(super) fn reverse<D: Dim>(&mut self, dim: D, params: &[V], residual: V, grad: &mut [V]) {
        let (d, zero) = (dim.get(), V::splat(self.token, 0.0));
        let dd = d * d;
        let y_bar = residual + residual;
        // The last layer outputs y alone: b̄ = ȳ x, Q̄ += s b̄ᵀ, s̄ = Q b̄, x̄ = ȳ b.
        let last = self.depth - 1;
        let (_, q) = layer(params, last, dd);
        let (x, s, b) = (&self.x[last * d..], &self.s[last * d..], &self.b[last * d..]);
        let q_bar = &mut grad[(2 * last + 1) * dd..][..dd];
        for i in 0..d {
            self.b_bar[i] = y_bar * x[i];
            self.x_bar[i] = y_bar * b[i];
        }
        for i in 0..d {
            for j in 0..d {
                q_bar[i * d + j] = s[i].mul_add(self.b_bar[j], q_bar[i * d + j]);
            }
        }
        apply(dim, zero, N(q), &self.b_bar, &mut self.s_bar);

        for l in (0..last).rev() {
            let (p, q) = layer(params, l, dd);
            let (gram, w) = (&self.gram[l * dd..][..dd], &self.w[l * dd..][..dd]);
            let (a, u) = (&self.a[l * dd..][..dd], &self.u[l * dd..][..dd]);
            let (x, s) = (&self.x[l * d..][..d], &self.s[l * d..][..d]);
            let (v, b) = (&self.v[l * d..][..d], &self.b[l * d..][..d]);
            let (p_bar, q_bar) = grad[2 * l * dd..][..2 * dd].split_at_mut(dd);

            // v̄ = Aᵀ s̄,  Ā = x̄ xᵀ + s̄ vᵀ + 2 S̄ U,  b̄ = S v̄ + ȳ x
            apply(dim, zero, T(a), &self.s_bar, &mut self.v_bar);
            if l + 1 == last {
                self.a_bar.fill(zero);
            } else {
                product(dim, zero, N(&self.gram_bar), N(u), &mut self.a_bar);
            }
            for i in 0..d {
                for j in 0..d {
                    let twice = self.a_bar[i * d + j] + self.a_bar[i * d + j];
                    let outer = self.x_bar[i].mul_add(x[j], twice);
                    self.a_bar[i * d + j] = self.s_bar[i].mul_add(v[j], outer);
                }
            }
            apply(dim, zero, N(gram), &self.v_bar, &mut self.b_bar);
            for i in 0..d {
                self.b_bar[i] = y_bar.mul_add(x[i], self.b_bar[i]);
            }
            // P̄ += Ā Wᵀ,  T̄ = Pᵀ Ā,  Q̄ += S T̄ + s b̄ᵀ
            add_product(dim, zero, N(&self.a_bar), T(w), p_bar);
            product(dim, zero, T(p), N(&self.a_bar), &mut self.t_bar);
            add_product(dim, zero, N(gram), N(&self.t_bar), q_bar);
            for i in 0..d {
                for j in 0..d {
                    q_bar[i * d + j] = s[i].mul_add(self.b_bar[j], q_bar[i * d + j]);
                }
            }
            if l == 0 {
                break;
            }
            // S̄ ← sym(Aᵀ S̄ A + T̄ Qᵀ + v̄ bᵀ)
            if l + 1 == last {
                product(dim, zero, N(&self.t_bar), T(q), &mut self.gram_bar);
            } else {
                product(dim, zero, T(a), N(&self.gram_bar), &mut self.temp);
                product(dim, zero, N(&self.temp), N(a), &mut self.gram_bar);
                add_product(dim, zero, N(&self.t_bar), T(q), &mut self.gram_bar);
            }
            let half = V::splat(self.token, 0.5);
            let (v_bar, gram_bar) = (&mut self.v_bar, &mut self.gram_bar);
            for i in 0..d {
                for j in 0..=i {
                    let outer = v_bar[i].mul_add(b[j], gram_bar[i * d + j]);
                    let outer = v_bar[j].mul_add(b[i], gram_bar[j * d + i] + outer);
                    gram_bar[i * d + j] = outer * half;
                    gram_bar[j * d + i] = outer * half;
                }
            }
            // s̄ ← v̄ + Q b̄,  x̄ ← Aᵀ x̄ + ȳ b
            apply(dim, zero, N(q), &self.b_bar, &mut self.s_bar);
            for i in 0..d {
                self.s_bar[i] = self.s_bar[i] + v_bar[i];
            }
            apply(dim, zero, T(a), &self.x_bar, v_bar);
            for i in 0..d {
                self.x_bar[i] = y_bar.mul_add(b[i], v_bar[i]);
            }
        }
    }
}

/// P and Q of layer `l`.
#[inline(always)]
fn layer<V>(params: &[V], l: usize, dd: usize) -> (&[V], &[V]) {
    params[2 * l * dd..][..2 * dd].split_at(dd)
}
