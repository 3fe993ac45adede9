//! Blocks of prompts as their moments, laid out for lanes.

use std::ops::Range;

use windtunnel_math::lanes::{BLOCK, BlockRow, Real};

/// Form in which a model reads a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Its moments, all that linear attention can see: size and cost do not depend on n.
    Moments,
    /// Its tokens.
    Tokens,
}

/// Order of the values of a prompt.
///
/// Moments: the lower triangle of S/n, then s/n, x_q, ⟨w⋆, x_q⟩ and σ/n = Σ yᵢ²/n. Tokens: x and y
/// of each in turn, the query last with its target in place of the label it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Moments or tokens.
    pub form: Form,
    /// Dimension d of the covariates.
    pub dim: usize,
    /// Number n of labelled tokens.
    pub context_len: usize,
}

impl Layout {
    /// Number of values of one prompt.
    pub fn rows(&self) -> usize {
        match self.form {
            Form::Moments => square_row(self.dim) + 1,
            Form::Tokens => (self.context_len + 1) * (self.dim + 1),
        }
    }
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

/// Row of the target.
pub(crate) fn target_row(dim: usize) -> usize {
    query_row(dim) + dim
}

/// Row of σ.
pub(crate) fn square_row(dim: usize) -> usize {
    target_row(dim) + 1
}

/// Workspace of sampling, reused from block to block.
#[derive(Debug, Default)]
pub struct Scratch<T> {
    /// The blocks, then other values of their precision.
    pub(super) values: Vec<BlockRow<T>>,
    /// Draws, in single precision for every `T`.
    pub(super) draws: Vec<BlockRow<f32>>,
}

/// Source of prompts, block by block in any order.
///
/// A block is `layout().rows()` rows of [`BLOCK`] lanes: row r of lane p is value r of prompt p. Lanes
/// beyond the last prompt are zero.
pub trait Prompts<T: Real>: Sync {
    /// Order of the values of a prompt.
    fn layout(&self) -> Layout;
    /// Number of prompts.
    fn len(&self) -> usize;
    /// Values of the blocks in `range`, one after another, written to `scratch` unless they are
    /// stored already.
    fn blocks<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch<T>) -> &'a [BlockRow<T>];

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
    layout: Layout,
    len: usize,
    values: Vec<BlockRow<T>>,
}

impl<T: Real> Prompts<T> for Batch<T> {
    fn layout(&self) -> Layout {
        self.layout
    }
    fn len(&self) -> usize {
        self.len
    }
    fn blocks<'a>(&'a self, range: Range<usize>, _: &'a mut Scratch<T>) -> &'a [BlockRow<T>] {
        let size = self.layout.rows();
        &self.values[range.start * size..range.end * size]
    }
}

impl<T: Real> Batch<T> {
    /// All prompts of a source.
    pub fn collect(source: &impl Prompts<T>) -> Batch<T> {
        let (layout, len) = (source.layout(), source.len());
        let mut batch = Batch { layout, len, values: Vec::new() };
        batch.refill(source);
        batch
    }

    /// Replaces the prompts by all those of a source, in the memory that the batch has.
    pub fn refill(&mut self, source: &impl Prompts<T>) {
        let mut scratch = Scratch { values: Vec::new(), draws: Vec::new() };
        (self.layout, self.len) = (source.layout(), source.len());
        self.values.clear();
        self.values.reserve(source.block_count() * self.layout.rows());
        // One at a time: the scratch of all blocks would be as large as the batch.
        for index in 0..source.block_count() {
            self.values.extend_from_slice(source.blocks(index..index + 1, &mut scratch));
        }
    }

    /// Prompts given by their tokens, as an outside implementation has them.
    ///
    /// # Shapes
    /// `z`: `[B, n+1, d+1]` row-major, one token (x, y) per row, the query last (its label slot is
    /// not read). `targets`: `[B]`, the ⟨w⋆, x_q⟩ to predict.
    ///
    /// # Panics
    /// If the lengths do not fit `dim` and `targets.len()`, or there is no context token.
    pub fn from_tokens(form: Form, dim: usize, z: &[f64], targets: &[f64]) -> Batch<T> {
        let (len, token) = (targets.len(), dim + 1);
        assert!(len > 0 && z.len().is_multiple_of(len * token), "z: {} for {len} prompts", z.len());
        let tokens = z.len() / (len * token);
        assert!(tokens >= 2, "a prompt needs a context token and the query, got {tokens}");
        let layout = Layout { form, dim, context_len: tokens - 1 };
        let size = layout.rows();
        let mut values = vec![BlockRow::default(); len.div_ceil(BLOCK) * size];
        for (p, (prompt, &target)) in z.chunks_exact(tokens * token).zip(targets).enumerate() {
            let block = &mut values[p / BLOCK * size..][..size];
            let prompt = match form {
                Form::Moments => moments(dim, prompt, target),
                Form::Tokens => with_target(prompt, target),
            };
            for (row, value) in prompt.into_iter().enumerate() {
                block[row][p % BLOCK] = T::nearest(value);
            }
        }
        Batch { layout, len, values }
    }

    /// The moments of these prompts.
    pub fn moments(&self) -> Batch<T> {
        let Layout { form, dim, .. } = self.layout;
        if form == Form::Moments {
            return self.clone();
        }
        let (mut z, mut targets) = (Vec::new(), Vec::new());
        for index in 0..self.len {
            let tokens = self.prompt(index);
            let Some((target, tokens)) = tokens.split_last() else { continue };
            z.extend(tokens.iter().map(|x| x.widen()));
            z.push(0.0);
            targets.push(target.widen());
        }
        Batch::from_tokens(Form::Moments, dim, &z, &targets)
    }

    /// Blocks one by one.
    pub(crate) fn blocks_mut(&mut self) -> impl Iterator<Item = &mut [BlockRow<T>]> {
        self.values.chunks_exact_mut(self.layout.rows())
    }

    /// Values of one prompt, as its [`Layout`] has them.
    ///
    /// # Panics
    /// If there is no such prompt.
    pub fn prompt(&self, index: usize) -> Vec<T> {
        assert!(index < self.len, "prompt {index} of {}", self.len);
        let size = self.layout.rows();
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
    values.push(mean(dim, dim));
    values
}

fn with_target(prompt: &[f64], target: f64) -> Vec<f64> {
    let mut values = prompt.to_vec();
    if let Some(label) = values.last_mut() {
        *label = target;
    }
    values
}
