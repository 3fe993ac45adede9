//! RAdam.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{BETAS, COUPLED, decay};
use crate::{Method, Parameter, Range, ScaleByLearningRate, ScaleByRadam, Transforms, Values};

/// Adam whose first steps are those of momentum, and the next ones shorter, for as long as v̂ is of few
/// gradients: `torch.optim.RAdam`, coupled decay.
#[derive(Clone, Copy, Debug)]
pub struct Radam;

impl Method for Radam {
    const NAME: &'static str = "radam";
    const SUMMARY: &'static str = "Adam with a warm-up of its own";
    const PARAMETERS: &'static [Parameter] = &[
        BETAS,
        Parameter::number("eps", 1e-8, Range::NonNegative, "added to the root"),
        COUPLED,
    ];
    const LR: f64 = 0.1;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        vec![
            Arc::new(decay(values)),
            Arc::new(ScaleByRadam { beta1, beta2, eps: values.number("eps") }),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
