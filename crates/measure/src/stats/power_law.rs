//! Power-law tails after Clauset, Shalizi and Newman, "Power-law distributions in empirical data"
//! (SIAM Review 51, 2009), for continuous data.

use super::Interval;
use super::hill::{index_interval, log_spaced_ks};
use super::resample::below;
use windtunnel_math::rng::Key;

/// Least number of values above a threshold that is tried: Clauset et al. (section 3.2) call
/// estimates of the exponent reliable from about that number on.
pub const MIN_TAIL: usize = 50;
/// Largest number of values for which each is tried as a threshold. This costs up to n², some tens
/// of milliseconds for that many.
const FULL_SCAN: usize = 10_000;
/// Number of thresholds tried for more values, in even ratios of the tail length; and for every
/// sample in the test of goodness of fit, which repeats the search for each replicate.
const CANDIDATES: usize = 100;
/// Points of a tail that are compared first; most thresholds are rejected there.
const GLIMPSES: usize = 32;

/// A power law p(x) ∝ x^−`density_exponent` above `x_min`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// Exponent of P(X > x) ∼ x^−α, comparable with [`super::Hill::alpha`].
    pub tail_index: f64,
    /// Exponent of the density, `tail_index` + 1: the α of Clauset et al.
    pub density_exponent: f64,
    /// Standard error of either exponent, `tail_index`/√`tail_len`.
    pub std_error: f64,
    /// 95 % interval of `tail_index`, exact for a Pareto tail above a threshold fixed beforehand;
    /// it ignores that [`power_law`] has chosen the threshold, and then covers in 92 %.
    pub interval: Interval,
    /// The threshold, one of the values or as given.
    pub x_min: f64,
    /// Number of values from `x_min` on.
    pub tail_len: usize,
    /// Kolmogorov–Smirnov distance between these values and the fit.
    pub ks_distance: f64,
}

/// The power law whose threshold has the least Kolmogorov–Smirnov distance; none when fewer than
/// [`MIN_TAIL`] values are positive and finite, or all of these are equal.
///
/// α̂ = n/Σ ln(xᵢ/x_min) above each value that leaves a tail of at least [`MIN_TAIL`] (Clauset et al.
/// 2009, eqs. 3.1 and 3.9); of more than 10,000 values above 100 of them in even
/// ratios of the tail length. For continuous data: counts and rounded values need the discrete form.
/// Values that are not positive are ignored.
pub fn power_law(x: &[f64]) -> Option<PowerLaw> {
    let values = positive_desc(x);
    let logs: Vec<f64> = values.iter().map(|v| v.ln()).collect();
    let mut best = grid_tail(&logs);
    if logs.len() <= FULL_SCAN {
        best = best_tail(&logs, MIN_TAIL..=logs.len(), best);
    }
    // The value itself, not the exponential of its logarithm, so that the tail is the same for all.
    best.map(|tail| law(&logs, values[tail.len - 1], tail))
}

/// The power law above a given `x_min`; none when fewer than two values are not below it.
///
/// # Panics
/// If `x_min` is not positive.
pub fn power_law_above(x: &[f64], x_min: f64) -> Option<PowerLaw> {
    assert!(x_min > 0.0, "x_min {x_min}");
    let logs = logs_desc(x);
    let len = logs.partition_point(|&y| y >= x_min.ln());
    let sum = logs[..len].iter().map(|y| y - x_min.ln()).sum();
    (len >= 2 && sum > 0.0).then(|| {
        let distance = ks_distance(&logs[..len], x_min.ln(), len as f64 / sum, f64::INFINITY);
        law(&logs, x_min, Tail { len, sum, distance })
    })
}

