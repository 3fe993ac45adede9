//! RMSprop.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{COUPLED, decay};
use crate::{Method, Parameter, Range, ScaleByLearningRate, ScaleByRms, Trace, Transforms, Values};

/// g ← ∇f + λθ, then g / (√v + ε) with the running mean v of g², through a momentum buffer:
/// `torch.optim.RMSprop`, whose momentum is 0 and α 0.99 by default.
#[derive(Clone, Copy, Debug)]
pub struct RmsProp;

impl Method for RmsProp {
    const NAME: &'static str = "rmsprop";
    const SUMMARY: &'static str = "gradients over their root mean square";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::number("alpha", 0.99, Range::Fraction, "decay of the mean square"),
        Parameter::number("eps", 1e-8, Range::NonNegative, "added to the root"),
        Parameter::number("momentum", 0.0, Range::Fraction, "decay of the momentum buffer"),
        Parameter::flag("centered", false, "subtract the square of the mean"),
        COUPLED,
    ];
    const LR: f64 = 0.02;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        vec![
            Arc::new(decay(values)),
            Arc::new(ScaleByRms {
                alpha: values.number("alpha"),
                eps: values.number("eps"),
                centered: values.flag("centered"),
            }),
            Arc::new(Trace {
                momentum: values.number("momentum"),
                dampening: 0.0,
                nesterov: false,
            }),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
