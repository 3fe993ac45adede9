//! Hill's estimator of the tail index.

use super::special::gamma_factors;
use super::{Interval, Undefined};

/// An estimate of the tail index α of P(X > x) ∼ x^−α from the largest values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hill {
    /// The estimate: variance infinite below 2, mean infinite below 1.
    pub alpha: f64,
    /// Number of values above the threshold.
    pub k: usize,
    /// The largest value not used, x_(k+1).
    pub threshold: f64,
    /// 95 % interval, exact when the tail above the threshold is Pareto's.
    pub interval: Interval,
}

/// [`hill`] of |x| with [`default_k`] of all values, zeros included, as the k largest of a sample are
/// the same whatever lies below.
///
/// # Errors
/// If a value is not finite, fewer than k + 1 are not 0, or the k + 1 largest are equal.
pub fn tail_index(x: &[f64]) -> Result<Hill, Undefined> {
    if !x.iter().all(|v| v.is_finite()) {
        return Err(Undefined::Degenerate("a value is not finite"));
    }
    let (sorted, k) = (descending(x), default_k(x.len()));
    if x.len() <= k {
        return Err(Undefined::TooFew { needed: k + 1, found: x.len() });
    }
    if sorted.len() <= k {
        return Err(Undefined::Zeros { zeros: x.len() - sorted.len(), found: x.len() });
    }
    if sorted[0] == sorted[k] {
        return Err(Undefined::Degenerate("the largest values are equal"));
    }
    Ok(hill(&sorted, k))
}

/// Hill's estimate of the tail index from the `k` largest of `sorted_desc`, positive values in
/// descending order ([`descending`]).
///
/// α̂ = k / Σᵢ₌₁..ₖ ln(x_(i)/x_(k+1)) (Hill, Annals of Statistics 3, 1975). Under a Pareto tail
/// k α/α̂ is Gamma(k, 1), which gives the exact interval. Infinite when all k + 1 values are equal.
/// Beyond the Pareto part of a law α̂ is biased: look at [`hill_curve`].
///
/// # Panics
/// If `k` is 0 or there are not more than `k` values.
pub fn hill(sorted_desc: &[f64], k: usize) -> Hill {
    check(sorted_desc.len(), k);
    let threshold = sorted_desc[k];
    let sum = sorted_desc[..k].iter().map(|x| ln_ratio(*x, threshold)).sum();
    estimate(sum, k, threshold)
}

/// [`hill`] for each of `ks`, the curve whose flat part shows where the tail is Pareto's.
///
/// # Panics
/// As [`hill`], for any of `ks`.
///
/// # Cost
/// One logarithm for each value, and an interval for each of `ks`.
pub fn hill_curve(sorted_desc: &[f64], ks: &[usize]) -> Vec<Hill> {
    // Logarithms relative to the largest value keep their sums small.
    let below_top = |x: f64| ln_ratio(x, sorted_desc[0]);
    let mut sums = vec![0.0];
    sums.extend(sorted_desc.iter().scan(0.0, |sum, &x| {
        *sum += below_top(x);
        Some(*sum)
    }));
    let at = |&k: &usize| {
        check(sorted_desc.len(), k);
        let threshold = sorted_desc[k];
        estimate(sums[k] - k as f64 * below_top(threshold), k, threshold)
    };
    ks.iter().map(at).collect()
}

/// n^0.6 of `len` values, at least 1: 10 of 50, 251 of 10,000.
///
/// Hall (JRSS B 44, 1982) gives the best k as a power of n between 0 and 1 that depends on how fast
/// the law becomes Pareto's. A tenth of the values (DuMouchel, Annals of Statistics 11, 1983) is
/// too many for the losses and gradients of this package: at 10,000 values, squares of products of
/// normals, which have all moments, would look like infinite variance. The alternative is a choice
/// from the data by [`super::power_law`]: its `tail_len` − 1. That threshold adapts, but its choice
/// adds variance (Drees, Janßen, Resnick and Wang, SIAM Journal on Mathematics of Data Science 2,
/// 2020).
pub fn default_k(len: usize) -> usize {
    ((len as f64).powf(0.6) as usize).max(1)
}

/// At most `count` different whole numbers from `lo` to `hi` in even ratios, ends included.
///
/// # Panics
/// Unless 1 ≤ `lo` ≤ `hi` and `count` ≥ 2.
pub fn log_spaced_ks(lo: usize, hi: usize, count: usize) -> Vec<usize> {
    assert!(1 <= lo && lo <= hi && count >= 2, "{count} numbers from {lo} to {hi}");
    let ratio = (hi as f64 / lo as f64).ln();
    let at = |i: usize| lo as f64 * (ratio * i as f64 / (count - 1) as f64).exp();
    let mut ks: Vec<usize> = (0..count).map(|i| (at(i).round() as usize).clamp(lo, hi)).collect();
    ks.dedup();
    ks
}

