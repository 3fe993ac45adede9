//! Moments of Gaussian prompts without tokens.

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::lanes::Lanes;
use super::slots::{ANY, RESIDUAL_SLOT, known};
use crate::task::Task;
use crate::task::batch::{label_row, query_row, square_row, triangle};
use windtunnel_math::lanes::{Lane, Real};

/// Number of entries below the diagonal in the first `dim` rows of a matrix of `columns` columns.
fn below_diagonal(dim: usize, columns: usize) -> usize {
    let full = dim.min(columns);
    full * full.saturating_sub(1) / 2 + (dim - full) * columns
}

impl<S: Simd, T: Real> Lanes<'_, S, T> {
    /// Fills in the moments through Bartlett's factor; the rows behind them are scratch.
    #[inline(always)]
    pub(super) fn gaussian<const D: usize>(&mut self, task: &Task, map: Option<&[f64]>) {
        let dim = known::<D>(task);
        // Bartlett's factor of a Wishart matrix with fewer than d degrees of freedom has n columns.
        let columns = if D == ANY { dim.min(task.context_len) } else { dim };
        let below = 2 * dim;
        let noise = below + below_diagonal(dim, columns);
        let normals = if task.noise_std > 0.0 { noise + columns } else { noise };
        self.start::<D>(task, normals - below);
        let diagonal = normals.next_multiple_of(4);
        let draws = self.draws;
        for i in (0..columns).step_by(2) {
            let last = (i + 1).min(columns - 1);
            let halves = draws.gammas::<2>(i as u32 / 2, [task.bartlett[i], task.bartlett[last]]);
            for k in 0..2 {
                self.keep(diagonal + i + k, (halves[k] * 2.0).sqrt());
            }
        }
        // Σ ε² = ‖g‖² + χ²(n − rank): Σ xε = C T g sees ε through its projection g alone.
        let residual = diagonal + dim.next_multiple_of(2);
        if let (true, Some(law)) = (task.noise_std > 0.0, task.residual) {
            let halves = draws.gammas::<2>(RESIDUAL_SLOT, [law; 2]);
            self.keep(residual, halves[0] * 2.0);
        }
        // The first row of scratch, a constant where d is one.
        let factor = square_row(dim) + 1;
        let mean = 1.0 / task.context_len as f64;
        for part in 0..Self::PARTS {
            for i in 0..dim {
                for j in 0..columns {
                    let entry = match map {
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
                    let inner = if map.is_some() { columns } else { columns.min(j + 1) };
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
                let x = match map {
                    Some(_) => self.mapped(task, i, dim, 1, part),
                    None => self.draw(dim + i, part),
                };
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
}

/// Draw that is entry (i, j ≤ i) of Bartlett's factor.
#[inline(always)]
fn bartlett(i: usize, j: usize, columns: usize, below: usize, diagonal: usize) -> usize {
    if i == j { diagonal + i } else { below + below_diagonal(i, columns) + j }
}
