//! The trust ratio of LARS and LAMB.

use windtunnel_math::lanes::Real;

use super::{Context, Error, Transform};
use crate::State;

/// u ← ‖θ‖ / ‖u‖ · u, block by block (a matrix each), 1 where a norm is 0; `optax.lamb` (You et al.
/// 2020 with φ the identity). pytorch_optimizer clips ‖θ‖ to 10.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByTrustRatio;

impl<T: Real> Transform<T> for ScaleByTrustRatio {
    fn apply(
        &self,
        update: &mut [T],
        _: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        for block in context.blocks {
            let update = &mut update[block.range.clone()];
            let params = super::clip::global_norm(&context.params[block.range.clone()]);
            let norm = super::clip::global_norm(update);
            let ratio = if params == 0.0 || norm == 0.0 { 1.0 } else { params / norm };
            let ratio = T::nearest(ratio);
            update.iter_mut().for_each(|u| *u *= ratio);
        }
        Ok(())
    }
}
