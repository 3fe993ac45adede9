//! Noise of mini-batch gradients at initialization: ‖g − ∇f‖ of many mini-batches at the initial
//! parameters of a run, cached in the store.

use serde::{Deserialize, Serialize};
use windtunnel_math::lanes::Isa;
use windtunnel_math::objective::{Block, ObjectiveError};
use windtunnel_measure::instrument::{DENSE_LIMIT, gaussian_norms};
use windtunnel_measure::landscape::{NoiseSample, large_batch_gradient, noise_sample};
use windtunnel_measure::stats::{excess_kurtosis, quantile, tail_ratio};
use windtunnel_model::{Evaluator, TaskObjective};
use windtunnel_train::Trainer;

use crate::cached::{obtain, recall};
use windtunnel_runs::spec::{NUMERICS_VERSION, Precision, RunSpec, run_id};
use windtunnel_runs::store::{self, Store};
use windtunnel_runs::stored::Stored;

/// The seed whose norms are cached and drawn, as in the authors' notebook.
pub const DRAWN_SEED: u64 = 1;

/// Version of the cached result. Version 1 had no reasons, 0 for an RMS that overflowed, and
/// coordinates that do not vary in the median of kurtoses.
const FORMAT: u32 = 2;

/// Noise of one seed at its initial parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InitialNoise {
    /// Seed of parameters and prompts.
    pub seed: u64,
    /// Prompts of a mini-batch.
    pub batch_size: usize,
    /// Number of mini-batches.
    pub draws: usize,
    /// Prompts of the large-batch gradient that is used in place of ∇f.
    pub reference: usize,
    /// Number of mini-batches whose ‖g − ∇f‖ overflows.
    pub overflowed: usize,
    /// Statistics of the draws.
    pub statistics: Statistics,
    /// Norms, for [`DRAWN_SEED`] only and if none overflows.
    pub norms: Vec<f64>,
    /// Ascending norms of Gaussian noise of the same covariance, if there are norms and a covariance.
    pub gaussian: Vec<f64>,
}

/// Statistics of the noise, each finite or with a reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// √E‖g − ∇f‖².
    pub rms: Statistic,
    /// Excess kurtosis of the norm.
    pub kurtosis: Statistic,
    /// Excess kurtosis of the norm of Gaussian noise of the same covariance.
    pub gaussian_kurtosis: Statistic,
    /// 99.9 % quantile of the norm over that of Gaussian noise of the same covariance.
    pub q999: Statistic,
    /// Largest norm over that of Gaussian noise of the same covariance.
    pub largest: Statistic,
    /// Median excess kurtosis of the coordinates that are used and vary.
    pub coordinate_kurtosis: Statistic,
    /// `q999` of gradients of single prompts.
    pub single: Statistic,
}

/// A finite number, or the reason why there is none.
pub type Statistic = Result<f64, MissingReason>;

/// Reason why a statistic of the noise has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MissingReason {
    /// The gradient of a mini-batch or its norm is not finite.
    Overflow,
    /// The gradient of a single prompt or its norm is not finite.
    SinglePrompt,
    /// The error of the large-batch gradient is not finite.
    Reference,
    /// A covariance of more than [`DENSE_LIMIT`] parameters is not computed.
    TooManyParameters,
    /// The covariance overflows, or it is zero although the noise is not.
    Covariance,
    /// Every draw equals the reference.
    Zero,
    /// All norms are the same.
    Constant,
    /// No coordinate that is used varies.
    Coordinates,
}

impl MissingReason {
    /// Predicate of a sentence about the noise.
    pub fn text(self) -> &'static str {
        match self {
            MissingReason::Overflow => "overflows",
            MissingReason::SinglePrompt => "overflows for single prompts",
            MissingReason::Reference => "is measured against a reference whose error overflows",
            MissingReason::TooManyParameters => {
                "has no covariance to compare with, of so many parameters"
            }
            MissingReason::Covariance => "has a covariance beyond the range of doubles",
            MissingReason::Zero => "is zero",
            MissingReason::Constant => "has a norm that does not vary",
            MissingReason::Coordinates => "has no coordinate that varies",
        }
    }
}

