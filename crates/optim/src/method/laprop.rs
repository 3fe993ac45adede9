//! LaProp.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{BETAS, DECOUPLED, decay};
use crate::{Method, Parameter, Range, ScaleByLaprop, ScaleByLearningRate, Transforms, Values};

/// θ ← θ − η (m̂ + λθ) with the mean m of ∇f / (√v̂ + ε): Ziyin et al. 2020.
#[derive(Clone, Copy, Debug)]
pub struct Laprop;

impl Method for Laprop {
    const NAME: &'static str = "laprop";
    const SUMMARY: &'static str = "Adam's division before its mean";
    const PARAMETERS: &'static [Parameter] = &[
        BETAS,
        Parameter::number("eps", 1e-15, Range::NonNegative, "added to the root, bias-corrected"),
        DECOUPLED,
    ];
    const LR: f64 = 0.1;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        vec![
            Arc::new(ScaleByLaprop { beta1, beta2, eps: values.number("eps") }),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
