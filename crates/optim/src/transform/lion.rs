//! Lion.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::{mean, sign};
use super::{Context, Error, Transform};
use crate::State;

/// u ← sign(β₁ m + (1 − β₁) u), m ← β₂ m + (1 − β₂) u of before; `optax.lion` (Chen et al. 2023,
/// algorithm 2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByLion {
    /// β₁, the weight of the mean in the update.
    pub beta1: f64,
    /// β₂, the decay of the mean.
    pub beta2: f64,
}

impl<T: Real> Transform<T> for ScaleByLion {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::zeros(&[("exp_avg", dim)]).with_scratch(&[dim])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        _: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [average, gradient] = state.vectors();
        gradient.copy_from_slice(update);
        let (keep, add) = (T::nearest(self.beta1), T::nearest(1.0 - self.beta1));
        for (u, m) in update.iter_mut().zip(&*average) {
            *u = sign(add * *u + keep * *m);
        }
        mean(average, gradient, self.beta2);
        Ok(())
    }
}
