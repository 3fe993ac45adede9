//! Snapshot that instruments read: a point of a trajectory and the functions on hand there.

use crate::landscape::{
    LanczosMemory, LanczosPlan, NoiseSample, NoiseSummary, Probe, Reference, large_batch_gradient,
    noise_sample, reference_parts, streamed_gradient,
};
use windtunnel_math::objective::{ObjectiveError, Stochastic};
use windtunnel_math::stability::Stability;

/// Default of [`EstimatorPlan::dense_limit`].
pub const DENSE_LIMIT: usize = 1024;
/// Number of bytes up to which vectors are stored by default.
const KEPT_BYTES: usize = 4 << 30;

/// Sizes of the estimators that use the Hessian only through products with vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EstimatorPlan {
    /// Largest number of parameters for which the dense Hessian is computed. Its memory grows as
    /// p², its eigenvalues as p³, so estimators replace it above this size.
    pub dense_limit: usize,
    /// Lanczos for extreme eigenvalues, which converge in fewer than 60 steps in these spectra.
    pub lanczos: LanczosPlan,
    /// Probe vectors of Hutchinson's estimators.
    pub probes: usize,
    /// Start vectors of stochastic Lanczos quadrature.
    pub slq_probes: usize,
    /// Lanczos from each of these start vectors.
    pub slq: LanczosPlan,
    /// Points of the path estimator of the smoothness.
    pub path_points: usize,
    /// Largest number of mini-batch gradients that a noise study stores at a time. A larger study
    /// is streamed, without a covariance and without pictures.
    pub kept_gradients: usize,
}

impl EstimatorPlan {
    /// The default sizes for `params` parameters. Lanczos stores its basis and the products with it
    /// if they take at most 4 GiB, up to 4.4 million parameters; the basis alone up to 8.6 million;
    /// and the last two vectors beyond. Mini-batch gradients are stored up to the same size.
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
            kept_gradients: KEPT_BYTES / params.max(1).saturating_mul(8),
        }
    }

    /// Whether a noise study of this `plan` stores its gradients: those of every size, for
    /// pictures, and a working copy.
    pub fn keeps_noise(&self, plan: &NoisePlan) -> bool {
        plan.draws.saturating_mul(plan.batch_sizes.len() + 1) <= self.kept_gradients
    }

    /// Whether the dense Hessian of `params` parameters is computed.
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
    /// Prompts of the large batch whose gradient is used in place of ∇f.
    pub reference: usize,
    /// Prompts whose single losses are measured.
    pub prompts: usize,
}

/// Updates that optimizers make at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Updates {
    /// Mini-batch gradient g, before clipping.
    pub grad: Vec<f64>,
    /// The update u of the run's own optimizer, θ ← θ − u.
    pub update: Vec<f64>,
    /// Updates of other optimizers on the same gradients, by name.
    pub others: Vec<(String, Vec<f64>)>,
    /// Threshold of stability of the run's own optimizer on a quadratic, if it is known.
    pub stability: Option<Stability>,
}

/// Everything that instruments see at one point.
pub struct Snapshot<'a> {
    /// The loss on the fixed batch, at this point.
    pub probe: Probe<'a>,
    /// The loss over fresh prompts.
    pub stochastic: &'a mut dyn Stochastic,
    /// Updates of the optimizers here; none for parameters without a trajectory.
    pub updates: Option<Updates>,
    /// Sizes of the noise instruments.
    pub plan: NoisePlan,
    /// Sizes of the estimators, [`EstimatorPlan::for_params`] by default.
    pub estimators: EstimatorPlan,
    /// The large-batch gradient, cached once it is computed, or given if it is known exactly.
    pub reference: Option<Reference>,
    /// Sampled noise, for pictures.
    pub noise: Vec<NoiseSample>,
}

impl<'a> Snapshot<'a> {
    /// A snapshot without measurements.
    pub fn new(
        probe: Probe<'a>,
        stochastic: &'a mut dyn Stochastic,
        updates: Option<Updates>,
        plan: NoisePlan,
    ) -> Snapshot<'a> {
        let estimators = EstimatorPlan::for_params(probe.params().len());
        let (reference, noise) = (None, Vec::new());
        Snapshot { probe, stochastic, updates, plan, estimators, reference, noise }
    }

    /// Samples the noise for `batch_size` and stores it.
    pub(super) fn sample_noise(
        &mut self,
        batch_size: usize,
    ) -> Result<&NoiseSample, ObjectiveError> {
        let Snapshot { noise, plan, .. } = self;
        if let Some(at) = noise.iter().position(|sample| sample.batch_size == batch_size) {
            return Ok(&self.noise[at]);
        }
        let draws = plan.draws;
        let (stochastic, params, reference) = self.referred()?;
        let sample = noise_sample(stochastic, params, batch_size, draws, reference)?;
        self.noise.push(sample);
        Ok(&self.noise[self.noise.len() - 1])
    }

    /// Statistics of the noise for `batch_size`, without stored draws.
    pub(super) fn stream_noise(
        &mut self,
        batch_size: usize,
    ) -> Result<NoiseSummary, ObjectiveError> {
        let (blocks, draws) = (self.probe.blocks().to_vec(), self.plan.draws);
        let (stochastic, params, reference) = self.referred()?;
        NoiseSummary::stream(stochastic, params, (batch_size, draws), reference, &blocks)
    }

    /// The stochastic loss, the parameters, and the large-batch gradient there.
    fn referred(&mut self) -> Result<(&mut dyn Stochastic, &[f64], &Reference), ObjectiveError> {
        let Snapshot { probe, stochastic, plan, estimators, reference, .. } = self;
        let reference = match reference {
            Some(known) => known,
            None => {
                let kept = reference_parts(plan.reference) <= estimators.kept_gradients;
                let gradient = if kept { large_batch_gradient } else { streamed_gradient };
                reference.insert(gradient(*stochastic, probe.params(), plan.reference)?)
            }
        };
        Ok((*stochastic, probe.params(), reference))
    }
}