impl Statistics {
    /// Statistics without values, all for one reason.
    pub fn missing(reason: MissingReason) -> Statistics {
        let none = Err(reason);
        Statistics {
            rms: none,
            kurtosis: none,
            gaussian_kurtosis: none,
            q999: none,
            largest: none,
            coordinate_kurtosis: none,
            single: none,
        }
    }

    /// Kurtosis of the norm over that of Gaussian noise's norm.
    pub fn kurtosis_ratio(&self) -> Statistic {
        Ok((self.kurtosis? + 3.0) / (self.gaussian_kurtosis? + 3.0))
    }
}

/// Study of the noise at the initial parameters of one spec.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseStudy {
    /// Spec with task, model, mini-batch size and seed.
    pub spec: RunSpec,
    /// Number of mini-batches.
    pub draws: usize,
    /// Prompts of the large-batch gradient that is used in place of ∇f.
    pub reference: usize,
}

impl NoiseStudy {
    /// Key of the result in the store.
    pub fn key(&self) -> String {
        let (id, NoiseStudy { draws, reference, .. }) = (run_id(&self.spec), self);
        format!(
            "initial noise {FORMAT} of {id}, {draws} draws against {reference} prompts, numerics \
             {NUMERICS_VERSION}"
        )
    }

    /// Number of gradients of single prompts.
    pub fn prompts(&self) -> u64 {
        let per_draw = self.spec.train.batch_size as u64 + 1;
        (self.draws as u64).saturating_mul(per_draw).saturating_add(self.reference as u64)
    }

    /// The result, if the store has it.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn recall(&self, store: &Store) -> Result<Option<InitialNoise>, store::Error> {
        recall(store, &self.key())
    }

    /// The result, from the cache of the store or computed and cached.
    ///
    /// # Errors
    /// A store that can be neither read nor written.
    pub fn obtain(&self, store: &Store) -> Result<InitialNoise, String> {
        let NoiseStudy { spec, draws, reference } = self;
        obtain(store, &self.key(), || {
            let samples = match spec.train.precision {
                Precision::F32 => Samples::draw::<f32>(spec, *draws, *reference),
                Precision::F64 => Samples::draw::<f64>(spec, *draws, *reference),
            };
            Ok(samples.map_err(|error| error.to_string())?.noise(spec.train.seed))
        })
    }
}

/// Draws at the initial parameters of a spec, against one large-batch gradient.
struct Samples {
    many: NoiseSample,
    single: NoiseSample,
    blocks: Vec<Block>,
}

impl Samples {
    fn draw<T: Stored>(
        spec: &RunSpec,
        draws: usize,
        reference: usize,
    ) -> Result<Samples, ObjectiveError> {
        let isa = Isa::detect();
        let config = spec.train_config(isa, 1);
        let trainer = Trainer::<T>::new(config.clone()).map_err(ObjectiveError::new)?;
        let params: Vec<f64> = trainer.params().iter().map(|x| x.widen()).collect();
        let evaluator = Evaluator::new(config.model, isa, 1);
        let mut prompts = TaskObjective::new(evaluator, config.task, spec.train.seed);
        let reference = large_batch_gradient(&mut prompts, &params, reference)?;
        let mut of =
            |batch_size| noise_sample(&mut prompts, &params, batch_size, draws, &reference);
        let (many, single) = (of(config.batch_size)?, of(1)?);
        Ok(Samples { many, single, blocks: config.model.blocks() })
    }

