//! Running averages, and what else several transforms compute.

use windtunnel_math::lanes::Real;

/// m ← β m + (1 − β) u, rounded as `torch.lerp` rounds it.
pub(super) fn mean<T: Real>(mean: &mut [T], update: &[T], beta: f64) {
    let weight = T::nearest(1.0 - beta);
    for (m, u) in mean.iter_mut().zip(update) {
        *m = lerp(*m, *u, weight);
    }
}

/// v ← β v + (1 − β) u².
pub(super) fn mean_square<T: Real>(square: &mut [T], update: &[T], beta: f64) {
    let (keep, add) = (T::nearest(beta), T::nearest(1.0 - beta));
    for (v, u) in square.iter_mut().zip(update) {
        *v = keep * *v + add * *u * *u;
    }
}

/// 1 − β^step, the weight that a running average has given so far. `powf` is C's pow, which is what
/// Python's `beta ** step` calls.
pub(super) fn correction(beta: f64, step: u64) -> f64 {
    1.0 - beta.powf(step as f64)
}

/// from + weight (to − from), exact at weights 0 and 1, hence the two branches.
pub(super) fn lerp<T: Real>(from: T, to: T, weight: T) -> T {
    if weight + weight < T::one() {
        from + weight * (to - from)
    } else {
        to - (to - from) * (T::one() - weight)
    }
}

/// The larger of two, with NaN passed on.
pub(super) fn larger<T: Real>(a: T, b: T) -> T {
    if a >= b || a.is_nan() { a } else { b }
}

/// −1, 0 or 1, with NaN passed on.
pub(super) fn sign<T: Real>(x: T) -> T {
    if x.is_zero() { x } else { x.signum() }
}

/// Divides by ‖x‖₂ + ε, which neither overflows nor underflows: by the largest entry first. Zeros stay
/// zeros, one NaN makes all NaN.
pub(super) fn normalize<T: Real>(x: &mut [T], eps: f64) {
    let largest = x.iter().fold(T::zero(), |max, x| larger(max, x.abs())).widen();
    if largest == 0.0 {
        return;
    }
    let squares: f64 = x.iter().map(|x| (x.widen() / largest).powi(2)).sum();
    let norm = squares.sqrt() + eps / largest;
    x.iter_mut().for_each(|x| *x = T::nearest(x.widen() / largest / norm));
}
