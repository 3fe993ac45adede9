//! AdaBelief.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{BETAS, DECOUPLED, decay};
use crate::{Method, Parameter, Range, ScaleByBelief, ScaleByLearningRate, Transforms, Values};

/// θ ← θ − η (m̂ / (√ŝ + ε) + λθ) with the running mean s of (∇f − m)²: `optax.adabelief`.
#[derive(Clone, Copy, Debug)]
pub struct Adabelief;

impl Method for Adabelief {
    const NAME: &'static str = "adabelief";
    const SUMMARY: &'static str = "Adam with the gradient's deviation from its mean";
    const PARAMETERS: &'static [Parameter] = &[
        BETAS,
        Parameter::number("eps", 1e-16, Range::NonNegative, "added to the square and to the root"),
        DECOUPLED,
    ];
    const LR: f64 = 0.1;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        vec![
            Arc::new(ScaleByBelief { beta1, beta2, eps: values.number("eps") }),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
