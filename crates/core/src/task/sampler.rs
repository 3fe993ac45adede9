//! Sampling of prompts as moments, lanes across prompts.
//!
//! Gaussian covariates never become tokens: S = Σ xᵢxᵢᵀ is Wishart and is drawn through
//! Bartlett's factor (derivations, "Sampling the Gram matrix directly"), so that the cost does not
//! depend on n. Radial covariates have no such shortcut: tokens are drawn one by one and added to
//! S at once.

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::{Covariance, Covariates, MAX_DIM, Prompts, Task, rows};
use crate::lanes::{BLOCK, Isa, Lane, Packed, Real, WithSimd};
use crate::rng::{Draws, Key};

/// Slots 0..2·MAX_DIM belong to the χ² variates of Bartlett's factor, two for each.
const FIRST_NORMAL_SLOT: u32 = 2 * MAX_DIM as u32;

/// Fresh prompts of a task at one key, made when they are asked for.
pub struct Stream<'a> {
    task: &'a Task,
    isa: Isa,
    key: Key,
    len: usize,
}

impl<'a> Stream<'a> {
    /// The first `len` prompts of `task` at `key`.
    pub fn new(task: &'a Task, isa: Isa, key: Key, len: usize) -> Stream<'a> {
        Stream { task, isa, key, len }
    }
}

/// A scalar that prompts can be drawn in: f32 and f64.
///
/// The methods are compiled here, once, for every instruction set; a generic function would be
/// compiled again in every crate that draws.
pub trait Drawn: Real {
    /// Writes block `index` of `stream` to the start of `values`, scratch rows behind it.
    #[doc(hidden)]
    fn fill_block(stream: &Stream<'_>, index: usize, values: &mut [Self]);
}

impl Drawn for f32 {
    fn fill_block(stream: &Stream<'_>, index: usize, values: &mut [f32]) {
        stream.isa.run(FillBlock { stream, index, values });
    }
}

impl Drawn for f64 {
    fn fill_block(stream: &Stream<'_>, index: usize, values: &mut [f64]) {
        stream.isa.run(FillBlock { stream, index, values });
    }
}

impl<T: Drawn> Prompts<T> for Stream<'_> {
    fn dim(&self) -> usize {
        self.task.dim()
    }
    fn len(&self) -> usize {
        self.len
    }
    fn block<'a>(&'a self, index: usize, scratch: &'a mut Vec<T>) -> &'a [T] {
        let dim = self.task.dim();
        scratch.resize((rows(dim) + scratch_rows(self.task)) * BLOCK, T::zero());
        T::fill_block(self, index, scratch);
        &scratch[..rows(dim) * BLOCK]
    }
}

/// Rows that sampling needs below the block itself: draws, and Bartlett's factor.
fn scratch_rows(task: &Task) -> usize {
    let dim = task.dim;
    match task.covariates {
        Covariates::Gaussian(_) => {
            let normals = 3 * dim + dim * (dim - 1) / 2;
            normals.next_multiple_of(4) + dim + dim * dim
        }
        Covariates::Sphere | Covariates::GammaRadial { .. } => 2 * dim.next_multiple_of(4) + 2,
    }
}

struct FillBlock<'a, T> {
    stream: &'a Stream<'a>,
    index: usize,
    values: &'a mut [T],
}

impl<T: Real> WithSimd for FillBlock<'_, T> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, token: S) {
        let Stream { task, key, len, .. } = *self.stream;
        let first = self.index * BLOCK;
        for lane in (0..BLOCK).step_by(S::f32s::LEN) {
            let draws = Draws::new(token, key, (first + lane) as u32);
            let mut out = Lanes::<S, T> { token, lane, values: self.values };
            match &task.covariates {
                Covariates::Gaussian(covariance) => out.gaussian(task, covariance, draws),
                Covariates::Sphere => out.radial(task, None, draws),
                Covariates::GammaRadial { shape, scale } => {
                    out.radial(task, Some((*shape, *scale)), draws);
                }
            }
        }
        let used = BLOCK.min(len - first);
        for row in self.values.chunks_exact_mut(BLOCK) {
            row[used..].fill(T::zero());
        }
    }
}

/// The lanes `lane..lane + LEN` of a block and of the scratch rows below it.
struct Lanes<'a, S: Simd, T> {
    token: S,
    lane: usize,
    values: &'a mut [T],
}

