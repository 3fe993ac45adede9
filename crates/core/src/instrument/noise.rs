//! Instruments of randomness: noise of gradients, tails of losses.

use super::{DENSE_LIMIT, Instrument, Readings, Scene, Warning};
use crate::landscape::NoiseSample;
use crate::objective::Block;
use crate::rng::{Key, Purpose};
use crate::stats::{
    Alternative, MeanTrust, compare_tails, default_k, descending, excess_kurtosis,
    gaussian_norm_sample, goodness_of_fit, hill, kurtosis_interval, mean, mean_trust,
    median_of_means, power_law, quantile, skewness, skewness_interval, stable_log_moment,
    stable_quantile, tail_ratio,
};

/// Draws of Gaussian noise that real noise is compared with.
const GAUSSIAN_DRAWS: usize = 20_000;
/// Synthetic samples of the goodness of fit of a power law: p to ±0.03 near 0.1, where Clauset,
/// Shalizi and Newman begin to doubt the law.
const REPLICATES: u32 = 100;
/// Streams of their own beside the probes of randomized linear algebra.
const GAUSSIAN_STEP: u64 = 1 << 40;
const GOODNESS_STEP: u64 = 1 << 41;
/// Groups of the median of means.
const GROUPS: usize = 30;
/// The draw of the losses, apart from those of gradients.
const LOSS_DRAW: u64 = 1 << 42;
/// Share of the noise above which the error of the large-batch gradient spoils a reading: where the
/// large batch met a prompt of enormous gradient, every g − ∇f is nearly −∇f.
pub const POOR_REFERENCE: f64 = 0.3;

pub(super) fn noise(scene: &mut Scene<'_>, readings: &mut Readings) {
    let blocks = scene.probe.blocks().to_vec();
    for batch_size in scene.plan.batch_sizes.clone() {
        let sample = scene.sample_noise(batch_size);
        read_noise(sample, &blocks, readings);
    }
}

fn read_noise(sample: &NoiseSample, blocks: &[Block], readings: &mut Readings) {
    let metric = format!("grad_noise.b{}", sample.batch_size);
    let (rms, error) = (sample.rms(), sample.reference.standard_error);
    readings.record("grad_noise.reference_error", error);
    if error > POOR_REFERENCE * rms {
        readings.warn(Warning::Reference { rms, error });
    }
    readings.record(format!("{metric}.rms"), rms);
    for block in blocks.iter().filter(|block| !block.dead) {
        readings.record(format!("{metric}.rms.{}", block.name), sample.block_rms(block));
    }
    let norms = sample.norms();
    if norms.iter().all(|norm| norm.is_finite()) {
        read_norms(&norms, &metric, readings);
        read_directions(sample, &norms, blocks, &metric, readings);
    }
}

/// Shape and tail of ‖g − ∇f‖.
fn read_norms(norms: &[f64], metric: &str, readings: &mut Readings) {
    readings.record(format!("{metric}.mean"), mean(norms));
    let mut sorted = norms.to_vec();
    sorted.sort_by(f64::total_cmp);
    readings.record(format!("{metric}.median"), quantile(&sorted, 0.5));
    let squares: Vec<f64> = norms.iter().map(|norm| norm * norm).collect();
    doubt(&squares, &format!("{metric}.rms"), readings);
    let (skewness, kurtosis) = (skewness(norms), excess_kurtosis(norms));
    readings.estimate(&format!("{metric}.skewness"), skewness, skewness_interval(norms));
    readings.estimate(&format!("{metric}.kurtosis"), kurtosis, kurtosis_interval(norms));
    tail_index(norms, metric, readings);
    let Some(law) = power_law(norms) else { return };
    readings.estimate(&format!("{metric}.power_law"), law.tail_index, law.interval);
    readings.record(format!("{metric}.power_law.x_min"), law.x_min);
    let key = Key { seed: 0, purpose: Purpose::Probe, step: GOODNESS_STEP };
    let p = goodness_of_fit(norms, &law, REPLICATES, key);
    readings.record(format!("{metric}.power_law.goodness_of_fit.p"), p);
    for comparison in compare_tails(norms, &law) {
        let rival = match comparison.other {
            Alternative::Lognormal => "lognormal",
            Alternative::StretchedExponential => "stretched_exponential",
            Alternative::Exponential => "exponential",
        };
        let metric = format!("{metric}.power_law.against_{rival}");
        readings.record(&metric, comparison.log_likelihood_ratio);
        readings.record(format!("{metric}.p"), comparison.p_value);
    }
}

