//! Weight decay.

use windtunnel_math::lanes::Real;

use super::{Context, Error, Transform};
use crate::{LastStep, Linearization, State};

/// u ← u + λ θ.
///
/// *Coupled* (L₂ penalty, `torch.optim.SGD`, `torch.optim.Adam`) before the moments, *decoupled*
/// (Loshchilov & Hutter 2019, `torch.optim.AdamW`) between moments and learning rate, where it
/// subtracts ηλθ of the old θ.
///
/// λ = 0 is the absence of the transform, bit for bit: 0·θ is NaN, not 0, once θ has overflowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AddDecayedWeights {
    /// Weight decay λ.
    pub weight_decay: f64,
}

impl<T: Real> Transform<T> for AddDecayedWeights {
    fn apply(
        &self,
        update: &mut [T],
        _: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        if self.weight_decay == 0.0 {
            return Ok(());
        }
        let weight_decay = T::nearest(self.weight_decay);
        for (u, p) in update.iter_mut().zip(context.params) {
            *u += weight_decay * *p;
        }
        Ok(())
    }

    fn linearization(&self, _: &State<T>, _: &LastStep<'_>) -> Linearization {
        if self.weight_decay == 0.0 { Linearization::Identity } else { Linearization::Decay }
    }
}