/// The p-value of `law` as a description of the tail of `x`, by the semiparametric bootstrap.
///
/// Each replicate draws as many values, from the law with probability `tail_len`/n and else from
/// the values below `x_min`, and is fitted with a threshold of its own; p is the share of
/// replicates at least as far from their fit (Clauset et al. 2009, section 4.1). For replicates and
/// for `x` that distance is the least over the same 100 thresholds. Clauset et al. reject below 0.1
/// and advise 2500 replicates for a p to within 0.01; 100 give it to within 0.05. The test is
/// conservative, because values below x_min are resampled: of samples that are power laws
/// throughout 7 % have a p below 0.1, and 39 % below ½. If those values are drawn from the law as
/// well, p is uniform.
///
/// # Panics
/// If `replicates` is 0 or `x` has fewer than [`MIN_TAIL`] positive finite values.
///
/// # Cost
/// About 2 ms for each replicate of 10,000 values.
pub fn goodness_of_fit(x: &[f64], law: &PowerLaw, replicates: u32, key: Key) -> f64 {
    assert!(replicates > 0, "no replicates");
    let logs = logs_desc(x);
    assert!(logs.len() >= MIN_TAIL, "{} values, at least {MIN_TAIL} needed", logs.len());
    let own = grid_tail(&logs).map_or(law.ks_distance, |tail| tail.distance);
    let farther = |&replicate: &u32| {
        let mut drawn: Vec<f64> = (0..logs.len() as u32)
            .map(|slot| semiparametric(&logs, law, key.words(replicate, slot)))
            .collect();
        drawn.sort_unstable_by(|a, b| b.total_cmp(a));
        grid_tail(&drawn).is_some_and(|tail| tail.distance >= own)
    };
    (0..replicates).filter(farther).count() as f64 / f64::from(replicates)
}

/// Logarithms of the positive finite values in descending order.
fn logs_desc(x: &[f64]) -> Vec<f64> {
    positive_desc(x).into_iter().map(f64::ln).collect()
}

fn positive_desc(x: &[f64]) -> Vec<f64> {
    let mut kept: Vec<f64> = x.iter().copied().filter(|v| *v > 0.0 && v.is_finite()).collect();
    kept.sort_unstable_by(|a, b| b.total_cmp(a));
    kept
}

/// The `len` largest logarithms, the sum of their excesses over the last of them, or over the
/// threshold, and their Kolmogorov–Smirnov distance.
#[derive(Clone, Copy)]
struct Tail {
    len: usize,
    sum: f64,
    distance: f64,
}

/// The best of [`CANDIDATES`] tails.
fn grid_tail(logs: &[f64]) -> Option<Tail> {
    if logs.len() < MIN_TAIL {
        return None;
    }
    best_tail(logs, log_spaced_ks(MIN_TAIL, logs.len(), CANDIDATES), None)
}

/// The tail of least distance, of those from the given lengths on, in ascending order, and `best`.
fn best_tail(
    logs: &[f64],
    lengths: impl IntoIterator<Item = usize>,
    mut best: Option<Tail>,
) -> Option<Tail> {
    let (mut len, mut below_top) = (0, 0.0);
    for least in lengths {
        if least <= len {
            // A tie of the threshold before.
            continue;
        }
        let threshold = logs[least - 1];
        // Logarithms below the largest keep the sum small; all ties of the threshold count.
        while len < logs.len() && logs[len] >= threshold {
            below_top += logs[len] - logs[0];
            len += 1;
        }
        let sum = below_top - len as f64 * (threshold - logs[0]);
        let to_beat = best.map_or(f64::INFINITY, |b| b.distance);
        if sum > 0.0 {
            let distance = ks_distance(&logs[..len], threshold, len as f64 / sum, to_beat);
            if distance < to_beat {
                best = Some(Tail { len, sum, distance });
            }
        }
    }
    best
}

fn law(logs: &[f64], x_min: f64, tail: Tail) -> PowerLaw {
    let tail_index = tail.len as f64 / tail.sum;
    // A value that is the threshold adds no information, only the excesses above it do.
    let excesses = logs.partition_point(|&y| y > x_min.ln());
    PowerLaw {
        tail_index,
        density_exponent: tail_index + 1.0,
        std_error: tail_index / (tail.len as f64).sqrt(),
        interval: index_interval(excesses as f64 / tail.sum, excesses),
        x_min,
        tail_len: tail.len,
        ks_distance: tail.distance,
    }
}

/// sup |S(y) − exp(−a (y − threshold))| over descending `tail`; stops beyond `give_up`.
fn ks_distance(tail: &[f64], threshold: f64, a: f64, give_up: f64) -> f64 {
    let at = |i: usize| {
        let survival = (-a * (tail[i] - threshold)).exp();
        // The empirical survival function steps from (i + 1)/n down to i/n at the i-th largest.
        let below = survival - i as f64 / tail.len() as f64;
        let above = (i + 1) as f64 / tail.len() as f64 - survival;
        below.max(above)
    };
    let stride = tail.len().div_ceil(GLIMPSES).max(1);
    let mut distance = 0.0_f64;
    for i in (0..tail.len()).step_by(stride).chain(0..tail.len()) {
        distance = distance.max(at(i));
        if distance > give_up {
            break;
        }
    }
    distance
}

