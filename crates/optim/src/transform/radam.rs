//! Adam with its step rectified by the variance of 1/√v̂.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::{correction, mean, mean_square};
use super::{Context, Error, Transform};
use crate::State;

/// u ← r m̂ / (√v + ε) · √(1 − β₂^t) where ρ_t > 5, else u ← m̂; `torch.optim.RAdam` (Liu et al. 2020)
/// with ρ_∞ = 2/(1 − β₂) − 1, ρ_t = ρ_∞ − 2t β₂^t / (1 − β₂^t) and
/// r² = (ρ_t − 4)(ρ_t − 2) ρ_∞ / ((ρ_∞ − 4)(ρ_∞ − 2) ρ_t).
///
/// ε is inside the correction. The first steps are those of momentum, not of Adam. With β₂ ≤ 2/3 all
/// of them are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByRadam {
    /// β₁, the decay of the mean.
    pub beta1: f64,
    /// β₂, the decay of the mean square.
    pub beta2: f64,
    /// Term ε beside √v, which is not yet corrected.
    pub eps: f64,
}

impl ScaleByRadam {
    /// r √(1 − β₂^t), or nothing where ρ_t ≤ 5.
    fn rectified(&self, step: u64) -> Option<f64> {
        let second = correction(self.beta2, step);
        let limit = 2.0 / (1.0 - self.beta2) - 1.0;
        let rho = limit - 2.0 * step as f64 * self.beta2.powf(step as f64) / second;
        let square = (rho - 4.0) * (rho - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * rho);
        (rho > 5.0).then(|| square.sqrt() * second.sqrt())
    }
}

impl<T: Real> Transform<T> for ScaleByRadam {
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
        mean(average, update, self.beta1);
        mean_square(square, update, self.beta2);
        let first = T::nearest(correction(self.beta1, context.step));
        let rectified = self.rectified(context.step).map(T::nearest);
        let eps = T::nearest(self.eps);
        for ((u, m), v) in update.iter_mut().zip(&*average).zip(&*square) {
            let corrected = *m / first;
            *u = match rectified {
                Some(factor) => corrected * (factor / (v.sqrt() + eps)),
                None => corrected,
            };
        }
        Ok(())
    }
}
