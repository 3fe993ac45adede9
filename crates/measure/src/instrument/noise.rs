//! Instruments of stochastic quantities: gradient noise and tails of losses.

use super::{Instrument, Readings, Snapshot, Warning};
use crate::landscape::{NoiseSample, NoiseSummary};
use crate::metric::{Metric, Percent, Rival};
use crate::stats::{
    MIN_TAIL, MeanTrust, PowerLaw, Undefined, compare_tails, degeneracy, excess_kurtosis,
    gaussian_norm_sample, goodness_of_fit, mean, mean_trust, median_of_means, power_law, quantile,
    skewness, stable_log_moment, stable_quantile, tail_index, tail_ratio, top_share,
};
use windtunnel_math::objective::{Block, ObjectiveError};
use windtunnel_math::rng::Key;

/// Number of draws of Gaussian noise for comparison with the measured noise.
const GAUSSIAN_DRAWS: usize = 20_000;
/// Number of synthetic samples for the goodness of fit of a power law: p to ±0.03 near 0.1, where
/// Clauset, Shalizi and Newman begin to doubt the law.
const REPLICATES: u32 = 100;
/// Number of groups of the median of means.
const GROUPS: usize = 30;
/// Index of the draw of the losses, apart from those of gradients.
const LOSS_DRAW: u64 = 1 << 42;
/// Share of the noise above which the error of the large-batch gradient invalidates a reading. If
/// the large batch contains a prompt of enormous gradient, every g − ∇f is nearly −∇f.
pub const POOR_REFERENCE: f64 = 0.3;

pub(super) fn noise(
    snapshot: &mut Snapshot<'_>,
    readings: &mut Readings,
) -> Result<(), ObjectiveError> {
    let (blocks, estimators) = (snapshot.probe.blocks().to_vec(), snapshot.estimators);
    let kept = estimators.keeps_noise(&snapshot.plan);
    for batch_size in snapshot.plan.batch_sizes.clone() {
        let (summary, sample) = if kept {
            let sample = snapshot.sample_noise(batch_size)?;
            (NoiseSummary::of(sample, &blocks), Some(sample))
        } else {
            (snapshot.stream_noise(batch_size)?, None)
        };
        let sample = match sample {
            Some(sample) if estimators.is_dense(sample.reference.grad.len()) => Ok(sample),
            Some(_) => Err("no comparison with Gaussian noise: the covariance of so many \
                            parameters is not made"),
            None => Err("no comparison with Gaussian noise: so many gradients are not kept"),
        };
        read_noise(&summary, sample, &blocks, readings);
    }
    Ok(())
}

/// Records a summary, and its sample or the reason why that has no covariance.
fn read_noise(
    noise: &NoiseSummary,
    sample: Result<&NoiseSample, &'static str>,
    blocks: &[Block],
    readings: &mut Readings,
) {
    let batch_size = noise.batch_size;
    let (rms, error) = (noise.rms, noise.reference_error);
    const BEYOND: &str = "a mini-batch gradient is not finite";
    let reason = match noise.reference_is_finite {
        true => "the large batch is a single prompt, or its spread exceeds the largest double",
        false => "the gradient of the large batch is not finite",
    };
    readings.record_or(Metric::NoiseReferenceError, error, reason);
    if error > POOR_REFERENCE * rms {
        readings.warn(Warning::Reference { rms, error });
    }
    readings.record_or(Metric::NoiseRms(batch_size), rms, BEYOND);
    let rms = blocks.iter().zip(&noise.block_rms).filter(|(block, _)| !block.unused);
    for (block, rms) in rms {
        readings.record_or(Metric::NoiseRmsOf(batch_size, block.into()), *rms, BEYOND);
    }
    let norms = &noise.norms;
    if norms.iter().all(|norm| norm.is_finite()) {
        read_norms(norms, batch_size, readings);
        read_coordinates(&noise.kurtoses, batch_size, readings);
        read_directions(sample, norms, batch_size, readings);
    } else {
        for metric in [
            Metric::NoiseMean,
            Metric::NoiseMedian,
            Metric::NoiseSkewness,
            Metric::NoiseKurtosis,
            Metric::NoiseTailIndex,
            Metric::NoisePowerLaw,
            Metric::NoiseCoordinateKurtosis,
            Metric::NoiseGaussianRatioQ999,
            Metric::NoiseStableIndex,
        ] {
            readings.record_missing(metric(batch_size), BEYOND);
        }
    }
}

