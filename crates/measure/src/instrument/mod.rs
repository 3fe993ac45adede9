//! Named instruments: each reads one point of a trajectory and records metrics.
//!
//! An instrument reads the loss on a fixed batch (the held-out one of a run, or given data), the
//! loss over fresh prompts for noise, and, along a trajectory, the update that the optimizer makes
//! there. Everything is in double precision.

mod curvature;
mod evaluations;
mod noise;
mod readings;
mod snapshot;
mod update;

pub use crate::metric::Instrument;
pub use evaluations::Evaluations;
pub use noise::{POOR_REFERENCE, gaussian_norms};
pub use readings::{Readings, Warning};
pub use snapshot::{DENSE_LIMIT, EstimatorPlan, NoisePlan, Snapshot, Updates};

use windtunnel_math::objective::ObjectiveError;

impl Instrument {
    /// Measures at `snapshot`. If the objective fails, earlier readings stay, and the reason is a
    /// [`Warning::Failed`].
    pub fn measure(self, snapshot: &mut Snapshot<'_>, readings: &mut Readings) {
        if let Err(error) = self.read(snapshot, readings) {
            let reason = format!("the objective could not be evaluated: {error}");
            readings.warn(Warning::Failed { instrument: self, reason });
        }
    }

    fn read(
        self,
        snapshot: &mut Snapshot<'_>,
        readings: &mut Readings,
    ) -> Result<(), ObjectiveError> {
        let Snapshot { probe, estimators: plan, .. } = &mut *snapshot;
        match self {
            Instrument::Spectrum => curvature::spectrum(probe, plan, readings),
            Instrument::RobustCondition => curvature::robust_condition(probe, plan, readings),
            Instrument::DirectionalSmoothness => update::directional(snapshot, readings),
            Instrument::GeneralizedSmoothness => update::generalized(snapshot, readings),
            Instrument::Stability => update::stability(snapshot, readings),
            Instrument::Heterogeneity => curvature::heterogeneity(probe, plan, readings),
            Instrument::Noise => noise::noise(snapshot, readings),
            Instrument::LossTails => noise::loss_tails(snapshot, readings),
            Instrument::UpdateGeometry => update::geometry(snapshot, readings),
            Instrument::Estimators => curvature::estimators(probe, plan, readings),
        }
    }
}
