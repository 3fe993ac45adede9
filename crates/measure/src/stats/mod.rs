//! Summaries over seeds with bootstrap intervals, and the statistics of heavy tails.
//!
//! Everything here takes slices only. Two exponents are in use for one tail P(X > x) ∼ x^−α: the
//! **tail index** α ([`hill`], [`PowerLaw::tail_index`]) and the **density exponent** α + 1
//! ([`PowerLaw::density_exponent`]). The variance is infinite for a tail index below 2, the mean
//! below 1. The index of a stable law ([`stable_log_moment`], [`stable_quantile`]) is its tail
//! index, except at 2, where the law is Gaussian.

mod band;
mod hill;
mod likelihood_ratio;
mod location;
mod log_line;
mod moments;
mod multiple;
mod power;
mod power_law;
mod qq;
mod rank;
mod resample;
mod robust;
mod special;
mod spectrum;
mod stable;

pub use band::{FEWEST_OF_BAND, simultaneous_band};
pub use hill::{Hill, default_k, descending, hill, hill_curve, log_spaced_ks, tail_index};
pub use likelihood_ratio::{Alternative, Comparison, FavoredLaw, compare_tails};
pub use location::{FEWEST_OF_MEDIAN, Location};
pub use log_line::{LogLine, log_line, log_line_through};
pub use moments::{
    excess_kurtosis, kurtosis_interval, skewness, skewness_interval, std_dev, variance,
};
pub use multiple::holm;
pub use power::{POWER, detectable, units_needed};
pub use power_law::{MIN_TAIL, PowerLaw, goodness_of_fit, power_law, power_law_above};
pub use qq::{Qq, TailRatio, gaussian_norm_sample, qq_normal, qq_reference, tail_ratio};
pub use rank::{rank_correlation, spearman};
pub use robust::{MeanTrust, mean_trust, median_of_means};
pub use spectrum::{jensen_shannon_distance, spectral_density};
pub use stable::{StableIndex, stable_log_moment, stable_quantile};

use std::fmt;

use windtunnel_math::rng::Key;

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
    /// The interval of a statistic that has no value.
    const UNDEFINED: Interval = Interval { lo: f64::NAN, hi: f64::NAN };

    /// Whether `x` lies between the ends or on one; false when an end is NaN.
    pub fn contains(&self, x: f64) -> bool {
        self.lo <= x && x <= self.hi
    }
}

/// Arithmetic mean, also of finite values whose sum overflows; NaN when empty.
pub fn mean(x: &[f64]) -> f64 {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    if mean.is_finite() || x.is_empty() || !x.iter().all(|v| v.is_finite()) {
        return mean;
    }
    let share = 1.0 / x.len() as f64;
    x.iter().map(|v| v * share).sum()
}

/// Share of the largest of `x` (of losses, for instance) in the sum, also where the sum overflows;
/// NaN when all are 0, one is not finite or there are none.
pub fn top_share(x: &[f64]) -> f64 {
    let (sum, top) = (x.iter().sum::<f64>(), x.iter().fold(f64::NAN, |m, v| m.max(*v)));
    match sum == f64::INFINITY && top.is_finite() {
        true => 1.0 / x.iter().map(|v| v / top).sum::<f64>(),
        false => top / sum,
    }
}

/// Reason why a statistic of `x` that needs spread is not defined.
pub fn degeneracy(x: &[f64]) -> &'static str {
    let Some(first) = x.first() else { return "there are no values" };
    if !x.iter().all(|v| v.is_finite()) {
        "a value is not finite"
    } else if x.iter().all(|v| *v == 0.0) {
        "all values are 0"
    } else if x.iter().all(|v| v == first) {
        "all values are equal"
    } else {
        "it is not defined for these values"
    }
}

/// Error returned when an estimator has no value for a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// Too few values.
    TooFew {
        /// Number of values that are needed.
        needed: usize,
        /// Number of values in the sample.
        found: usize,
    },
    /// Values that are 0, which the law of the estimator does not have.
    Zeros {
        /// Number of zeros.
        zeros: usize,
        /// Number of values in the sample.
        found: usize,
    },
    /// A sample without the spread that the estimator needs; the text says which.
    Degenerate(&'static str),
}

impl std::error::Error for Undefined {}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undefined::TooFew { needed, found } => {
                write!(f, "it takes {needed} values, and there are {found}")
            }
            Undefined::Zeros { zeros, found } => write!(f, "{zeros} of {found} values are 0"),
            Undefined::Degenerate(reason) => f.write_str(reason),
        }
    }
}

/// The `p`-quantile of sorted values, linear between order statistics (type 7 of Hyndman and Fan
/// 1996, NumPy's default).
///
/// # Panics
/// If there are no values.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    let position = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let weight = position - below as f64;
    // The plain formula would make 0·∞ of an infinite neighbour that has no weight, and 0 of the
    // halves of the smallest doubles.
    if weight == 0.0 || sorted[below] == sorted[above] {
        sorted[below]
    } else {
        sorted[below] * (1.0 - weight) + sorted[above] * weight
    }
}

/// Median, the mean of the middle two of an even number; NaN when there are no values.
pub fn median(x: &[f64]) -> f64 {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() { f64::NAN } else { quantile(&sorted, 0.5) }
}

/// Largest number of units for which all resamples are enumerated: 1716 multisets of seven.
const ENUMERATED: usize = 7;

