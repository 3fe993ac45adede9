//! Small square matrices of lane vectors and their products, in register tiles.
//!
//! Products are functions of their own (through `vectorize`) rather than inlined into the kernel:
//! unrolled into one body, the code of a gradient outgrows the instruction cache and is slower.

use std::ops::{Index, IndexMut};

use fearless_simd::Simd;

use windtunnel_math::lanes::Lane;

/// Number of rows of a square matrix: a constant that unrolls the loops, or any number.
pub(super) trait Dim: Copy + Send + 'static {
    type Vector<V: Lane>: Send + IndexMut<usize, Output = V>;
    type Row<V: Lane>: ?Sized + IndexMut<usize, Output = V>;
    type Matrix<V: Lane>: Send + IndexMut<usize, Output = Self::Row<V>>;
    /// A vector for reading: a copy that fits into registers, or a reference.
    type Held<'a, V: Lane>: Index<usize, Output = V>;
    /// d.
    fn get(self) -> usize;
    fn vector<V: Lane>(self, value: V) -> Self::Vector<V>;
    fn matrix<V: Lane>(self, value: V) -> Self::Matrix<V>;
    fn hold<V: Lane>(vector: &Self::Vector<V>) -> Self::Held<'_, V>;
    /// Takes the vector out, to be put back later.
    fn take<V: Lane>(vector: &mut Self::Vector<V>) -> Self::Vector<V>;
    /// Calls `tile` so that its tiles cover rows × columns 0..d once.
    fn tiles(self, tile: &mut impl Tile);
    /// Calls `tile` so that its tiles cover the lower triangle at least, no entry twice.
    fn lower_tiles(self, tile: &mut impl Tile);
}

/// Work on a tile of R rows and C columns that starts at (i, j).
pub(super) trait Tile {
    fn run<const R: usize, const C: usize>(&mut self, i: usize, j: usize);
}

/// A dimension known at compile time, small enough for whole rows to stay in registers.
#[derive(Clone, Copy)]
pub(super) struct Const<const D: usize>;

impl<const D: usize> Dim for Const<D> {
    type Vector<V: Lane> = [V; D];
    type Row<V: Lane> = [V; D];
    type Matrix<V: Lane> = [[V; D]; D];
    type Held<'a, V: Lane> = [V; D];
    #[inline(always)]
    fn get(self) -> usize {
        D
    }
    #[inline(always)]
    fn vector<V: Lane>(self, value: V) -> [V; D] {
        [value; D]
    }
    #[inline(always)]
    fn matrix<V: Lane>(self, value: V) -> [[V; D]; D] {
        [[value; D]; D]
    }
    #[inline(always)]
    fn hold<V: Lane>(vector: &[V; D]) -> [V; D] {
        *vector
    }
    #[inline(always)]
    fn take<V: Lane>(vector: &mut [V; D]) -> [V; D] {
        *vector
    }
    #[inline(always)]
    fn tiles(self, tile: &mut impl Tile) {
        for i in 0..D / 2 {
            tile.run::<2, D>(2 * i, 0);
        }
        if D % 2 == 1 {
            tile.run::<1, D>(D - 1, 0);
        }
    }
    #[inline(always)]
    fn lower_tiles(self, tile: &mut impl Tile) {
        for i in 0..D / 2 {
            for j in 0..=i {
                tile.run::<2, 2>(2 * i, 2 * j);
            }
        }
        if D % 2 == 1 {
            tile.run::<1, D>(D - 1, 0);
        }
    }
}

/// `count` values of `make`, by a loop: a chain of iterators would add ten functions to every
/// kernel.
pub(super) fn many<T>(count: usize, mut make: impl FnMut() -> T) -> Vec<T> {
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        values.push(make());
    }
    values
}

/// Any dimension.
#[derive(Clone, Copy)]
pub(super) struct Any(pub usize);

/// A square matrix row by row.
pub(super) struct Rows<V> {
    d: usize,
    values: Vec<V>,
}

impl<V> Index<usize> for Rows<V> {
    type Output = [V];
    #[inline(always)]
    fn index(&self, i: usize) -> &[V] {
        &self.values[i * self.d..][..self.d]
    }
}

impl<V> IndexMut<usize> for Rows<V> {
    #[inline(always)]
    fn index_mut(&mut self, i: usize) -> &mut [V] {
        &mut self.values[i * self.d..][..self.d]
    }
}

/// A vector that is too long for registers, by reference.
pub(super) struct Borrowed<'a, V>(&'a [V]);

impl<V> Index<usize> for Borrowed<'_, V> {
    type Output = V;
    #[inline(always)]
    fn index(&self, i: usize) -> &V {
        &self.0[i]
    }
}

