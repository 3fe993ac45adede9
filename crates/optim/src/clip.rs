//! Clipping by the global norm.

use num_traits::Float;

use super::to_scalar;
use windtunnel_math::linalg::scaled_norm;

/// PyTorch's guard against a zero norm in `clip_grad_norm_`.
const NORM_GUARD: f64 = 1e-6;

/// Independent partial sums, so that the additions need not wait for each
/// other; a constant, so that the sum has the same bits on every machine.
const LANES: usize = 8;

/// u ← u · min(1, max_norm / (‖u‖₂ + 10⁻⁶)), also where ‖u‖₂² or ‖u‖₂ overflows.
pub(super) fn clip_by_global_norm<T: Float>(update: &mut [T], max_norm: f64) {
    let norm = global_norm(update);
    if norm == f64::INFINITY {
        return clip_beyond_doubles(update, max_norm);
    }
    let coefficient = max_norm / (norm + NORM_GUARD);
    // Not `min`, which would turn NaN into 1; NaN must reach the parameters.
    if coefficient >= 1.0 {
        return;
    }
    let coefficient = to_scalar::<T>(coefficient);
    update.iter_mut().for_each(|u| *u = *u * coefficient);
}

/// The same where ‖u‖₂² overflows: u/s first, s its largest entry. An infinite entry makes all NaN,
/// as 0·∞ does; the guard is nothing beside such a norm.
#[cold]
fn clip_beyond_doubles<T: Float>(update: &mut [T], max_norm: f64) {
    let wide: Vec<f64> = update.iter().map(|u| u.to_f64().unwrap_or(f64::NAN)).collect();
    let (scale, norm) = scaled_norm(&wide);
    if max_norm / norm >= scale {
        return;
    }
    let clipped = |u: f64| if scale.is_finite() { u / scale * (max_norm / norm) } else { f64::NAN };
    update.iter_mut().zip(wide).for_each(|(out, u)| *out = to_scalar(clipped(u)));
}

/// ‖values‖₂, accumulated in `f64`.
fn global_norm<T: Float>(values: &[T]) -> f64 {
    let mut sums = [0.0; LANES];
    for chunk in values.chunks(LANES) {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            let value = value.to_f64().unwrap_or(f64::NAN);
            *sum += value * value;
        }
    }
    sums.iter().sum::<f64>().sqrt()
}
