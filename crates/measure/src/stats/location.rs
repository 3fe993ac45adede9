//! Where a quantity lies, from a sample of independent units: value, interval and tests that agree
//! with each other.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, StudentsT};

use super::special::{normal_quantile, upper_tail};
use super::{Interval, mean, median, std_dev};

/// Share of either side that a 95 % interval leaves out.
const SIDE: f64 = 0.025;

/// Value of a sample with its 95 % interval and one-sided tests. The interval excludes a number if
/// and only if one of the tests against it has p ≤ 0.025.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// Estimate.
    pub value: f64,
    /// 95 % interval; NaN if there is none.
    pub interval: Interval,
    law: Law,
}

/// Law of the estimate.
#[derive(Clone, Debug, PartialEq)]
enum Law {
    /// (value − truth)/`error` is Student's t.
    Student { error: f64, freedom: f64 },
    /// As many values lie on either side of the truth as heads fall in `sorted.len()` tosses.
    Signs { sorted: Vec<f64> },
    /// artanh(value) − artanh(truth) is normal with this standard error.
    Fisher { z: f64, error: f64 },
    /// Too few values.
    Unknown,
}

impl Location {
    /// Mean with Student's interval x̄ ± t s/√n: exact for normal values, and of the intervals for
    /// n = 6 to 20 the one that keeps its coverage best for skewed and heavy-tailed ones
    /// (docs/audit.md). NaN for no values, without an interval for a single one.
    pub fn mean(x: &[f64]) -> Location {
        let value = mean(x);
        if x.len() < 2 || !value.is_finite() {
            return Location { value, interval: Interval::UNDEFINED, law: Law::Unknown };
        }
        // The mean of equal values may be off in the last digit.
        if x.iter().all(|other| *other == x[0]) {
            let law = Law::Student { error: 0.0, freedom: 1.0 };
            return Location { value: x[0], interval: Interval { lo: x[0], hi: x[0] }, law };
        }
        let (error, freedom) = (std_dev(x) / (x.len() as f64).sqrt(), x.len() as f64 - 1.0);
        let half = student_quantile(freedom) * error;
        let interval = Interval { lo: value - half, hi: value + half };
        Location { value, interval, law: Law::Student { error, freedom } }
    }

    /// Median with the interval between order statistics, which covers the median of every law with
    /// at least 95 % (the inverted sign test). Values may be infinite. NaN for no values, without an
    /// interval for fewer than [`FEWEST_OF_MEDIAN`].
    pub fn median(x: &[f64]) -> Location {
        let mut sorted = x.to_vec();
        sorted.sort_by(f64::total_cmp);
        let value = median(&sorted);
        let n = sorted.len();
        if n < FEWEST_OF_MEDIAN || sorted.iter().any(|x| x.is_nan()) {
            return Location { value, interval: Interval::UNDEFINED, law: Law::Unknown };
        }
        let rank = rank_of_median(n, SIDE);
        let interval = Interval { lo: sorted[rank - 1], hi: sorted[n - rank] };
        Location { value, interval, law: Law::Signs { sorted } }
    }

    /// Spearman's correlation ρ of `n` independent pairs with the interval of Bonett and Wright
    /// (Psychometrika 65, 2000): artanh ρ ± 1.96 √((1 + ρ²/2)/(n − 3)). A perfect correlation has
    /// the interval of the next smaller one. Without an interval for fewer than five pairs.
    pub fn rank_correlation(value: f64, n: usize) -> Location {
        if n < 5 || !value.is_finite() {
            return Location { value, interval: Interval::UNDEFINED, law: Law::Unknown };
        }
        let pairs = n as f64;
        // Two neighbours exchanged: 1 − 6·2/(n(n² − 1)).
        let most = 1.0 - 12.0 / (pairs * (pairs * pairs - 1.0));
        let z = value.clamp(-most, most).atanh();
        let error = ((1.0 + 0.5 * value * value) / (pairs - 3.0)).sqrt();
        let half = normal_quantile(1.0 - SIDE) * error;
        let interval = Interval { lo: (z - half).tanh(), hi: (z + half).tanh() };
        let interval = Interval { lo: interval.lo.min(value), hi: interval.hi.max(value) };
        Location { value, interval, law: Law::Fisher { z, error } }
    }

