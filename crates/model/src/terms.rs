//! Sums of products of small matrices, in register tiles: a tile is written once, whatever the
//! number of its terms.
//!
//! Sums are functions of their own (through `vectorize`) rather than inlined into the kernel:
//! unrolled into one body, the code of a gradient outgrows the instruction cache and is slower.

use fearless_simd::Simd;

use super::matrix::{Dim, Tile, some};
use windtunnel_math::lanes::Lane;

/// A matrix, or its transpose, as an operand of a product.
pub(super) struct Operand<'a, V: Lane, D: Dim, const TRANSPOSED: bool>(&'a D::Matrix<V>);

/// The matrix as it is.
#[inline(always)]
pub(super) fn n<V: Lane, D: Dim>(matrix: &D::Matrix<V>) -> Operand<'_, V, D, false> {
    Operand(matrix)
}

/// Its transpose.
#[inline(always)]
pub(super) fn t<V: Lane, D: Dim>(matrix: &D::Matrix<V>) -> Operand<'_, V, D, true> {
    Operand(matrix)
}

impl<V: Lane, D: Dim, const TRANSPOSED: bool> Operand<'_, V, D, TRANSPOSED> {
    #[inline(always)]
    pub(super) fn at(&self, i: usize, j: usize) -> V {
        if TRANSPOSED { self.0[j][i] } else { self.0[i][j] }
    }
}

/// Terms of a sum of matrices, added one after the other while a tile of the sum is in registers.
pub(super) trait Terms<V: Lane>: Sized {
    /// The tile from (i, j) on.
    fn start<const R: usize, const C: usize>(&self, i: usize, j: usize) -> [[V; C]; R];
    /// Adds that tile.
    fn extend<const R: usize, const C: usize>(&self, i: usize, j: usize, sum: &mut [[V; C]; R]);
}

/// N neighbouring rows or columns of a matrix, walked along together.
struct Strip<'a, V: Lane, D: Dim, const N: usize> {
    matrix: &'a D::Matrix<V>,
    first: usize,
    /// The rows, unless they are columns.
    rows: Option<[&'a [V]; N]>,
}

impl<'a, V: Lane, D: Dim, const N: usize> Strip<'a, V, D, N> {
    #[inline(always)]
    fn rows(dim: D, matrix: &'a D::Matrix<V>, first: usize) -> Self {
        let mut rows = [matrix[first].as_ref(); N];
        for n in 0..N {
            rows[n] = &matrix[first + n].as_ref()[..dim.get()];
        }
        Strip { matrix, first, rows: Some(rows) }
    }

    #[inline(always)]
    fn columns(matrix: &'a D::Matrix<V>, first: usize) -> Self {
        Strip { matrix, first, rows: None }
    }

    /// The N entries at place `k`.
    #[inline(always)]
    fn at(&self, k: usize) -> [V; N] {
        match &self.rows {
            Some(rows) => {
                let mut entries = [rows[0][k]; N];
                for n in 1..N {
                    entries[n] = rows[n][k];
                }
                entries
            }
            None => *some(self.matrix[k].as_ref(), self.first),
        }
    }
}

/// A · B.
pub(super) struct Times<'a, V: Lane, D: Dim, const TA: bool, const TB: bool> {
    dim: D,
    a: Operand<'a, V, D, TA>,
    b: Operand<'a, V, D, TB>,
}

/// `a · b`.
#[inline(always)]
pub(super) fn times<'a, V: Lane, D: Dim, const TA: bool, const TB: bool>(
    dim: D,
    a: Operand<'a, V, D, TA>,
    b: Operand<'a, V, D, TB>,
) -> Times<'a, V, D, TA, TB> {
    Times { dim, a, b }
}

impl<V: Lane, D: Dim, const TA: bool, const TB: bool> Times<'_, V, D, TA, TB> {
    /// Rows i.. of A and columns j.. of B.
    #[inline(always)]
    fn strips<const R: usize, const C: usize>(
        &self,
        i: usize,
        j: usize,
    ) -> (Strip<'_, V, D, R>, Strip<'_, V, D, C>) {
        let a = if TA { Strip::columns(self.a.0, i) } else { Strip::rows(self.dim, self.a.0, i) };
        let b = if TB { Strip::rows(self.dim, self.b.0, j) } else { Strip::columns(self.b.0, j) };
        (a, b)
    }
}

