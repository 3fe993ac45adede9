//! Gamma law of squared lengths: from N(0, I) to arbitrarily heavy tails.

use fearless_simd::Simd;

use super::{Default, FamilyError, Parameter, ScaleMixture, Value, number};
use windtunnel_math::rng::{Draws, Gamma};

/// τ = ρ/‖z‖², ρ ~ Gamma(shape k, scale θ): C times a random direction of length √ρ.
///
/// E‖x‖² = kθ tr Σ/d. Ahn et al. use k = 0.1, θ = 10 for heavy tails; k = d/2, θ = 2 is N(0, Σ).
#[derive(Clone, Debug, PartialEq)]
pub struct GammaRadial {
    shape: f64,
    scale: f64,
    law: Gamma,
}

impl ScaleMixture for GammaRadial {
    const NAME: &'static str = "gamma_radial";
    const SUMMARY: &'static str = "||x||^2 ~ Gamma(shape, scale)";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter { key: "shape", default: Default::Number(0.1), summary: "k; d/2 is N(0, I)" },
        Parameter { key: "scale", default: Default::Number(10.0), summary: "theta" },
    ];

    fn new(values: &[Value]) -> Result<GammaRadial, FamilyError> {
        let (shape, scale) = (number(values, 0), number(values, 1));
        Ok(GammaRadial { shape, scale, law: Gamma::new(shape) })
    }
    fn values(&self) -> Vec<Value> {
        vec![self.shape.into(), self.scale.into()]
    }
    fn mean_scale(&self, dim: usize) -> f64 {
        self.shape * self.scale / dim as f64
    }
    #[inline(always)]
    fn scales<S: Simd, const N: usize>(
        &self,
        draws: &Draws<S>,
        slot: u32,
        norms2: [S::f32s; N],
    ) -> [S::f32s; N] {
        let mut scales: [S::f32s; N] = draws.gammas(slot, [self.law; 2]);
        for i in 0..N {
            scales[i] = scales[i] * self.scale as f32 / norms2[i];
        }
        scales
    }
}
