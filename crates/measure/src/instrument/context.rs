//! A point of a trajectory with everything that instruments may look at.

use super::Updates;
use crate::landscape::{
    LanczosMemory, LanczosPlan, NoiseSample, Probe, Reference, large_batch_gradient, noise_sample,
};
use windtunnel_math::objective::{ObjectiveError, Stochastic};

/// Default of [`EstimatorPlan::dense_limit`].
pub const DENSE_LIMIT: usize = 1024;
/// Bytes up to which Lanczos keeps its basis and the products of it by default.
const KEPT_BYTES: usize = 4 << 30;

/// Sizes of the estimators that look at the Hessian through products with vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EstimatorPlan {
    /// Largest number of parameters of which the dense Hessian is made; beyond, estimators take its
    /// place: its memory grows as p², its eigenvalues as p³.
    pub dense_limit: usize,
    /// Lanczos for extreme eigenvalues, which converge in fewer than 60 steps in these spectra.
    pub lanczos: LanczosPlan,
    /// Probe vectors of Hutchinson's estimators.
    pub probes: usize,
    /// Starts of stochastic Lanczos quadrature.
    pub slq_probes: usize,
    /// Lanczos from each of them.
    pub slq: LanczosPlan,
    /// Points of the path estimator of the smoothness.
    pub path_points: usize,
}

impl EstimatorPlan {
    /// The default sizes for `params` parameters: Lanczos keeps its basis and the products with it
    /// where they take at most 4 GiB, up to 4.4 million parameters; the basis alone up to 8.6
    /// million; and the last two vectors beyond.
    pub fn for_params(params: usize) -> EstimatorPlan {
        use LanczosMemory::{Basis, Products, Recent};
        let plan = |steps, most| {
            let fits = |plan: &LanczosPlan| {
                params.saturating_mul(8 * plan.vectors(params)) <= KEPT_BYTES && plan.memory <= most
            };
            let plan = |memory| LanczosPlan { steps, memory };
            [Products, Basis].map(plan).into_iter().find(fits).unwrap_or(plan(Recent))
        };
        EstimatorPlan {
            dense_limit: DENSE_LIMIT,
            lanczos: plan(60, Products),
            probes: 100,
            slq_probes: 10,
            slq: plan(30, Basis),
            path_points: 5,
        }
    }

    /// Whether the dense Hessian of `params` parameters is made.
    pub fn is_dense(&self, params: usize) -> bool {
        params <= self.dense_limit
    }
}

/// Sizes of the noise instruments.
#[derive(Clone, Debug, PartialEq)]
pub struct NoisePlan {
    /// Sizes B of mini-batches.
    pub batch_sizes: Vec<usize>,
    /// Mini-batch gradients for each size.
    pub draws: usize,
    /// Prompts of the large batch that stands for ∇f.
    pub reference: usize,
    /// Prompts whose losses are looked at one by one.
    pub prompts: usize,
}

/// What is seen at one point.
pub struct Context<'a> {
    /// The loss on the fixed batch, at this point.
    pub probe: Probe<'a>,
    /// The loss over fresh prompts.
    pub stochastic: &'a mut dyn Stochastic,
    /// What the optimizer does here; nothing for parameters without a trajectory.
    pub updates: Option<Updates>,
    /// Sizes of the noise instruments.
    pub plan: NoisePlan,
    /// Sizes of the estimators: [`EstimatorPlan::for_params`] unless another one is put here.
    pub estimators: EstimatorPlan,
    /// The large-batch gradient, once it was needed; given where it is known exactly.
    pub reference: Option<Reference>,
    /// Noise that was sampled, for pictures.
    pub noise: Vec<NoiseSample>,
}

impl<'a> Context<'a> {
    /// A context in which nothing was measured yet.
    pub fn new(
        probe: Probe<'a>,
        stochastic: &'a mut dyn Stochastic,
        updates: Option<Updates>,
        plan: NoisePlan,
    ) -> Context<'a> {
        let estimators = EstimatorPlan::for_params(probe.params().len());
        let (reference, noise) = (None, Vec::new());
        Context { probe, stochastic, updates, plan, estimators, reference, noise }
    }

    /// Samples the noise for `batch_size` and keeps it.
    pub(super) fn sample_noise(
        &mut self,
        batch_size: usize,
    ) -> Result<&NoiseSample, ObjectiveError> {
        let Context { probe, stochastic, plan, reference, noise, .. } = self;
        let at = match noise.iter().position(|sample| sample.batch_size == batch_size) {
            Some(at) => at,
            None => {
                let params = probe.params();
                let reference = match reference {
                    Some(known) => known,
                    None => {
                        reference.insert(large_batch_gradient(*stochastic, params, plan.reference)?)
                    }
                };
                noise.push(noise_sample(*stochastic, params, batch_size, plan.draws, reference)?);
                noise.len() - 1
            }
        };
        Ok(&noise[at])
    }
}
