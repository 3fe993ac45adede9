//! Number of evaluations that instruments ask for, and their memory, counted before they run.

use super::{EstimatorPlan, Instrument, NoisePlan};
use crate::landscape::{reference_parts, reference_samples};

/// Evaluations that an instrument asks for at one point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evaluations {
    /// Values and gradients on the fixed batch.
    pub gradients: u64,
    /// Hessian-vector products on it.
    pub products: u64,
    /// Dense Hessians on it, which instruments at one point share.
    pub hessians: u64,
    /// Gradients and losses of fresh prompts.
    pub prompts: u64,
}

impl Instrument {
    /// Evaluations of one reading with `params` parameters, beside `others` other optimizers. Those
    /// that instruments share are counted for each of them.
    pub fn evaluations(
        self,
        params: usize,
        plan: &NoisePlan,
        estimators: &EstimatorPlan,
        others: usize,
    ) -> Evaluations {
        let dense = estimators.is_dense(params);
        let hessians = u64::from(dense);
        let hutchinson = estimators.probes as u64;
        let lanczos = estimators.lanczos.steps.min(params) as u64;
        let quadrature = (estimators.slq_probes * estimators.slq.steps.min(params)) as u64;
        let path = estimators.path_points as u64;
        let estimators = lanczos + hutchinson + quadrature;
        let instead = |products: u64| if dense { 0 } else { products };
        let own = Evaluations { hessians, ..Evaluations::default() };
        match self {
            Instrument::Spectrum => Evaluations { products: instead(estimators), ..own },
            Instrument::RobustCondition => Evaluations { products: instead(hutchinson), ..own },
            Instrument::Stability => Evaluations { products: instead(lanczos), ..own },
            Instrument::Heterogeneity => own,
            Instrument::Estimators => Evaluations { products: estimators, ..own },
            Instrument::DirectionalSmoothness => {
                Evaluations { gradients: 1, products: 2 + others as u64, ..Evaluations::default() }
            }
            Instrument::GeneralizedSmoothness => {
                Evaluations { gradients: 2 + path, products: 1 + instead(lanczos), ..own }
            }
            Instrument::UpdateGeometry => Evaluations { gradients: 3, products: 1, ..own },
            Instrument::Noise => {
                let draws: usize = plan.batch_sizes.iter().map(|size| size * plan.draws).sum();
                let prompts = (reference_samples(plan.reference) + draws) as u64;
                Evaluations { prompts, ..Evaluations::default() }
            }
            Instrument::LossTails => {
                Evaluations { prompts: plan.prompts as u64, ..Evaluations::default() }
            }
        }
    }

    /// Largest number of vectors of length `params` that one reading holds at a time, beside
    /// parameters, updates and the objective's own. The gradient on the fixed batch, which
    /// instruments at one point share, is counted for each.
    pub fn vectors(self, params: usize, plan: &NoisePlan, estimators: &EstimatorPlan) -> usize {
        // The Hessian, its eigenvectors, and working copies of both.
        let dense = if estimators.is_dense(params) { 4 * params } else { 0 };
        let lanczos = estimators.lanczos.without_products().vectors(params);
        let all = estimators.lanczos.vectors(params).max(estimators.slq.vectors(params));
        match self {
            Instrument::Spectrum | Instrument::Estimators => dense.max(all),
            Instrument::RobustCondition => dense.max(4),
            // Roots of the preconditioner, and the vector that they are multiplied with.
            Instrument::Stability => dense.max(lanczos + 2),
            Instrument::Heterogeneity => dense,
            Instrument::DirectionalSmoothness => 4,
            Instrument::GeneralizedSmoothness => 1 + dense.max(lanczos).max(4),
            Instrument::UpdateGeometry => 3 + dense,
            Instrument::Noise => noise_vectors(plan, estimators).max(dense),
            Instrument::LossTails => 0,
        }
    }
}

/// Number of vectors of the noise study: first the parts of the large batch with their mean and its
/// errors; then that reference and the draws of all sizes, each size with a copy, or the vectors of
/// the streamed statistics.
fn noise_vectors(plan: &NoisePlan, estimators: &EstimatorPlan) -> usize {
    let (sizes, parts) = (plan.batch_sizes.len(), reference_parts(plan.reference));
    let parts = if parts <= estimators.kept_gradients { parts + 2 } else { 3 };
    let draws = match estimators.keeps_noise(plan) {
        true => sizes.saturating_mul(plan.draws.saturating_add(2)),
        false => 5,
    };
    parts.max(2 + draws)
}
