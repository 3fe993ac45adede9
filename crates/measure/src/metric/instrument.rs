//! Names of the instruments.

/// Instrument that reads one point of a trajectory and records metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instrument {
    /// Eigenvalues of the Hessian: sharpness, trace, negative mass, the same per block.
    Spectrum,
    /// The robust condition number in all its conventions, and per block.
    RobustCondition,
    /// uᵀHu along the step, along −g and along the steps of other optimizers.
    DirectionalSmoothness,
    /// ‖H‖₂ and the path smoothness beside ‖∇f‖, for (L₀, L₁).
    GeneralizedSmoothness,
    /// Sharpness against the optimizer's threshold of stability.
    Stability,
    /// Jensen-Shannon distances between the spectra of blocks.
    Heterogeneity,
    /// Norm, tails and coordinates of the mini-batch noise.
    Noise,
    /// Quantiles, median of means and tail index of the loss of single prompts.
    LossTails,
    /// Norms, cosines, predicted and realised decrease of the update.
    UpdateGeometry,
    /// Lanczos, stochastic Lanczos quadrature and Hutchinson beside the exact values.
    Estimators,
}

impl Instrument {
    /// All instruments, in the order in which they measure.
    pub const ALL: [Instrument; 10] = [
        Instrument::Spectrum,
        Instrument::RobustCondition,
        Instrument::DirectionalSmoothness,
        Instrument::GeneralizedSmoothness,
        Instrument::Stability,
        Instrument::Heterogeneity,
        Instrument::Noise,
        Instrument::LossTails,
        Instrument::UpdateGeometry,
        Instrument::Estimators,
    ];

    /// Name in specs.
    pub fn name(self) -> &'static str {
        match self {
            Instrument::Spectrum => "spectrum",
            Instrument::RobustCondition => "robust_condition",
            Instrument::DirectionalSmoothness => "directional_smoothness",
            Instrument::GeneralizedSmoothness => "generalized_smoothness",
            Instrument::Stability => "stability",
            Instrument::Heterogeneity => "heterogeneity",
            Instrument::Noise => "noise",
            Instrument::LossTails => "loss_tails",
            Instrument::UpdateGeometry => "update_geometry",
            Instrument::Estimators => "estimators",
        }
    }

    /// Whether it reads the held-out batch; the others draw fresh prompts.
    pub fn reads_held_out(self) -> bool {
        !matches!(self, Instrument::Noise | Instrument::LossTails)
    }

    /// Whether the instrument needs the updates of other optimizers, which depend on every gradient
    /// before.
    pub fn needs_shadows(self) -> bool {
        self == Instrument::DirectionalSmoothness
    }
}
