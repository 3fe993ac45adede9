//! Adagrad.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{COUPLED, decay};
use crate::{Method, Parameter, Range, ScaleByAdagrad, ScaleByLearningRate, Transforms, Values};

/// g ← ∇f + λθ, s ← s + g², θ ← θ − η / (1 + (t − 1) δ) · g / (√s + ε): `torch.optim.Adagrad`.
#[derive(Clone, Copy, Debug)]
pub struct Adagrad;

impl Method for Adagrad {
    const NAME: &'static str = "adagrad";
    const SUMMARY: &'static str = "gradients over the root of their sum of squares";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::number("lr_decay", 0.0, Range::NonNegative, "decay of the rate with the step"),
        Parameter::number(
            "initial_accumulator_value",
            0.0,
            Range::NonNegative,
            "sum of squares before the first step",
        ),
        Parameter::number("eps", 1e-10, Range::NonNegative, "added to the root"),
        COUPLED,
    ];
    const LR: f64 = 1.0;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        vec![
            Arc::new(decay(values)),
            Arc::new(ScaleByAdagrad {
                lr_decay: values.number("lr_decay"),
                initial: values.number("initial_accumulator_value"),
                eps: values.number("eps"),
            }),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
