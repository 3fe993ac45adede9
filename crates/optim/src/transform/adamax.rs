//! Adam with the largest gradient instead of the root mean square.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::{correction, larger, mean};
use super::{Context, Error, Transform};
use crate::State;

/// m ← β₁ m + (1 − β₁) u, w ← max(β₂ w, |u| + ε), u ← m / (1 − β₁^step) / w; `torch.optim.Adamax`
/// (Kingma & Ba 2015, algorithm 2, which has no ε).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByAdamax {
    /// β₁, the decay of the mean.
    pub beta1: f64,
    /// β₂, the decay of the largest gradient.
    pub beta2: f64,
    /// Term ε beside each gradient.
    pub eps: f64,
}

impl<T: Real> Transform<T> for ScaleByAdamax {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::zeros(&[("exp_avg", dim), ("exp_inf", dim)])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [average, largest] = state.vectors();
        mean(average, update, self.beta1);
        let (beta2, eps) = (T::nearest(self.beta2), T::nearest(self.eps));
        let first = T::nearest(correction(self.beta1, context.step));
        for ((u, m), w) in update.iter_mut().zip(&*average).zip(largest) {
            *w = larger(beta2 * *w, u.abs() + eps);
            *u = *m / first / *w;
        }
        Ok(())
    }
}
