//! Adamax.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{COUPLED, decay};
use crate::{Method, Parameter, Range, ScaleByAdamax, ScaleByLearningRate, Transforms, Values};

/// g ← ∇f + λθ, θ ← θ − η m̂ / w with w ← max(β₂ w, |g| + ε): `torch.optim.Adamax`.
#[derive(Clone, Copy, Debug)]
pub struct Adamax;

impl Method for Adamax {
    const NAME: &'static str = "adamax";
    const SUMMARY: &'static str = "Adam with the largest gradient for a denominator";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::pair("betas", [0.9, 0.999], Range::Fraction, "decay of the mean and the largest"),
        Parameter::number("eps", 1e-8, Range::Positive, "added to each gradient"),
        COUPLED,
    ];
    const LR: f64 = 0.5;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        vec![
            Arc::new(decay(values)),
            Arc::new(ScaleByAdamax { beta1, beta2, eps: values.number("eps") }),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
