//! Adadelta.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::mean_square;
use super::{Context, Error, Transform};
use crate::State;

/// v ← ρ v + (1 − ρ) u², u ← √(a + ε) / √(v + ε) · u, a ← ρ a + (1 − ρ) u²; `torch.optim.Adadelta`
/// (Zeiler 2012). ε is inside both roots, and is what the first step owes its size to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByAdadelta {
    /// Decay ρ of both mean squares.
    pub rho: f64,
    /// Term ε inside the roots.
    pub eps: f64,
}

impl<T: Real> Transform<T> for ScaleByAdadelta {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::zeros(&[("square_avg", dim), ("acc_delta", dim)])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        _: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [square, moved] = state.vectors();
        mean_square(square, update, self.rho);
        let eps = T::nearest(self.eps);
        for ((u, v), a) in update.iter_mut().zip(&*square).zip(&*moved) {
            *u = (*a + eps).sqrt() / (*v + eps).sqrt() * *u;
        }
        mean_square(moved, update, self.rho);
        Ok(())
    }
}
