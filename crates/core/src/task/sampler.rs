//! Sampling of prompts as moments, lanes across prompts.
//!
//! Gaussian covariates never become tokens: S = Σ xᵢxᵢᵀ is Wishart and is drawn through
//! Bartlett's factor (derivations, "Sampling the Gram matrix directly"), so that the cost does not
//! depend on n. Radial covariates have no such shortcut: tokens are drawn one by one and added to
//! S at once.

use std::ops::Range;

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::batch::{label_row, query_row, square_row, target_row, triangle};
use super::{Covariance, Covariates, Form, Layout, MAX_DIM, Prompts, Scratch, Task};
use crate::lanes::{BLOCK, Isa, Lane, Packed, Real, WithSimd};
use crate::rng::{Draws, Key};

/// Slots below belong to χ² variates: those of Bartlett's factor, two to a slot, and the last.
const FIRST_NORMAL_SLOT: u32 = MAX_DIM as u32;
/// The noise outside the span of the covariates.
const RESIDUAL_SLOT: u32 = FIRST_NORMAL_SLOT - 1;
/// Radial tokens are drawn four at a time, as normals are.
const TOKENS: usize = 4;

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
    fn blocks<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch<T>) -> &'a [[T; BLOCK]] {
        let (dim, count, rows) = (self.task.dim, range.len(), self.layout().rows());
        // Scratch rows of one block are where the next will be.
        scratch.values.resize(count * rows + dim * dim, [T::zero(); BLOCK]);
        scratch.draws.resize(draw_rows(self.task), [0.0; BLOCK]);
        T::fill(self, range, scratch);
        &scratch.values[..count * rows]
    }
}

/// Rows of draws: w⋆, the query's normals, then Bartlett's factor or four tokens.
fn draw_rows(task: &Task) -> usize {
    let dim = task.dim;
    match task.covariates {
        Covariates::Gaussian(_) => {
            let normals = 3 * dim + dim * (dim - 1) / 2;
            normals.next_multiple_of(4) + dim.next_multiple_of(2) + 1
        }
        Covariates::Sphere | Covariates::GammaRadial { .. } => {
            (2 * dim).next_multiple_of(4) + (dim + 3) * TOKENS
        }
    }
}

/// Stands for a dimension that is known at run time only.
const ANY: usize = 0;

struct Fill<'a, T> {
    stream: &'a Stream<'a>,
    range: Range<usize>,
    scratch: &'a mut Scratch<T>,
}

