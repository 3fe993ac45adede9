//! Muon.

use std::sync::Arc;

use windtunnel_math::lanes::Real;

use super::shared::{DECOUPLED, decay};
use crate::{
    Method, MuonScale, Orthogonalization, Parameter, Range, ScaleByAdam, ScaleByLearningRate,
    ScaleByMuon, Transforms, Values,
};

/// θ ← θ − η (s O(m) + λθ) for every matrix, O(m) the momentum with its singular values near 1; Adam,
/// at the same rate, for what is no matrix: Jordan et al. 2024, compared with `optax.contrib.muon`
/// (torch's and pytorch_optimizer's compute O in bfloat16).
#[derive(Clone, Copy, Debug)]
pub struct Muon;

const NEWTON_SCHULZ: &str = "newton_schulz";
const POLAR_EXPRESS: &str = "polar_express";
const POLAR: &str = "polar";
const SHAPE: &str = "shape";
const RMS: &str = "rms";

impl Method for Muon {
    const NAME: &'static str = "muon";
    const SUMMARY: &'static str = "momentum, orthogonalized matrix by matrix";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::number("momentum", 0.95, Range::Fraction, "decay of the mean of the gradients"),
        Parameter::flag("nesterov", true, "look ahead along the mean"),
        Parameter::choice(
            "orthogonalization",
            &[NEWTON_SCHULZ, POLAR_EXPRESS, POLAR],
            "how singular values are brought to 1: polynomials, or exactly",
        ),
        Parameter::integer("ns_steps", 5, Range::Positive, "polynomials of the orthogonalization"),
        Parameter::number("eps", 1e-7, Range::NonNegative, "added to the norm of a matrix"),
        Parameter::choice(
            "scale",
            &[SHAPE, RMS],
            "sqrt(max(1, rows/columns)), or 0.2 sqrt(max(rows, columns)) as Adam's size",
        ),
        Parameter::pair(
            "betas",
            [0.9, 0.999],
            Range::Fraction,
            "of Adam, for parameters that are no matrices",
        ),
        Parameter::number("adam_eps", 1e-8, Range::NonNegative, "of that Adam, added to its root"),
        DECOUPLED,
    ];
    const LR: f64 = 0.01;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let [beta1, beta2] = values.pair("betas");
        let orthogonalization = match values.choice("orthogonalization") {
            POLAR_EXPRESS => Orthogonalization::PolarExpress,
            POLAR => Orthogonalization::Polar,
            _ => Orthogonalization::NewtonSchulz,
        };
        let scale = if values.choice("scale") == RMS { MuonScale::Rms } else { MuonScale::Shape };
        vec![
            Arc::new(ScaleByMuon {
                momentum: values.number("momentum"),
                nesterov: values.flag("nesterov"),
                orthogonalization,
                steps: values.integer("ns_steps"),
                eps: values.number("eps"),
                scale,
                others: ScaleByAdam { beta1, beta2, eps: values.number("adam_eps"), amsgrad: false },
            }),
            Arc::new(decay(values)),
            Arc::new(ScaleByLearningRate),
        ]
    }
}
