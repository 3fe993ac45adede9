//! The running mean.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::average::mean;
use super::{Context, Error, Transform};
use crate::State;

/// m ← β m + (1 − β) u, then u ← m, without bias correction; m = 0 at first.
///
/// [`Trace`](super::Trace) is the same times 1 − β but for its first step. β = 0 is the absence of
/// the transform.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// Decay β.
    pub decay: f64,
}

impl<T: Real> Transform<T> for Mean {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::zeros(&[("exp_avg", dim)])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        _: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [average] = state.vectors();
        mean(average, update, self.decay);
        update.copy_from_slice(average);
        Ok(())
    }
}
