//! Adafactor.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::lerp;
use super::{Context, Error, Transform};
use crate::State;

/// u / √V with V of rank one for matrices: means of squares over rows and over columns, each a running
/// mean with weight t^κ of the new, V = r cᵀ / mean(r); then u ← u / max(1, RMS(u) / d), and
/// u ← max(ε₂, RMS(θ)) min(1, 1 / (η √t)) u, block by block; `torch.optim.Adafactor` (Shazeer & Stern
/// 2018, without momentum). The learning rate η stands behind it.
///
/// mean(r) is at least ε₁ and V at least ε₁², ε₁ the rounding of the scalar type, as in torch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByAdafactor {
    /// κ < 0: t^κ is the weight of a new square.
    pub beta2_decay: f64,
    /// ε₂, the smallest scale of a block.
    pub eps2: f64,
    /// d, the largest root mean square of an update.
    pub clip_threshold: f64,
}

/// Root mean square.
fn rms<T: Real>(x: &[T]) -> f64 {
    super::clip::global_norm(x) / (x.len() as f64).sqrt()
}

impl<T: Real> Transform<T> for ScaleByAdafactor {
    fn init(&self, dim: usize, blocks: &[Block]) -> State<T> {
        let shapes = || blocks.iter().filter_map(|block| block.shape);
        let rows = shapes().map(|(rows, _)| rows).sum();
        let columns = shapes().map(|(_, columns)| columns).sum();
        let others = dim - shapes().map(|(rows, columns)| rows * columns).sum::<usize>();
        State::zeros(&[("row_var", rows), ("col_var", columns), ("variance", others)])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [mut rows, mut columns, mut variances] = state.vectors();
        let step = context.step as f64;
        let weight = T::nearest(step.powf(self.beta2_decay));
        let smallest = T::epsilon() * T::epsilon();
        // Not `max`, which would turn NaN into the bound.
        let at_least = |x: T, bound: T| if x < bound { bound } else { x };
        for block in context.blocks {
            let scale = rms(&context.params[block.range.clone()]).max(self.eps2);
            let scale = scale * (1.0 / (context.lr * step.sqrt())).min(1.0);
            let update = &mut update[block.range.clone()];
            if let Some((height, width)) = block.shape {
                let (row, column);
                (row, rows) = rows.split_at_mut(height);
                (column, columns) = columns.split_at_mut(width);
                let mean = |squares: T, len: usize| squares / T::nearest(len as f64);
                for (i, r) in row.iter_mut().enumerate() {
                    let squares = (0..width).map(|j| update[i * width + j]);
                    let squares = squares.fold(T::zero(), |sum, u| sum + u * u);
                    *r = lerp(*r, mean(squares, width), weight);
                }
                for (j, c) in column.iter_mut().enumerate() {
                    let squares = (0..height).map(|i| update[i * width + j]);
                    let squares = squares.fold(T::zero(), |sum, u| sum + u * u);
                    *c = lerp(*c, mean(squares, height), weight);
                }
                let middle = mean(row.iter().fold(T::zero(), |sum, r| sum + *r), height);
                let middle = at_least(middle, T::epsilon());
                for (k, u) in update.iter_mut().enumerate() {
                    let variance = row[k / width] * column[k % width] / middle;
                    *u /= at_least(variance, smallest).sqrt();
                }
            } else {
                let variance;
                (variance, variances) = variances.split_at_mut(update.len());
                for (u, v) in update.iter_mut().zip(variance) {
                    *v = lerp(*v, *u * *u, weight);
                    *u /= at_least(*v, smallest).sqrt();
                }
            }
            let longer = rms(update) / self.clip_threshold;
            let factor = T::nearest(scale / if longer < 1.0 { 1.0 } else { longer });
            update.iter_mut().for_each(|u| *u *= factor);
        }
        Ok(())
    }
}
