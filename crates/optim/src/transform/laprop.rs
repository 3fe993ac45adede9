//! LaProp.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::{correction, mean, mean_square};
use super::{Context, Error, Transform};
use crate::State;

/// v ← β₂ v + (1 − β₂) u², m ← β₁ m + (1 − β₁) u / (√v̂ + ε), u ← m̂: Adam's division before its mean
/// (Ziyin et al. 2020, algorithm 1).
///
/// pytorch_optimizer's has the learning rate inside m and 10⁻¹⁵ inside the root, and corrects √v + ε
/// as a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByLaprop {
    /// β₁, the decay of the mean.
    pub beta1: f64,
    /// β₂, the decay of the mean square.
    pub beta2: f64,
    /// Term ε of the denominator, bias-corrected.
    pub eps: f64,
}

impl<T: Real> Transform<T> for ScaleByLaprop {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::zeros(&[("exp_avg", dim), ("exp_avg_sq", dim)])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [average, square] = state.vectors();
        mean_square(square, update, self.beta2);
        let first = T::nearest(correction(self.beta1, context.step));
        let second = T::nearest(correction(self.beta2, context.step));
        let eps = T::nearest(self.eps);
        for (u, v) in update.iter_mut().zip(&*square) {
            *u /= (*v / second).sqrt() + eps;
        }
        mean(average, update, self.beta1);
        for (u, m) in update.iter_mut().zip(&*average) {
            *u = *m / first;
        }
        Ok(())
    }
}
