//! LAMB.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{BETAS, decay};
use crate::{Method, Parameter, Range, ScaleByAdam, ScaleByLearningRate, ScaleByTrustRatio, Transforms, Values};

/// u = m̂ / (√v̂ + ε) + λθ, θ ← θ − η ‖θ‖ / ‖u‖ u for each matrix: `optax.lamb` (You et al. 2020), which
/// does not clip ‖θ‖.
#[derive(Clone, Copy, Debug)]
pub struct Lamb;

impl Method for Lamb {
    const NAME: &'static str = "lamb";
    const SUMMARY: &'static str = "AdamW with steps as long as the parameters";
    const PARAMETERS: &'static [Parameter] = &[
        BETAS,
        Parameter::number("eps", 1e-6, Range::NonNegative, "added to the root, bias-corrected"),
        Parameter::number("weight_decay", 0.0, Range::NonNegative, "added before the trust ratio"),
    ];
    const LR: f64 = 0.02;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        vec![
            Arc::new(ScaleByAdam { beta1, beta2, eps: values.number("eps"), amsgrad: false }),
            Arc::new(decay(values)),
            Arc::new(ScaleByTrustRatio),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