/// 95 % percentile bootstrap interval of `statistic` over `len` units, resampled together.
///
/// `statistic` gets the indices of one resample; passing the same indices to two columns makes the
/// interval paired. Up to seven units all resamples are enumerated with their probabilities, so
/// that the interval is exact; beyond they are drawn, deterministically, from `len` alone. With
/// few units (6 seeds) percentile intervals are too short by some tens of per cent (Efron and
/// Tibshirani 1993, ch. 13). Non-finite statistics make the interval NaN.
///
/// # Panics
/// If `len` is 0.
pub fn bootstrap(len: usize, mut statistic: impl FnMut(&[usize]) -> f64) -> Interval {
    assert!(len > 0, "nothing to resample");
    if len <= ENUMERATED {
        return enumerated_interval(len, statistic);
    }
    let key = Key::bootstrap(len);
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

/// The smallest values that 2.5 % and 97.5 % of all resamples do not exceed.
fn enumerated_interval(len: usize, mut statistic: impl FnMut(&[usize]) -> f64) -> Interval {
    let mut values: Vec<(f64, f64)> = Vec::new();
    // Ascending indices name a multiset; the next one raises the last index that can be raised.
    let mut indices = vec![0; len];
    loop {
        values.push((statistic(&indices), orders(&indices)));
        let Some(at) = indices.iter().rposition(|index| index + 1 < len) else { break };
        let raised = indices[at] + 1;
        indices[at..].fill(raised);
    }
    if values.iter().any(|(value, _)| value.is_nan()) {
        return Interval::UNDEFINED;
    }
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all: f64 = values.iter().map(|(_, weight)| weight).sum();
    let point = |share: f64| {
        let mut below = 0.0;
        let reached = values.iter().find(|(_, weight)| {
            below += weight;
            below >= share * all
        });
        reached.map_or(f64::NAN, |(value, _)| *value)
    };
    Interval { lo: point(0.025), hi: point(0.975) }
}

/// Number of orders in which a multiset of ascending indices can be drawn: n!/∏k!.
fn orders(indices: &[usize]) -> f64 {
    let mut orders = 1.0;
    let mut run = 0.0;
    for (i, index) in indices.iter().enumerate() {
        run = if i > 0 && indices[i - 1] == *index { run + 1.0 } else { 1.0 };
        orders *= (i + 1) as f64 / run;
    }
    orders
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
    let mut resample = Vec::with_capacity(x.len());
    bootstrap(x.len(), |indices| {
        resample.clear();
        resample.extend(indices.iter().map(|&i| x[i]));
        mean(&resample)
    })
}

#[cfg(test)]
mod samples;

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_math::linalg::normals;

    #[test]
    fn few_units_are_resampled_in_every_way() {
        // Four of the 27 resamples of three units have these means; 1/27 > 2.5 %.
        let interval = mean_interval(&[0.0, 3.0, 6.0]);
        assert_eq!((interval.lo, interval.hi), (0.0, 6.0));
        // A multiset of six is one of 6⁶ = 46656 at least and 720 at most.
        let mut seen = Vec::new();
        let interval = bootstrap(6, |indices| {
            seen.push(indices.to_vec());
            indices.iter().sum::<usize>() as f64
        });
        assert_eq!(seen.len(), 462);
        let total: f64 = seen.iter().map(|indices| orders(indices)).sum();
        assert_eq!(total, 46656.0);
        // Of sums of six dice 0..=5, counted: 1.97 % are up to 6 and 3.59 % up to 7; 96.4 % up to 22.
        assert_eq!((interval.lo, interval.hi), (7.0, 23.0));
        let inverse = bootstrap(2, |indices| 1.0 / indices.iter().sum::<usize>() as f64);
        assert_eq!((inverse.lo, inverse.hi), (0.5, f64::INFINITY));
        assert!(bootstrap(2, |_| f64::NAN).lo.is_nan());
    }

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
            let key = Key::parameters(trial);
            let interval = mean_interval(&normals(key, 40));
            interval.lo < 0.0 && 0.0 < interval.hi
        });
        let share = covered.count() as f64 / trials as f64;
        // Binomial standard error 0.012.
        assert!((share - 0.935).abs() < 0.04, "{share}");
    }

    #[test]
    fn resamples_never_change() {
        let x = [0.1_f64, 0.7, 1.3, 2.9, 8.1, 5.3, 4.4, 6.2].map(f64::sqrt);
        let pinned = Interval { lo: 1.134398537132268, hi: 2.2792659838314404 };
        assert_eq!(mean_interval(&x), pinned);
    }

    #[test]
    fn resampling_two_units_has_its_exact_distribution() {
        // Means of two draws from {0, 1}: 0, ½, 1 with probabilities ¼, ½, ¼.
        let interval = mean_interval(&[0.0, 1.0]);
        assert_eq!(interval, Interval { lo: 0.0, hi: 1.0 });
    }

    #[test]
    fn means_and_shares_of_enormous_values_are_numbers() {
        assert_eq!(mean(&[1e308, 1e308, 1e308, 1e308]), 1e308);
        assert_eq!(top_share(&[1e308, 1e308]), 0.5);
        assert_eq!(top_share(&[3.0, 1.0]), 0.75);
        assert_eq!(mean(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert_eq!(mean_interval(&[1e308; 4]), Interval { lo: 1e308, hi: 1e308 });
        assert!(top_share(&[0.0, 0.0]).is_nan() && top_share(&[f64::INFINITY]).is_nan());
        assert!(top_share(&[]).is_nan() && mean(&[]).is_nan());
    }

    #[test]
    fn undefined_values_make_undefined_intervals() {
        assert!(mean_interval(&[1.0, f64::NAN]).lo.is_nan());
    }
}