impl<V: Lane, D: Dim, const TA: bool, const TB: bool> Terms<V> for Times<'_, V, D, TA, TB> {
    #[inline(always)]
    fn start<const R: usize, const C: usize>(&self, i: usize, j: usize) -> [[V; C]; R] {
        let (a, b) = self.strips::<R, C>(i, j);
        let mut sum = [b.at(0); R];
        let first = a.at(0);
        for r in 0..R {
            for c in 0..C {
                sum[r][c] = first[r] * sum[r][c];
            }
        }
        for k in 1..self.dim.get() {
            step(a.at(k), b.at(k), &mut sum);
        }
        sum
    }
    #[inline(always)]
    fn extend<const R: usize, const C: usize>(&self, i: usize, j: usize, sum: &mut [[V; C]; R]) {
        let (a, b) = self.strips::<R, C>(i, j);
        for k in 0..self.dim.get() {
            step(a.at(k), b.at(k), sum);
        }
    }
}

/// `sum += a · bᵀ`.
#[inline(always)]
fn step<V: Lane, const R: usize, const C: usize>(a: [V; R], b: [V; C], sum: &mut [[V; C]; R]) {
    for r in 0..R {
        for c in 0..C {
            sum[r][c] = a[r].mul_add(b[c], sum[r][c]);
        }
    }
}

/// x · yᵀ.
pub(super) struct Outer<'a, V: Lane, D: Dim>(pub &'a D::Vector<V>, pub &'a D::Vector<V>);

impl<V: Lane, D: Dim> Terms<V> for Outer<'_, V, D> {
    #[inline(always)]
    fn start<const R: usize, const C: usize>(&self, i: usize, j: usize) -> [[V; C]; R] {
        let (x, y): (&[V; R], &[V; C]) = (some(self.0.as_ref(), i), some(self.1.as_ref(), j));
        let mut sum = [*y; R];
        for r in 0..R {
            for c in 0..C {
                sum[r][c] = x[r] * y[c];
            }
        }
        sum
    }
    #[inline(always)]
    fn extend<const R: usize, const C: usize>(&self, i: usize, j: usize, sum: &mut [[V; C]; R]) {
        step(*some(self.0.as_ref(), i), *some(self.1.as_ref(), j), sum);
    }
}

/// Twice the sum of the terms in it.
pub(super) struct Twice<T>(pub T);

impl<V: Lane, T: Terms<V>> Terms<V> for Twice<T> {
    #[inline(always)]
    fn start<const R: usize, const C: usize>(&self, i: usize, j: usize) -> [[V; C]; R] {
        let mut sum = self.0.start(i, j);
        for r in 0..R {
            for c in 0..C {
                sum[r][c] = sum[r][c] + sum[r][c];
            }
        }
        sum
    }
    #[inline(always)]
    fn extend<const R: usize, const C: usize>(&self, i: usize, j: usize, sum: &mut [[V; C]; R]) {
        let more: [[V; C]; R] = self.start(i, j);
        for r in 0..R {
            for c in 0..C {
                sum[r][c] = sum[r][c] + more[r][c];
            }
        }
    }
}

impl<V: Lane, A: Terms<V>, B: Terms<V>> Terms<V> for (A, B) {
    #[inline(always)]
    fn start<const R: usize, const C: usize>(&self, i: usize, j: usize) -> [[V; C]; R] {
        let mut sum = self.0.start(i, j);
        self.1.extend(i, j, &mut sum);
        sum
    }
    #[inline(always)]
    fn extend<const R: usize, const C: usize>(&self, i: usize, j: usize, sum: &mut [[V; C]; R]) {
        self.0.extend(i, j, sum);
        self.1.extend(i, j, sum);
    }
}

/// Writes the terms, or adds them to what is there.
struct Write<'a, V: Lane, D: Dim, T, const ADD: bool> {
    terms: T,
    out: &'a mut D::Matrix<V>,
}

