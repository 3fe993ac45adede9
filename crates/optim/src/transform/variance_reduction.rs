//! The gradient with a part of its change.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::{Context, Error, Transform};
use crate::State;

/// u ← u + γ β₁ / (1 − β₁) (u − u of the step before), 0 before the first, then clipped to norm 1 block
/// by block; the corrected gradient of MARS (Yuan et al. 2024, algorithm 2, the variant without a
/// second gradient of the same mini-batch), as in pytorch_optimizer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AddGradientChange {
    /// γ, the share of the change.
    pub gamma: f64,
    /// β₁, the decay of the mean that follows.
    pub beta1: f64,
}

impl<T: Real> Transform<T> for AddGradientChange {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::zeros(&[("last_grad", dim)])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [last] = state.vectors();
        let share = T::nearest(self.gamma * (self.beta1 / (1.0 - self.beta1)));
        for (u, last) in update.iter_mut().zip(last) {
            let gradient = *u;
            *u = (gradient - *last) * share + gradient;
            *last = gradient;
        }
        for block in context.blocks {
            let update = &mut update[block.range.clone()];
            let norm = super::clip::global_norm(update);
            // Not `max`, which would turn NaN into 1.
            let factor = T::nearest(if norm <= 1.0 { 1.0 } else { norm });
            update.iter_mut().for_each(|u| *u /= factor);
        }
        Ok(())
    }
}
