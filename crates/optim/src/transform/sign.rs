//! Signs.

use windtunnel_math::lanes::Real;

use super::average::sign;
use super::{Context, Error, Transform};
use crate::State;

/// u ← sign(u), 0 where u is 0 (Bernstein et al. 2018).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleBySign;

impl<T: Real> Transform<T> for ScaleBySign {
    fn apply(
        &self,
        update: &mut [T],
        _: &mut State<T>,
        _: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        update.iter_mut().for_each(|u| *u = sign(*u));
        Ok(())
    }
}
