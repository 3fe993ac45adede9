//! DoG.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{COUPLED, decay};
use crate::{Method, Parameter, Range, ScaleByDog, ScaleByLearningRate, Transforms, Values};

/// g ← ∇f + λθ, θ ← θ − η r / √(G + ε) g with the longest distance r from the start and the sum G of squared
/// gradient norms: `optax.contrib.dog`. η is 1 unless said.
#[derive(Clone, Copy, Debug)]
pub struct Dog;

impl Method for Dog {
    const NAME: &'static str = "dog";
    const SUMMARY: &'static str = "a rate from distances over gradients";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::number("first_distance", 1e-6, Range::Positive, "first distance, of 1 + norm of the start"),
        Parameter::number("eps", 1e-8, Range::NonNegative, "inside the root"),
        COUPLED,
    ];
    const LR: f64 = 1.0;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        vec![
            Arc::new(decay(values)),
            Arc::new(ScaleByDog { first: values.number("first_distance"), eps: values.number("eps") }),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
