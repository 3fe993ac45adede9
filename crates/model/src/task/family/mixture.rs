//! Mixtures of normal laws of several sizes.

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::{Default, FamilyError, Parameter, ScaleMixture, Value, list};
use windtunnel_math::rng::Draws;

/// τ = sₖ² with probability proportional to wₖ, independent of z: a mixture of N(0, sₖ² Σ).
///
/// E‖x‖² = tr Σ · Σ wₖ sₖ² / Σ wₖ.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    weights: Vec<f64>,
    stds: Vec<f64>,
}

impl ScaleMixture for Mixture {
    const NAME: &'static str = "mixture";
    const SUMMARY: &'static str = "N(0, stds[k]^2 covariance) with probability weights[k]";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter {
            key: "weights",
            default: Default::List(&[0.9, 0.1]),
            summary: "in proportion; one per component",
        },
        Parameter {
            key: "stds",
            default: Default::List(&[1.0, 5.0]),
            summary: "standard deviations; one per component",
        },
    ];

    fn new(values: &[Value]) -> Result<Mixture, FamilyError> {
        let (weights, stds) = (list(values, 0), list(values, 1));
        if weights.len() != stds.len() {
            let allowed =
                "expected as many standard deviations as weights; change one of the lists";
            return Err(FamilyError { key: "stds", value: format!("{stds:?}"), allowed });
        }
        Ok(Mixture { weights, stds })
    }
    fn values(&self) -> Vec<Value> {
        vec![self.weights.as_slice().into(), self.stds.as_slice().into()]
    }
    fn mean_scale(&self, _: usize) -> f64 {
        let sum: f64 = self.weights.iter().zip(&self.stds).map(|(w, s)| w * s * s).sum();
        sum / self.weights.iter().sum::<f64>()
    }
    #[inline(always)]
    fn scales<S: Simd, const N: usize>(
        &self,
        draws: &Draws<S>,
        slot: u32,
        _: [S::f32s; N],
    ) -> [S::f32s; N] {
        let (uniforms, token) = (draws.uniforms(slot), draws.token());
        let (mut below, total) = (0.0, self.weights.iter().sum::<f64>());
        let mut scales = [S::f32s::splat(token, (self.stds[0] * self.stds[0]) as f32); N];
        for k in 1..self.stds.len() {
            below += self.weights[k - 1];
            let bound = S::f32s::splat(token, (below / total) as f32);
            let scale = S::f32s::splat(token, (self.stds[k] * self.stds[k]) as f32);
            for i in 0..N {
                scales[i] = uniforms[i].simd_gt(bound).select(scale, scales[i]);
            }
        }
        scales
    }
}
