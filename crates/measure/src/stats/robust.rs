//! Robust means of heavy-tailed data, and a test of whether the plain mean can be trusted.

use std::fmt;

use super::{Hill, Interval, descending, mean, quantile, tail_index};

/// Median of the means of `groups` groups of neighbours.
///
/// The estimator is Nemirovski and Yudin's (1983; survey: Lugosi and Mendelson, Foundations of
/// Computational Mathematics 19, 2019): its error is sub-Gaussian whenever the variance is finite.
/// The values must be in an order without meaning; group sizes differ by one at most. A group with a
/// NaN counts as the largest.
///
/// It has no interval, because it estimates the median of the law of group means: that tends to the
/// mean as groups grow, but lies below it for right-skewed data. An interval between order statistics
/// of the group means, which covers this median in 96 %, covers the mean of 1000 Pareto values of tail
/// index 3 in 37 %.
///
/// # Panics
/// If `groups` is 0 or above the number of values.
pub fn median_of_means(x: &[f64], groups: usize) -> f64 {
    assert!((1..=x.len()).contains(&groups), "{groups} groups of {} values", x.len());
    let start = |group: usize| group * x.len() / groups;
    let mut means: Vec<f64> = (0..groups).map(|g| mean(&x[start(g)..start(g + 1)])).collect();
    means.sort_unstable_by(f64::total_cmp);
    quantile(&means, 0.5)
}

/// Whether the mean of a sample says something about the mean of its distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MeanTrust {
    /// No reason for doubt was found.
    Trusted,
    /// The tail is so heavy that means do not settle like 1/√n, if at all.
    HeavyTail {
        /// Hill's estimate; below 2 the variance is infinite, below 1 the mean.
        tail_index: f64,
        /// Its 95 % interval.
        interval: Interval,
        /// Number of the largest values that it rests on.
        k: usize,
    },
    /// One value makes up more than half of the sum.
    Dominated {
        /// Share of the value in the sum of sizes.
        share: f64,
    },
}

/// Smallest number of values from which a tail index (of 10 values) is estimated.
const FEWEST_FOR_A_TAIL: usize = 50;

/// Whether to trust the mean of `x` (of losses, for instance).
///
/// `Dominated` when one value has more than half of Σ|x| (a value that is not finite has all of
/// it); else `HeavyTail` when the 95 % interval of Hill's index of |x|, with [`default_k`](super::default_k), ends
/// below 2. Fewer than 3 values are always trusted, fewer than 50 have no tail. A lognormal law has
/// all moments, but for large σ looks like infinite variance, and samples average as badly.
pub fn mean_trust(x: &[f64]) -> MeanTrust {
    if x.iter().any(|v| !v.is_finite()) {
        return MeanTrust::Dominated { share: 1.0 };
    }
    let sorted = descending(x);
    // Sums of ratios do not overflow.
    let share = sorted.first().map_or(0.0, |top| 1.0 / sorted.iter().map(|v| v / top).sum::<f64>());
    if x.len() >= 3 && share > 0.5 {
        return MeanTrust::Dominated { share };
    }
    if x.len() >= FEWEST_FOR_A_TAIL
        && let Ok(tail) = tail_index(x)
        && tail.interval.hi < 2.0
    {
        let Hill { alpha: tail_index, interval, k, .. } = tail;
        return MeanTrust::HeavyTail { tail_index, interval, k };
    }
    MeanTrust::Trusted
}

impl fmt::Display for MeanTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MeanTrust::Trusted => write!(f, "the mean can be trusted"),
            MeanTrust::HeavyTail { tail_index, interval: Interval { lo, hi }, k } => write!(
                f,
                "its {k} largest values fall off with tail index {tail_index:.2} ({lo:.2} to \
                 {hi:.2}): if the tail goes on like that, {} infinite, and means settle more slowly than \
                 1/√n. Laws with all moments (lognormal, stretched exponential), or of an index a \
                 little above 2, may look so at this size; report the median beside the mean",
                if *hi < 1.0 { "the mean itself is" } else { "the variance is" }
            ),
            MeanTrust::Dominated { share } => write!(
                f,
                "one value makes up {:.0} % of the sum; report the median, and that value apart",
                100.0 * share
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::samples::{gaussians, pareto, share, slack};

    #[test]
    fn groups_share_the_values_evenly() {
        let x = [1.0, 3.0, 10.0, 20.0, 5.0, 7.0, 9.0];
        // Groups of 2, 2 and 3 with means 2, 15 and 7.
        assert_eq!(median_of_means(&x, 3), 7.0);
        assert_eq!(median_of_means(&x, 1), mean(&x));
        assert_eq!(median_of_means(&x, 7), 7.0);
    }

    #[test]
    fn trust_is_lost_with_the_variance() {
        let trials = 200;
        let heavy = |index: f64| {
            share(trials, |&seed| {
                matches!(mean_trust(&pareto(index, seed, 10_000)), MeanTrust::HeavyTail { .. })
            })
        };
        // 251 values: α/α̂ has standard deviation 0.06, and 2 lies 5 of them above 1.5; two are the
        // interval's own.
        assert!(heavy(1.5) > 0.95);
        // Exactly at 2 one interval in 40 ends below.
        assert!((heavy(2.0) - 0.025).abs() < slack(0.025, trials));
        assert_eq!(heavy(3.0), 0.0);
        assert_eq!(mean_trust(&gaussians(1, 2000)), MeanTrust::Trusted);
        // Losses at initialization are such squares.
        let product = |(a, b): (f64, f64)| (a * b).powi(2);
        let squares = |seed| gaussians(seed, 10_000).into_iter().zip(gaussians(seed + 500, 10_000));
        let trusted = |&seed: &u64| {
            mean_trust(&squares(seed).map(product).collect::<Vec<f64>>()) == MeanTrust::Trusted
        };
        // Measured: 0.97.
        assert!(share(trials, trusted) > 0.97 - slack(0.97, trials));
    }

    #[test]
    fn one_value_can_spoil_a_mean() {
        let MeanTrust::Dominated { share } = mean_trust(&[1.0, 1.0, 1.0, -7.0]) else { panic!() };
        assert!((share - 0.7).abs() < 4.0 * f64::EPSILON);
        assert_eq!(mean_trust(&[f64::MAX; 9]), MeanTrust::Trusted);
        assert_eq!(mean_trust(&[1.0, 1.0, 2.0]), MeanTrust::Trusted);
        assert_eq!(mean_trust(&[1.0, f64::INFINITY]), MeanTrust::Dominated { share: 1.0 });
        assert_eq!(mean_trust(&[1.0, 9.0]), MeanTrust::Trusted);
        assert_eq!(mean_trust(&[]), MeanTrust::Trusted);
        assert_eq!(mean_trust(&[0.0; 60]), MeanTrust::Trusted);
    }

    #[test]
    fn every_doubt_has_advice() {
        let text = |trust: MeanTrust| trust.to_string();
        assert!(text(MeanTrust::Dominated { share: 0.7 }).contains("70 % of the sum; report"));
        let heavy = |tail_index, lo, hi| {
            text(MeanTrust::HeavyTail { tail_index, interval: Interval { lo, hi }, k: 40 })
        };
        assert!(heavy(0.8, 0.7, 0.9).contains("mean itself is infinite"));
        let variance = heavy(1.5, 1.3, 1.8);
        assert!(variance.contains("40 largest") && variance.contains("1.50 (1.30 to 1.80)"));
        assert!(variance.contains("the variance is infinite") && variance.contains("lognormal"));
    }
}
