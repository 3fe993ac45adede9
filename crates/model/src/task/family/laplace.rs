//! Multivariate Laplace law: exponential tails.

use fearless_simd::Simd;

use super::{FamilyError, Parameter, ScaleMixture, Value};
use windtunnel_math::rng::{Draws, Gamma};

/// τ ~ Exp(1), independent of z: the symmetric multivariate Laplace law (Kotz, Kozubowski and
/// Podgórski 2001), whose marginals are Laplace of variance Σ_ii. E‖x‖² = tr Σ.
#[derive(Clone, Debug, PartialEq)]
pub struct Laplace {
    exponential: Gamma,
}

impl ScaleMixture for Laplace {
    const NAME: &'static str = "laplace";
    const SUMMARY: &'static str = "multivariate Laplace: exponential tails";
    const PARAMETERS: &'static [Parameter] = &[];

    fn new(_: &[Value]) -> Result<Laplace, FamilyError> {
        Ok(Laplace { exponential: Gamma::new(1.0) })
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
        slot: u32,
        _: [S::f32s; N],
    ) -> [S::f32s; N] {
        draws.gammas(slot, [self.exponential; 2])
    }
}
