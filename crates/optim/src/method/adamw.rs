//! AdamW.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::adam::{AMSGRAD, BETAS, moments};
use super::shared::{DECOUPLED, EPS, decay};
use crate::{
    Method, Parameter, ScaleByLearningRate, Transforms, Value, Values,
};

/// θ ← θ − η (m̂ / (√v̂ + ε) + λθ) with the bias-corrected moments of ∇f: `torch.optim.AdamW`.
/// Decay is decoupled, times η, and acts on the old θ: the same as PyTorch's θ ← (1 − ηλ) θ before
/// the Adam step. PyTorch's λ is 10⁻² by default (optax: 10⁻⁴).
#[derive(Clone, Copy, Debug)]
pub struct AdamW;

impl Method for AdamW {
    const NAME: &'static str = "adamw";
    const SUMMARY: &'static str = "Adam with decoupled weight decay";
    const PARAMETERS: &'static [Parameter] = &[
        BETAS,
        EPS,
        AMSGRAD,
        DECOUPLED.pytorch(Value::Number(1e-2)),
    ];
    const LR: f64 = 0.02;
    const RATES_OF: &'static str = "adam";

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        vec![
            Arc::new(moments(values)),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
