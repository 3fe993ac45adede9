//! Adan.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::{correction, mean, mean_square};
use super::{Context, Error, Transform};
use crate::State;

/// With Δ = u − u of the step before (0 at the first): m ← β₁ m + (1 − β₁) u, d ← β₂ d + (1 − β₂) Δ,
/// n ← β₃ n + (1 − β₃) (u + β₂ Δ)², u ← (m̂ + β₂ d̂) / (√n̂ + ε); Xie et al. 2022, algorithm 1, as in
/// the authors' code and pytorch_optimizer.
///
/// The paper's betas are the weights of the new, [0.02, 0.08, 0.01], and its factor of Δ is 1 − β₂:
/// 0.92. `optax.adan` has decays, [0.98, 0.92, 0.99], and the paper's 1 − β₂ with them: 0.08.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByAdan {
    /// β₁, the decay of the mean.
    pub beta1: f64,
    /// β₂, the decay of the mean difference.
    pub beta2: f64,
    /// β₃, the decay of the mean square.
    pub beta3: f64,
    /// Term ε of the denominator, bias-corrected.
    pub eps: f64,
}

impl<T: Real> Transform<T> for ScaleByAdan {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        let names = ["exp_avg", "exp_avg_diff", "exp_avg_sq", "previous_grad"];
        State::zeros(&names.map(|name| (name, dim))).with_scratch(&[dim])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [average, drift, square, previous, work] = state.vectors();
        let ahead = T::nearest(self.beta2);
        mean(average, update, self.beta1);
        for ((w, u), p) in work.iter_mut().zip(&*update).zip(&*previous) {
            *w = if context.step == 1 { T::zero() } else { *u - *p };
        }
        previous.copy_from_slice(update);
        mean(drift, work, self.beta2);
        for (w, u) in work.iter_mut().zip(&*update) {
            *w = *u + ahead * *w;
        }
        mean_square(square, work, self.beta3);
        let [first, second, third] = [self.beta1, self.beta2, self.beta3]
            .map(|beta| T::nearest(correction(beta, context.step)));
        let eps = T::nearest(self.eps);
        let averages = average.iter().zip(&*drift).zip(&*square);
        for (u, ((m, d), n)) in update.iter_mut().zip(averages) {
            *u = (*m / first + ahead * (*d / second)) / ((*n / third).sqrt() + eps);
        }
        Ok(())
    }
}
