//! ADOPT.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::{mean, mean_square};
use super::{Context, Error, Transform};
use crate::State;

/// At the first step v ← u², u ← 0; after it n = clip(u / max(√v, ε), ± (step − 1)^¼),
/// m ← β₁ m + (1 − β₁) n, v ← β₂ v + (1 − β₂) u², u ← m; `optax.contrib.adopt` (Taniguchi et al.
/// 2024, algorithm 2).
///
/// The gradient is divided by the root of a v that does not know it yet, and before the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByAdopt {
    /// β₁, the decay of the mean.
    pub beta1: f64,
    /// β₂, the decay of the mean square.
    pub beta2: f64,
    /// ε, the smallest denominator.
    pub eps: f64,
    /// Whether the divided gradient is clipped.
    pub clip: bool,
}

impl<T: Real> Transform<T> for ScaleByAdopt {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::zeros(&[("exp_avg", dim), ("exp_avg_sq", dim)]).with_scratch(&[dim])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [average, square, gradient] = state.vectors();
        if context.step == 1 {
            for (v, u) in square.iter_mut().zip(&mut *update) {
                *v = *u * *u;
                // What is not finite must reach the parameters.
                *u = if u.is_finite() { T::zero() } else { T::nan() };
            }
            return Ok(());
        }
        gradient.copy_from_slice(update);
        let eps = T::nearest(self.eps);
        let bound = T::nearest(((context.step - 1) as f64).powf(0.25));
        for (u, v) in update.iter_mut().zip(&*square) {
            let root = v.sqrt();
            let divided = *u / if root > eps { root } else { eps };
            // Comparisons, not `max`: NaN stays NaN.
            *u = match self.clip {
                true if divided > bound => bound,
                true if divided < -bound => -bound,
                _ => divided,
            };
        }
        mean(average, update, self.beta1);
        mean_square(square, gradient, self.beta2);
        update.copy_from_slice(average);
        Ok(())
    }
}
