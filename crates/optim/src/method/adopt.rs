//! ADOPT.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{DECOUPLED, decay};
use crate::{Method, Parameter, Range, ScaleByAdopt, ScaleByLearningRate, Transforms, Values};

/// Adam whose v does not know the gradient that it divides, before the mean: `optax.contrib.adopt`
/// (Taniguchi et al. 2024), decoupled decay. The first step only measures.
#[derive(Clone, Copy, Debug)]
pub struct Adopt;

impl Method for Adopt {
    const NAME: &'static str = "adopt";
    const SUMMARY: &'static str = "Adam that converges for any beta2";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::pair(
            "betas",
            [0.9, 0.9999],
            Range::Fraction,
            "decay of the mean and the mean square",
        ),
        Parameter::number("eps", 1e-6, Range::Positive, "the smallest denominator"),
        Parameter::flag("clip", true, "clip the divided gradient to step^(1/4)"),
        DECOUPLED,
    ];
    const LR: f64 = 0.05;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        vec![
            Arc::new(ScaleByAdopt {
                beta1,
                beta2,
                eps: values.number("eps"),
                clip: values.flag("clip"),
            }),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
