//! Bands that cover a whole curve.

use super::Interval;
use super::location::rank_of_median;

/// Probability with which a band may lie below its curve at some point, or above it.
const SIDE: f64 = 0.025;

/// The 95 % band of the median curve: with a probability of at least 95 % it contains the whole of
/// it, not each point alone. `columns` has, for every point, the values of all curves. Points with a
/// value that is not a number have no band (NaN) and do not count. `None` where even the range of so
/// few curves does not suffice for so many points.
///
/// The band goes from the k-th smallest to the k-th largest value, which miss the median with a
/// probability of 2 P(B < k) at most, B binomial of n and ½, whatever the law (David and Nagaraja
/// 2003, § 7.1). k is the largest for which m points miss it with 5 % at most (Bonferroni), however
/// they depend on each other.
///
/// # Panics
/// If the columns have different lengths.
pub fn median_band(columns: &[Vec<f64>]) -> Option<Vec<Interval>> {
    let curves = columns.first()?.len();
    assert!(columns.iter().all(|column| column.len() == curves), "columns of one length");
    let is_whole = |column: &Vec<f64>| column.iter().all(|x| !x.is_nan());
    let points = columns.iter().filter(|column| is_whole(column)).count();
    let rank = rank_of_median(curves, SIDE / points as f64);
    if rank == 0 {
        return None;
    }
    let interval = |column: &Vec<f64>| {
        if !is_whole(column) {
            return Interval { lo: f64::NAN, hi: f64::NAN };
        }
        let mut sorted = column.clone();
        sorted.sort_by(f64::total_cmp);
        Interval { lo: sorted[rank - 1], hi: sorted[curves - rank] }
    };
    Some(columns.iter().map(interval).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::samples::{gaussians, share, slack};

    /// Curves that wander: sums of independent steps, as columns.
    fn walks(seed: u64, curves: usize, points: usize) -> Vec<Vec<f64>> {
        let steps = gaussians(seed, curves * points);
        let mut heights = vec![0.0; curves];
        let column = |steps: &[f64]| {
            heights.iter_mut().zip(steps).for_each(|(height, step)| *height += step);
            heights.clone()
        };
        steps.chunks(curves).map(column).collect()
    }

    #[test]
    fn bands_contain_the_whole_median_at_least_as_often_as_they_say() {
        let trials = 1000;
        let covered = |columns: Vec<Vec<f64>>| {
            median_band(&columns).unwrap().iter().all(|interval| interval.contains(0.0))
        };
        // Points that move together are missed together, so the band is wider than it has to be.
        let walking = share(trials, |seed: &u64| covered(walks(*seed, 20, 30)));
        assert!(walking > 0.95 - slack(0.95, trials), "{walking}");
        let alone = share(trials, |seed: &u64| {
            covered((0..30).map(|k| gaussians(seed * 31 + k, 20)).collect())
        });
        // 1 − (1 − 2 P(B < 4))³⁰ = 7.5 % for one rank more.
        let exact = (1.0 - 2.0 * 211.0 / 2f64.powi(20)).powi(30);
        assert!((alone - exact).abs() < slack(exact, trials), "{alone} {exact}");
    }

    #[test]
    fn ranks_are_those_of_the_sign_test() {
        // 2 P(B < 1) = 2/2⁶ = 3.1 %: six curves have a band at one point and at no two.
        let rank = |curves, points: f64| rank_of_median(curves, SIDE / points);
        assert_eq!([rank(5, 1.0), rank(6, 1.0), rank(6, 2.0)], [0, 1, 0]);
        // The usual interval of a median: ranks 2 and 9 of 10, 6 and 15 of 20.
        assert_eq!([rank(10, 1.0), rank(20, 1.0), rank(20, 101.0)], [2, 6, 3]);
    }

    #[test]
    fn one_wild_curve_does_not_move_the_band() {
        let whole = gaussians(1, 20);
        let mut wild = whole.clone();
        let largest = (0..20).max_by(|a, b| whole[*a].total_cmp(&whole[*b])).unwrap();
        wild[largest] = f64::INFINITY;
        let mut torn = whole.clone();
        torn[3] = f64::NAN;
        let bands = median_band(&[whole, wild, torn]).unwrap();
        assert_eq!(bands[0], bands[1]);
        assert!(bands[2].lo.is_nan() && bands[2].hi.is_nan());
        assert!(median_band(&[]).is_none() && median_band(&[vec![1.0; 5]]).is_none());
        let flat = median_band(&[vec![2.0; 8]]).unwrap();
        assert_eq!((flat[0].lo, flat[0].hi), (2.0, 2.0));
    }
}
