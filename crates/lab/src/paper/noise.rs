//! Noise of mini-batch gradients at initialization: ‖g − ∇f‖ of many mini-batches at the initial
//! parameters of every seed, kept in the store.

use serde::{Deserialize, Serialize};
use windtunnel_core::instrument::{DENSE_LIMIT, gaussian_norms};
use windtunnel_core::landscape::{NoiseSample, large_batch_gradient, noise_sample};
use windtunnel_core::lanes::{Isa, Real};
use windtunnel_core::model::{Evaluator, TaskObjective, Trained};
use windtunnel_core::stats::{excess_kurtosis, tail_ratio};
use windtunnel_core::train::Trainer;

use super::Protocol;
use super::cohort::Cohort;
use super::quantity::median;
use crate::spec::{NUMERICS_VERSION, Precision, RunSpec, run_id};
use crate::store::Store;

/// The seed whose norms are drawn, as in the authors' notebook.
pub const DRAWN_SEED: u64 = 1;
/// Share of the draws that the other seeds have, 1 in so many.
const OTHER_SEEDS: usize = 5;
/// Share of the draws in a quick look, 1 in so many.
const QUICK: usize = 20;
/// Prompts of the large batch, for each of a mini-batch: the paper's 100.
const REFERENCE: usize = 100;

/// The noise of one seed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InitialNoise {
    /// Seed of parameters and prompts.
    pub seed: u64,
    /// Prompts of a mini-batch.
    pub batch_size: usize,
    /// Mini-batches.
    pub draws: usize,
    /// Prompts of the large-batch gradient in place of ∇f.
    pub reference: usize,
    /// Draws of which the norm overflows; where there are any, nothing below is known.
    #[serde(default)]
    pub overflowed: usize,
    /// √E‖g − ∇f‖².
    pub rms: Option<f64>,
    /// Excess kurtosis of the norm.
    pub kurtosis: Option<f64>,
    /// The same of Gaussian noise of the same covariance; nothing where there are too many
    /// parameters for a covariance.
    pub gaussian_kurtosis: Option<f64>,
    /// 99.9 % quantile of the norm over that of Gaussian noise of the same covariance.
    pub q999: Option<f64>,
    /// The same of the largest.
    pub largest: Option<f64>,
    /// Median over the live coordinates of the excess kurtosis.
    pub coordinate_kurtosis: Option<f64>,
    /// `q999` of gradients of single prompts.
    pub single: Option<f64>,
    /// Norms, of [`DRAWN_SEED`] only.
    pub norms: Vec<f64>,
    /// Ascending norms of Gaussian noise of the same covariance, of [`DRAWN_SEED`] only.
    pub gaussian: Vec<f64>,
}

impl InitialNoise {
    /// Kurtosis of the norm over that of Gaussian noise's norm.
    pub fn kurtosis_ratio(&self) -> Option<f64> {
        Some((self.kurtosis? + 3.0) / (self.gaussian_kurtosis? + 3.0))
    }

    /// Why a number is missing, after a subject.
    pub fn lack(&self) -> &'static str {
        match self.rms {
            None => "overflows",
            Some(0.0) => "is zero within the error of the reference",
            Some(_) if self.gaussian_kurtosis.is_none() => {
                "has no covariance to compare with, of so many parameters"
            }
            Some(_) => "has no spread",
        }
    }
}

/// The noise of a cohort at one seed, from the store or made and kept.
///
/// # Errors
/// What the store or the spec has to say.
pub fn initial_noise(
    store: &Store,
    cohort: &Cohort,
    protocol: &Protocol,
    seed: u64,
) -> Result<InitialNoise, String> {
    let spec = cohort.bare_spec(cohort.arms[0], 1, Some(1.0)).map_err(|e| e.to_string())?;
    let spec = spec.with_seed(seed);
    let share = if protocol.quick { QUICK } else { 1 };
    let draws = cohort.draws / if seed == DRAWN_SEED { 1 } else { OTHER_SEEDS } / share;
    let draws = draws.max(20);
    // A quick look has few draws, and no use for a reference that is far better than they are.
    let reference = REFERENCE * spec.train.batch_size.min(10 * draws);
    let id = run_id(&spec);
    let key = format!(
        "initial noise of {id}, {draws} draws against {reference} prompts, numerics \
         {NUMERICS_VERSION}"
    );
    let known = store.kept(&key).map_err(|e| e.to_string())?;
    if let Some(known) = known.and_then(|text| serde_json::from_str(&text).ok()) {
        return Ok(known);
    }
    let noise = match spec.train.precision {
        Precision::F32 => sample::<f32>(&spec, draws, reference),
        Precision::F64 => sample::<f64>(&spec, draws, reference),
    };
    let text = serde_json::to_string(&noise).map_err(|e| e.to_string())?;
    store.keep(&key, &text).map_err(|e| e.to_string())?;
    Ok(noise)
}

