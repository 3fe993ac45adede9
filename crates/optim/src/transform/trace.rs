//! The momentum buffer.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;
use windtunnel_math::stability::{heavy_ball_threshold, nesterov_threshold};

use super::{Context, Error, Transform};
use crate::{LastStep, Linearization, State};

/// b ← μ b + (1 − τ) u, then u ← b, or u ← u + μ b with Nesterov; `torch.optim.SGD`.
///
/// First step: b = u, without the factor 1 − τ. The learning rate is outside the buffer, unlike
/// Sutskever et al. 2013, so a change of the rate acts at once on all of b.
///
/// μ = 0 is the absence of the transform, bit for bit, dampening included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trace {
    /// Momentum μ.
    pub momentum: f64,
    /// Dampening τ.
    pub dampening: f64,
    /// Whether to look ahead (Nesterov); PyTorch allows it only with μ > 0 and τ = 0.
    pub nesterov: bool,
}

impl<T: Real> Transform<T> for Trace {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        match self.momentum {
            0.0 => State::empty(),
            _ => State::zeros(&[("momentum_buffer", dim)]),
        }
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        if self.momentum == 0.0 {
            return Ok(());
        }
        let [buffer] = state.vectors();
        let momentum = T::nearest(self.momentum);
        let undamped = T::nearest(1.0 - self.dampening);
        if context.step == 1 {
            buffer.copy_from_slice(update);
        } else {
            for (b, u) in buffer.iter_mut().zip(&*update) {
                *b = momentum * *b + undamped * *u;
            }
        }
        if self.nesterov {
            for (u, b) in update.iter_mut().zip(&*buffer) {
                *u += momentum * *b;
            }
        } else {
            update.copy_from_slice(buffer);
        }
        Ok(())
    }

    fn linearization(&self, _: &State<T>, at: &LastStep<'_>) -> Linearization {
        if self.momentum == 0.0 {
            return Linearization::Identity;
        }
        // Dampening scales what enters the buffer, as a smaller rate would.
        let lr = at.lr * (1.0 - self.dampening);
        let threshold = match self.nesterov {
            true => nesterov_threshold(lr, self.momentum),
            false => heavy_ball_threshold(lr, self.momentum),
        };
        Linearization::Method { threshold, preconditioner: None }
    }
}