    /// p-value of the test of "at most `null`" against "above `null`"; 1 if there is no interval.
    pub fn p_above(&self, null: f64) -> f64 {
        match &self.law {
            Law::Student { error, freedom } => student_tail(self.value - null, *error, *freedom),
            Law::Signs { sorted } => {
                let above = sorted.iter().filter(|x| **x > null).count();
                at_most((sorted.len() - above) as u64, sorted.len())
            }
            Law::Fisher { z, error } => upper_tail((z - null.atanh()) / error),
            Law::Unknown => 1.0,
        }
    }

    /// p-value of the test of "at least `null`" against "below `null`"; 1 if there is no interval.
    pub fn p_below(&self, null: f64) -> f64 {
        match &self.law {
            Law::Student { error, freedom } => student_tail(null - self.value, *error, *freedom),
            Law::Signs { sorted } => {
                let below = sorted.iter().filter(|x| **x < null).count();
                at_most((sorted.len() - below) as u64, sorted.len())
            }
            Law::Fisher { z, error } => upper_tail((null.atanh() - z) / error),
            Law::Unknown => 1.0,
        }
    }
}

/// Smallest number of values whose range is a 95 % interval of the median: it covers the median with
/// probability 1 − 2^(1−n), 97 % for six.
pub const FEWEST_OF_MEDIAN: usize = 6;

/// 97.5 % quantile of Student's t.
pub(super) fn student_quantile(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |law| law.inverse_cdf(1.0 - SIDE))
}

/// P(T > `excess`/`error`); 0, 1 or certain equality if there is no error.
fn student_tail(excess: f64, error: f64, freedom: f64) -> f64 {
    match (error > 0.0, StudentsT::new(0.0, 1.0, freedom)) {
        (true, Ok(law)) => law.cdf(-excess / error),
        _ if excess > 0.0 => 0.0,
        _ => 1.0,
    }
}

/// The largest k for which the k-th smallest of `n` values lies above the median of their law with a
/// probability of `side` at most; 0 if there is none.
pub(super) fn rank_of_median(n: usize, side: f64) -> usize {
    (0..n as u64).take_while(|k| at_most(*k, n) <= side).count()
}

