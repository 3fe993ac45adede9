//! Inference over seeds, and the statistics of heavy tails.
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

pub use band::median_band;
pub use hill::{Hill, default_k, descending, hill, hill_curve, log_spaced_ks, tail_index};
pub use likelihood_ratio::{Alternative, Comparison, FavoredLaw, compare_tails};
pub use location::{FEWEST_OF_MEDIAN, Location};
pub use log_line::{LogLine, log_line, log_line_through};
pub use moments::{excess_kurtosis, skewness, std_dev, variance};
pub use multiple::holm;
pub use power::{POWER, detectable, units_needed};
pub use power_law::{MIN_TAIL, PowerLaw, goodness_of_fit, power_law, power_law_above};
pub use qq::{Qq, TailRatio, gaussian_norm_sample, qq_normal, qq_reference, tail_ratio};
pub use rank::{rank_correlation, spearman};
pub use robust::{MeanTrust, mean_trust, median_of_means};
pub use spectrum::{jensen_shannon_distance, spectral_density};
pub use stable::{StableIndex, stable_log_moment, stable_quantile};

use std::fmt;

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

/// The 2.5 % and 97.5 % points of resampled values; NaN when one of them is.
fn percentile_interval(values: &mut [f64]) -> Interval {
    if values.iter().any(|v| v.is_nan()) {
        return Interval::UNDEFINED;
    }
    values.sort_by(f64::total_cmp);
    Interval { lo: quantile(values, 0.025), hi: quantile(values, 0.975) }
}

#[cfg(test)]
mod samples;

#[cfg(test)]
mod tests {
    use super::*;

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
    fn means_and_shares_of_enormous_values_are_numbers() {
        assert_eq!(mean(&[1e308, 1e308, 1e308, 1e308]), 1e308);
        assert_eq!(top_share(&[1e308, 1e308]), 0.5);
        assert_eq!(top_share(&[3.0, 1.0]), 0.75);
        assert_eq!(mean(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(top_share(&[0.0, 0.0]).is_nan() && top_share(&[f64::INFINITY]).is_nan());
        assert!(top_share(&[]).is_nan() && mean(&[]).is_nan());
    }
}
