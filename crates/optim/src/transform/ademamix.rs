//! Adam with a second, slower mean.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::{correction, mean, mean_square};
use super::{Context, Error, Transform};
use crate::State;

/// u ← (m̂ + α s) / (√v̂ + ε) with Adam's m̂ and v̂ and s ← β₃ s + (1 − β₃) u, which is not corrected;
/// `optax.contrib.ademamix` (Pagliardini et al. 2024), without the schedules of α and β₃.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByAdemamix {
    /// β₁, the decay of the mean.
    pub beta1: f64,
    /// β₂, the decay of the mean square.
    pub beta2: f64,
    /// β₃, the decay of the slow mean.
    pub beta3: f64,
    /// α, the weight of the slow mean.
    pub alpha: f64,
    /// Term ε of the denominator, bias-corrected.
    pub eps: f64,
}

impl<T: Real> Transform<T> for ScaleByAdemamix {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::zeros(&[("exp_avg", dim), ("exp_avg_sq", dim), ("exp_avg_slow", dim)])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [average, square, slow] = state.vectors();
        mean(average, update, self.beta1);
        mean_square(square, update, self.beta2);
        mean(slow, update, self.beta3);
        let first = T::nearest(correction(self.beta1, context.step));
        let second = T::nearest(correction(self.beta2, context.step));
        let (alpha, eps) = (T::nearest(self.alpha), T::nearest(self.eps));
        let averages = average.iter().zip(&*square).zip(&*slow);
        for (u, ((m, v), s)) in update.iter_mut().zip(averages) {
            *u = (*m / first + alpha * *s) / ((*v / second).sqrt() + eps);
        }
        Ok(())
    }
}