fn semiparametric(logs: &[f64], law: &PowerLaw, words: [u32; 4]) -> f64 {
    let body = &logs[law.tail_len.min(logs.len())..];
    if below(words[0], logs.len()) < law.tail_len {
        let uniform = (f64::from(words[1]) + 0.5) / 4_294_967_296.0;
        law.x_min.ln() - uniform.ln() / law.tail_index
    } else {
        body[below(words[1], body.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::samples::{key, lognormal, pareto, share, slack, uniforms};
    use crate::stats::{descending, hill};

    /// Twelve values for the tools of Python.
    const X: [f64; 12] = [1.2, 1.5, 1.9, 2.0, 2.2, 2.8, 3.1, 4.7, 5.5, 9.1, 17.0, 60.0];

    #[test]
    fn a_fit_above_a_given_threshold_is_that_of_powerlaw_and_scipy() {
        let law = power_law_above(&X, 1.9).unwrap();
        // powerlaw 2.0.0: Fit(x, xmin=1.9).power_law.alpha and .sigma; ten roundings.
        let noise = 10.0 * f64::EPSILON;
        assert!((law.density_exponent / 1.975221188510476 - 1.0).abs() < noise);
        assert!((law.std_error / 0.3083920178149534 - 1.0).abs() < noise);
        // scipy 1.17.1: kstest(tail, pareto(alpha − 1, scale=1.9).cdf).statistic.
        assert!(
            (law.ks_distance / 0.16677936605319227 - 1.0).abs() < 10.0 * noise,
            "{}",
            law.ks_distance
        );
        assert_eq!((law.tail_len, law.x_min), (10, 1.9));
    }

    #[test]
    fn distances_are_scipy_s_on_either_side() {
        // scipy 1.17.1: kstest(tail, pareto(index, scale=x_min).cdf).statistic, where the
        // empirical distribution is below the law at 1, 1.2 and 5 and above it at 1.9 and 2.8.
        for (x_min, distance) in [
            (1.0, 0.19330175859758622),
            (1.2, 0.13973088073035642),
            (1.9, 0.16677936605319227),
            (2.8, 0.19323055156084923),
            (5.0, 0.17103645423254688),
        ] {
            let law = power_law_above(&X, x_min).unwrap();
            // Ten roundings of terms of order 1.
            assert!((law.ks_distance - distance).abs() < 10.0 * f64::EPSILON, "{law:?}");
        }
    }

    #[test]
    fn the_threshold_is_the_best_of_all_values() {
        for (seed, len) in [(1, MIN_TAIL), (2, 120), (3, 1500)] {
            let x = lognormal(1.2, seed, len);
            let law = power_law(&x).unwrap();
            let sorted = positive_desc(&x);
            let distance = |k: usize| power_law_above(&x, sorted[k]).unwrap().ks_distance;
            let all = (MIN_TAIL - 1..len).map(|k| (distance(k), sorted[k]));
            let best = all.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
            assert_eq!(law.x_min, best.1, "{len} values");
            // Sums in another order.
            assert!((law.ks_distance - best.0).abs() < 1e-12, "{len} values");
        }
    }

    #[test]
    fn replicates_keep_the_body_and_draw_the_tail_from_the_law() {
        let x = spliced(1.5, 3, 1000);
        let law = power_law(&x).unwrap();
        let logs = logs_desc(&x);
        let threshold = law.x_min.ln();
        let draws: Vec<f64> =
            (0..40_000).map(|i| semiparametric(&logs, &law, key(1).words(0, i))).collect();
        let (tail, body): (Vec<f64>, Vec<f64>) = draws.iter().partition(|&&y| y > threshold);
        let wanted = law.tail_len as f64 / 1000.0;
        let got = tail.len() as f64 / 40_000.0;
        assert!((got - wanted).abs() < slack(wanted, 40_000), "{got} for {wanted}");
        // Excesses are exponential: their mean has a relative standard error 1/√n.
        let excess = tail.iter().map(|y| y - threshold).sum::<f64>() / tail.len() as f64;
        assert!((excess * law.tail_index - 1.0).abs() < 4.0 / (tail.len() as f64).sqrt());
        assert!(body.iter().all(|y| logs[law.tail_len..].contains(y)));
    }

    #[test]
    fn above_a_value_the_interval_is_hill_s() {
        let law = power_law_above(&X, 2.0).unwrap();
        let twin = hill(&descending(&X), 8);
        // Sums of logarithms in another order; the point estimate counts the threshold as well.
        assert!((law.interval.lo / twin.interval.lo - 1.0).abs() < 20.0 * f64::EPSILON);
        assert!((law.tail_index / twin.alpha - 9.0 / 8.0).abs() < 20.0 * f64::EPSILON);
    }

    /// Uniform below 1, Pareto above, with half of the values each and no jump in the density.
    fn spliced(index: f64, seed: u64, len: usize) -> Vec<f64> {
        let tail = pareto(index, seed, len);
        let pick = uniforms(seed + 1_000_000, len);
        let body = uniforms(seed + 2_000_000, len);
        (0..len).map(|i| if pick[i] < 1.0 / (1.0 + index) { tail[i] } else { body[i] }).collect()
    }

    #[test]
    fn thresholds_are_found() {
        for index in [1.5, 2.5] {
            let law = power_law(&spliced(index, 1, 20_000)).unwrap();
            // A threshold below 1 bends the fit at once, one above only costs values.
            assert!(law.x_min > 0.85 && law.x_min < 3.0, "{law:?}");
            assert!((law.tail_index - index).abs() < 4.0 * law.std_error, "{law:?}");
        }
    }

    #[test]
    fn intervals_cover_with_a_given_threshold_and_less_with_a_chosen_one() {
        let trials = 400;
        for index in [1.5, 2.5] {
            let samples = |seed| pareto(index, seed, 1000);
            let given = share(trials, |&s| {
                power_law_above(&samples(s), 1.0).unwrap().interval.contains(index)
            });
            assert!((given - 0.95).abs() < slack(0.95, trials), "{index}: {given}");
            let chosen =
                share(trials, |&s| power_law(&samples(s)).unwrap().interval.contains(index));
            // The chosen threshold flatters the fit: measured on 2000 seeds.
            assert!((chosen - 0.917).abs() < slack(0.917, trials), "{index}: {chosen}");
        }
    }

    #[test]
    fn p_values_of_power_laws_are_uniform_or_larger() {
        let (trials, replicates) = (250, 40);
        // (Replicates from the law throughout?, levels and shares of p below them.)
        for (throughout, expected) in [
            // Then p is uniform; its rank among 40 replicates is one of 41.
            (true, [(0.1, 4.0 / 41.0), (0.5, 20.0 / 41.0)]),
            // Measured on 1000 seeds: the body is resampled.
            (false, [(0.1, 0.066), (0.5, 0.39)]),
        ] {
            let p: Vec<f64> = (0..trials)
                .map(|seed| {
                    let x = pareto(1.5, seed, 300);
                    let best = power_law(&x).unwrap();
                    let all = power_law_above(&x, 1.0).unwrap();
                    let all = PowerLaw { ks_distance: best.ks_distance, ..all };
                    goodness_of_fit(
                        &x,
                        if throughout { &all } else { &best },
                        replicates,
                        key(seed),
                    )
                })
                .collect();
            for (level, wanted) in expected {
                let got = share(trials, |&t| p[t as usize] < level);
                assert!(
                    (got - wanted).abs() < slack(wanted, trials),
                    "{throughout} {level}: {got}"
                );
            }
        }
    }

    #[test]
    fn p_values_reject_a_narrow_lognormal_above_a_low_threshold() {
        let x = lognormal(0.5, 1, 5000);
        let law = power_law_above(&x, 1.0).unwrap();
        assert_eq!(goodness_of_fit(&x, &law, 50, key(1)), 0.0);
    }

    #[test]
    fn too_few_or_equal_values_have_no_law() {
        assert_eq!(power_law(&pareto(1.5, 1, MIN_TAIL - 1)), None);
        assert_eq!(power_law(&[2.0; 100]), None);
        assert_eq!(power_law_above(&X, 60.0), None);
        assert!(power_law(&pareto(1.5, 1, MIN_TAIL)).is_some());
    }
}