fn sample<T: Trained + Real>(
    spec: &RunSpec,
    draws: usize,
    prompts_of_reference: usize,
) -> InitialNoise {
    let (isa, seed) = (Isa::detect(), spec.train.seed);
    let settings = spec.settings(isa, 1);
    let trainer = Trainer::<T>::new(settings.clone());
    let params: Vec<f64> = trainer.params().iter().map(|x| x.widen()).collect();
    let evaluator = Evaluator::new(settings.model, isa, 1);
    let blocks = settings.model.blocks();
    let mut prompts = TaskObjective::new(evaluator, settings.task, seed);
    let batch_size = settings.batch_size;
    let reference = large_batch_gradient(&mut prompts, &params, prompts_of_reference);
    let many = noise_sample(&mut prompts, &params, batch_size, draws, &reference);
    let single = noise_sample(&mut prompts, &params, 1, draws, &reference);

    let norms = many.norms();
    let counted = InitialNoise {
        seed,
        batch_size,
        draws,
        reference: reference.samples,
        overflowed: norms.iter().filter(|norm| !norm.is_finite()).count(),
        ..InitialNoise::default()
    };
    let rms = many.rms();
    if counted.overflowed > 0 || !rms.is_finite() {
        return counted;
    }
    let gaussian = gaussian(&many);
    let ratio = gaussian.as_ref().map(|gaussian| tail_ratio(&norms, gaussian));
    let live = blocks.iter().filter(|block| !block.dead).flat_map(|block| block.range.clone());
    let kurtoses: Vec<f64> = live.map(|i| excess_kurtosis(&many.coordinate(i))).collect();
    let drawn = seed == DRAWN_SEED;
    InitialNoise {
        rms: Some(rms),
        kurtosis: finite(excess_kurtosis(&norms)),
        gaussian_kurtosis: gaussian.as_deref().map(excess_kurtosis).and_then(finite),
        q999: ratio.as_ref().and_then(|ratio| finite(ratio.q999)),
        largest: ratio.as_ref().and_then(|ratio| finite(ratio.max)),
        coordinate_kurtosis: finite(median(&kurtoses)),
        single: single_tail(&single),
        norms: if drawn { norms.into_iter().map(short).collect() } else { Vec::new() },
        gaussian: match gaussian {
            Some(gaussian) if drawn => gaussian.into_iter().map(short).collect(),
            _ => Vec::new(),
        },
        ..counted
    }
}

/// The 99.9 % quantile of gradients of single prompts over that of Gaussian noise.
fn single_tail(single: &NoiseSample) -> Option<f64> {
    let norms = single.norms();
    if norms.iter().any(|norm| !norm.is_finite()) {
        return None;
    }
    finite(tail_ratio(&norms, &gaussian(single)?).q999)
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// Six digits, more than a picture shows.
fn short(x: f64) -> f64 {
    format!("{x:.5e}").parse().unwrap_or(x)
}

/// Ascending norms of Gaussian noise of the same covariance.
fn gaussian(sample: &NoiseSample) -> Option<Vec<f64>> {
    if sample.reference.grad.len() > DENSE_LIMIT {
        return None;
    }
    let covariance = sample.covariance()?;
    // Rounding leaves eigenvalues of a singular covariance a little below zero.
    let variances: Vec<f64> = covariance.values.iter().map(|v| v.max(0.0)).collect();
    Some(gaussian_norms(&variances))
}
