//! Normalization.

use windtunnel_math::lanes::Real;

use super::average::normalize;
use super::{Context, Error, Transform};
use crate::State;

/// u ← u / (‖u‖₂ + ε), over all parameters together: steps of one length (Hazan et al. 2015; the
/// normalized SGD of Cutkosky & Mehta 2020 with a mean before it).
///
/// The norm is accumulated in `f64` and neither overflows nor underflows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalize {
    /// Term ε of the denominator.
    pub eps: f64,
}

impl<T: Real> Transform<T> for Normalize {
    fn apply(
        &self,
        update: &mut [T],
        _: &mut State<T>,
        _: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        normalize(update, self.eps);
        Ok(())
    }
}
