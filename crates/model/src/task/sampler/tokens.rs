//! Prompts of every family, token by token.

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::lanes::Lanes;
use super::slots::{TOKENS, known};
use crate::task::batch::{label_row, query_row, square_row, target_row, triangle};
use crate::task::{Form, Labels, Mlp, Task};
use windtunnel_math::lanes::{Lane, Packed, Real};

/// First rows of the values that labels are made of.
#[derive(Clone, Copy)]
struct Rows {
    /// Token of a prompt that is stored as moments.
    token: usize,
    /// W₂ᵀ w⋆ and ⟨b₂, w⋆⟩.
    readout: usize,
}

impl<S: Simd, T: Real> Lanes<'_, S, T> {
    /// Makes tokens r C √τ z and their labels, stored or added to the moments; rows from `spare` on
    /// are scratch.
    #[inline(always)]
    pub(super) fn tokens<const D: usize>(&mut self, task: &Task, form: Form, spare: usize) {
        let (dim, len) = (known::<D>(task), task.context_len);
        let slot = self.start::<D>(task, 0);
        let mut slot = self.scale_query::<D>(task, slot);
        let rows = Rows { token: spare, readout: spare + dim + 1 };
        let query = match form {
            Form::Moments => query_row(dim),
            Form::Tokens => len * (dim + 1),
        };
        for part in 0..Self::PARTS {
            self.read_out(task, rows.readout, part);
            self.make::<D>(task, query, (dim, 1), rows, part);
            if form == Form::Moments {
                self.clear_sums(dim, part);
            }
        }
        let tokens = (2 * dim).next_multiple_of(4);
        let noise = tokens + TOKENS * dim;
        for first in (0..len).step_by(TOKENS) {
            slot = self.keep_normals(tokens, TOKENS * dim, slot);
            let scales = self.token_scales::<D>(task, tokens, slot);
            slot += 2;
            if task.noise_std > 0.0 {
                slot = self.keep_normals(noise, TOKENS, slot);
            }
            for t in 0..TOKENS.min(len - first) {
                let root = scales[t].sqrt();
                for i in 0..dim {
                    self.keep(tokens + 4 * i + t, self.kept(tokens + 4 * i + t) * root);
                }
                let row = match form {
                    Form::Moments => rows.token,
                    Form::Tokens => (first + t) * (dim + 1),
                };
                for part in 0..Self::PARTS {
                    self.make::<D>(task, row, (tokens + t, 4), rows, part);
                    if task.noise_std > 0.0 {
                        let label = self.get(row + dim, part);
                        let noise = self.draw(noise + t, part);
                        let label = noise.mul_add(self.splat(task.noise_std), label);
                        self.set(row + dim, part, label);
                    }
                    if form == Form::Moments {
                        self.add_token::<D>(task, row, part);
                    }
                }
            }
        }
        if form == Form::Moments {
            let mean = self.splat(1.0 / len as f64);
            for part in 0..Self::PARTS {
                for row in (0..query_row(dim)).chain([square_row(dim)]) {
                    self.set(row, part, self.get(row, part) * mean);
                }
            }
        }
    }

    /// Makes the token of draws `first`, `first + stride`, …: x to d rows from `row` on, then its
    /// label.
    #[inline(always)]
    fn make<const D: usize>(
        &mut self,
        task: &Task,
        row: usize,
        (first, stride): (usize, usize),
        rows: Rows,
        part: usize,
    ) {
        let dim = known::<D>(task);
        for i in 0..dim {
            self.set(row + i, part, self.mapped(task, i, first, stride, part));
        }
        let label = match &task.labels {
            Labels::Linear => {
                let mut label = self.splat(0.0);
                for i in 0..dim {
                    label = self.draw(i, part).mul_add(self.get(row + i, part), label);
                }
                label
            }
            Labels::Mlp(net) => self.network(net, row, rows.readout, part),
        };
        self.set(row + dim, part, label);
    }

    /// Writes W₂ᵀ w⋆ and ⟨b₂, w⋆⟩, the parts of ⟨w⋆, W₂ h + b₂⟩ that do not depend on the token.
    #[inline(always)]
    fn read_out(&mut self, task: &Task, readout: usize, part: usize) {
        let Labels::Mlp(net) = &task.labels else { return };
        let ([_, w2], [_, b2], hidden) = (net.weights(), net.biases(), net.hidden());
        for j in 0..hidden {
            let mut sum = self.splat(0.0);
            for i in 0..task.dim {
                sum = self.splat(w2[i * hidden + j]).mul_add(self.draw(i, part), sum);
            }
            self.set(readout + j, part, sum);
        }
        let mut sum = self.splat(0.0);
        for i in 0..task.dim {
            sum = self.splat(b2[i]).mul_add(self.draw(i, part), sum);
        }
        self.set(readout + hidden, part, sum);
    }

    /// Label of the x in rows from `row` on.
    #[inline(always)]
    fn network(&self, net: &Mlp, row: usize, readout: usize, part: usize) -> Packed<S, T> {
        let ([w1, _], [b1, _], dim) = (net.weights(), net.biases(), net.dim());
        let zero = self.splat(0.0);
        let mut label = self.get(readout + net.hidden(), part);
        for j in 0..net.hidden() {
            let mut sum = self.splat(b1[j]);
            for i in 0..dim {
                sum = self.splat(w1[j * dim + i]).mul_add(self.get(row + i, part), sum);
            }
            let active = Packed::<S, T>(sum.0.max(zero.0));
            label = self.get(readout + j, part).mul_add(active, label);
        }
        label
    }

    /// Sets S, s and σ to zero. The target stays where the query's label was written, before σ.
    #[inline(always)]
    fn clear_sums(&mut self, dim: usize, part: usize) {
        debug_assert_eq!(query_row(dim) + dim, target_row(dim));
        for row in (0..query_row(dim)).chain([square_row(dim)]) {
            self.set(row, part, self.splat(0.0));
        }
    }

    /// Adds x xᵀ, x y and y² of the token in rows from `row` on.
    #[inline(always)]
    fn add_token<const D: usize>(&mut self, task: &Task, row: usize, part: usize) {
        let dim = known::<D>(task);
        let y = self.get(row + dim, part);
        for i in 0..dim {
            let x = self.get(row + i, part);
            for j in 0..=i {
                let sum = x.mul_add(self.get(row + j, part), self.get(triangle(i, j), part));
                self.set(triangle(i, j), part, sum);
            }
            let sum = x.mul_add(y, self.get(label_row(dim) + i, part));
            self.set(label_row(dim) + i, part, sum);
        }
        let sum = y.mul_add(y, self.get(square_row(dim), part));
        self.set(square_row(dim), part, sum);
    }
}
