//! Prodigy.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{BETAS, EPS};
use crate::{Method, Parameter, Range, ScaleByLearningRate, ScaleByProdigy, Transforms, Values};

/// Adam times an estimate of the distance to the solution: `prodigyopt.Prodigy`. η is 1 unless said; decay
/// is decoupled, times the estimate and η.
#[derive(Clone, Copy, Debug)]
pub struct Prodigy;

impl Method for Prodigy {
    const NAME: &'static str = "prodigy";
    const SUMMARY: &'static str = "Adam with a rate from an estimated distance";
    const PARAMETERS: &'static [Parameter] = &[
        BETAS,
        EPS,
        Parameter::number("d0", 1e-6, Range::Positive, "first estimate of the distance"),
        Parameter::flag("use_bias_correction", false, "correct the rate as Adam's averages"),
        Parameter::number("weight_decay", 0.0, Range::NonNegative, "decoupled, times lr and estimate"),
    ];
    const LR: f64 = 1.0;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        vec![
            Arc::new(ScaleByProdigy {
                beta1,
                beta2,
                eps: values.number("eps"),
                first: values.number("d0"),
                bias_correction: values.flag("use_bias_correction"),
                weight_decay: values.number("weight_decay"),
            }),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