/// P(K ≤ k) of K heads in `n` tosses of a coin.
fn at_most(k: u64, n: usize) -> f64 {
    Binomial::new(0.5, n as u64).map_or(f64::NAN, |law| law.cdf(k))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::samples::{exponential, gaussians, share, slack, student};

    fn ends(interval: Interval) -> [f64; 2] {
        [interval.lo, interval.hi]
    }

    #[test]
    fn means_have_scipy_s_interval_and_p_value() {
        let x = [0.3, 1.1, -0.2, 2.4, 0.9, 1.6];
        let location = Location::mean(&x);
        // scipy 1.17.1: ttest_1samp(x, 0) and its confidence_interval().
        for (own, scipy) in
            ends(location.interval).into_iter().zip([0.047_050_225_213, 1.986_283_108_12])
        {
            assert!((own - scipy).abs() < 1e-9, "{location:?}");
        }
        assert!((location.p_above(0.0) / 0.021_512_075_392_6 - 1.0).abs() < 1e-9);
        assert!((location.p_above(0.0) + location.p_below(0.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn medians_have_the_interval_of_the_sign_test() {
        let of = |n: u32| Location::median(&(1..=n).map(f64::from).collect::<Vec<_>>());
        assert_eq!(ends(of(6).interval), [1.0, 6.0]);
        // P(K ≤ 5) of 20 tosses is 2.07 %, P(K ≤ 6) 5.8 %.
        assert_eq!(ends(of(20).interval), [6.0, 15.0]);
        assert!((of(20).p_above(5.5) - 0.020_694_732_666).abs() < 1e-12);
        assert!(of(5).interval.lo.is_nan() && of(5).p_above(0.0) == 1.0);
        let open = Location::median(&[f64::INFINITY, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!((open.value, open.interval.hi), (3.5, f64::INFINITY));
    }

    #[test]
    fn correlations_have_the_interval_of_bonett_and_wright() {
        let location = Location::rank_correlation(0.6, 20);
        // NumPy 2: tanh(arctanh(0.6) ± 1.959964 √(1.18/17)).
        let expected = [0.174_954_29, 0.836_535_90];
        for (own, expected) in ends(location.interval).into_iter().zip(expected) {
            assert!((own - expected).abs() < 1e-6, "{location:?}");
        }
        let perfect = Location::rank_correlation(1.0, 9);
        assert!(perfect.interval.lo > 0.8 && perfect.interval.hi == 1.0);
        assert!(Location::rank_correlation(0.9, 4).interval.lo.is_nan());
    }

    #[test]
    fn an_interval_excludes_what_its_test_rejects() {
        for seed in 0..60 {
            let x: Vec<f64> = gaussians(seed, 12).iter().map(|z| z + 0.6).collect();
            for location in [
                Location::mean(&x),
                Location::median(&x),
                Location::rank_correlation(x[0].tanh(), 12),
            ] {
                let Interval { lo, hi } = location.interval;
                assert_eq!(lo > 0.0, location.p_above(0.0) <= SIDE, "{location:?}");
                assert_eq!(hi < 0.0, location.p_below(0.0) <= SIDE, "{location:?}");
            }
        }
    }

    #[test]
    fn degenerate_samples_have_no_interval_or_a_point() {
        assert!(Location::mean(&[]).value.is_nan() && Location::median(&[]).value.is_nan());
        let one = Location::mean(&[2.0]);
        assert!(one.value == 2.0 && one.interval.lo.is_nan() && one.p_above(0.0) == 1.0);
        let equal = Location::mean(&[0.1; 7]);
        assert_eq!(ends(equal.interval), [0.1, 0.1]);
        assert_eq!((equal.p_above(0.1), equal.p_above(0.0), equal.p_below(0.0)), (1.0, 0.0, 1.0));
        assert!(Location::mean(&[f64::NAN, 1.0]).interval.lo.is_nan());
        let enormous = Location::mean(&[1e308, -1e308, 1e308]);
        assert!(enormous.interval.contains(0.0) && enormous.p_above(0.0) > SIDE);
    }

    /// Shares of samples of `n` whose intervals cover the truth, 0 for all laws.
    fn coverage(n: usize, trials: u64, of: fn(&[f64]) -> Location) -> [f64; 3] {
        let laws: [fn(u64, usize) -> Vec<f64>; 3] = [
            gaussians,
            |seed, n| exponential(seed, n).iter().map(|x| x - 1.0).collect(),
            |seed, n| student(3.0, seed, n),
        ];
        laws.map(|law| share(trials, |&seed| of(&law(seed, n)).interval.contains(0.0)))
    }

    #[test]
    fn intervals_of_a_mean_cover_it_as_docs_audit_says() {
        // Shares of a million samples each, by scipy 1.17.1.
        let trials = 2000;
        let shares =
            [(6, [0.950, 0.886, 0.963]), (10, [0.950, 0.901, 0.960]), (20, [0.950, 0.919, 0.957])];
        for (n, expected) in shares {
            let found = coverage(n, trials, Location::mean);
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < slack(expected, trials), "{n}: {found}");
            }
        }
        // The median of the second law is not 0; of the others it is.
        let [normal, _, heavy] = coverage(20, trials, Location::median);
        // P(5 < K < 15) of 20 tosses.
        let exact = 0.958_610_5;
        assert!((normal - exact).abs() < slack(exact, trials), "{normal}");
        assert!((heavy - exact).abs() < slack(exact, trials), "{heavy}");
    }
}
