//! Adam.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{COUPLED, EPS, decay};
use crate::{
    Method, Parameter, Range, ScaleByAdam, ScaleByLearningRate, Transforms,
    Value, Values,
};

/// g ← ∇f + λθ, θ ← θ − η m̂ / (√v̂ + ε) with the bias-corrected moments of g: `torch.optim.Adam`.
/// Decay is coupled: it is divided by √v̂ like the gradient.
#[derive(Clone, Copy, Debug)]
pub struct Adam;

/// The betas of the paper.
pub(super) const BETAS: Parameter =
    Parameter::pair("betas", [0.9, 0.9], Range::Fraction, "decay of the mean and the mean square")
        .pytorch(Value::Pair([0.9, 0.999]));
pub(super) const AMSGRAD: Parameter =
    Parameter::flag("amsgrad", false, "divide by the running maximum");

/// The transform of Adam's moments with the values of these parameters.
pub(super) fn moments(values: &Values) -> ScaleByAdam {
    let [beta1, beta2] = values.pair("betas");
    ScaleByAdam { beta1, beta2, eps: values.number("eps"), amsgrad: values.flag("amsgrad") }
}

impl Method for Adam {
    const NAME: &'static str = "adam";
    const SUMMARY: &'static str = "mean over root mean square of the gradients";
    const PARAMETERS: &'static [Parameter] = &[
        BETAS,
        EPS,
        AMSGRAD,
        COUPLED,
    ];
    const LR: f64 = 0.02;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        vec![
            Arc::new(decay(values)),
            Arc::new(moments(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
