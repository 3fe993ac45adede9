//! Lion.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{DECOUPLED, decay};
use crate::{Method, Parameter, Range, ScaleByLearningRate, ScaleByLion, Transforms, Values};

/// θ ← θ − η (sign(β₁ m + (1 − β₁) ∇f) + λθ), then m ← β₂ m + (1 − β₂) ∇f: `optax.lion` (whose λ is
/// 10⁻³ by default).
#[derive(Clone, Copy, Debug)]
pub struct Lion;

impl Method for Lion {
    const NAME: &'static str = "lion";
    const SUMMARY: &'static str = "signs of a mean that looks ahead";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::pair(
            "betas",
            [0.9, 0.99],
            Range::Fraction,
            "weight of the mean in the step, its decay",
        ),
        DECOUPLED,
    ];
    const LR: f64 = 0.01;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        vec![
            Arc::new(ScaleByLion { beta1, beta2 }),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