impl<T: Real> WithSimd for Fill<'_, T> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, token: S) {
        let Stream { task, key, len, .. } = *self.stream;
        let rows = self.stream.layout().rows();
        let Scratch { values, draws: drawn } = self.scratch;
        for (k, index) in self.range.enumerate() {
            let first = index * BLOCK;
            let values = &mut values[k * rows..];
            for lane in (0..BLOCK).step_by(S::f32s::LEN) {
                let draws = Draws::new(token, key, (first + lane) as u32);
                let mut out = Lanes::<S, T> { token, lane, draws, drawn, values };
                match &task.covariates {
                    Covariates::Gaussian(covariance) => match (task.dim, task.context_len) {
                        (5, 5..) => out.gaussian::<5>(task, covariance),
                        _ => out.gaussian::<ANY>(task, covariance),
                    },
                    Covariates::Sphere | Covariates::GammaRadial { .. } => match task.dim {
                        5 => out.radial::<5>(task),
                        _ => out.radial::<ANY>(task),
                    },
                }
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

/// The lanes `lane..lane + LEN` of a block, of the draws it is made of, and of scratch rows.
struct Lanes<'a, S: Simd, T> {
    token: S,
    lane: usize,
    draws: Draws<S>,
    drawn: &'a mut [[f32; BLOCK]],
    values: &'a mut [[T; BLOCK]],
}

/// Number of entries below the diagonal in the first `dim` rows of a matrix of `columns` columns.
fn below_diagonal(dim: usize, columns: usize) -> usize {
    let full = dim.min(columns);
    full * full.saturating_sub(1) / 2 + (dim - full) * columns
}

// Plain loops, no closures: a closure that is not inlined loses the SIMD instructions.
impl<S: Simd, T: Real> Lanes<'_, S, T> {
    const WIDTH: usize = Packed::<S, T>::WIDTH;
    /// Registers of `T` that hold the prompts of one register of draws.
    const PARTS: usize = S::f32s::LEN / Self::WIDTH;

    #[inline(always)]
    fn get(&self, row: usize, part: usize) -> Packed<S, T> {
        let at = self.lane + part * Self::WIDTH;
        Packed::load(self.token, &self.values[row][at..][..Self::WIDTH])
    }

    #[inline(always)]
    fn set(&mut self, row: usize, part: usize, value: Packed<S, T>) {
        let at = self.lane + part * Self::WIDTH;
        value.store(0, &mut self.values[row][at..][..Self::WIDTH]);
    }

    #[inline(always)]
    fn keep(&mut self, row: usize, draw: S::f32s) {
        draw.store_slice(&mut self.drawn[row][self.lane..][..S::f32s::LEN]);
    }

    #[inline(always)]
    fn kept(&self, row: usize) -> S::f32s {
        S::f32s::from_slice(self.token, &self.drawn[row][self.lane..][..S::f32s::LEN])
    }

    /// A draw in the precision of the block.
    #[inline(always)]
    fn draw(&self, row: usize, part: usize) -> Packed<S, T> {
        cast(self.token, &self.drawn[row], self.lane + part * Self::WIDTH)
    }

    /// Draws `row..row + len` are N(0, 1); up to three more are overwritten. Returns the next free
    /// slot.
    #[inline(always)]
    fn keep_normals(&mut self, row: usize, len: usize, slot: u32) -> u32 {
        let calls = len.div_ceil(4);
        for call in (0..calls - calls % 2).step_by(2) {
            let z = self.draws.normals([slot + call as u32, slot + call as u32 + 1]);
            self.keep_four(row + 4 * call, z[0]);
            self.keep_four(row + 4 * call + 4, z[1]);
        }
        if calls % 2 == 1 {
            let [z] = self.draws.normals([slot + calls as u32 - 1]);
            self.keep_four(row + 4 * calls - 4, z);
        }
        slot + calls as u32
    }

    #[inline(always)]
    fn keep_four(&mut self, row: usize, draws: [S::f32s; 4]) {
        for i in 0..4 {
            self.keep(row + i, draws[i]);
        }
    }

    #[inline(always)]
    fn splat(&self, x: f64) -> Packed<S, T> {
        Packed::splat(self.token, x)
    }

    /// Σ_k get(a + k) · get(b + k).
    #[inline(always)]
    fn dot(&self, part: usize, a: usize, b: usize, len: usize) -> Packed<S, T> {
        let mut sum = self.splat(0.0);
        for k in 0..len {
            sum = self.get(a + k, part).mul_add(self.get(b + k, part), sum);
        }
        sum
    }

    #[inline(always)]
    fn gaussian<const D: usize>(&mut self, task: &Task, covariance: &Covariance) {
        let dim = known::<D>(task);
        // Bartlett's factor of a Wishart matrix with fewer than d degrees of freedom has n columns.
        let columns = if D == ANY { dim.min(task.context_len) } else { dim };
        let below = 2 * dim;
        let noise = below + below_diagonal(dim, columns);
        let normals = if task.noise_std > 0.0 { noise + columns } else { noise };
        self.keep_normals(0, normals, FIRST_NORMAL_SLOT);
        let diagonal = normals.next_multiple_of(4);
        for i in (0..columns).step_by(2) {
            let last = (i + 1).min(columns - 1);
            let halves = self.draws.gammas::<2>(i as u32 / 2, [task.gammas[i], task.gammas[last]]);
            for k in 0..2 {
                self.keep(diagonal + i + k, (halves[k] * 2.0).sqrt());
            }
        }
        // Σ ε² = ‖g‖² + χ²(n − rank): Σ xε = C T g sees ε through its projection g alone.
        let residual = diagonal + dim.next_multiple_of(2);
        if let (true, Some(law)) = (task.noise_std > 0.0, task.residual) {
            let halves = self.draws.gammas::<2>(RESIDUAL_SLOT, [law; 2]);
            self.keep(residual, halves[0] * 2.0);
        }
        let factor = square_row(dim) + 1;
        let mean = 1.0 / task.context_len as f64;
        for part in 0..Self::PARTS {
            for i in 0..dim {
                for j in 0..columns {
                    let entry = match covariance.factor() {
                        // Row i of C·T; T is lower triangular.
                        Some(c) => {
                            let mut sum = self.splat(0.0);
                            for k in j..dim {
                                let t = bartlett(k, j, columns, below, diagonal);
                                sum = self.splat(c[i * dim + k]).mul_add(self.draw(t, part), sum);
                            }
                            sum
                        }
                        None if j <= i => self.draw(bartlett(i, j, columns, below, diagonal), part),
                        None => self.splat(0.0),
                    };
                    self.set(factor + i * columns + j, part, entry);
                }
            }
            for i in 0..dim {
                let row = factor + i * columns;
                for j in 0..=i {
                    let inner =
                        if covariance.factor().is_some() { columns } else { columns.min(j + 1) };
                    let sum = self.dot(part, row, factor + j * columns, inner);
                    self.set(triangle(i, j), part, sum * self.splat(mean));
                }
                // Σ xᵢεᵢ given S is N(0, S).
                let mut sum = self.splat(0.0);
                if task.noise_std > 0.0 {
                    for k in 0..columns {
                        sum = self.get(row + k, part).mul_add(self.draw(noise + k, part), sum);
                    }
                }
                self.set(label_row(dim) + i, part, sum * self.splat(mean * task.noise_std));
                let mut x = self.draw(dim + i, part);
                if let Some(c) = covariance.factor() {
                    x = self.splat(0.0);
                    for k in 0..dim {
                        x = self.splat(c[i * dim + k]).mul_add(self.draw(dim + k, part), x);
                    }
                }
                self.set(query_row(dim) + i, part, x);
            }
            let mut square = self.splat(0.0);
            if task.noise_std > 0.0 {
                if task.residual.is_some() {
                    square = self.draw(residual, part);
                }
                for k in 0..columns {
                    let g = self.draw(noise + k, part);
                    square = g.mul_add(g, square);
                }
            }
            let variance = mean * task.noise_std * task.noise_std;
            self.set(square_row(dim), part, square * self.splat(variance));
            self.finish::<D>(task, part);
        }
    }

    /// Tokens x = √ρ·z/‖z‖ with z ~ N(0, I).
    #[inline(always)]
    fn radial<const D: usize>(&mut self, task: &Task) {
        let (dim, len) = (known::<D>(task), task.context_len);
        let mut slot = self.keep_normals(0, 2 * dim, FIRST_NORMAL_SLOT);
        let mut norm2 = S::f32s::splat(self.token, 0.0);
        for i in 0..dim {
            norm2 = self.kept(dim + i).mul_add(self.kept(dim + i), norm2);
        }
        let [radius2, _] = self.radii(task, slot);
        slot += 1;
        let scale = (radius2 / norm2).sqrt();
        for i in 0..dim {
            self.keep(dim + i, self.kept(dim + i) * scale);
        }
        for part in 0..Self::PARTS {
            for i in 0..dim {
                self.set(query_row(dim) + i, part, self.draw(dim + i, part));
            }
            for row in 0..query_row(dim) {
                self.set(row, part, self.splat(0.0));
            }
            self.set(square_row(dim), part, self.splat(0.0));
        }
        // Coordinate i of token t of four is row tokens + 4i + t.
        let tokens = (2 * dim).next_multiple_of(4);
        let weights = tokens + TOKENS * dim;
        let (noise, weighted) = (weights + TOKENS, weights + 2 * TOKENS);
        for first in (0..len).step_by(TOKENS) {
            slot = self.keep_normals(tokens, TOKENS * dim, slot);
            let mut norms2 = [S::f32s::splat(self.token, 0.0); TOKENS];
            for i in 0..dim {
                for t in 0..TOKENS {
                    let z = self.kept(tokens + 4 * i + t);
                    norms2[t] = z.mul_add(z, norms2[t]);
                }
            }
            let radii2 = self.radii::<TOKENS>(task, slot);
            slot += 2;
            if task.noise_std > 0.0 {
                slot = self.keep_normals(noise, TOKENS, slot);
            }
            for t in 0..TOKENS {
                // The last four may be more than there are.
                let used = f32::from(u8::from(first + t < len));
                let weight = radii2[t] / norms2[t] * used;
                self.keep(weights + t, weight);
                if task.noise_std > 0.0 {
                    self.keep(weighted + t, self.kept(noise + t) * weight.sqrt());
                    self.keep(noise + t, self.kept(noise + t) * used);
                }
            }
            for part in 0..Self::PARTS {
                self.add_tokens::<D>(task, tokens, part);
            }
        }
        let mean = 1.0 / len as f64;
        for part in 0..Self::PARTS {
            for row in 0..label_row(dim) {
                self.set(row, part, self.get(row, part) * self.splat(mean));
            }
            for row in label_row(dim)..query_row(dim) {
                self.set(row, part, self.get(row, part) * self.splat(mean * task.noise_std));
            }
            let variance = mean * task.noise_std * task.noise_std;
            let square = self.get(square_row(dim), part) * self.splat(variance);
            self.set(square_row(dim), part, square);
            self.finish::<D>(task, part);
        }
    }

    /// ρ of N tokens; uses N/2 slots.
    #[inline(always)]
    fn radii<const N: usize>(&self, task: &Task, slot: u32) -> [S::f32s; N] {
        let mut radii2 = [S::f32s::splat(self.token, 1.0); N];
        if let Covariates::GammaRadial { scale, .. } = task.covariates {
            radii2 = self.draws.gammas(slot, [task.gammas[0]; 2]);
            for radius2 in &mut radii2 {
                *radius2 *= scale as f32;
            }
        }
        radii2
    }

    /// S += Σ weight·z zᵀ, s += Σ noise·√weight·z and σ += Σ noise² over four tokens: after the
    /// rows of z come those of weight, noise and noise·√weight.
    #[inline(always)]
    fn add_tokens<const D: usize>(&mut self, task: &Task, tokens: usize, part: usize) {
        let dim = known::<D>(task);
        let at = self.lane + part * Self::WIDTH;
        let (token, Lanes { values, drawn, .. }) = (self.token, self);
        let (gram, label) = values.split_at_mut(label_row(dim));
        let (z, scalars) = drawn[tokens..].split_at(TOKENS * dim);
        let (z, _) = z.as_chunks::<TOKENS>();
        let weights = four::<S, T>(token, scalars, at);
        let noise = four::<S, T>(token, &scalars[TOKENS..], at);
        let weighted = four::<S, T>(token, &scalars[2 * TOKENS..], at);
        if task.noise_std > 0.0 {
            let square = &mut label[square_row(dim) - label_row(dim)];
            accumulate(token, square, at, noise, noise);
        }
        let mut row = 0;
        for i in 0..dim {
            let mut x = four::<S, T>(token, &z[i], at);
            if task.noise_std > 0.0 {
                accumulate(token, &mut label[i], at, weighted, x);
            }
            for t in 0..TOKENS {
                x[t] = x[t] * weights[t];
            }
            for j in 0..i + 1 {
                accumulate(token, &mut gram[row + j], at, x, four::<S, T>(token, &z[j], at));
            }
            row += i + 1;
        }
    }

    /// Adds (S/n) w⋆ to the noise's part of s/n, ⟨w⋆, s/n⟩ and ⟨w⋆, that part⟩ to the noise's part
    /// of σ/n, and writes the target ⟨w⋆, x_q⟩.
    #[inline(always)]
    fn finish<const D: usize>(&mut self, task: &Task, part: usize) {
        let dim = known::<D>(task);
        let mut target = self.splat(0.0);
        let mut square = self.get(square_row(dim), part);
        for i in 0..dim {
            let noise = self.get(label_row(dim) + i, part);
            let mut sum = noise;
            for j in 0..dim {
                let s = self.get(triangle(i.max(j), i.min(j)), part);
                sum = s.mul_add(self.draw(j, part), sum);
            }
            self.set(label_row(dim) + i, part, sum);
            square = self.draw(i, part).mul_add(sum + noise, square);
            target = self.draw(i, part).mul_add(self.get(query_row(dim) + i, part), target);
        }
        self.set(target_row(dim), part, target);
        self.set(square_row(dim), part, square);
    }
}

