//! Division by the root mean square.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::{mean, mean_square};
use super::{Context, Error, Transform};
use crate::State;

/// v ← α v + (1 − α) u², u ← u / (√v + ε); `torch.optim.RMSprop` (Tieleman & Hinton 2012).
///
/// No bias correction: v = 0 at first, so the first step is u / (√(1 − α) |u| + ε). Centred, √v
/// becomes √(v − m²), m the running mean of u (Graves 2013). optax adds ε inside the root.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByRms {
    /// Decay α of the mean square.
    pub alpha: f64,
    /// Term ε of the denominator, outside the root.
    pub eps: f64,
    /// Whether the mean is subtracted.
    pub centered: bool,
}

impl<T: Real> Transform<T> for ScaleByRms {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        let vectors = [("square_avg", dim), ("grad_avg", dim)];
        State::zeros(&vectors[..if self.centered { 2 } else { 1 }])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        _: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let eps = T::nearest(self.eps);
        if self.centered {
            let [square, average] = state.vectors();
            mean_square(square, update, self.alpha);
            mean(average, update, self.alpha);
            for ((u, v), m) in update.iter_mut().zip(&*square).zip(&*average) {
                let variance = *v - *m * *m;
                // Below 0 by rounding, where gradients do not change.
                let variance = if variance < T::zero() { T::zero() } else { variance };
                *u /= variance.sqrt() + eps;
            }
        } else {
            let [square] = state.vectors();
            mean_square(square, update, self.alpha);
            for (u, v) in update.iter_mut().zip(&*square) {
                *u /= v.sqrt() + eps;
            }
        }
        Ok(())
    }
}
