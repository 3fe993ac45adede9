//! Normalized SGD.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{DECOUPLED, EPS, decay};
use crate::{Mean, Method, Normalize, Parameter, Range, ScaleByLearningRate, Transforms, Values};

/// m ← μ m + (1 − μ) ∇f, θ ← θ − η (m / (‖m‖ + ε) + λθ): Cutkosky & Mehta 2020; μ = 0 is that of Hazan et al.
/// 2015. No library of the field has it; it is compared with NumPy.
#[derive(Clone, Copy, Debug)]
pub struct NormalizedSgd;

impl Method for NormalizedSgd {
    const NAME: &'static str = "normalized_sgd";
    const SUMMARY: &'static str = "steps of one length along the mean gradient";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::number("momentum", 0.9, Range::Fraction, "decay of the mean of the gradients"),
        EPS,
        DECOUPLED,
    ];
    const LR: f64 = 0.05;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        vec![
            Arc::new(Mean { decay: values.number("momentum") }),
            Arc::new(Normalize { eps: values.number("eps") }),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