/// Records shape and tail of ‖g − ∇f‖.
fn read_norms(norms: &[f64], batch_size: usize, readings: &mut Readings) {
    readings.record(Metric::NoiseMean(batch_size), mean(norms));
    let mut sorted = norms.to_vec();
    sorted.sort_by(f64::total_cmp);
    readings.record(Metric::NoiseMedian(batch_size), quantile(&sorted, 0.5));
    // If squares overflow, their mean does too.
    let squares: Vec<f64> = norms.iter().map(|norm| norm * norm).collect();
    doubt(&squares, Metric::NoiseRms(batch_size), readings);
    // No interval of these moments covers them: see their functions.
    let reason = degeneracy(norms);
    readings.record_or(Metric::NoiseSkewness(batch_size), skewness(norms), reason);
    readings.record_or(Metric::NoiseKurtosis(batch_size), excess_kurtosis(norms), reason);
    read_tail_index(norms, Metric::NoiseTailIndex(batch_size), readings);
    match power_law(norms) {
        Some(law) => read_power_law(norms, &law, batch_size, readings),
        None => {
            let positive = norms.iter().filter(|norm| **norm > 0.0).count();
            let reason = match positive < MIN_TAIL {
                true => format!("it takes {MIN_TAIL} positive values, and there are {positive}"),
                false => "the largest values are equal".into(),
            };
            readings.record_missing(Metric::NoisePowerLaw(batch_size), reason);
        }
    }
}

fn read_power_law(norms: &[f64], law: &PowerLaw, batch_size: usize, readings: &mut Readings) {
    readings.record(Metric::NoisePowerLaw(batch_size), law.tail_index);
    readings.record(Metric::NoisePowerLawXMin(batch_size), law.x_min);
    let key = Key::goodness_of_fit();
    let p = goodness_of_fit(norms, law, REPLICATES, key);
    readings.record(Metric::NoisePowerLawFit(batch_size), p);
    for comparison in compare_tails(norms, law) {
        let rival = Rival(comparison.other);
        let ratio = Metric::NoisePowerLawAgainst(batch_size, rival);
        const REASON: &str = "the tail spans more than likelihoods of doubles can";
        readings.record_or(ratio, comparison.log_likelihood_ratio, REASON);
        let p = Metric::NoisePowerLawAgainstP(batch_size, rival);
        readings.record_or(p, comparison.p_value, REASON);
    }
}

/// Records Hill's index with the default number of largest values.
fn read_tail_index(values: &[f64], metric: Metric, readings: &mut Readings) {
    let hill = tail_index(values).map(|hill| (hill.alpha, hill.interval));
    readings.estimate(metric, hill);
}

