//! Attention for N queries at once: loops over the keys, whose tokens are loaded once for all
//! queries. Loads come first in a loop's body, because the compiler repeats them after every store.

use fearless_simd::Simd;

use super::attention::Activation;
use super::matrix::{Dim, Tile};
use super::terms::Operand;
use windtunnel_math::lanes::Lane;

/// Instructions and shapes of the loops: tokens have `width` entries, P and Q are matrices of
/// `rows` rows. They have one less in the sparse parameterization, where labels have no part in
/// scores.
pub(super) struct On<V: Lane, D: Dim, E: Dim> {
    pub(super) token: V::Token,
    pub(super) width: D,
    pub(super) rows: E,
}

impl<V: Lane, D: Dim, E: Dim> Clone for On<V, D, E> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: Lane, D: Dim, E: Dim> Copy for On<V, D, E> {}

/// N items from the t-th on.
#[inline(always)]
pub(super) fn some_mut<T, const N: usize>(items: &mut [T], t: usize) -> &mut [T; N] {
    &mut items[t..t + N].as_chunks_mut().0[0]
}

#[inline(always)]
pub(super) fn hold_all<V: Lane, D: Dim, const N: usize>(
    vectors: &[D::Vector<V>; N],
) -> [D::Held<'_, V>; N] {
    std::array::from_fn(
        #[inline(always)]
        |j| D::hold(&vectors[j]),
    )
}