impl Dim for Any {
    type Vector<V: Lane> = Vec<V>;
    type Row<V: Lane> = [V];
    type Matrix<V: Lane> = Rows<V>;
    type Held<'a, V: Lane> = Borrowed<'a, V>;
    #[inline(always)]
    fn get(self) -> usize {
        self.0
    }
    fn vector<V: Lane>(self, value: V) -> Vec<V> {
        vec![value; self.0]
    }
    fn matrix<V: Lane>(self, value: V) -> Rows<V> {
        Rows { d: self.0, values: vec![value; self.0 * self.0] }
    }
    #[inline(always)]
    fn hold<V: Lane>(vector: &Vec<V>) -> Borrowed<'_, V> {
        Borrowed(vector)
    }
    #[inline(always)]
    fn take<V: Lane>(vector: &mut Vec<V>) -> Vec<V> {
        std::mem::take(vector)
    }
    #[inline(always)]
    fn tiles(self, tile: &mut impl Tile) {
        let d = self.0;
        for i in 0..d / 2 {
            for j in 0..d / 4 {
                tile.run::<2, 4>(2 * i, 4 * j);
            }
            for j in d / 4 * 4..d {
                tile.run::<2, 1>(2 * i, j);
            }
        }
        if d % 2 == 1 {
            for j in 0..d {
                tile.run::<1, 1>(d - 1, j);
            }
        }
    }
    #[inline(always)]
    fn lower_tiles(self, tile: &mut impl Tile) {
        let d = self.0;
        for i in 0..d / 2 {
            for j in 0..=i {
                tile.run::<2, 2>(2 * i, 2 * j);
            }
        }
        if d % 2 == 1 {
            for j in 0..d {
                tile.run::<1, 1>(d - 1, j);
            }
        }
    }
}

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

struct Product<'a, V: Lane, D: Dim, const TA: bool, const TB: bool> {
    d: usize,
    a: Operand<'a, V, D, TA>,
    b: Operand<'a, V, D, TB>,
    out: &'a mut D::Matrix<V>,
    add: bool,
}

impl<V: Lane, D: Dim, const TA: bool, const TB: bool> Tile for Product<'_, V, D, TA, TB> {
    #[inline(always)]
    fn run<const R: usize, const C: usize>(&mut self, i: usize, j: usize) {
        let mut acc = [[self.b.at(0, j); C]; R];
        let mut b = [self.b.at(0, j); C];
        for k in 0..self.d {
            for c in 0..C {
                b[c] = self.b.at(k, j + c);
            }
            for r in 0..R {
                let a = self.a.at(i + r, k);
                for c in 0..C {
                    acc[r][c] = match (k, self.add) {
                        (0, false) => a * b[c],
                        (0, true) => a.mul_add(b[c], self.out[i + r][j + c]),
                        _ => a.mul_add(b[c], acc[r][c]),
                    };
                }
            }
        }
        for r in 0..R {
            for c in 0..C {
                self.out[i + r][j + c] = acc[r][c];
            }
        }
    }
}

/// `out = a · b`.
#[inline(always)]
pub(super) fn product<V: Lane, D: Dim, const TA: bool, const TB: bool>(
    (token, dim): (V::Token, D),
    a: Operand<'_, V, D, TA>,
    b: Operand<'_, V, D, TB>,
    out: &mut D::Matrix<V>,
) {
    token.vectorize(
        #[inline(always)]
        || dim.tiles(&mut Product { d: dim.get(), a, b, out, add: false }),
    );
}

/// `out += a · b`.
#[inline(always)]
pub(super) fn add_product<V: Lane, D: Dim, const TA: bool, const TB: bool>(
    (token, dim): (V::Token, D),
    a: Operand<'_, V, D, TA>,
    b: Operand<'_, V, D, TB>,
    out: &mut D::Matrix<V>,
) {
    token.vectorize(
        #[inline(always)]
        || dim.tiles(&mut Product { d: dim.get(), a, b, out, add: true }),
    );
}

/// `out = a · b`, where the product is known to be symmetric.
#[inline(always)]
pub(super) fn symmetric_product<V: Lane, D: Dim, const TA: bool, const TB: bool>(
    (token, dim): (V::Token, D),
    a: Operand<'_, V, D, TA>,
    b: Operand<'_, V, D, TB>,
    out: &mut D::Matrix<V>,
) {
    token.vectorize(
        #[inline(always)]
        || {
            dim.lower_tiles(&mut Product { d: dim.get(), a, b, out: &mut *out, add: false });
            for i in 0..dim.get() {
                for j in 0..i {
                    out[j][i] = out[i][j];
                }
            }
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

/// `out += a · bᵀ`.
#[inline(always)]
pub(super) fn add_outer<V: Lane, D: Dim>(
    (token, dim): (V::Token, D),
    a: &D::Vector<V>,
    b: &D::Vector<V>,
    out: &mut D::Matrix<V>,
) {
    token.vectorize(
        #[inline(always)]
        || {
            for i in 0..dim.get() {
                for j in 0..dim.get() {
                    out[i][j] = a[i].mul_add(b[j], out[i][j]);
                }
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
