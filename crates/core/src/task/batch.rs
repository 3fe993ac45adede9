//! Blocks of prompts as their moments, laid out for lanes.

use std::ops::Range;

use crate::lanes::{BLOCK, Real};

/// Number of values of one prompt: the lower triangle of S/n, then s/n, x_q and ⟨w⋆, x_q⟩.
pub fn rows(dim: usize) -> usize {
    target_row(dim) + 1
}

/// Row of S_ij, j ≤ i.
pub(crate) fn triangle(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

/// First row of s.
pub(crate) fn label_row(dim: usize) -> usize {
    triangle(dim, 0)
}

/// First row of the query.
pub(crate) fn query_row(dim: usize) -> usize {
    label_row(dim) + dim
}

/// Row of the target, the last.
pub(crate) fn target_row(dim: usize) -> usize {
    query_row(dim) + dim
}

/// Room that sampling needs, kept from block to block.
#[derive(Debug, Default)]
pub struct Scratch<T> {
    /// The blocks, then whatever else is of their precision.
    pub(super) values: Vec<[T; BLOCK]>,
    /// Draws, in single precision whatever `T` is.
    pub(super) draws: Vec<[f32; BLOCK]>,
}

/// Anything that can hand out prompts block by block, in any order.
///
/// A block is `rows(dim)` rows of [`BLOCK`] lanes: row r of lane p is value r of prompt p. Lanes
/// beyond the last prompt are zero, and a zero prompt has zero loss and gradient.
pub trait Prompts<T: Real>: Sync {
    /// Dimension d of the covariates.
    fn dim(&self) -> usize;
    /// Number of prompts.
    fn len(&self) -> usize;
    /// Values of the blocks in `range`, one after another, written to `scratch` unless they are
    /// stored already.
    fn blocks<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch<T>) -> &'a [[T; BLOCK]];

    /// Whether there are no prompts.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Number of blocks.
    fn block_count(&self) -> usize {
        self.len().div_ceil(BLOCK)
    }
}

/// Stored prompts.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<T> {
    dim: usize,
    len: usize,
    values: Vec<[T; BLOCK]>,
}

impl<T: Real> Prompts<T> for Batch<T> {
    fn dim(&self) -> usize {
        self.dim
    }
    fn len(&self) -> usize {
        self.len
    }
    fn blocks<'a>(&'a self, range: Range<usize>, _: &'a mut Scratch<T>) -> &'a [[T; BLOCK]] {
        let size = rows(self.dim);
        &self.values[range.start * size..range.end * size]
    }
}

impl<T: Real> Batch<T> {
    /// All prompts of a source.
    pub fn collect(source: &impl Prompts<T>) -> Batch<T> {
        let mut scratch = Scratch { values: Vec::new(), draws: Vec::new() };
        let mut values = Vec::with_capacity(source.block_count() * rows(source.dim()));
        // One at a time: the scratch of all blocks would be as large as the batch.
        for index in 0..source.block_count() {
            values.extend_from_slice(source.blocks(index..index + 1, &mut scratch));
        }
        Batch { dim: source.dim(), len: source.len(), values }
    }

    /// Prompts given by their tokens, as an outside implementation has them.
    ///
    /// # Shapes
    /// `z`: `[B, n+1, d+1]` row-major, one token (x, y) per row, the query last (its label slot is
    /// not read). `targets`: `[B]`, the ⟨w⋆, x_q⟩ to predict.
    ///
    /// # Panics
    /// When the lengths do not fit `dim` and `targets.len()`, or there is no context token.
    pub fn from_tokens(dim: usize, z: &[f64], targets: &[f64]) -> Batch<T> {
        let (len, token) = (targets.len(), dim + 1);
        assert!(len > 0 && z.len().is_multiple_of(len * token), "z: {} for {len} prompts", z.len());
        let tokens = z.len() / (len * token);
        assert!(tokens >= 2, "a prompt needs a context token and the query, got {tokens}");
        let size = rows(dim);
        let mut values = vec![[T::zero(); BLOCK]; len.div_ceil(BLOCK) * size];
        for (p, (prompt, &target)) in z.chunks_exact(tokens * token).zip(targets).enumerate() {
            let block = &mut values[p / BLOCK * size..][..size];
            for (row, value) in moments(dim, prompt, target).into_iter().enumerate() {
                block[row][p % BLOCK] = T::nearest(value);
            }
        }
        Batch { dim, len, values }
    }

    /// Blocks one by one.
    pub(crate) fn blocks_mut(&mut self) -> impl Iterator<Item = &mut [[T; BLOCK]]> {
        self.values.chunks_exact_mut(rows(self.dim))
    }

    /// Values of one prompt: the lower triangle of S/n row by row, s/n, x_q, ⟨w⋆, x_q⟩.
    ///
    /// # Panics
    /// When there is no such prompt.
    pub fn prompt(&self, index: usize) -> Vec<T> {
        assert!(index < self.len, "prompt {index} of {}", self.len);
        let size = rows(self.dim);
        let block = &self.values[index / BLOCK * size..][..size];
        block.iter().map(|row| row[index % BLOCK]).collect()
    }
}

fn moments(dim: usize, prompt: &[f64], target: f64) -> Vec<f64> {
    let (context, query) = prompt.split_at(prompt.len() - dim - 1);
    let n = (context.len() / (dim + 1)) as f64;
    let mean =
        |a: usize, b: usize| context.chunks_exact(dim + 1).map(|z| z[a] * z[b]).sum::<f64>() / n;
    let gram = (0..dim).flat_map(|i| (0..=i).map(move |j| (i, j)));
    let mut values: Vec<f64> = gram.map(|(i, j)| mean(i, j)).collect();
    values.extend((0..dim).map(|i| mean(i, dim)));
    values.extend_from_slice(&query[..dim]);
    values.push(target);
    values
}
