//! AdEMAMix.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{BETAS, DECOUPLED, EPS, decay};
use crate::{Method, Parameter, Range, ScaleByAdemamix, ScaleByLearningRate, Transforms, Values};

/// θ ← θ − η ((m̂ + α s) / (√v̂ + ε) + λθ) with a second, slower mean s: `optax.contrib.ademamix`
/// without schedules.
#[derive(Clone, Copy, Debug)]
pub struct Ademamix;

impl Method for Ademamix {
    const NAME: &'static str = "ademamix";
    const SUMMARY: &'static str = "Adam with a second, slower mean";
    const PARAMETERS: &'static [Parameter] = &[
        BETAS,
        Parameter::number("beta3", 0.9999, Range::Fraction, "decay of the slow mean"),
        Parameter::number("alpha", 5.0, Range::NonNegative, "weight of the slow mean"),
        EPS,
        DECOUPLED,
    ];
    const LR: f64 = 0.1;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        vec![
            Arc::new(ScaleByAdemamix {
                beta1,
                beta2,
                beta3: values.number("beta3"),
                alpha: values.number("alpha"),
                eps: values.number("eps"),
            }),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
