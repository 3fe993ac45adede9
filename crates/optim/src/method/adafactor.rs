//! Adafactor.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{DECOUPLED, decay};
use crate::{Method, Parameter, Range, ScaleByAdafactor, ScaleByLearningRate, Transforms, Values};

/// The gradient over the root of a mean square of rank one, clipped, times the scale of each matrix:
/// `torch.optim.Adafactor`, decoupled decay.
#[derive(Clone, Copy, Debug)]
pub struct Adafactor;

impl Method for Adafactor {
    const NAME: &'static str = "adafactor";
    const SUMMARY: &'static str = "mean squares by rows and columns, steps relative to the parameters";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::number("beta2_decay", -0.8, Range::Finite, "exponent of the weight of a new square"),
        Parameter::number("eps2", 1e-3, Range::NonNegative, "smallest scale of a block"),
        Parameter::number("d", 1.0, Range::Positive, "largest root mean square of an update"),
        DECOUPLED,
    ];
    const LR: f64 = 0.5;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        vec![
            Arc::new(ScaleByAdafactor {
                beta2_decay: values.number("beta2_decay"),
                eps2: values.number("eps2"),
                clip_threshold: values.number("d"),
            }),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
