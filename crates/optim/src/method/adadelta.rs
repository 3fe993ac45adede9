//! Adadelta.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{COUPLED, decay};
use crate::{Method, Parameter, Range, ScaleByAdadelta, ScaleByLearningRate, Transforms, Values};

/// θ ← θ − η √(a + ε) / √(v + ε) · g with the running means a of squared steps and v of squared
/// gradients: `torch.optim.Adadelta`, whose ε is 10⁻⁶.
#[derive(Clone, Copy, Debug)]
pub struct Adadelta;

impl Method for Adadelta {
    const NAME: &'static str = "adadelta";
    const SUMMARY: &'static str = "gradients in the units of the steps before";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::number("rho", 0.9, Range::Fraction, "decay of both mean squares"),
        Parameter::number("eps", 1e-6, Range::Positive, "inside both roots"),
        COUPLED,
    ];
    const LR: f64 = 2.0;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        vec![
            Arc::new(decay(values)),
            Arc::new(ScaleByAdadelta { rho: values.number("rho"), eps: values.number("eps") }),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
