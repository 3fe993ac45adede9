//! Adan.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{DECOUPLED, EPS, decay};
use crate::{Method, Parameter, Range, ScaleByAdan, ScaleByLearningRate, Transforms, Values};

/// Adam with Nesterov's momentum from differences of gradients: Xie et al. 2022 as in the authors' code;
/// decay as in AdamW, where theirs is θ ← (θ − ηu) / (1 + ηλ).
#[derive(Clone, Copy, Debug)]
pub struct Adan;

impl Method for Adan {
    const NAME: &'static str = "adan";
    const SUMMARY: &'static str = "Adam with differences of gradients";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::pair(
            "betas",
            [0.98, 0.92],
            Range::Fraction,
            "decay of the mean and of the mean difference",
        ),
        Parameter::number("beta3", 0.99, Range::Fraction, "decay of the mean square"),
        EPS,
        DECOUPLED,
    ];
    const LR: f64 = 0.05;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        vec![
            Arc::new(ScaleByAdan {
                beta1,
                beta2,
                beta3: values.number("beta3"),
                eps: values.number("eps"),
            }),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
