//! SignSGD.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{DECOUPLED, decay};
use crate::{Method, Parameter, ScaleByLearningRate, ScaleBySign, Transforms, Values};

/// θ ← θ − η (sign(∇f) + λθ): `optax.sign_sgd` (Bernstein et al. 2018).
#[derive(Clone, Copy, Debug)]
pub struct SignSgd;

impl Method for SignSgd {
    const NAME: &'static str = "signsgd";
    const SUMMARY: &'static str = "steps of one size along the signs of the gradient";
    const PARAMETERS: &'static [Parameter] = &[
        DECOUPLED,
    ];
    const LR: f64 = 0.01;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        vec![
            Arc::new(ScaleBySign),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
