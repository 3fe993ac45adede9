//! Uniform law on the unit sphere.

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::{FamilyError, Parameter, ScaleMixture, Value};
use windtunnel_math::rng::Draws;

/// τ = 1/‖z‖²: C times a vector that is uniform on the unit sphere. E‖x‖² = tr Σ/d.
#[derive(Clone, Debug, PartialEq)]
pub struct Sphere;

impl ScaleMixture for Sphere {
    const NAME: &'static str = "sphere";
    const SUMMARY: &'static str = "uniform on the unit sphere";
    const PARAMETERS: &'static [Parameter] = &[];

    fn new(_: &[Value]) -> Result<Sphere, FamilyError> {
        Ok(Sphere)
    }
    fn values(&self) -> Vec<Value> {
        Vec::new()
    }
    fn mean_scale(&self, dim: usize) -> f64 {
        1.0 / dim as f64
    }
    #[inline(always)]
    fn scales<S: Simd, const N: usize>(
        &self,
        draws: &Draws<S>,
        _: u32,
        norms2: [S::f32s; N],
    ) -> [S::f32s; N] {
        let mut scales = [S::f32s::splat(draws.token(), 1.0); N];
        for i in 0..N {
            scales[i] /= norms2[i];
        }
        scales
    }
}