/// Takes the vectors out, set to zero, to be put back later.
#[inline(always)]
pub(super) fn take_all<V: Lane, D: Dim, const N: usize>(
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

/// `out = m · x` for each x, which share the loads of `m`; of longer vectors the first entries.
#[inline(always)]
pub(super) fn apply_all<V: Lane, E: Dim, X: Dim, Y: Dim, const T: bool, const N: usize>(
    (token, rows): (V::Token, E),
    m: Operand<'_, V, E, T>,
    x: &[X::Vector<V>; N],
    out: &mut [Y::Vector<V>; N],
) {
    token.vectorize(
        #[inline(always)]
        || {
            let x = hold_all::<V, X, N>(x);
            for i in 0..rows.get() {
                let mut sums = [V::splat(token, 0.0); N];
                for k in 0..rows.get() {
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

/// `out += Σ a bᵀ` over the pairs; of longer vectors the first entries.
#[inline(always)]
pub(super) fn add_outers<V: Lane, E: Dim, X: Dim, Y: Dim>(
    (token, rows): (V::Token, E),
    a: &[X::Vector<V>],
    b: &[Y::Vector<V>],
    out: &mut E::Matrix<V>,
) {
    token.vectorize(
        #[inline(always)]
        || rows.tiles::<V>(&mut Outers::<V, E, X, Y> { a, b, out }),
    );
}

struct Outers<'a, V: Lane, E: Dim, X: Dim, Y: Dim> {
    a: &'a [X::Vector<V>],
    b: &'a [Y::Vector<V>],
    out: &'a mut E::Matrix<V>,
}

impl<V: Lane, E: Dim, X: Dim, Y: Dim> Tile for Outers<'_, V, E, X, Y> {
    #[inline(always)]
    fn run<const R: usize, const C: usize>(&mut self, i: usize, j: usize) {
        let mut sums = [[self.out[i][j]; C]; R];
        for r in 0..R {
            for c in 0..C {
                sums[r][c] = self.out[i + r][j + c];
            }
        }
        for (a, b) in self.a.iter().zip(self.b) {
            for r in 0..R {
                for c in 0..C {
                    sums[r][c] = a[i + r].mul_add(b[j + c], sums[r][c]);
                }
            }
        }
        for r in 0..R {
            for c in 0..C {
                self.out[i + r][j + c] = sums[r][c];
            }
        }
    }
}

/// e, γ and u = γ Σ e z of the queries `q`: e is φ of the scores of the first `keys` tokens, of
/// which all but the last of `z` are values.
#[inline(always)]
pub(super) fn attend<V: Lane, D: Dim, E: Dim, A: Activation, const N: usize>(
    on: On<V, D, E>,
    z: &[D::Vector<V>],
    keys: usize,
    q: &[E::Vector<V>; N],
    (e, scale): (&mut [V], &mut [V; N]),
    u: &mut [D::Vector<V>; N],
) {
    let (token, stride, context) = (on.token, z.len(), z.len() - 1);
    let mean = V::splat(token, 1.0 / context as f64);
    *scale = [mean; N];
    let largest = scores::<V, D, E, A, N>(on, &z[..keys], q, e, stride);
    if A::NORMALIZED {
        for j in 0..N {
            let sum = activate::<V, A>(token, &mut e[j * stride..][..keys], largest[j]);
            scale[j] = mean * sum.recip(token);
        }
    }
    weighted_sums(on, &z[..context], e, scale, u);
}

/// `out[j·stride + k] = ⟨z_k, q_j⟩`, and the largest of each query as a constant; where weights are
/// not normalized, φ of it at once.
#[inline(always)]
fn scores<V: Lane, D: Dim, E: Dim, A: Activation, const N: usize>(
    On { token, rows, .. }: On<V, D, E>,
    z: &[D::Vector<V>],
    q: &[E::Vector<V>; N],
    out: &mut [V],
    stride: usize,
) -> [V; N] {
    token.vectorize(
        #[inline(always)]
        || {
            let q = hold_all::<V, E, N>(q);
            let out = &mut out[..(N - 1) * stride + z.len()];
            let zero = V::splat(token, 0.0);
            let mut largest = [V::splat(token, f64::NEG_INFINITY); N];
            for (k, z) in z.iter().enumerate() {
                let z = D::hold(z);
                for j in 0..N {
                    let mut sum = z[0] * q[j][0];
                    for i in 1..rows.get() {
                        sum = z[i].mul_add(q[j][i], sum);
                    }
                    if A::NORMALIZED {
                        largest[j] = largest[j].peak(token, sum);
                    } else {
                        sum = A::value(token, sum, zero);
                    }
                    out[j * stride + k] = sum;
                }
            }
            largest
        },
    )
}

/// φ in the place of the scores of one query; returns its sum.
#[inline(always)]
fn activate<V: Lane, A: Activation>(token: V::Token, e: &mut [V], largest: V) -> V {
    token.vectorize(
        #[inline(always)]
        || {
            let mut sum = V::splat(token, 0.0);
            for e in e {
                *e = A::value(token, *e, largest);
                sum = sum + *e;
            }
            sum
        },
    )
}

/// `out_j = scale_j Σ_k e z_k`.
#[inline(always)]
fn weighted_sums<V: Lane, D: Dim, E: Dim, const N: usize>(
    On { token, width, .. }: On<V, D, E>,
    z: &[D::Vector<V>],
    e: &[V],
    scale: &[V; N],
    out: &mut [D::Vector<V>; N],
) {
    token.vectorize(
        #[inline(always)]
        || {
            let mut sums = take_all::<V, D, N>((token, width), out);
            let stride = z.len() + 1;
            let e = &e[..(N - 1) * stride + z.len()];
            for (k, z) in z.iter().enumerate() {
                let z = D::hold(z);
                for j in 0..N {
                    let e = e[j * stride + k];
                    for i in 0..width.get() {
                        sums[j][i] = e.mul_add(z[i], sums[j][i]);
                    }
                }
            }
            for j in 0..N {
                for i in 0..width.get() {
                    sums[j][i] = sums[j][i] * scale[j];
                }
            }
            *out = sums;
        },
    )
}

/// The reverse of [`attend`], whose results are `(e, scale, u)`: `u_bar`, on entry the adjoint of u,
/// becomes that of Σ e z; then s̄ and q̄ = Σ s̄ z.
///
/// With ē_k = ⟨ū, z_k⟩, s̄ = φ′(s) ē. Where weights a = e/Σ e are normalized, ē − Σ a ē takes the
/// place of ē: that mean is n γ ⟨ū, u⟩ with the adjoint of u, and no sum over the keys.
#[inline(always)]
pub(super) fn attend_bar<V: Lane, D: Dim, E: Dim, A: Activation, const N: usize>(
    on: On<V, D, E>,
    z: &[D::Vector<V>],
    keys: usize,
    (e, scale, u): (&[V], &[V; N], &[D::Vector<V>; N]),
    u_bar: &mut [D::Vector<V>; N],
    (s_bar, q_bar): (&mut [V], &mut [E::Vector<V>; N]),
) {
    let (token, stride, context) = (on.token, z.len(), z.len() - 1);
    let zero = V::splat(token, 0.0);
    let mut mean = [zero; N];
    for j in 0..N {
        for i in 0..on.width.get() {
            if A::NORMALIZED {
                mean[j] = u_bar[j][i].mul_add(u[j][i], mean[j]);
            }
            u_bar[j][i] = u_bar[j][i] * scale[j];
        }
        mean[j] = mean[j] * scale[j] * V::splat(token, context as f64);
    }
    weighted_adjoints::<V, D, E, A, N>(on, &z[..context], mean, (e, u_bar), s_bar, q_bar);
    for j in 0..N {
        let s_bar = &mut s_bar[j * stride + context];
        *s_bar = zero;
        if keys > context {
            // The prompt's query is a key without a value: ē = 0.
            *s_bar = A::adjoint(token, e[j * stride + context], zero - mean[j]);
            for i in 0..on.rows.get() {
                q_bar[j][i] = s_bar.mul_add(z[context][i], q_bar[j][i]);
            }
        }
    }
}

#[inline(always)]
fn weighted_adjoints<V: Lane, D: Dim, E: Dim, A: Activation, const N: usize>(
    On { token, width, rows }: On<V, D, E>,
    z: &[D::Vector<V>],
    mean: [V; N],
    (e, u_bar): (&[V], &[D::Vector<V>; N]),
    s_bar: &mut [V],
    q_bar: &mut [E::Vector<V>; N],
) {
    token.vectorize(
        #[inline(always)]
        || {
            let u_bar = hold_all::<V, D, N>(u_bar);
            let mut sums = take_all::<V, E, N>((token, rows), q_bar);
            let stride = z.len() + 1;
            let len = (N - 1) * stride + z.len();
            let (e, s_bar) = (&e[..len], &mut s_bar[..len]);
            for (k, z) in z.iter().enumerate() {
                let z = D::hold(z);
                for j in 0..N {
                    let mut bar = z[0] * u_bar[j][0];
                    for i in 1..width.get() {
                        bar = z[i].mul_add(u_bar[j][i], bar);
                    }
                    let bar = if A::NORMALIZED { bar - mean[j] } else { bar };
                    let bar = A::adjoint(token, e[j * stride + k], bar);
                    s_bar[j * stride + k] = bar;
                    for i in 0..rows.get() {
                        sums[j][i] = bar.mul_add(z[i], sums[j][i]);
                    }
                }
            }
            *q_bar = sums;
        },
    );
}

/// `z_bar_k += Σ_j e[j·stride + k] u_bar_j + s_bar[j·stride + k] q_j`.
#[inline(always)]
pub(super) fn spread<V: Lane, D: Dim, E: Dim, const N: usize>(
    On { token, width, rows }: On<V, D, E>,
    z_bar: &mut [D::Vector<V>],
    (e, u_bar): (&[V], &[D::Vector<V>; N]),
    (s_bar, q): (&[V], &[E::Vector<V>; N]),
    stride: usize,
) {
    token.vectorize(
        #[inline(always)]
        || {
            let (u_bar, q) = (hold_all::<V, D, N>(u_bar), hold_all::<V, E, N>(q));
            let len = (N - 1) * stride + z_bar.len();
            let (e, s_bar) = (&e[..len], &s_bar[..len]);
            for (k, z_bar) in z_bar.iter_mut().enumerate() {
                let (mut e_k, mut s_bar_k) = ([V::splat(token, 0.0); N], [V::splat(token, 0.0); N]);
                for j in 0..N {
                    e_k[j] = e[j * stride + k];
                    s_bar_k[j] = s_bar[j * stride + k];
                }
                for i in 0..width.get() {
                    let mut sum = z_bar[i];
                    for j in 0..N {
                        sum = e_k[j].mul_add(u_bar[j][i], sum);
                        if i < rows.get() {
                            sum = s_bar_k[j].mul_add(q[j][i], sum);
                        }
                    }
                    z_bar[i] = sum;
                }
            }
        },
    );
}