    fn noise(&self, seed: u64) -> InitialNoise {
        let Samples { many, single, blocks } = self;
        let norms = many.norms();
        let gaussian = gaussian(many);
        let overflowed = norms.iter().filter(|norm| !norm.is_finite()).count();
        let drawn = |norms: &[f64]| -> Vec<f64> {
            let shown = seed == DRAWN_SEED && overflowed == 0;
            norms.iter().filter(|_| shown).copied().map(short).collect()
        };
        InitialNoise {
            seed,
            batch_size: many.batch_size,
            draws: norms.len(),
            reference: many.reference.samples,
            overflowed,
            norms: drawn(&norms),
            gaussian: gaussian.as_deref().map_or_else(|_| Vec::new(), drawn),
            statistics: Statistics {
                single: single_tail(single),
                ..of_mini_batches(many, gaussian.as_deref(), blocks)
            },
        }
    }
}

/// Statistics of mini-batches, given the norms of Gaussian noise of the same covariance.
fn of_mini_batches(
    sample: &NoiseSample,
    gaussian: Result<&[f64], &MissingReason>,
    blocks: &[Block],
) -> Statistics {
    let missing = Statistics::missing(MissingReason::Overflow);
    let norms = sample.norms();
    if !norms.iter().all(|norm| norm.is_finite()) {
        return missing;
    }
    let zero = norms.iter().all(|norm| *norm == 0.0);
    let or_zero = |x: f64, reason| finite(x, if zero { MissingReason::Zero } else { reason });
    let gaussian = gaussian.map_err(|reason| *reason);
    let tail = gaussian.map(|gaussian| tail_ratio(&norms, gaussian));
    let of_gaussian = |norms| or_zero(excess_kurtosis(norms), MissingReason::Covariance);
    Statistics {
        rms: finite(sample.rms(), MissingReason::Reference),
        kurtosis: or_zero(excess_kurtosis(&norms), MissingReason::Constant),
        gaussian_kurtosis: gaussian.and_then(of_gaussian),
        q999: tail.and_then(|tail| or_zero(tail.q999, MissingReason::Covariance)),
        largest: tail.and_then(|tail| or_zero(tail.max, MissingReason::Covariance)),
        coordinate_kurtosis: coordinate_kurtosis(sample, blocks),
        ..missing
    }
}

/// Median excess kurtosis of the coordinates that vary, of finite noise.
fn coordinate_kurtosis(sample: &NoiseSample, blocks: &[Block]) -> Statistic {
    let live = blocks.iter().filter(|block| !block.unused).flat_map(|block| block.range.clone());
    let kurtoses = live.map(|i| excess_kurtosis(&sample.coordinate(i)));
    let varying: Vec<f64> = kurtoses.filter(|kurtosis| !kurtosis.is_nan()).collect();
    finite(median(&varying), MissingReason::Coordinates)
}

/// 99.9 % quantile of the norm of single prompts' noise over that of Gaussian noise.
fn single_tail(single: &NoiseSample) -> Statistic {
    let norms = single.norms();
    let gaussian = gaussian(single).map_err(|missing| match missing {
        MissingReason::Overflow => MissingReason::SinglePrompt,
        other => other,
    })?;
    let zero = norms.iter().all(|norm| *norm == 0.0);
    let reason = if zero { MissingReason::Zero } else { MissingReason::Covariance };
    finite(tail_ratio(&norms, &gaussian).q999, reason)
}

/// Median; NaN when empty.
fn median(x: &[f64]) -> f64 {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() { f64::NAN } else { quantile(&sorted, 0.5) }
}

fn finite(x: f64, otherwise: MissingReason) -> Statistic {
    if x.is_finite() { Ok(x) } else { Err(otherwise) }
}

/// A number rounded to six digits, more than a picture shows.
fn short(x: f64) -> f64 {
    format!("{x:.5e}").parse().unwrap_or(x)
}

