//! Kinds of views.

use windtunnel_figure::Scale;

/// Kind of picture or table of the settings of a study.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum View {
    /// Held-out loss over the steps, by mean and by median prompt.
    Losses,
    /// Noise of gradients at initialization against Gaussian noise.
    InitialNoise,
    /// Robust condition number over the steps.
    Condition,
    /// Ratios of the robust condition number beside published ones, as a table.
    Ratios,
    /// Directional smoothness over the steps.
    Directional,
    /// Smoothness against gradient norm.
    Generalized,
    /// Tails of the noise over the steps, by batch size.
    NoiseInTraining,
    /// The loss gaps against a number of the setting, with its name and scale.
    Dose(&'static str, Scale),
    /// The loss gaps against the heterogeneity of the Hessian's blocks.
    Blocks,
}