/// Position of (i, j ≤ i) in a lower triangle stored row by row.
fn triangle(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
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
        let at = row * BLOCK + self.lane + part * Self::WIDTH;
        Packed::load(self.token, &self.values[at..][..Self::WIDTH])
    }

    #[inline(always)]
    fn set(&mut self, row: usize, part: usize, value: Packed<S, T>) {
        let at = row * BLOCK + self.lane + part * Self::WIDTH;
        value.store(0, &mut self.values[at..][..Self::WIDTH]);
    }

    #[inline(always)]
    fn put(&mut self, row: usize, draw: S::f32s) {
        let out = &mut self.values[row * BLOCK + self.lane..][..S::f32s::LEN];
        for i in 0..S::f32s::LEN {
            out[i] = T::nearest(f64::from(draw[i]));
        }
    }

    /// Rows `row..row + len` are N(0, 1); up to three rows more are overwritten. Returns the next
    /// free slot.
    #[inline(always)]
    fn put_normals(&mut self, row: usize, len: usize, draws: Draws<S>, slot: u32) -> u32 {
        for block in 0..len.div_ceil(4) {
            let z = draws.normals(slot + block as u32);
            for i in 0..4 {
                self.put(row + 4 * block + i, z[i]);
            }
        }
        slot + len.div_ceil(4) as u32
    }

    #[inline(always)]
    fn zero(&self) -> Packed<S, T> {
        Packed::splat(self.token, 0.0)
    }

    /// Σ_k get(a + k) · get(b + k) + start.
    #[inline(always)]
    fn dot(&self, part: usize, a: usize, b: usize, len: usize) -> Packed<S, T> {
        let mut sum = self.zero();
        for k in 0..len {
            sum = self.get(a + k, part).mul_add(self.get(b + k, part), sum);
        }
        sum
    }

    #[inline(always)]
    fn gaussian(&mut self, task: &Task, covariance: &Covariance, draws: Draws<S>) {
        let (dim, n) = (task.dim, task.context_len as f64);
        // Bartlett's factor of a Wishart matrix with fewer than d degrees of freedom has n columns.
        let columns = dim.min(task.context_len);
        let w = rows(dim);
        let z = w + dim;
        let below = z + dim;
        let below_len = below_diagonal(dim, columns);
        let noise = below + below_len;
        let noise_len = if task.noise_std > 0.0 { columns } else { 0 };
        let normals = noise + noise_len - w;
        self.put_normals(w, normals, draws, FIRST_NORMAL_SLOT);
        let diagonal = w + (3 * dim + dim * (dim - 1) / 2).next_multiple_of(4);
        for i in 0..columns {
            // T_ii² ~ χ²(n − i) = 2 Gamma((n − i)/2).
            let chi2 = draws.gamma(2 * i as u32, (n - i as f64) / 2.0) * 2.0;
            self.put(diagonal + i, chi2.sqrt());
        }
        let factor = diagonal + dim;
        let scale = 1.0 / n.sqrt();
        for part in 0..Self::PARTS {
            for i in 0..dim {
                for j in 0..columns {
                    // Row i of C·T/√n; T is lower triangular.
                    let mut sum = self.zero();
                    match covariance.factor() {
                        Some(c) => {
                            for k in j..dim {
                                let c = Packed::splat(self.token, c[i * dim + k] * scale);
                                let t = if k == j {
                                    diagonal + k
                                } else {
                                    below + below_diagonal(k, columns) + j
                                };
                                sum = c.mul_add(self.get(t, part), sum);
                            }
                        }
                        None if j <= i => {
                            let t = if i == j {
                                diagonal + i
                            } else {
                                below + below_diagonal(i, columns) + j
                            };
                            sum = self.get(t, part) * Packed::splat(self.token, scale);
                        }
                        None => {}
                    }
                    self.set(factor + i * columns + j, part, sum);
                }
            }
            for i in 0..dim {
                for j in 0..=i {
                    let inner = match covariance.factor() {
                        Some(_) => columns,
                        None => columns.min(j + 1),
                    };
                    let (a, b) = (factor + i * columns, factor + j * columns);
                    self.set(triangle(i, j), part, self.dot(part, a, b, inner));
                }
            }
            for i in 0..dim {
                let x = match covariance.factor() {
                    Some(c) => {
                        let mut sum = self.zero();
                        for k in 0..dim {
                            let c = Packed::splat(self.token, c[i * dim + k]);
                            sum = c.mul_add(self.get(z + k, part), sum);
                        }
                        sum
                    }
                    None => self.get(z + i, part),
                };
                self.set(query_row(dim) + i, part, x);
                // (1/n) Σ xᵢεᵢ given S is N(0, σ² S/n²).
                let noise = if noise_len == 0 {
                    self.zero()
                } else {
                    self.dot(part, factor + i * columns, noise, columns)
                        * Packed::splat(self.token, task.noise_std * scale)
                };
                self.set(label_row(dim) + i, part, noise);
            }
            self.finish(dim, w, part);
        }
    }

    /// Tokens √ρ u with ρ ~ Gamma(shape, scale), or ρ = 1; the query first.
    #[inline(always)]
    fn radial(&mut self, task: &Task, gamma: Option<(f64, f64)>, draws: Draws<S>) {
        let dim = task.dim;
        let per_token = dim.div_ceil(4) as u32;
        let w = rows(dim);
        let z = w + dim.next_multiple_of(4);
        let (weight, noise) = (z + dim.next_multiple_of(4), z + dim.next_multiple_of(4) + 1);
        let first = self.put_normals(w, dim, draws, FIRST_NORMAL_SLOT);
        let noise_slot = first + (task.context_len as u32 + 1) * (per_token + 2);
        for part in 0..Self::PARTS {
            for row in 0..label_row(dim) + dim {
                self.set(row, part, self.zero());
            }
        }
        for t in 0..=task.context_len as u32 {
            let slot = first + t * (per_token + 2);
            self.put_normals(z, dim, draws, slot);
            let mut norm2 = S::f32s::splat(self.token, 0.0);
            for i in 0..dim {
                let zi = self.draw(z + i);
                norm2 = zi.mul_add(zi, norm2);
            }
            let radius2 = match gamma {
                Some((shape, scale)) => draws.gamma(slot + per_token, shape) * scale as f32,
                None => S::f32s::splat(self.token, 1.0),
            };
            let ratio = radius2 / norm2;
            if t == 0 {
                for i in 0..dim {
                    self.put(query_row(dim) + i, self.draw(z + i) * ratio.sqrt());
                }
                continue;
            }
            self.put(weight, ratio);
            if task.noise_std > 0.0 {
                let k = t - 1;
                let epsilon = draws.normals(noise_slot + k / 4)[k as usize % 4];
                self.put(noise, epsilon * ratio.sqrt());
            }
            self.add_token(task, z, weight, noise);
        }
        let mean = Packed::splat(self.token, 1.0 / task.context_len as f64);
        for part in 0..Self::PARTS {
            for row in 0..label_row(dim) + dim {
                self.set(row, part, self.get(row, part) * mean);
            }
            self.finish(dim, w, part);
        }
    }

    /// S += weight · z zᵀ, and the noise part of s += noise · z.
    #[inline(always)]
    fn add_token(&mut self, task: &Task, z: usize, weight: usize, noise: usize) {
        for part in 0..Self::PARTS {
            let weight = self.get(weight, part);
            for i in 0..task.dim {
                let zi = self.get(z + i, part) * weight;
                for j in 0..=i {
                    let row = triangle(i, j);
                    self.set(row, part, zi.mul_add(self.get(z + j, part), self.get(row, part)));
                }
            }
            if task.noise_std > 0.0 {
                let noise = self.get(noise, part) * Packed::splat(self.token, task.noise_std);
                for i in 0..task.dim {
                    let row = label_row(task.dim) + i;
                    self.set(row, part, noise.mul_add(self.get(z + i, part), self.get(row, part)));
                }
            }
        }
    }

    #[inline(always)]
    fn draw(&self, row: usize) -> S::f32s {
        let values = &self.values[row * BLOCK + self.lane..][..S::f32s::LEN];
        let mut draw = S::f32s::splat(self.token, 0.0);
        for i in 0..S::f32s::LEN {
            draw[i] = values[i].widen() as f32;
        }
        draw
    }

    /// s += S w and y = ⟨w, x_q⟩, from S, the query and the noise part of s.
    #[inline(always)]
    fn finish(&mut self, dim: usize, w: usize, part: usize) {
        for i in 0..dim {
            let mut sum = self.get(label_row(dim) + i, part);
            for j in 0..dim {
                let s = self.get(triangle(i.max(j), i.min(j)), part);
                sum = s.mul_add(self.get(w + j, part), sum);
            }
            self.set(label_row(dim) + i, part, sum);
        }
        let target = self.dot(part, w, query_row(dim), dim);
        self.set(query_row(dim) + dim, part, target);
    }
}

/// First row of s/n.
fn label_row(dim: usize) -> usize {
    dim * (dim + 1) / 2
}

/// First row of the query; the target is the row after its last.
fn query_row(dim: usize) -> usize {
    label_row(dim) + dim
}
