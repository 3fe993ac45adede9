//! What the field measures of a run, by name: each instrument reads one point of a trajectory and
//! writes named numbers.
//!
//! Instruments see the loss on a fixed batch (the held-out one of a run, or given data), the loss
//! over fresh prompts for what concerns noise, and, along a trajectory, the update that the
//! optimizer makes there. Everything is in double precision.

mod context;
mod curvature;
mod noise;
mod readings;
mod update;
mod work;

pub use context::{Context, DENSE_LIMIT, EstimatorPlan, NoisePlan};
pub use noise::{POOR_REFERENCE, gaussian_norms};
pub use readings::{Readings, Warning};
pub use update::Updates;
pub use work::Work;

use windtunnel_math::objective::ObjectiveError;

/// An instrument.
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
    /// All of them, in the order in which they measure.
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

    /// Whether it asks what other optimizers would do, which depends on every gradient before.
    pub fn needs_shadows(self) -> bool {
        self == Instrument::DirectionalSmoothness
    }

    /// Measures at `context`. Where the objective fails, what was read until then stays, and the
    /// reason is a [`Warning::Failed`].
    pub fn measure(self, context: &mut Context<'_>, readings: &mut Readings) {
        if let Err(error) = self.read(context, readings) {
            let reason = format!("the objective could not be evaluated: {error}");
            readings.warn(Warning::Failed { instrument: self.name(), reason });
        }
    }

    fn read(
        self,
        context: &mut Context<'_>,
        readings: &mut Readings,
    ) -> Result<(), ObjectiveError> {
        let Context { probe, estimators: plan, .. } = &mut *context;
        match self {
            Instrument::Spectrum => curvature::spectrum(probe, plan, readings),
            Instrument::RobustCondition => curvature::robust_condition(probe, plan, readings),
            Instrument::DirectionalSmoothness => update::directional(context, readings),
            Instrument::GeneralizedSmoothness => update::generalized(context, readings),
            Instrument::Stability => update::stability(context, readings),
            Instrument::Heterogeneity => curvature::heterogeneity(probe, plan, readings),
            Instrument::Noise => noise::noise(context, readings),
            Instrument::LossTails => noise::loss_tails(context, readings),
            Instrument::UpdateGeometry => update::geometry(context, readings),
            Instrument::Estimators => curvature::estimators(probe, plan, readings),
        }
    }
}
