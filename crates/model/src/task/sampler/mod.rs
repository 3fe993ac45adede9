//! Sampling of prompts, lanes across prompts.
//!
//! Moments of Gaussian covariates never become tokens: S = Σ xᵢxᵢᵀ is Wishart and is drawn through
//! Bartlett's factor (derivations, "Sampling S without tokens"), so that the cost does not depend
//! on n. Other families have no such shortcut: tokens are drawn four at a time and √τ z is added to
//! S at once, C and r being applied to the sum. Where tokens are asked for, or labels are not
//! linear in x, every token is made. The draws of a family's prompt are the same in both ways.

mod gaussian;
mod lanes;
mod radial;
mod slots;
mod tokens;

use std::ops::Range;

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::batch::square_row;
use super::{Batch, Family, Form, Labels, Layout, Prompts, Scratch, Task};
use lanes::Lanes;
use slots::{ANY, TOKENS, known};
use windtunnel_math::lanes::{BLOCK, BlockRow, ConstantShapes, Isa, Real, WithSimd};
use windtunnel_math::rng::{Draws, Key};

/// Fresh prompts of a task at one key, made when they are asked for.
pub struct Stream<'a> {
    task: &'a Task,
    form: Form,
    isa: Isa,
    key: Key,
    len: usize,
}

impl<'a> Stream<'a> {
    /// The first `len` prompts of `task` at `key`.
    pub fn new(task: &'a Task, form: Form, isa: Isa, key: Key, len: usize) -> Stream<'a> {
        Stream { task, form, isa, key, len }
    }

    fn layout(&self) -> Layout {
        let Task { dim, context_len, .. } = *self.task;
        Layout { form: self.form, dim, context_len }
    }
}

impl Task {
    /// Draws `len` prompts at `key` and stores them.
    pub fn batch<T: Drawn>(&self, form: Form, isa: Isa, key: Key, len: usize) -> Batch<T> {
        Batch::collect(&Stream::new(self, form, isa, key, len))
    }
}

/// A scalar that prompts can be drawn in: f32 and f64.
///
/// The methods are compiled here, once, for every instruction set; a generic function would be
/// compiled again in every crate that draws.
pub trait Drawn: Real {
    /// Writes blocks of `stream` to the start of `scratch.values`.
    #[doc(hidden)]
    fn fill(stream: &Stream<'_>, range: Range<usize>, scratch: &mut Scratch<Self>);
}

impl Drawn for f32 {
    fn fill(stream: &Stream<'_>, range: Range<usize>, scratch: &mut Scratch<f32>) {
        stream.isa.run(Fill { stream, range, scratch });
    }
}

impl Drawn for f64 {
    fn fill(stream: &Stream<'_>, range: Range<usize>, scratch: &mut Scratch<f64>) {
        stream.isa.run(Fill { stream, range, scratch });
    }
}

impl<T: Drawn> Prompts<T> for Stream<'_> {
    fn layout(&self) -> Layout {
        Stream::layout(self)
    }
    fn len(&self) -> usize {
        self.len
    }
    fn blocks<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch<T>) -> &'a [BlockRow<T>] {
        let (dim, count, rows) = (self.task.dim, range.len(), self.layout().rows());
        // Scratch rows of one block are where the next will be.
        let hidden = match &self.task.labels {
            Labels::Linear => 0,
            Labels::Mlp(net) => net.hidden() + 1,
        };
        let spare = (dim * dim).max(dim + 1 + hidden);
        scratch.values.resize(count * rows + spare, BlockRow::default());
        scratch.draws.resize(draw_rows(dim), BlockRow::default());
        T::fill(self, range, scratch);
        &scratch.values[..count * rows]
    }
}

/// Rows of draws: w⋆, the query's normals, then Bartlett's factor or four tokens; at last, room
/// for another w⋆.
fn draw_rows(dim: usize) -> usize {
    let normals = 3 * dim + dim * (dim - 1) / 2;
    let bartlett = normals.next_multiple_of(4) + dim.next_multiple_of(2) + 1;
    let tokens = (2 * dim).next_multiple_of(4) + (dim + 3) * TOKENS;
    bartlett.max(tokens) + dim
}

struct Fill<'a, T> {
    stream: &'a Stream<'a>,
    range: Range<usize>,
    scratch: &'a mut Scratch<T>,
}

impl<T: Real> WithSimd for Fill<'_, T> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, token: S) {
        let Stream { task, form, key, len, .. } = *self.stream;
        let rows = self.stream.layout().rows();
        let Scratch { values, draws: drawn } = self.scratch;
        for (k, index) in self.range.enumerate() {
            let first = index * BLOCK;
            let values = &mut values[k * rows..];
            for lane in (0..BLOCK).step_by(S::f32s::LEN) {
                let draws = Draws::new(token, key, (first + lane) as u32);
                let out = Lanes::<S, T> { token, lane, draws, drawn, values };
                out.fill(task, form, rows);
            }
            let used = BLOCK.min(len - first);
            if used < BLOCK {
                for row in &mut values[..rows] {
                    row[used..].fill(T::zero());
                }
            }
        }
    }
}

impl<S: Simd, T: Real> Lanes<'_, S, T> {
    /// Fills in the prompts; rows from `rows` on are scratch. Bartlett's factor is square unless
    /// n < d.
    #[inline(always)]
    fn fill(self, task: &Task, form: Form, rows: usize) {
        if S::CONSTANT && task.dim == 5 && task.context_len >= 5 {
            self.fill_shape::<5>(task, form, rows);
        } else {
            self.fill_shape::<ANY>(task, form, rows);
        }
    }

    /// These lanes without the rows of the blocks behind. Their number is a constant where `D` is,
    /// so that no access has to be checked.
    #[inline(always)]
    fn of_moments<const D: usize>(&mut self, task: &Task) -> Lanes<'_, S, T> {
        let (dim, Lanes { token, lane, draws, drawn, values }) = (known::<D>(task), self);
        let values = &mut values[..square_row(dim) + 1 + dim * dim];
        Lanes {
            token: *token,
            lane: *lane,
            draws: *draws,
            drawn: &mut drawn[..draw_rows(dim)],
            values,
        }
    }

    /// Calls the sampler of the task. Isotropic Gaussian moments of constant d have the shortest
    /// one; the others are functions of their own, so that their size does not slow it down.
    #[inline(always)]
    fn fill_shape<const D: usize>(mut self, task: &Task, form: Form, rows: usize) {
        let (token, map) = (self.token, task.map.as_deref());
        let moments = form == Form::Moments && task.labels == Labels::Linear;
        let gaussian = matches!(task.covariates.family(), Family::Gaussian(_));
        match (moments, gaussian) {
            (true, true) if D != ANY && map.is_none() => {
                self.of_moments::<D>(task).gaussian::<D>(task, None);
            }
            (true, true) => token.vectorize(
                #[inline(always)]
                move || self.of_moments::<D>(task).gaussian::<D>(task, map),
            ),
            (true, false) => token.vectorize(
                #[inline(always)]
                move || self.of_moments::<D>(task).radial::<D>(task),
            ),
            (false, _) => token.vectorize(
                #[inline(always)]
                move || self.tokens::<D>(task, form, rows),
            ),
        }
    }
}
