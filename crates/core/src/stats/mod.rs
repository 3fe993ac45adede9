//! Summaries over seeds with bootstrap intervals, and the statistics of heavy tails.
//!
//! Everything here sees slices only. Two exponents are in use for one tail P(X > x) ∼ x^−α: the
//! **tail index** α ([`hill`], [`PowerLaw::tail_index`]) and the **density exponent** α + 1
//! ([`PowerLaw::density_exponent`]). The variance is infinite for a tail index below 2, the mean
//! below 1. The index of a stable law ([`stable_log_moment`], [`stable_quantile`]) is its tail
//! index, except at 2, where the law is Gaussian.

mod hill;
mod likelihood_ratio;
mod log_line;
mod moments;
mod power_law;
mod qq;
mod rank;
mod resample;
mod robust;
mod special;
mod spectrum;
mod stable;

pub use hill::{Hill, default_k, descending, hill, hill_curve, log_spaced_ks};
pub use likelihood_ratio::{Alternative, Comparison, Verdict, compare_tails};
pub use log_line::{LogLine, log_line};
pub use moments::{
    excess_kurtosis, kurtosis_interval, skewness, skewness_interval, std_dev, variance,
};
pub use power_law::{MIN_TAIL, PowerLaw, goodness_of_fit, power_law, power_law_above};
pub use qq::{Qq, TailRatio, gaussian_norm_sample, qq_normal, qq_reference, tail_ratio};
pub use rank::{rank_correlation, spearman};
pub use robust::{MeanTrust, mean_trust, median_of_means};
pub use spectrum::{jensen_shannon_distance, spectral_density};
pub use stable::{StableIndex, stable_log_moment, stable_quantile};

use crate::rng::{Key, Purpose};

/// Resamples of [`bootstrap`]: the 2.5 % points of a percentile interval then rest on 250
/// resamples each.
const RESAMPLES: usize = 10_000;

/// A two-sided interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

impl Interval {
    /// Of a statistic that has no value.
    const UNDEFINED: Interval = Interval { lo: f64::NAN, hi: f64::NAN };

    /// Whether `x` lies between the ends or on one; false when an end is NaN.
    pub fn contains(&self, x: f64) -> bool {
        self.lo <= x && x <= self.hi
    }
}

/// Arithmetic mean; NaN when empty.
pub fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// The `p`-quantile of sorted values, linear between order statistics (type 7 of Hyndman and Fan
/// 1996, NumPy's default).
///
/// # Panics
/// When there are no values.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    let position = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let weight = position - below as f64;
    // The plain formula would make 0·∞ of an infinite neighbour that has no weight.
    if weight == 0.0 {
        sorted[below]
    } else {
        sorted[below] * (1.0 - weight) + sorted[above] * weight
    }
}

/// 95 % percentile bootstrap interval of `statistic` over `len` units, resampled together.
///
/// `statistic` gets the indices of one resample; passing the same indices to two columns makes the
/// interval paired. Deterministic: the resamples depend on `len` alone. With few units (6 seeds)
/// percentile intervals are too short by some tens of per cent (Efron and Tibshirani 1993, ch. 13).
/// Non-finite statistics make the interval NaN.
///
/// # Panics
/// When `len` is 0.
pub fn bootstrap(len: usize, mut statistic: impl FnMut(&[usize]) -> f64) -> Interval {
    assert!(len > 0, "nothing to resample");
    let key = Key { seed: 0, purpose: Purpose::Bootstrap, step: len as u64 };
    let mut indices = vec![0; len];
    let mut values: Vec<f64> = (0..RESAMPLES)
        .map(|resample| {
            for (slot, index) in indices.iter_mut().enumerate() {
                *index = key.index(resample as u32, slot as u32, len);
            }
            statistic(&indices)
        })
        .collect();
    percentile_interval(&mut values)
}

