//! A point of a trajectory with everything that instruments may look at.

use super::Updates;
use crate::landscape::{NoiseSample, Probe, Reference, large_batch_gradient, noise_sample};
use windtunnel_math::objective::Stochastic;

/// Largest number of parameters of which the dense Hessian is made; beyond, estimators take its
/// place: its memory grows as p², its eigenvalues as p³.
pub const DENSE_LIMIT: usize = 1024;

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
        Context { probe, stochastic, updates, plan, reference: None, noise: Vec::new() }
    }

    /// Samples the noise for `batch_size` and keeps it.
    pub(super) fn sample_noise(&mut self, batch_size: usize) -> &NoiseSample {
        let Context { probe, stochastic, plan, reference, noise, .. } = self;
        let at = match noise.iter().position(|sample| sample.batch_size == batch_size) {
            Some(at) => at,
            None => {
                let params = probe.params();
                let reference = reference.get_or_insert_with(|| {
                    large_batch_gradient(*stochastic, params, plan.reference)
                });
                noise.push(noise_sample(*stochastic, params, batch_size, plan.draws, reference));
                noise.len() - 1
            }
        };
        &noise[at]
    }
}
