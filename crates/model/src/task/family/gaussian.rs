//! Normal law, x ~ N(0, Σ).

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::{FamilyError, Parameter, ScaleMixture, Value};
use windtunnel_math::rng::Draws;

/// τ = 1. E‖x‖² = tr Σ. Moments need no tokens: S is Wishart.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian;

impl ScaleMixture for Gaussian {
    const NAME: &'static str = "gaussian";
    const SUMMARY: &'static str = "N(0, covariance)";
    const PARAMETERS: &'static [Parameter] = &[];

    fn new(_: &[Value]) -> Result<Gaussian, FamilyError> {
        Ok(Gaussian)
    }
    fn values(&self) -> Vec<Value> {
        Vec::new()
    }
    fn mean_scale(&self, _: usize) -> f64 {
        1.0
    }
    #[inline(always)]
    fn scales<S: Simd, const N: usize>(
        &self,
        draws: &Draws<S>,
        _: u32,
        _: [S::f32s; N],
    ) -> [S::f32s; N] {
        [S::f32s::splat(draws.token(), 1.0); N]
    }
}
