//! Muon's orthogonalized momentum.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::{lerp, mean, mean_square};
use super::{Context, Error, Orthogonalization, ScaleByAdam, Transform};
use crate::State;

/// Matrix by matrix b ← μ b + (1 − μ) u, then u ← s O(b), or s O(μ b + (1 − μ) u) with Nesterov, where
/// O is an [`Orthogonalization`] and s a [`MuonScale`]; blocks that are no matrices take Adam's
/// update. Jordan et al. 2024, and `optax.contrib.muon`, which corrects the bias of b: O does not see
/// the factor, but with Nesterov the weights differ by (1 − μ^t) / (1 − μ^{t+1}).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByMuon {
    /// Momentum μ.
    pub momentum: f64,
    /// Whether to look ahead.
    pub nesterov: bool,
    /// O.
    pub orthogonalization: Orthogonalization,
    /// Steps of O, if it has steps.
    pub steps: u64,
    /// Term ε beside the norm that O divides by first.
    pub eps: f64,
    /// s.
    pub scale: MuonScale,
    /// Update of blocks that are no matrices.
    pub others: ScaleByAdam,
}

/// Factor of an orthogonalized update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MuonScale {
    /// √max(1, rows / columns), rows being outputs (Jordan et al. 2024).
    Shape,
    /// 0.2 √max(rows, columns): entries of the root mean square that Adam's have (Liu et al. 2025).
    Rms,
}

impl MuonScale {
    fn factor(self, (rows, columns): (usize, usize)) -> f64 {
        match self {
            MuonScale::Shape => (rows as f64 / columns as f64).max(1.0).sqrt(),
            MuonScale::Rms => 0.2 * (rows.max(columns) as f64).sqrt(),
        }
    }
}

impl<T: Real> Transform<T> for ScaleByMuon {
    fn init(&self, dim: usize, blocks: &[Block]) -> State<T> {
        let matrices = || blocks.iter().filter_map(|block| block.shape);
        let inside: usize = matrices().map(|(rows, columns)| rows * columns).sum();
        let largest = matrices().map(|(rows, columns)| rows * columns).max().unwrap_or(0);
        let shorter = matrices().map(|(rows, columns)| rows.min(columns)).max().unwrap_or(0);
        let others = dim - inside;
        let vectors = [("momentum_buffer", inside), ("exp_avg", others), ("exp_avg_sq", others)];
        State::zeros(&vectors).with_scratch(&[largest, shorter * shorter, shorter * shorter])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [mut buffer, mut average, mut square, work, gram, polynomial] = state.vectors();
        for block in context.blocks {
            let update = &mut update[block.range.clone()];
            let Some(shape) = block.shape else {
                let (m, v);
                (m, average) = average.split_at_mut(update.len());
                (v, square) = square.split_at_mut(update.len());
                mean(m, update, self.others.beta1);
                mean_square(v, update, self.others.beta2);
                self.others.scale(context.step, update, m, v);
                continue;
            };
            let own;
            (own, buffer) = buffer.split_at_mut(update.len());
            mean(own, update, self.momentum);
            let weight = T::nearest(1.0 - self.momentum);
            for (u, b) in update.iter_mut().zip(&*own) {
                *u = if self.nesterov { lerp(*b, *u, weight) } else { *b };
            }
            let how = (self.steps, self.eps);
            self.orthogonalization.apply(update, shape, how, [work, gram, polynomial]);
            let factor = T::nearest(self.scale.factor(shape));
            update.iter_mut().for_each(|u| *u *= factor);
        }
        Ok(())
    }
}
