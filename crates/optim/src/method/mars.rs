//! MARS.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{DECOUPLED, EPS, decay};
use crate::{AddGradientChange, Method, Parameter, Range, ScaleByAdam, ScaleByLearningRate, Transforms, Values};

/// AdamW on gradients with a part of their change: Yuan et al. 2024, the variant with one gradient a step.
#[derive(Clone, Copy, Debug)]
pub struct Mars;

impl Method for Mars {
    const NAME: &'static str = "mars";
    const SUMMARY: &'static str = "AdamW with variance reduction";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::pair(
            "betas",
            [0.95, 0.99],
            Range::Fraction,
            "decay of the mean and the mean square",
        ),
        Parameter::number("gamma", 0.025, Range::NonNegative, "share of the change of the gradient"),
        EPS,
        DECOUPLED,
    ];
    const LR: f64 = 0.1;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        vec![
            Arc::new(AddGradientChange { gamma: values.number("gamma"), beta1 }),
            Arc::new(ScaleByAdam { beta1, beta2, eps: values.number("eps"), amsgrad: false }),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
