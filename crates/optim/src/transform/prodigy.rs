//! Prodigy.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::correction;
use super::{Context, Error, Transform};
use crate::State;

/// Adam whose rate is an estimate d of the distance to the solution: with γ = d η (times Adam's bias
/// corrections if `bias_correction`), β₃ = √β₂ and d = d₀ at first
///
/// ```text
/// m ← β₁ m + (1 − β₁) d u,  v ← β₂ v + (1 − β₂) d² u²,  s ← β₃ s + (d/d₀) γ u,
/// r ← β₃ r + (d/d₀) γ ⟨u, θ₀ − θ⟩,  d ← max(d, r / ‖s‖₁),  u ← (γ/η) (m / (√v + d ε) + λ θ)
/// ```
///
/// where γ is that of the old d, and the ε that of the new one; `prodigyopt.Prodigy` (Mishchenko &
/// Defazio 2024). The learning rate η stands behind it, 1 by default. optax's always has the bias
/// corrections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByProdigy {
    /// β₁, the decay of the mean.
    pub beta1: f64,
    /// β₂, the decay of the mean square.
    pub beta2: f64,
    /// Term ε of the denominator.
    pub eps: f64,
    /// d₀, the first estimate.
    pub first: f64,
    /// Whether γ has Adam's bias corrections.
    pub bias_correction: bool,
    /// Decoupled weight decay λ, times d η.
    pub weight_decay: f64,
}

impl<T: Real> Transform<T> for ScaleByProdigy {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        let vectors = ["exp_avg", "exp_avg_sq", "s", "init_params"].map(|name| (name, dim));
        State::zeros(&[&vectors[..], &[("d", 1), ("d_numerator", 1)]].concat())
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [mean, square, sum, start, estimate, numerator] = state.vectors();
        if context.step == 1 {
            start.copy_from_slice(context.params);
            estimate[0] = T::nearest(self.first);
        }
        let d = estimate[0].widen();
        let corrected =
            correction(self.beta2, context.step).sqrt() / correction(self.beta1, context.step);
        let scale = d * if self.bias_correction { corrected } else { 1.0 };
        let (rate, beta3) = (scale * context.lr, self.beta2.sqrt());
        let weight = d / self.first * rate;
        let way = start.iter().zip(context.params).map(|(a, b)| (*a - *b).widen());
        let along: f64 = update.iter().zip(way).map(|(u, way)| u.widen() * way).sum();
        numerator[0] = T::nearest(beta3 * numerator[0].widen() + weight * along);
        let nearest = T::nearest;
        for (k, u) in update.iter().enumerate() {
            mean[k] = nearest(self.beta1) * mean[k] + nearest(d * (1.0 - self.beta1)) * *u;
            square[k] =
                nearest(self.beta2) * square[k] + nearest(d * d * (1.0 - self.beta2)) * *u * *u;
            sum[k] = nearest(beta3) * sum[k] + nearest(weight) * *u;
        }
        let denominator: f64 = sum.iter().map(|s| s.abs().widen()).sum();
        if denominator == 0.0 {
            // No gradient was ever other than 0.
            return Ok(());
        }
        let d = d.max(numerator[0].widen() / denominator);
        estimate[0] = nearest(d);
        let (scale, eps, decay) =
            (nearest(scale), nearest(d * self.eps), nearest(self.weight_decay));
        for (k, u) in update.iter_mut().enumerate() {
            let step = mean[k] / (square[k].sqrt() + eps);
            *u = scale
                * if self.weight_decay == 0.0 { step } else { step + decay * context.params[k] };
        }
        Ok(())
    }
}