/// Hill's index with the default number of largest values.
fn tail_index(values: &[f64], metric: &str, readings: &mut Readings) {
    let sorted = descending(values);
    let k = default_k(sorted.len());
    if sorted.len() > k {
        let hill = hill(&sorted, k);
        readings.estimate(&format!("{metric}.tail_index"), hill.alpha, hill.interval);
    }
}

/// The noise against Gaussian noise of the same covariance, and its coordinates.
fn read_directions(
    sample: &NoiseSample,
    norms: &[f64],
    blocks: &[Block],
    metric: &str,
    readings: &mut Readings,
) {
    let live = blocks.iter().filter(|block| !block.dead).flat_map(|block| block.range.clone());
    let mut kurtoses: Vec<f64> = live.map(|i| excess_kurtosis(&sample.coordinate(i))).collect();
    kurtoses.sort_by(f64::total_cmp);
    readings.record(format!("{metric}.coordinate_kurtosis"), quantile(&kurtoses, 0.5));
    readings.record(format!("{metric}.coordinate_kurtosis.max"), quantile(&kurtoses, 1.0));
    if sample.reference.grad.len() > DENSE_LIMIT {
        let reason = "no comparison with Gaussian noise: the covariance of so many parameters is \
                      not made";
        let instrument = Instrument::Noise.name();
        return readings.warn(Warning::Unavailable { instrument, reason });
    }
    let Some(covariance) = sample.covariance() else { return };
    // Rounding leaves eigenvalues of a singular covariance a little below zero.
    let variances: Vec<f64> = covariance.values.iter().map(|v| v.max(0.0)).collect();
    let ratio = tail_ratio(norms, &gaussian_norms(&variances));
    readings.record(format!("{metric}.gaussian_ratio.q999"), ratio.q999);
    readings.record(format!("{metric}.gaussian_ratio.max"), ratio.max);
    let p = variances.len();
    // Differences of independent draws are symmetric, as the stable index wants them.
    let leading = sample.along(&covariance.vectors[(p - 1) * p..]);
    let pairs: Vec<f64> = leading.chunks_exact(2).map(|pair| pair[0] - pair[1]).collect();
    let block_len = (pairs.len() as f64).sqrt() as usize;
    if block_len >= 2 {
        let stable = stable_log_moment(&pairs, block_len);
        readings.estimate(&format!("{metric}.stable_index"), stable.alpha, stable.interval);
        let stable = stable_quantile(&pairs);
        readings.estimate(
            &format!("{metric}.stable_index.quantile"),
            stable.alpha,
            stable.interval,
        );
    }
}

/// Sorted norms of Gaussian noise whose covariance has the given eigenvalues.
pub fn gaussian_norms(variances: &[f64]) -> Vec<f64> {
    let key = Key { seed: 0, purpose: Purpose::Probe, step: GAUSSIAN_STEP };
    gaussian_norm_sample(variances, GAUSSIAN_DRAWS, key)
}

pub(super) fn loss_tails(scene: &mut Scene<'_>, readings: &mut Readings) {
    let params = scene.probe.params();
    let losses = scene.stochastic.sample_losses(params, LOSS_DRAW, scene.plan.prompts);
    let mut sorted = losses.clone();
    sorted.sort_by(f64::total_cmp);
    readings.record("loss.mean", mean(&losses));
    for percent in [5, 25, 50, 75, 95, 99] {
        let value = quantile(&sorted, f64::from(percent) / 100.0);
        readings.record(format!("loss.q{percent:02}"), value);
    }
    let largest = quantile(&sorted, 1.0);
    readings.record("loss.max", largest);
    readings.record("loss.top_share", largest / losses.iter().sum::<f64>());
    if losses.len() >= GROUPS {
        let (median, interval) = median_of_means(&losses, GROUPS);
        readings.estimate("loss.median_of_means", median, interval);
    }
    tail_index(&losses, "loss", readings);
    doubt(&losses, "loss.mean", readings);
}

/// Warns where the mean of `values`, on which `metric` rests, is not to be trusted.
fn doubt(values: &[f64], metric: &str, readings: &mut Readings) {
    let trust = mean_trust(values);
    if trust != MeanTrust::Trusted {
        readings.warn(Warning::Mean { metric: metric.into(), trust });
    }
}
