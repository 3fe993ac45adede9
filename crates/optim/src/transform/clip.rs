//! Clipping, by the global norm and by coordinate.

use windtunnel_math::lanes::Real;
use windtunnel_math::linalg::{norm, scaled_norm};

use super::{Context, Error, Transform};
use crate::{LastStep, Linearization, State};

/// u ← u · min(1, c / (‖u‖₂ + 10⁻⁶)), over all parameters together;
/// `torch.nn.utils.clip_grad_norm_` (Pascanu et al. 2013).
///
/// The 10⁻⁶ is PyTorch's: a norm within 10⁻⁶ below c is still scaled. A smaller update keeps its
/// bits. A NaN anywhere makes the whole update NaN. The norm is accumulated in `f64`.
///
/// First in a list: it clips the gradient, not the decayed gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipByGlobalNorm {
    /// c, the largest norm let through.
    pub max_norm: f64,
}

impl<T: Real> Transform<T> for ClipByGlobalNorm {
    fn apply(
        &self,
        update: &mut [T],
        _: &mut State<T>,
        _: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        clip_by_global_norm(update, self.max_norm);
        Ok(())
    }

    fn linearization(&self, _: &State<T>, at: &LastStep<'_>) -> Linearization {
        let factor = self.max_norm / norm(at.grad);
        // Not `min`, which would turn NaN into 1.
        Linearization::Clip(if factor > 1.0 { 1.0 } else { factor })
    }
}

/// u ← u clamped to ± c, each parameter alone; `torch.nn.utils.clip_grad_value_`. NaN stays NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipByValue {
    /// c, the largest magnitude let through.
    pub max_value: f64,
}

impl<T: Real> Transform<T> for ClipByValue {
    fn apply(
        &self,
        update: &mut [T],
        _: &mut State<T>,
        _: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let max = T::nearest(self.max_value);
        for u in update {
            // Comparisons, not `min` and `max`, which would turn NaN into the bound.
            if *u > max {
                *u = max;
            } else if *u < -max {
                *u = -max;
            }
        }
        Ok(())
    }
}

/// PyTorch's guard against a zero norm in `clip_grad_norm_`.
const NORM_GUARD: f64 = 1e-6;

/// Independent partial sums, so that the additions need not wait for each other; a constant, so
/// that the sum has the same bits on every machine.
const LANES: usize = 8;

/// u ← u · min(1, max_norm / (‖u‖₂ + 10⁻⁶)), also where ‖u‖₂² or ‖u‖₂ overflows.
fn clip_by_global_norm<T: Real>(update: &mut [T], max_norm: f64) {
    let norm = global_norm(update);
    if norm == f64::INFINITY {
        return clip_beyond_doubles(update, max_norm);
    }
    let coefficient = max_norm / (norm + NORM_GUARD);
    // Not `min`, which would turn NaN into 1; NaN must reach the parameters.
    if coefficient >= 1.0 {
        return;
    }
    let coefficient = T::nearest(coefficient);
    update.iter_mut().for_each(|u| *u *= coefficient);
}

/// [`clip_by_global_norm`] where ‖u‖₂² overflows: divides u by its largest entry s first. An
/// infinite entry makes all NaN, as 0·∞ does; the guard is negligible beside such a norm.
#[cold]
fn clip_beyond_doubles<T: Real>(update: &mut [T], max_norm: f64) {
    let wide: Vec<f64> = update.iter().map(|u| u.widen()).collect();
    let (scale, norm) = scaled_norm(&wide);
    if max_norm / norm >= scale {
        return;
    }
    let clipped = |u: f64| if scale.is_finite() { u / scale * (max_norm / norm) } else { f64::NAN };
    update.iter_mut().zip(wide).for_each(|(out, u)| *out = T::nearest(clipped(u)));
}

/// ‖values‖₂, accumulated in `f64`.
pub(super) fn global_norm<T: Real>(values: &[T]) -> f64 {
    let mut sums = [0.0; LANES];
    for chunk in values.chunks(LANES) {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            let value = value.widen();
            *sum += value * value;
        }
    }
    sums.iter().sum::<f64>().sqrt()
}
