//! Small square matrices of lane vectors, and the tiles that cover them.

use std::ops::{Index, IndexMut};

use windtunnel_math::lanes::Lane;

/// Number of rows of a square matrix: a constant that unrolls the loops, or any number.
pub(super) trait Dim: Copy + Send + 'static {
    type Vector<V: Lane>: Send + IndexMut<usize, Output = V> + AsRef<[V]>;
    type Row<V: Lane>: ?Sized + IndexMut<usize, Output = V> + AsRef<[V]>;
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
    fn tiles<V: Lane>(self, tile: &mut impl Tile);
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
    fn tiles<V: Lane>(self, tile: &mut impl Tile) {
        // Two rows of dual numbers do not fit 16 registers: the Hessian took 1.2 times as long.
        if V::REGISTERS < 16 {
            for i in 0..D {
                tile.run::<1, D>(i, 0);
            }
            return;
        }
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
    fn tiles<V: Lane>(self, tile: &mut impl Tile) {
        let d = self.0;
        for i in 0..d / 2 {
            row_of_tiles::<2>(2 * i, d, tile);
        }
        if d % 2 == 1 {
            row_of_tiles::<1>(d - 1, d, tile);
        }
    }
    #[inline(always)]
    fn lower_tiles(self, tile: &mut impl Tile) {
        let d = self.0;
        for i in 0..d / 2 {
            row_of_tiles::<2>(2 * i, 2 * i + 2, tile);
        }
        if d % 2 == 1 {
            row_of_tiles::<1>(d - 1, d, tile);
        }
    }
}

/// Tiles of `R` rows from row `i` on and up to four columns, for the columns below `columns`.
#[inline(always)]
fn row_of_tiles<const R: usize>(i: usize, columns: usize, tile: &mut impl Tile) {
    let whole = columns / 4 * 4;
    for j in (0..whole).step_by(4) {
        tile.run::<R, 4>(i, j);
    }
    match columns % 4 {
        1 => tile.run::<R, 1>(i, whole),
        2 => tile.run::<R, 2>(i, whole),
        3 => tile.run::<R, 3>(i, whole),
        _ => {}
    }
}

/// N items from the t-th on.
#[inline(always)]
pub(super) fn some<T, const N: usize>(items: &[T], t: usize) -> &[T; N] {
    &items[t..t + N].as_chunks().0[0]
}
