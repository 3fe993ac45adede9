//! Named instruments: each reads one point of a trajectory and records metrics.
//!
//! An instrument reads the loss on a fixed batch (the held-out one of a run, or given data), the
//! loss over fresh prompts for noise, and, along a trajectory, the update that the optimizer makes
//! there. Everything is in double precision.

mod context;
mod curvature;
mod noise;
mod readings;
mod update;
mod work;

pub use crate::metric::Instrument;
pub use context::{Context, DENSE_LIMIT, EstimatorPlan, NoisePlan, Updates};
pub use noise::{POOR_REFERENCE, gaussian_norms};
pub use readings::{Readings, Warning};
pub use work::Work;

use windtunnel_math::objective::ObjectiveError;

impl Instrument {
    /// Measures at `context`. If the objective fails, earlier readings stay, and the reason is a
    /// [`Warning::Failed`].
    pub fn measure(self, context: &mut Context<'_>, readings: &mut Readings) {
        if let Err(error) = self.read(context, readings) {
            let reason = format!("the objective could not be evaluated: {error}");
            readings.warn(Warning::Failed { instrument: self, reason });
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