/// The 2.5 % and 97.5 % points of resampled values; NaN when one of them is.
fn percentile_interval(values: &mut [f64]) -> Interval {
    if values.iter().any(|v| v.is_nan()) {
        return Interval::UNDEFINED;
    }
    values.sort_by(f64::total_cmp);
    Interval { lo: quantile(values, 0.025), hi: quantile(values, 0.975) }
}

/// 95 % bootstrap interval of the mean.
pub fn mean_interval(x: &[f64]) -> Interval {
    bootstrap(x.len(), |indices| indices.iter().map(|&i| x[i]).sum::<f64>() / x.len() as f64)
}

/// Ratio of means Σ`a`/Σ`b` over paired units, with its 95 % paired bootstrap interval.
///
/// # Panics
/// When the lengths differ or are 0.
pub fn paired_ratio(a: &[f64], b: &[f64]) -> (f64, Interval) {
    assert_eq!(a.len(), b.len(), "pairs");
    let sum = |x: &[f64], indices: &[usize]| indices.iter().map(|&i| x[i]).sum::<f64>();
    let interval = bootstrap(a.len(), |indices| sum(a, indices) / sum(b, indices));
    (mean(a) / mean(b), interval)
}

#[cfg(test)]
mod samples;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::normals;

    #[test]
    fn quantiles_are_numpy_s() {
        let x = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&x, 0.0), 1.0);
        assert_eq!(quantile(&x, 0.5), 3.0);
        // 2.7 of 3 steps: two roundings.
        assert!((quantile(&x, 0.9) - 6.8).abs() < 2e-15);
        assert_eq!(quantile(&x, 1.0), 8.0);
        assert_eq!(quantile(&[3.0], 0.3), 3.0);
    }

    #[test]
    fn intervals_of_a_mean_cover_it_as_often_as_they_say() {
        // 40 standard normals: 95 % nominal; percentile intervals of 40 units cover about 93.5 %.
        let trials = 400;
        let covered = (0..trials).filter(|&trial| {
            let key = Key { seed: trial, purpose: Purpose::Init, step: 0 };
            let interval = mean_interval(&normals(key, 40));
            interval.lo < 0.0 && 0.0 < interval.hi
        });
        let share = covered.count() as f64 / trials as f64;
        // Binomial standard error 0.012.
        assert!((share - 0.935).abs() < 0.04, "{share}");
    }

    #[test]
    fn resamples_never_change() {
        let x = [0.1_f64, 0.7, 1.3, 2.9, 8.1, 5.3, 4.4].map(f64::sqrt);
        let pinned = Interval { lo: 0.9840427602777673, hi: 2.1986900215013243 };
        assert_eq!(mean_interval(&x), pinned);
    }

    #[test]
    fn a_constant_ratio_has_no_width() {
        let b = [1.0, 5.0, 2.0, 9.0];
        let a = b.map(|x| 3.0 * x);
        let (ratio, interval) = paired_ratio(&a, &b);
        assert!((ratio - 3.0).abs() < 1e-15);
        assert!((interval.lo - 3.0).abs() < 1e-14 && (interval.hi - 3.0).abs() < 1e-14);
    }

    #[test]
    fn resampling_two_units_has_its_exact_distribution() {
        // Means of two draws from {0, 1}: 0, ½, 1 with probabilities ¼, ½, ¼.
        let interval = mean_interval(&[0.0, 1.0]);
        assert_eq!(interval, Interval { lo: 0.0, hi: 1.0 });
        let mut counts = [0; 3];
        bootstrap(2, |i| {
            counts[i[0] + i[1]] += 1;
            0.0
        });
        // Standard error √(10⁴·¼·¾) = 43.
        assert!((counts[0] - 2500i32).abs() < 200 && (counts[2] - 2500i32).abs() < 200);
    }

    #[test]
    fn undefined_values_make_undefined_intervals() {
        assert!(mean_interval(&[1.0, f64::NAN]).lo.is_nan());
        assert!(paired_ratio(&[f64::INFINITY, 1.0], &[1.0, 1.0]).1.hi.is_infinite());
    }
}
