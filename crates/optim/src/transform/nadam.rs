//! Adam with Nesterov's momentum.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::{correction, mean, mean_square};
use super::{Context, Error, Transform};
use crate::State;

/// u ← ((1 − μ_t) u / (1 − Π_t) + μ_{t+1} m / (1 − Π_t μ_{t+1})) / (√v̂ + ε) with Adam's m and v̂,
/// μ_t = β₁ (1 − ½ 0.96^{tψ}) and Π_t = μ₁ ⋯ μ_t; `torch.optim.NAdam` (Dozat 2016).
///
/// ψ = 0 makes μ constant at β₁/2. optax's `nadam` has no such schedule: it corrects m by
/// 1 − β₁^{t+1} and u by 1 − β₁^t.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByNadam {
    /// β₁, the decay of the mean.
    pub beta1: f64,
    /// β₂, the decay of the mean square.
    pub beta2: f64,
    /// Term ε of the denominator, bias-corrected.
    pub eps: f64,
    /// ψ, the decay of the schedule of μ.
    pub momentum_decay: f64,
}

impl ScaleByNadam {
    fn momentum(&self, step: u64) -> f64 {
        self.beta1 * (1.0 - 0.5 * 0.96_f64.powf(step as f64 * self.momentum_decay))
    }
}

impl<T: Real> Transform<T> for ScaleByNadam {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::zeros(&[("exp_avg", dim), ("exp_avg_sq", dim), ("mu_product", 1)])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [average, square, product] = state.vectors();
        let (now, next) = (self.momentum(context.step), self.momentum(context.step + 1));
        if context.step == 1 {
            product[0] = T::one();
        }
        product[0] *= T::nearest(now);
        mean(average, update, self.beta1);
        mean_square(square, update, self.beta2);
        let so_far = product[0].widen();
        let of_gradient = T::nearest((1.0 - now) / (1.0 - so_far));
        let of_mean = T::nearest(next / (1.0 - so_far * next));
        let second = T::nearest(correction(self.beta2, context.step));
        let eps = T::nearest(self.eps);
        for ((u, m), v) in update.iter_mut().zip(&*average).zip(&*square) {
            let denominator = (*v / second).sqrt() + eps;
            *u = (of_gradient * *u + of_mean * *m) / denominator;
        }
        Ok(())
    }
}
