//! Products of d×d matrices of lane vectors, in register tiles.

use crate::lanes::Lane;

/// Number of rows of a square matrix: a constant that unrolls the loops, or any number.
pub(super) trait Dim: Copy + Send + 'static {
    /// d.
    fn get(self) -> usize;
    /// Calls `tile` so that its tiles cover rows × columns 0..d once.
    fn tiles(self, tile: &mut impl Tile);
}

/// What is done on a tile of R rows and C columns that starts at (i, j).
pub(super) trait Tile {
    fn run<const R: usize, const C: usize>(&mut self, i: usize, j: usize);
}

/// A dimension known at compile time, small enough for whole rows to stay in registers.
#[derive(Clone, Copy)]
pub(super) struct Const<const D: usize>;

impl<const D: usize> Dim for Const<D> {
    #[inline(always)]
    fn get(self) -> usize {
        D
    }
    #[inline(always)]
    fn tiles(self, tile: &mut impl Tile) {
        for i in (0..D / 2 * 2).step_by(2) {
            tile.run::<2, D>(i, 0);
        }
        if D % 2 == 1 {
            tile.run::<1, D>(D - 1, 0);
        }
    }
}

/// Any dimension.
#[derive(Clone, Copy)]
pub(super) struct Any(pub usize);

impl Dim for Any {
    #[inline(always)]
    fn get(self) -> usize {
        self.0
    }
    #[inline(always)]
    fn tiles(self, tile: &mut impl Tile) {
        let d = self.0;
        for i in (0..d / 2 * 2).step_by(2) {
            for j in (0..d / 4 * 4).step_by(4) {
                tile.run::<2, 4>(i, j);
            }
            for j in d / 4 * 4..d {
                tile.run::<2, 1>(i, j);
            }
        }
        if d % 2 == 1 {
            for j in 0..d {
                tile.run::<1, 1>(d - 1, j);
            }
        }
    }
}

/// How an operand of a product is read.
pub(super) trait Operand<V>: Copy {
    fn at(self, d: usize, i: usize, j: usize) -> V;
}

/// The matrix as it is stored, row by row.
#[derive(Clone, Copy)]
pub(super) struct N<'a, V>(pub &'a [V]);

/// The transpose of the stored matrix.
#[derive(Clone, Copy)]
pub(super) struct T<'a, V>(pub &'a [V]);

impl<V: Lane> Operand<V> for N<'_, V> {
    #[inline(always)]
    fn at(self, d: usize, i: usize, j: usize) -> V {
        self.0[i * d + j]
    }
}

impl<V: Lane> Operand<V> for T<'_, V> {
    #[inline(always)]
    fn at(self, d: usize, i: usize, j: usize) -> V {
        self.0[j * d + i]
    }
}

struct Product<'a, A, B, V> {
    d: usize,
    a: A,
    b: B,
    out: &'a mut [V],
    zero: V,
    start: Start,
}

#[derive(Clone, Copy)]
enum Start {
    Zero,
    Out,
}

impl<V: Lane, A: Operand<V>, B: Operand<V>> Tile for Product<'_, A, B, V> {
    #[inline(always)]
    fn run<const R: usize, const C: usize>(&mut self, i: usize, j: usize) {
        let d = self.d;
        let mut acc = [[self.zero; C]; R];
        if let Start::Out = self.start {
            for r in 0..R {
                for c in 0..C {
                    acc[r][c] = self.out[(i + r) * d + j + c];
                }
            }
        }
        for k in 0..d {
            let mut b = [self.zero; C];
            for c in 0..C {
                b[c] = self.b.at(d, k, j + c);
            }
            for r in 0..R {
                let a = self.a.at(d, i + r, k);
                for c in 0..C {
                    acc[r][c] = a.mul_add(b[c], acc[r][c]);
                }
            }
        }
        for r in 0..R {
            for c in 0..C {
                self.out[(i + r) * d + j + c] = acc[r][c];
            }
        }
    }
}

/// `out = a · b`.
#[inline(always)]
pub(super) fn product<V: Lane, D: Dim>(
    dim: D,
    zero: V,
    a: impl Operand<V>,
    b: impl Operand<V>,
    out: &mut [V],
) {
    let d = dim.get();
    dim.tiles(&mut Product { d, a, b, out: &mut out[..d * d], zero, start: Start::Zero });
}

/// `out += a · b`.
#[inline(always)]
pub(super) fn add_product<V: Lane, D: Dim>(
    dim: D,
    zero: V,
    a: impl Operand<V>,
    b: impl Operand<V>,
    out: &mut [V],
) {
    let d = dim.get();
    dim.tiles(&mut Product { d, a, b, out: &mut out[..d * d], zero, start: Start::Out });
}

/// `out = a · x`, for vectors.
#[inline(always)]
pub(super) fn apply<V: Lane, D: Dim>(dim: D, zero: V, a: impl Operand<V>, x: &[V], out: &mut [V]) {
    let d = dim.get();
    for i in 0..d {
        let mut sum = zero;
        for k in 0..d {
            sum = a.at(d, i, k).mul_add(x[k], sum);
        }
        out[i] = sum;
    }
}
