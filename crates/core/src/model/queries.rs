//! What attention does for a few queries at once: loops over the keys, whose tokens are loaded once
//! for all of them.

use fearless_simd::Simd;

use super::Attention;
use super::matrix::{Dim, Operand};
use crate::lanes::Lane;

/// N items from the t-th on.
#[inline(always)]
pub(super) fn some<T, const N: usize>(items: &[T], t: usize) -> &[T; N] {
    &items[t..t + N].as_chunks().0[0]
}

#[inline(always)]
pub(super) fn some_mut<T, const N: usize>(items: &mut [T], t: usize) -> &mut [T; N] {
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
pub(super) fn apply_all<V: Lane, D: Dim, const T: bool, const N: usize>(
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
pub(super) fn add_outers<V: Lane, D: Dim, const N: usize>(
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
pub(super) fn attend<V: Lane, D: Dim, const N: usize>(
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
pub(super) fn attend_bar<V: Lane, D: Dim, const N: usize>(
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
pub(super) fn spread<V: Lane, D: Dim, const N: usize>(
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
