//! Number of evaluations that instruments ask for, counted before they run.

use super::curvature::{LANCZOS_STEPS, PROBES, SLQ_PROBES, SLQ_STEPS};
use super::update::PATH_POINTS;
use super::{DENSE_LIMIT, Instrument, NoisePlan};
use crate::landscape::reference_samples;

/// Evaluations that an instrument asks for at one point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
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
    /// The work of one reading with `params` parameters, beside `others` other optimizers; what is
    /// shared with other instruments is counted for each.
    pub fn work(self, params: usize, plan: &NoisePlan, others: usize) -> Work {
        let dense = params <= DENSE_LIMIT;
        let hessians = u64::from(dense);
        let (lanczos, hutchinson) = (LANCZOS_STEPS.min(params) as u64, PROBES as u64);
        let quadrature = (SLQ_PROBES * SLQ_STEPS.min(params)) as u64;
        let estimators = lanczos + hutchinson + quadrature;
        let instead = |products: u64| if dense { 0 } else { products };
        let work = Work { hessians, ..Work::default() };
        match self {
            Instrument::Spectrum => Work { products: instead(estimators), ..work },
            Instrument::RobustCondition => Work { products: instead(hutchinson), ..work },
            Instrument::Stability => Work { products: instead(lanczos), ..work },
            Instrument::Heterogeneity => work,
            Instrument::Estimators => Work { products: estimators, ..work },
            Instrument::DirectionalSmoothness => {
                Work { gradients: 1, products: 2 + others as u64, ..Work::default() }
            }
            Instrument::GeneralizedSmoothness => {
                let gradients = 2 + PATH_POINTS as u64;
                Work { gradients, products: 1 + instead(lanczos), ..work }
            }
            Instrument::UpdateGeometry => Work { gradients: 3, products: 1, ..work },
            Instrument::Noise => {
                let draws: usize = plan.batch_sizes.iter().map(|size| size * plan.draws).sum();
                let prompts = (reference_samples(plan.reference) + draws) as u64;
                Work { prompts, ..Work::default() }
            }
            Instrument::LossTails => Work { prompts: plan.prompts as u64, ..Work::default() },
        }
    }
}
