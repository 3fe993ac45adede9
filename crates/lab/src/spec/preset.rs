//! The settings of the paper by name, with the learning rates and thresholds of its code.

use super::{CovarianceSpec, CovariatesSpec};

/// Defaults that a preset changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// Name in specs.
    pub name: &'static str,
    /// What the paper calls it.
    pub title: &'static str,
    /// Context length n.
    pub context_len: usize,
    /// Law of the covariates.
    pub covariates: CovariatesSpec,
    /// Learning rate of SGD with momentum 0.9.
    pub sgd_lr: f64,
    /// Learning rate of Adam with betas (0.9, 0.9).
    pub adam_lr: f64,
    /// Global-norm threshold.
    pub clip_norm: f64,
}

const GAUSSIAN: CovariatesSpec = CovariatesSpec::Gaussian(CovarianceSpec::Identity);

/// All presets; the first is the default. Learning rates: README of the authors' code; clipping at
/// 1 is stated in the paper for all settings, 0.1 on the sphere only in the code.
pub const PRESETS: [Preset; 4] = [
    Preset {
        name: "setting1",
        title: "Setting 1: n = 20, Gaussian",
        context_len: 20,
        covariates: GAUSSIAN,
        sgd_lr: 0.02,
        adam_lr: 0.02,
        clip_norm: 1.0,
    },
    Preset {
        name: "setting2",
        title: "Setting 2: n = 5, Gaussian",
        context_len: 5,
        covariates: GAUSSIAN,
        sgd_lr: 0.01,
        adam_lr: 0.005,
        clip_norm: 1.0,
    },
    Preset {
        name: "setting3",
        title: "Setting 3: n = 20, heavy-tailed",
        context_len: 20,
        covariates: CovariatesSpec::GammaRadial { shape: 0.1, scale: 10.0 },
        sgd_lr: 0.02,
        adam_lr: 0.02,
        clip_norm: 1.0,
    },
    Preset {
        name: "sphere",
        title: "Spherical: n = 20, unit norm",
        context_len: 20,
        covariates: CovariatesSpec::Sphere,
        sgd_lr: 5.0,
        adam_lr: 0.1,
        clip_norm: 0.1,
    },
];
