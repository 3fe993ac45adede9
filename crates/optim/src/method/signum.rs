//! Signum.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{DECOUPLED, decay};
use crate::{Mean, Method, Parameter, Range, ScaleByLearningRate, ScaleBySign, Transforms, Values};

/// m ← μ m + (1 − μ) ∇f, θ ← θ − η (sign(m) + λθ): Bernstein et al. 2018, algorithm 2;
/// pytorch_optimizer's `SignSGD`.
#[derive(Clone, Copy, Debug)]
pub struct Signum;

impl Method for Signum {
    const NAME: &'static str = "signum";
    const SUMMARY: &'static str = "signs of the mean gradient";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::number("momentum", 0.9, Range::Fraction, "decay of the mean of the gradients"),
        DECOUPLED,
    ];
    const LR: f64 = 5e-3;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        vec![
            Arc::new(Mean { decay: values.number("momentum") }),
            Arc::new(ScaleBySign),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