/// Ascending norms of Gaussian noise of the same covariance.
fn gaussian(sample: &NoiseSample) -> Result<Vec<f64>, MissingReason> {
    if sample.norms().iter().any(|norm| !norm.is_finite()) {
        return Err(MissingReason::Overflow);
    }
    if sample.reference.grad.len() > DENSE_LIMIT {
        return Err(MissingReason::TooManyParameters);
    }
    let covariance = sample.covariance().ok_or(MissingReason::Covariance)?;
    // Rounding makes some eigenvalues of a singular covariance slightly negative.
    let variances: Vec<f64> = covariance.values.iter().map(|v| v.max(0.0)).collect();
    Ok(gaussian_norms(&variances))
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_measure::landscape::Reference;

    /// Draws of two coordinates.
    fn noise(vectors: &[f64], error: f64) -> NoiseSample {
        let (grad, standard_errors) = (vec![0.0; 2], vec![error; 2]);
        let reference =
            Reference { grad, loss: 0.0, standard_error: error, standard_errors, samples: 1 };
        NoiseSample { reference, batch_size: 1, vectors: vectors.to_vec() }
    }

    fn statistics(sample: &NoiseSample) -> Statistics {
        let blocks = [Block { name: "w".into(), range: 0..2, shape: None, unused: false }];
        Statistics {
            single: single_tail(sample),
            ..of_mini_batches(sample, gaussian(sample).as_deref(), &blocks)
        }
    }

    /// Kurtosis is −1.5 for 0, 1, 2, and undefined for a coordinate that does not vary.
    #[test]
    fn coordinates_that_do_not_vary_are_not_in_the_median() {
        let found = statistics(&noise(&[0.0, 4.0, 1.0, 4.0, 2.0, 4.0], 0.0)).coordinate_kurtosis;
        assert!((found.unwrap() + 1.5).abs() < 1e-14, "{found:?}");
        let constant = statistics(&noise(&[3.0, 4.0, 3.0, 4.0], 0.0));
        assert_eq!(constant.coordinate_kurtosis, Err(MissingReason::Coordinates));
        assert_eq!((constant.kurtosis, constant.rms), (Err(MissingReason::Constant), Ok(5.0)));
        assert!(constant.q999.is_ok() && constant.kurtosis_ratio() == Err(MissingReason::Constant));
    }

    #[test]
    fn every_statistic_has_its_own_reason() {
        let whole = [1.0, 2.0, -2.0, 1.0, 0.5, -3.0];
        let scaled = |scale: f64| noise(&whole.map(|x| scale * x), 0.0);
        let covariance = Err(MissingReason::Covariance);
        for scale in [1e-200, 1e200] {
            let found = statistics(&scaled(scale));
            assert!(found.rms.is_ok() && found.kurtosis.is_ok(), "{found:?}");
            let compared = [found.q999, found.largest, found.gaussian_kurtosis, found.single];
            assert_eq!(compared, [covariance; 4]);
        }
        let infinite = statistics(&scaled(f64::INFINITY));
        let overflow = Statistics::missing(MissingReason::Overflow);
        assert_eq!(infinite, Statistics { single: Err(MissingReason::SinglePrompt), ..overflow });
        let poor = statistics(&noise(&whole, f64::INFINITY));
        assert_eq!(poor.rms, Err(MissingReason::Reference));
        assert!(poor.q999.is_ok() && poor.single.is_ok(), "{poor:?}");
        let zero = statistics(&scaled(0.0));
        assert_eq!(
            (zero.rms, zero.coordinate_kurtosis),
            (Ok(0.0), Err(MissingReason::Coordinates))
        );
        let others = [zero.kurtosis, zero.gaussian_kurtosis, zero.q999, zero.largest, zero.single];
        assert_eq!(others, [Err(MissingReason::Zero); 5]);
    }

    #[test]
    fn reasons_are_kept_with_the_numbers() {
        let found = statistics(&noise(&[1e200, 0.0, 0.0, 2e200, 1e200, 1e200], 0.0));
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Statistics>(&text).unwrap(), found);
    }
}
