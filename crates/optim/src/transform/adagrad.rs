//! Division by the root of the sum of squares.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::{Context, Error, Transform};
use crate::State;

/// s ← s + u², u ← u / (√s + ε) / (1 + (step − 1) δ), s = s₀ at first; `torch.optim.Adagrad` (Duchi
/// et al. 2011). optax has s₀ = 0.1 and ε inside the root.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByAdagrad {
    /// Decay δ of the learning rate.
    pub lr_decay: f64,
    /// s₀.
    pub initial: f64,
    /// Term ε of the denominator.
    pub eps: f64,
}

impl<T: Real> Transform<T> for ScaleByAdagrad {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::zeros(&[("sum", dim)])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [sum] = state.vectors();
        if context.step == 1 {
            sum.fill(T::nearest(self.initial));
        }
        let slower = T::nearest(1.0 / (1.0 + (context.step - 1) as f64 * self.lr_decay));
        let eps = T::nearest(self.eps);
        for (u, s) in update.iter_mut().zip(sum) {
            *s += *u * *u;
            *u = slower * (*u / (s.sqrt() + eps));
        }
        Ok(())
    }
}
