//! The learning rate.

use windtunnel_math::lanes::Real;

use super::{Context, Error, Transform};
use crate::{LastStep, Linearization, State};

/// u ← η u with the learning rate of the step; last in a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByLearningRate;

impl<T: Real> Transform<T> for ScaleByLearningRate {
    fn apply(
        &self,
        update: &mut [T],
        _: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let lr = T::nearest(context.lr);
        update.iter_mut().for_each(|u| *u = lr * *u);
        Ok(())
    }

    fn linearization(&self, _: &State<T>, _: &LastStep<'_>) -> Linearization {
        Linearization::LearningRate
    }
}
