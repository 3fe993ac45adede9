//! Adam with the square of what the mean did not foresee.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::{correction, mean};
use super::{Context, Error, Transform};
use crate::State;

/// m ← β₁ m + (1 − β₁) u, s ← β₂ s + (1 − β₂) (u − m)² + ε, u ← m̂ / (√ŝ + ε); `optax.adabelief`
/// (Zhuang et al. 2020, algorithm 2).
///
/// ε is in both places, and the one in s is summed over the steps and bias-corrected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByBelief {
    /// β₁, the decay of the mean.
    pub beta1: f64,
    /// β₂, the decay of the mean square.
    pub beta2: f64,
    /// ε.
    pub eps: f64,
}

impl<T: Real> Transform<T> for ScaleByBelief {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::zeros(&[("exp_avg", dim), ("exp_avg_var", dim)])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [average, square] = state.vectors();
        mean(average, update, self.beta1);
        let (keep, add) = (T::nearest(self.beta2), T::nearest(1.0 - self.beta2));
        let first = T::nearest(correction(self.beta1, context.step));
        let second = T::nearest(correction(self.beta2, context.step));
        let eps = T::nearest(self.eps);
        for ((u, m), s) in update.iter_mut().zip(&*average).zip(square) {
            let surprise = *u - *m;
            *s = keep * *s + add * surprise * surprise + eps;
            *u = (*m / first) / ((*s / second).sqrt() + eps);
        }
        Ok(())
    }
}
