//! NAdam.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{BETAS, COUPLED, EPS, decay};
use crate::{Method, Parameter, Range, ScaleByLearningRate, ScaleByNadam, Transforms, Values};

/// Adam with Nesterov's momentum and a momentum that grows with the step: `torch.optim.NAdam`, coupled
/// decay.
#[derive(Clone, Copy, Debug)]
pub struct Nadam;

impl Method for Nadam {
    const NAME: &'static str = "nadam";
    const SUMMARY: &'static str = "Adam with Nesterov's momentum";
    const PARAMETERS: &'static [Parameter] = &[
        BETAS,
        EPS,
        Parameter::number(
            "momentum_decay",
            4e-3,
            Range::NonNegative,
            "how fast the momentum grows to beta1",
        ),
        COUPLED,
    ];
    const LR: f64 = 0.05;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        vec![
            Arc::new(decay(values)),
            Arc::new(ScaleByNadam {
                beta1,
                beta2,
                eps: values.number("eps"),
                momentum_decay: values.number("momentum_decay"),
            }),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