/// Absolute values of `x` in descending order, without zeros and values that are not finite, which
/// have no logarithm. The k of an estimate is chosen from the length of `x`, not from the number of
/// remaining values.
pub fn descending(x: &[f64]) -> Vec<f64> {
    let mut kept: Vec<f64> =
        x.iter().map(|v| v.abs()).filter(|v| *v > 0.0 && v.is_finite()).collect();
    kept.sort_unstable_by(|a, b| b.total_cmp(a));
    kept
}

/// ln(x/y) of positive numbers, also where the quotient leaves the range of doubles.
pub(super) fn ln_ratio(x: f64, y: f64) -> f64 {
    let ratio = x / y;
    if ratio.is_normal() { ratio.ln() } else { x.ln() - y.ln() }
}

fn check(len: usize, k: usize) {
    assert!(0 < k && k < len, "the {k} largest of {len} values and one below");
}

fn estimate(sum: f64, k: usize, threshold: f64) -> Hill {
    let alpha = k as f64 / sum;
    Hill { alpha, k, threshold, interval: index_interval(alpha, k) }
}

/// The exact 95 % interval of a tail index estimated as `alpha` from `k` excesses.
pub(super) fn index_interval(alpha: f64, k: usize) -> Interval {
    let factors = gamma_factors(k);
    Interval { lo: alpha * factors.lo, hi: alpha * factors.hi }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::samples::{pareto, share, slack, stable, student};

    #[test]
    fn zeros_do_not_change_how_many_values_are_the_tail() {
        let mut x = pareto(1.5, 4, 900);
        x.extend([0.0; 100]);
        let tail = tail_index(&x).unwrap();
        assert_eq!(tail.k, default_k(1000));
        assert_eq!(tail, hill(&descending(&x), 63));
        assert_eq!(tail_index(&[1.0, 0.0, 0.0]), Err(Undefined::Zeros { zeros: 2, found: 3 }));
        assert_eq!(tail_index(&[1.0]), Err(Undefined::TooFew { needed: 2, found: 1 }));
        assert!(tail_index(&[2.0; 9]).is_err() && tail_index(&[f64::NAN; 9]).is_err());
        // Quotients beyond doubles.
        let wide = hill(&[1e300, 1e-300], 1).alpha;
        assert!((wide * 600.0 * 10f64.ln() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn the_estimate_follows_its_formula() {
        // Σ ln(x/2) = ln 8 + ln 4 = 5 ln 2.
        let h = hill(&[16.0, 8.0, 2.0, 1.0], 2);
        assert!((h.alpha - 2.0 / (5.0 * 2f64.ln())).abs() < 4.0 * f64::EPSILON);
        assert_eq!((h.k, h.threshold), (2, 2.0));
        assert_eq!(hill(&[3.0, 3.0, 3.0], 2).alpha, f64::INFINITY);
    }

    #[test]
    fn intervals_of_pareto_samples_cover_exactly() {
        let trials = 1000;
        for (index, len, k) in [(1.5, 500, 50), (2.5, 500, 499), (1.5, 40, 5)] {
            let covered = share(trials, |&seed| {
                hill(&descending(&pareto(index, seed, len)), k).interval.contains(index)
            });
            // The interval is exact: only binomial noise.
            assert!((covered - 0.95).abs() < slack(0.95, trials), "{index} {k}: {covered}");
        }
    }

    #[test]
    fn stable_and_student_tails_have_their_index() {
        // 1 % of 100,000: standard error α/√1000, and a bias of second order below it.
        for (index, x) in [(1.5, stable(1.5, 1, 100_000)), (3.0, student(3.0, 2, 100_000))] {
            let h = hill(&descending(&x), 1000);
            assert!((h.alpha / index - 1.0).abs() < 4.0 / f64::sqrt(1000.0), "{}", h.alpha);
        }
    }

    #[test]
    fn a_curve_is_its_points() {
        let x = descending(&pareto(1.5, 3, 300));
        let ks = log_spaced_ks(5, 299, 20);
        for (point, &k) in hill_curve(&x, &ks).iter().zip(&ks) {
            let alone = hill(&x, k);
            assert_eq!((point.k, point.threshold), (alone.k, alone.threshold));
            // 300 roundings of a sum of logarithms.
            assert!((point.alpha / alone.alpha - 1.0).abs() < 300.0 * f64::EPSILON);
        }
    }

    #[test]
    fn numbers_are_log_spaced_and_different() {
        assert_eq!(log_spaced_ks(1, 16, 5), [1, 2, 4, 8, 16]);
        assert_eq!(log_spaced_ks(1, 3, 9), [1, 2, 3]);
        assert_eq!(log_spaced_ks(7, 7, 2), [7]);
    }

    #[test]
    fn only_sizes_of_finite_values_are_ranked() {
        assert_eq!(descending(&[0.0, -3.0, f64::NAN, 2.0, f64::INFINITY]), [3.0, 2.0]);
    }

    #[test]
    #[should_panic(expected = "the 3 largest of 3 values and one below")]
    fn a_threshold_is_needed() {
        hill(&[3.0, 2.0, 1.0], 3);
    }
}