impl<V: Lane, D: Dim, T: Terms<V>, const ADD: bool> Tile for Write<'_, V, D, T, ADD> {
    #[inline(always)]
    fn run<const R: usize, const C: usize>(&mut self, i: usize, j: usize) {
        let sum = if ADD {
            let mut sum: [[V; C]; R] = [*some(self.out[i].as_ref(), j); R];
            for r in 1..R {
                sum[r] = *some(self.out[i + r].as_ref(), j);
            }
            self.terms.extend(i, j, &mut sum);
            sum
        } else {
            self.terms.start(i, j)
        };
        for r in 0..R {
            for c in 0..C {
                self.out[i + r][j + c] = sum[r][c];
            }
        }
    }
}

/// `out = Σ terms`.
#[inline(always)]
pub(super) fn assign<V: Lane, D: Dim>(
    (token, dim): (V::Token, D),
    terms: impl Terms<V>,
    out: &mut D::Matrix<V>,
) {
    token.vectorize(
        #[inline(always)]
        || dim.tiles::<V>(&mut Write::<V, D, _, false> { terms, out }),
    );
}

/// `out += Σ terms`.
#[inline(always)]
pub(super) fn add<V: Lane, D: Dim>(
    (token, dim): (V::Token, D),
    terms: impl Terms<V>,
    out: &mut D::Matrix<V>,
) {
    token.vectorize(
        #[inline(always)]
        || dim.tiles::<V>(&mut Write::<V, D, _, true> { terms, out }),
    );
}

/// `out = Σ terms`, which is known to be symmetric.
#[inline(always)]
pub(super) fn assign_symmetric<V: Lane, D: Dim>(
    (token, dim): (V::Token, D),
    terms: impl Terms<V>,
    out: &mut D::Matrix<V>,
) {
    token.vectorize(
        #[inline(always)]
        || {
            dim.lower_tiles(&mut Write::<V, D, _, false> { terms, out: &mut *out });
            for i in 0..dim.get() {
                for j in 0..i {
                    out[j][i] = out[i][j];
                }
            }
        },
    );
}

/// `out = (M + Mᵀ)/2` with M = Σ terms.
#[inline(always)]
pub(super) fn assign_symmetrized<V: Lane, D: Dim>(
    (token, dim): (V::Token, D),
    terms: impl Terms<V>,
    out: &mut D::Matrix<V>,
) {
    token.vectorize(
        #[inline(always)]
        || {
            dim.tiles::<V>(&mut Write::<V, D, _, false> { terms, out: &mut *out });
            symmetrize::<V, D>(token, dim.get(), out);
        },
    );
}

/// `out = a · x`.
#[inline(always)]
pub(super) fn apply<V: Lane, D: Dim, const TA: bool>(
    (token, dim): (V::Token, D),
    a: Operand<'_, V, D, TA>,
    x: &D::Vector<V>,
    out: &mut D::Vector<V>,
) {
    token.vectorize(
        #[inline(always)]
        || {
            for i in 0..dim.get() {
                let mut sum = a.at(i, 0) * x[0];
                for k in 1..dim.get() {
                    sum = a.at(i, k).mul_add(x[k], sum);
                }
                out[i] = sum;
            }
        },
    );
}

/// `out = a · x` for two vectors, which share the loads of `a`.
#[inline(always)]
pub(super) fn apply_both<V: Lane, D: Dim, const TA: bool>(
    (token, dim): (V::Token, D),
    a: Operand<'_, V, D, TA>,
    [x, y]: [&D::Vector<V>; 2],
    [out_x, out_y]: [&mut D::Vector<V>; 2],
) {
    token.vectorize(
        #[inline(always)]
        || {
            for i in 0..dim.get() {
                let first = a.at(i, 0);
                let (mut sum_x, mut sum_y) = (first * x[0], first * y[0]);
                for k in 1..dim.get() {
                    let a = a.at(i, k);
                    sum_x = a.mul_add(x[k], sum_x);
                    sum_y = a.mul_add(y[k], sum_y);
                }
                out_x[i] = sum_x;
                out_y[i] = sum_y;
            }
        },
    );
}

/// M ← (M + Mᵀ)/2.
#[inline(always)]
pub(super) fn symmetrize<V: Lane, D: Dim>(token: V::Token, d: usize, m: &mut D::Matrix<V>) {
    let half = V::splat(token, 0.5);
    for i in 0..d {
        for j in 0..=i {
            let mean = (m[i][j] + m[j][i]) * half;
            m[i][j] = mean;
            m[j][i] = mean;
        }
    }
}