/// Records the noise in comparison with Gaussian noise of the same covariance.
fn read_directions(
    sample: Result<&NoiseSample, &'static str>,
    norms: &[f64],
    batch_size: usize,
    readings: &mut Readings,
) {
    let sample = match sample {
        Ok(sample) => sample,
        Err(reason) => {
            let instrument = Instrument::Noise;
            return readings.warn(Warning::Unavailable { instrument, reason });
        }
    };
    let Some(covariance) = sample.covariance() else {
        for metric in [
            Metric::NoiseGaussianRatioQ999,
            Metric::NoiseGaussianRatioMax,
            Metric::NoiseStableIndex,
        ] {
            let reason = "the covariance exceeds the largest double";
            readings.record_missing(metric(batch_size), reason);
        }
        return;
    };
    // Rounding makes some eigenvalues of a singular covariance slightly negative.
    let variances: Vec<f64> = covariance.values.iter().map(|v| v.max(0.0)).collect();
    let ratio = tail_ratio(norms, &gaussian_norms(&variances));
    let reason = "there is no noise, or its squares are beyond the range of doubles";
    readings.record_or(Metric::NoiseGaussianRatioQ999(batch_size), ratio.q999, reason);
    readings.record_or(Metric::NoiseGaussianRatioMax(batch_size), ratio.max, reason);
    let p = variances.len();
    // Differences of independent draws are symmetric, as the estimators of the stable index
    // require.
    let leading = sample.along(&covariance.vectors[(p - 1) * p..]);
    let pairs: Vec<f64> = leading.chunks_exact(2).map(|pair| pair[0] - pair[1]).collect();
    let block_len = (pairs.len() as f64).sqrt() as usize;
    // Neither has an interval: those of stable laws miss the index of others.
    for (metric, found) in [
        (
            Metric::NoiseStableIndex(batch_size),
            stable_log_moment(&pairs, block_len).map(|stable| stable.alpha),
        ),
        (Metric::NoiseStableIndexQuantile(batch_size), stable_quantile(&pairs)),
    ] {
        match found {
            Ok(alpha) => readings.record(metric, alpha),
            Err(reason) => readings.record_missing(metric, reason),
        }
    }
}

/// Records kurtoses of the coordinates that vary, ascending.
fn read_coordinates(kurtoses: &[f64], batch_size: usize, readings: &mut Readings) {
    let (median, max) = (Metric::NoiseCoordinateKurtosis, Metric::NoiseCoordinateKurtosisMax);
    for (metric, p) in [(median as fn(usize) -> Metric, 0.5), (max, 1.0)] {
        let metric = metric(batch_size);
        match kurtoses.is_empty() {
            true => readings.record_missing(metric, "no coordinate varies"),
            false => readings.record(metric, quantile(kurtoses, p)),
        }
    }
}

/// Sorted norms of Gaussian noise whose covariance has the given eigenvalues.
pub fn gaussian_norms(variances: &[f64]) -> Vec<f64> {
    let key = Key::gaussian_noise();
    gaussian_norm_sample(variances, GAUSSIAN_DRAWS, key)
}

pub(super) fn loss_tails(
    snapshot: &mut Snapshot<'_>,
    readings: &mut Readings,
) -> Result<(), ObjectiveError> {
    let params = snapshot.probe.params();
    let losses = snapshot.stochastic.sample_losses(params, LOSS_DRAW, snapshot.plan.prompts)?;
    let mut sorted = losses.clone();
    sorted.sort_by(f64::total_cmp);
    readings.record(Metric::LossMean, mean(&losses));
    for percent in Percent::ALL {
        let value = quantile(&sorted, f64::from(percent.value()) / 100.0);
        readings.record(Metric::LossQuantile(percent), value);
    }
    readings.record(Metric::LossMax, quantile(&sorted, 1.0));
    readings.record_or(Metric::LossTopShare, top_share(&losses), degeneracy(&losses));
    match losses.len() >= GROUPS {
        true => readings.record(Metric::LossMedianOfMeans, median_of_means(&losses, GROUPS)),
        false => {
            let reason = Undefined::TooFew { needed: GROUPS, found: losses.len() };
            readings.record_missing(Metric::LossMedianOfMeans, reason);
        }
    }
    read_tail_index(&losses, Metric::LossTailIndex, readings);
    doubt(&losses, Metric::LossMean, readings);
    Ok(())
}

/// Warns if the mean of `values`, on which `metric` is based, cannot be trusted.
fn doubt(values: &[f64], metric: Metric, readings: &mut Readings) {
    if !values.iter().all(|value| value.is_finite()) {
        // The mean has no value, and its reason says so.
        return;
    }
    let trust = mean_trust(values);
    if trust != MeanTrust::Trusted {
        readings.warn(Warning::Mean { metric, trust });
    }
}
