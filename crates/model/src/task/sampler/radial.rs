//! Moments of families that have tokens only, added to S as they are drawn.

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::lanes::{Lanes, accumulate, four};
use super::slots::{TOKENS, known};
use crate::task::Task;
use crate::task::batch::{label_row, query_row, square_row, triangle};
use windtunnel_math::lanes::{Lane, Real};

impl<S: Simd, T: Real> Lanes<'_, S, T> {
    /// Fills in the moments of tokens √τ z with z ~ N(0, I), then applies r and C; the rows behind
    /// the moments are scratch.
    #[inline(always)]
    pub(super) fn radial<const D: usize>(&mut self, task: &Task) {
        let (dim, len) = (known::<D>(task), task.context_len);
        let slot = self.start::<D>(task, 0);
        let mut slot = self.scale_query::<D>(task, slot);
        for part in 0..Self::PARTS {
            for i in 0..dim {
                self.set(query_row(dim) + i, part, self.mapped(task, i, dim, 1, part));
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
            let scales = self.token_scales::<D>(task, tokens, slot);
            slot += 2;
            if task.noise_std > 0.0 {
                slot = self.keep_normals(noise, TOKENS, slot);
            }
            for t in 0..TOKENS {
                // The last four may be more than there are.
                let used = f32::from(u8::from(first + t < len));
                let weight = scales[t] * used;
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
        let r = task.factor;
        let mean = 1.0 / len as f64;
        for part in 0..Self::PARTS {
            for row in 0..label_row(dim) {
                self.set(row, part, self.get(row, part) * self.splat(mean * r * r));
            }
            for row in label_row(dim)..query_row(dim) {
                let scale = self.splat(mean * task.noise_std * r);
                self.set(row, part, self.get(row, part) * scale);
            }
            let variance = mean * task.noise_std * task.noise_std;
            let square = self.get(square_row(dim), part) * self.splat(variance);
            self.set(square_row(dim), part, square);
            if let Some(c) = &task.map {
                self.map_sums(c, dim, square_row(dim) + 1, part);
            }
            self.finish::<D>(task, part);
        }
    }

    /// S ← C S Cᵀ and s ← C s, once per prompt instead of C z once per token.
    #[inline(always)]
    fn map_sums(&mut self, c: &[f64], dim: usize, spare: usize, part: usize) {
        for i in 0..dim {
            for j in 0..dim {
                let mut sum = self.splat(0.0);
                for k in 0..dim {
                    let s = self.get(triangle(k.max(j), k.min(j)), part);
                    sum = self.splat(c[i * dim + k]).mul_add(s, sum);
                }
                self.set(spare + i * dim + j, part, sum);
            }
        }
        for i in 0..dim {
            for j in 0..=i {
                let mut sum = self.splat(0.0);
                for k in 0..dim {
                    let s = self.get(spare + i * dim + k, part);
                    sum = self.splat(c[j * dim + k]).mul_add(s, sum);
                }
                self.set(triangle(i, j), part, sum);
            }
        }
        for i in 0..dim {
            let mut sum = self.splat(0.0);
            for k in 0..dim {
                let s = self.get(label_row(dim) + k, part);
                sum = self.splat(c[i * dim + k]).mul_add(s, sum);
            }
            self.set(spare + i, part, sum);
        }
        for i in 0..dim {
            self.set(label_row(dim) + i, part, self.get(spare + i, part));
        }
    }

    /// S += Σ weight·z zᵀ, s += Σ noise·√weight·z and σ += Σ noise² over four tokens: after the
    /// rows of z come those of weight, noise and noise·√weight.
    #[inline(always)]
    fn add_tokens<const D: usize>(&mut self, task: &Task, tokens: usize, part: usize) {
        let dim = known::<D>(task);
        let at = self.at(part);
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
}
