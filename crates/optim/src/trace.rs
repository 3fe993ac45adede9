//! The momentum buffer.

use num_traits::Float;

use super::stage::Buffer;
use super::to_scalar;

/// Running state of [`Atom::Trace`](super::Atom::Trace), momentum not 0.
#[derive(Clone, Debug)]
pub(super) struct Trace<T> {
    pub(super) momentum: f64,
    pub(super) dampening: f64,
    pub(super) nesterov: bool,
    /// b.
    pub(super) momentum_buffer: Buffer<T>,
}

impl<T: Float> Trace<T> {
    /// b ← μ b + (1 − τ) u (b = u at step 1), then u ← b, or u + μ b.
    pub(super) fn apply(&mut self, step: u64, update: &mut [T]) {
        let momentum = to_scalar::<T>(self.momentum);
        let undamped = to_scalar::<T>(1.0 - self.dampening);
        let buffer = &mut self.momentum_buffer.values;
        if step == 1 {
            buffer.copy_from_slice(update);
        } else {
            for (b, u) in buffer.iter_mut().zip(&*update) {
                *b = momentum * *b + undamped * *u;
            }
        }
        if self.nesterov {
            for (u, b) in update.iter_mut().zip(&*buffer) {
                *u = *u + momentum * *b;
            }
        } else {
            update.copy_from_slice(buffer);
        }
    }
}
