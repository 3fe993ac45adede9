//! Adam's moments.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;
use windtunnel_math::stability::adam_threshold;

use super::{Context, Error, Transform, average};
use crate::{LastStep, Linearization, State};

/// m ← β₁ m + (1 − β₁) u, v ← β₂ v + (1 − β₂) u²,
/// u ← (m / (1 − β₁^step)) / (√v / √(1 − β₂^step) + ε), `step` from 1;
/// `torch.optim.Adam` (Kingma & Ba 2015, algorithm 1).
///
/// ε is outside the root and after the bias correction, so its size does not depend on the step.
/// With AMSGrad √v becomes √v_max, v_max the running maximum of v *before* bias correction, and the
/// maximum is then corrected; Reddi et al. 2018 correct neither m nor v.
///
/// First step: m = v = v_max = 0 before it, which gives u / (|u| + ε).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByAdam {
    /// β₁, the decay of the mean.
    pub beta1: f64,
    /// β₂, the decay of the mean square.
    pub beta2: f64,
    /// Term ε of the denominator.
    pub eps: f64,
    /// Whether the denominator never shrinks.
    pub amsgrad: bool,
}

impl<T: Real> Transform<T> for ScaleByAdam {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        let vectors = [("exp_avg", dim), ("exp_avg_sq", dim), ("max_exp_avg_sq", dim)];
        State::zeros(&vectors[..if self.amsgrad { 3 } else { 2 }])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        if self.amsgrad {
            let [mean, square, maximum] = state.vectors();
            average::mean(mean, update, self.beta1);
            average::mean_square(square, update, self.beta2);
            for (max, v) in maximum.iter_mut().zip(&*square) {
                *max = average::larger(*max, *v);
            }
            self.scale(context.step, update, mean, maximum);
        } else {
            let [mean, square] = state.vectors();
            average::mean(mean, update, self.beta1);
            average::mean_square(square, update, self.beta2);
            self.scale(context.step, update, mean, square);
        }
        Ok(())
    }

    /// D = (1 − β₁ᵗ)(√v̂ + ε); NaN where v has overflowed.
    fn linearization(&self, state: &State<T>, at: &LastStep<'_>) -> Linearization {
        let step = at.step as f64;
        let (first, second) = (1.0 - self.beta1.powf(step), 1.0 - self.beta2.powf(step));
        let entry = |v: &T| {
            let v = if v.is_finite() { v.widen() } else { f64::NAN };
            first * ((v / second).sqrt() + self.eps)
        };
        let square = state.get(if self.amsgrad { 2 } else { 1 });
        Linearization::Method {
            threshold: adam_threshold(at.lr, self.beta1),
            preconditioner: Some(square.iter().map(entry).collect()),
        }
    }
}

impl ScaleByAdam {
    /// u ← (m / (1 − β₁^step)) / (√v / √(1 − β₂^step) + ε).
    pub(super) fn scale<T: Real>(&self, step: u64, update: &mut [T], mean: &[T], square: &[T]) {
        let correction1 = T::nearest(average::correction(self.beta1, step));
        let root_correction2 = T::nearest(average::correction(self.beta2, step).sqrt());
        let eps = T::nearest(self.eps);
        for ((u, m), v) in update.iter_mut().zip(mean).zip(square) {
            let denominator = v.sqrt() / root_correction2 + eps;
            *u = *m / correction1 / denominator;
        }
    }
}
