//! Adam's moments.

use num_traits::Float;

use super::stage::Buffer;
use super::to_scalar;

/// Running state of [`Atom::ScaleByAdam`](super::Atom::ScaleByAdam).
#[derive(Clone, Debug)]
pub(super) struct ScaleByAdam<T> {
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) eps: f64,
    /// m.
    pub(super) exp_avg: Buffer<T>,
    /// v.
    pub(super) exp_avg_sq: Buffer<T>,
    /// v_max; with AMSGrad only.
    pub(super) max_exp_avg_sq: Option<Buffer<T>>,
}

impl<T: Float> ScaleByAdam<T> {
    /// u ← (m / (1 − β₁^step)) / (√v / √(1 − β₂^step) + ε).
    pub(super) fn apply(&mut self, step: u64, update: &mut [T]) {
        self.accumulate(update);
        self.raise_maximum();
        let second = self.max_exp_avg_sq.as_ref().unwrap_or(&self.exp_avg_sq);
        // `powf` is C's pow, which is what Python's `beta ** step` calls.
        let correction1 = to_scalar::<T>(1.0 - self.beta1.powf(step as f64));
        let root_correction2 = to_scalar::<T>((1.0 - self.beta2.powf(step as f64)).sqrt());
        let eps = to_scalar::<T>(self.eps);
        for ((u, m), v) in update.iter_mut().zip(&self.exp_avg.values).zip(&second.values) {
            let denominator = v.sqrt() / root_correction2 + eps;
            *u = *m / correction1 / denominator;
        }
    }

    /// m ← β₁ m + (1 − β₁) u, v ← β₂ v + (1 − β₂) u².
    fn accumulate(&mut self, update: &[T]) {
        let weight = to_scalar::<T>(1.0 - self.beta1);
        for (m, u) in self.exp_avg.values.iter_mut().zip(update) {
            *m = lerp(*m, *u, weight);
        }
        let (keep, add) = (to_scalar::<T>(self.beta2), to_scalar::<T>(1.0 - self.beta2));
        for (v, u) in self.exp_avg_sq.values.iter_mut().zip(update) {
            *v = keep * *v + add * *u * *u;
        }
    }

    /// v_max ← max(v_max, v), with NaN passed on.
    fn raise_maximum(&mut self) {
        let Some(maximum) = &mut self.max_exp_avg_sq else { return };
        for (max, v) in maximum.values.iter_mut().zip(&self.exp_avg_sq.values) {
            *max = if *max >= *v { *max } else { *v };
        }
    }
}

/// from + weight (to − from), as `torch.lerp` rounds it: exact at weights 0
/// and 1, hence the two branches.
fn lerp<T: Float>(from: T, to: T, weight: T) -> T {
    if weight + weight < T::one() {
        from + weight * (to - from)
    } else {
        to - (to - from) * (T::one() - weight)
    }
}