/// Draws from lane `at` on in the precision of the block.
#[inline(always)]
fn cast<S: Simd, T: Real>(token: S, draws: &[f32; BLOCK], at: usize) -> Packed<S, T> {
    let draws = &draws[at..][..Packed::<S, T>::WIDTH];
    let mut lanes = [T::zero(); BLOCK];
    for i in 0..Packed::<S, T>::WIDTH {
        lanes[i] = T::nearest(f64::from(draws[i]));
    }
    Packed::load(token, &lanes[..Packed::<S, T>::WIDTH])
}

/// [`cast`] of four rows.
#[inline(always)]
fn four<S: Simd, T: Real>(token: S, draws: &[[f32; BLOCK]], at: usize) -> [Packed<S, T>; TOKENS] {
    let mut rows = [Packed::splat(token, 0.0); TOKENS];
    for t in 0..TOKENS {
        rows[t] = cast(token, &draws[t], at);
    }
    rows
}

/// Adds Σ a[t]·b[t] to a row, from lane `at` on.
#[inline(always)]
fn accumulate<S: Simd, T: Real>(
    token: S,
    row: &mut [T; BLOCK],
    at: usize,
    a: [Packed<S, T>; TOKENS],
    b: [Packed<S, T>; TOKENS],
) {
    let row = &mut row[at..][..Packed::<S, T>::WIDTH];
    let mut sum = Packed::load(token, row);
    for t in 0..TOKENS {
        sum = a[t].mul_add(b[t], sum);
    }
    sum.store(0, row);
}

/// d, as a constant where `D` is one: loops over it are then unrolled.
#[inline(always)]
fn known<const D: usize>(task: &Task) -> usize {
    if D == ANY { task.dim } else { D }
}

/// Draw that is entry (i, j ≤ i) of Bartlett's factor.
#[inline(always)]
fn bartlett(i: usize, j: usize, columns: usize, below: usize, diagonal: usize) -> usize {
    if i == j { diagonal + i } else { below + below_diagonal(i, columns) + j }
}
