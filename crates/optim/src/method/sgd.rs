//! Stochastic gradient descent.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{COUPLED, decay};
use crate::{
    Method, Parameter, ParameterError, Range, ScaleByLearningRate, Trace,
    Transforms, Value, Values,
};

/// g ← ∇f + λθ, b ← μ b + (1 − τ) g, θ ← θ − η b (or − η (g + μ b) with Nesterov):
/// `torch.optim.SGD`. Decay is coupled and enters the buffer; at the first step b = g.
#[derive(Clone, Copy, Debug)]
pub struct Sgd;

impl Method for Sgd {
    const NAME: &'static str = "sgd";
    const SUMMARY: &'static str = "gradient descent with momentum";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::number("momentum", 0.9, Range::Fraction, "decay of the momentum buffer")
            .pytorch(Value::Number(0.0)),
        Parameter::number("dampening", 0.0, Range::Fraction, "1 - weight of a new gradient"),
        Parameter::flag("nesterov", false, "look ahead along the buffer"),
        COUPLED,
    ];
    const LR: f64 = 0.02;

    fn check(values: &Values) -> Result<(), ParameterError> {
        let (momentum, dampening) = (values.number("momentum"), values.number("dampening"));
        if !values.flag("nesterov") || (momentum > 0.0 && dampening == 0.0) {
            return Ok(());
        }
        let allowed = format!(
            "Nesterov momentum needs optimizer.momentum > 0 (is {momentum}) and \
             optimizer.dampening = 0 (is {dampening})"
        );
        Err(ParameterError { key: "nesterov".into(), value: "true".into(), allowed })
    }

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        vec![
            Arc::new(decay(values)),
            Arc::new(Trace {
                momentum: values.number("momentum"),
                dampening: values.number("dampening"),
                nesterov: values.flag("nesterov"),
            }),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
