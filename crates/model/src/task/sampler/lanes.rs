//! One register of prompts: rows of values, rows of draws, and what all samplers do with them.

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::slots::{FIRST_NORMAL_SLOT, TOKENS, known};
use crate::task::batch::{label_row, query_row, square_row, target_row, triangle};
use crate::task::{Family, Task};
use windtunnel_math::lanes::{BLOCK, BlockRow, Lane, Packed, Real};
use windtunnel_math::rng::Draws;

/// The lanes `lane..lane + LEN` of a block, of the draws it is made of, and of scratch rows.
pub(super) struct Lanes<'a, S: Simd, T> {
    pub(super) token: S,
    pub(super) lane: usize,
    pub(super) draws: Draws<S>,
    pub(super) drawn: &'a mut [BlockRow<f32>],
    pub(super) values: &'a mut [BlockRow<T>],
}

// Plain loops, no closures: a closure that is not inlined loses the SIMD instructions.
impl<S: Simd, T: Real> Lanes<'_, S, T> {
    pub(super) const WIDTH: usize = Packed::<S, T>::WIDTH;
    /// Registers of `T` that hold the prompts of one register of draws.
    pub(super) const PARTS: usize = S::f32s::LEN / Self::WIDTH;

    /// The first lane of a part. The mask changes nothing; it spares the checks of slices.
    #[inline(always)]
    pub(super) fn at(&self, part: usize) -> usize {
        (self.lane + part * Self::WIDTH) & (BLOCK - Self::WIDTH)
    }

    /// The lanes of all draws of a row.
    #[inline(always)]
    fn drawn_at(&self) -> usize {
        self.lane & (BLOCK - S::f32s::LEN)
    }

    #[inline(always)]
    pub(super) fn get(&self, row: usize, part: usize) -> Packed<S, T> {
        Packed::load(self.token, &self.values[row][self.at(part)..][..Self::WIDTH])
    }

    #[inline(always)]
    pub(super) fn set(&mut self, row: usize, part: usize, value: Packed<S, T>) {
        let at = self.at(part);
        value.store(0, &mut self.values[row][at..][..Self::WIDTH]);
    }

    #[inline(always)]
    pub(super) fn keep(&mut self, row: usize, draw: S::f32s) {
        let at = self.drawn_at();
        draw.store_slice(&mut self.drawn[row][at..][..S::f32s::LEN]);
    }

    #[inline(always)]
    pub(super) fn kept(&self, row: usize) -> S::f32s {
        S::f32s::from_slice(self.token, &self.drawn[row][self.drawn_at()..][..S::f32s::LEN])
    }

    /// A draw in the precision of the block.
    #[inline(always)]
    pub(super) fn draw(&self, row: usize, part: usize) -> Packed<S, T> {
        cast(self.token, &self.drawn[row], self.at(part))
    }

    /// Fills draws `row..row + len` with N(0, 1) variates; up to three more are overwritten.
    /// Returns the next free slot.
    #[inline(always)]
    pub(super) fn keep_normals(&mut self, row: usize, len: usize, slot: u32) -> u32 {
        let calls = len.div_ceil(4);
        // A copy: calls get its address, and these lanes stay in registers.
        let draws = self.draws;
        for call in (0..calls - calls % 2).step_by(2) {
            let z = draws.normals([slot + call as u32, slot + call as u32 + 1]);
            self.keep_four(row + 4 * call, z[0]);
            self.keep_four(row + 4 * call + 4, z[1]);
        }
        if calls % 2 == 1 {
            let [z] = draws.normals([slot + calls as u32 - 1]);
            self.keep_four(row + 4 * calls - 4, z);
        }
        slot + calls as u32
    }

    #[inline(always)]
    pub(super) fn keep_four(&mut self, row: usize, draws: [S::f32s; 4]) {
        for i in 0..4 {
            self.keep(row + i, draws[i]);
        }
    }

    #[inline(always)]
    pub(super) fn splat(&self, x: f64) -> Packed<S, T> {
        Packed::splat(self.token, x)
    }

    /// Σ_k get(a + k) · get(b + k).
    #[inline(always)]
    pub(super) fn dot(&self, part: usize, a: usize, b: usize, len: usize) -> Packed<S, T> {
        let mut sum = self.splat(0.0);
        for k in 0..len {
            sum = self.get(a + k, part).mul_add(self.get(b + k, part), sum);
        }
        sum
    }

    /// Draws w⋆ (rows 0..d) from its law and the query's normals (rows d..2d) after it, and `more`
    /// normals from row 2d on. Returns the next free slot.
    #[inline(always)]
    pub(super) fn start<const D: usize>(&mut self, task: &Task, more: usize) -> u32 {
        let dim = known::<D>(task);
        let slot = self.keep_normals(0, 2 * dim + more, FIRST_NORMAL_SLOT);
        if let Some(whitening) = &task.whitening {
            self.whiten(whitening, dim);
        }
        if task.distractors > 0 {
            for i in dim - task.distractors..dim {
                self.keep(i, S::f32s::splat(self.token, 0.0));
            }
        }
        slot
    }

    /// w⋆ ← C⁻ᵀ w⋆.
    #[inline(always)]
    fn whiten(&mut self, whitening: &[f64], dim: usize) {
        let spare = self.drawn.len() - dim;
        for i in 0..dim {
            let mut sum = S::f32s::splat(self.token, 0.0);
            for k in 0..dim {
                sum = self.kept(k).mul_add(whitening[i * dim + k] as f32, sum);
            }
            self.keep(spare + i, sum);
        }
        for i in 0..dim {
            self.keep(i, self.kept(spare + i));
        }
    }

    /// Turns draws d..2d into √τ z of the query. Returns the next free slot.
    #[inline(always)]
    pub(super) fn scale_query<const D: usize>(&mut self, task: &Task, slot: u32) -> u32 {
        let dim = known::<D>(task);
        let mut norm2 = S::f32s::splat(self.token, 0.0);
        for i in 0..dim {
            norm2 = self.kept(dim + i).mul_add(self.kept(dim + i), norm2);
        }
        let draws = self.draws;
        let [tau, _] = scales(task.covariates.family(), &draws, slot, [norm2; 2]);
        let root = tau.sqrt();
        for i in 0..dim {
            self.keep(dim + i, self.kept(dim + i) * root);
        }
        slot + 1
    }

    /// τ of four tokens, coordinate i of token t being draw `tokens` + 4i + t. Uses two slots.
    #[inline(always)]
    pub(super) fn token_scales<const D: usize>(
        &self,
        task: &Task,
        tokens: usize,
        slot: u32,
    ) -> [S::f32s; TOKENS] {
        let mut norms2 = [S::f32s::splat(self.token, 0.0); TOKENS];
        for i in 0..known::<D>(task) {
            for t in 0..TOKENS {
                let z = self.kept(tokens + 4 * i + t);
                norms2[t] = z.mul_add(z, norms2[t]);
            }
        }
        let draws = self.draws;
        scales(task.covariates.family(), &draws, slot, norms2)
    }

    /// Row i of the map r C applied to draws `row`, `row + stride`, …
    #[inline(always)]
    pub(super) fn mapped(
        &self,
        task: &Task,
        i: usize,
        row: usize,
        stride: usize,
        part: usize,
    ) -> Packed<S, T> {
        match &task.map {
            Some(c) => {
                let mut x = self.splat(0.0);
                for k in 0..task.dim {
                    let z = self.draw(row + k * stride, part);
                    x = self.splat(c[i * task.dim + k]).mul_add(z, x);
                }
                x
            }
            None if task.factor == 1.0 => self.draw(row + i * stride, part),
            None => self.draw(row + i * stride, part) * self.splat(task.factor),
        }
    }

    /// Adds (S/n) w⋆ to the noise's part of s/n, ⟨w⋆, s/n⟩ and ⟨w⋆, that part⟩ to the noise's part
    /// of σ/n, and writes the target ⟨w⋆, x_q⟩.
    #[inline(always)]
    pub(super) fn finish<const D: usize>(&mut self, task: &Task, part: usize) {
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
pub(super) fn cast<S: Simd, T: Real>(token: S, draws: &BlockRow<f32>, at: usize) -> Packed<S, T> {
    let draws = &draws[at..][..Packed::<S, T>::WIDTH];
    let mut lanes = [T::zero(); BLOCK];
    for i in 0..Packed::<S, T>::WIDTH {
        lanes[i] = T::nearest(f64::from(draws[i]));
    }
    Packed::load(token, &lanes[..Packed::<S, T>::WIDTH])
}

/// [`cast`] of four rows.
#[inline(always)]
pub(super) fn four<S: Simd, T: Real>(
    token: S,
    draws: &[BlockRow<f32>],
    at: usize,
) -> [Packed<S, T>; TOKENS] {
    let mut rows = [Packed::splat(token, 0.0); TOKENS];
    for t in 0..TOKENS {
        rows[t] = cast(token, &draws[t], at);
    }
    rows
}

/// Adds Σ a[t]·b[t] to a row, from lane `at` on.
#[inline(always)]
pub(super) fn accumulate<S: Simd, T: Real>(
    token: S,
    row: &mut BlockRow<T>,
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

/// [`Family::scales`] as a function of its own: see [`Draws::normals`].
#[inline(always)]
fn scales<S: Simd, const N: usize>(
    family: &Family,
    draws: &Draws<S>,
    slot: u32,
    norms2: [S::f32s; N],
) -> [S::f32s; N] {
    family.scales(draws, slot, norms2)
}
