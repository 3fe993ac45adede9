//! Multivariate t law: power-law tails.

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::{Default, FamilyError, Parameter, ScaleMixture, Value, number};
use windtunnel_math::rng::{Draws, Gamma};

/// Smallest value of the χ² variate: below, it would leave the range of f32. So τ is at most
/// ν·10²⁹.
const LEAST: f32 = 1e-29;

/// τ = ν/χ²_ν, independent of z: the multivariate t law with ν degrees of freedom.
///
/// P(‖x‖ > r) falls like r^−ν; E‖x‖² = tr Σ · ν/(ν − 2), infinite for ν ≤ 2.
#[derive(Clone, Debug, PartialEq)]
pub struct StudentT {
    dof: f64,
    half_chi2: Gamma,
}

impl ScaleMixture for StudentT {
    const NAME: &'static str = "student_t";
    const SUMMARY: &'static str = "multivariate t: tails of index dof";
    const PARAMETERS: &'static [Parameter] = &[Parameter {
        key: "dof",
        default: Default::Number(5.0),
        summary: "nu > 0; infinite variance up to 2",
    }];

    fn new(values: &[Value]) -> Result<StudentT, FamilyError> {
        let dof = number(values, 0);
        Ok(StudentT { dof, half_chi2: Gamma::new(dof / 2.0) })
    }
    fn values(&self) -> Vec<Value> {
        vec![self.dof.into()]
    }
    fn mean_scale(&self, _: usize) -> f64 {
        if self.dof > 2.0 { self.dof / (self.dof - 2.0) } else { f64::INFINITY }
    }
    #[inline(always)]
    fn scales<S: Simd, const N: usize>(
        &self,
        draws: &Draws<S>,
        slot: u32,
        _: [S::f32s; N],
    ) -> [S::f32s; N] {
        let mut scales: [S::f32s; N] = draws.gammas(slot, [self.half_chi2; 2]);
        let half_dof = S::f32s::splat(draws.token(), (self.dof / 2.0) as f32);
        for i in 0..N {
            scales[i] = half_dof / scales[i].max(S::f32s::splat(draws.token(), LEAST));
        }
        scales
    }
}
