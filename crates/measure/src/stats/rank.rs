//! Rank correlation.

use super::Interval;
use super::resample::{FEW, bootstrap_with};

/// Spearman's rank correlation of paired values, ties given their average rank, with the 95 %
/// percentile bootstrap interval over pairs (1000 resamples).
///
/// NaN when either side is constant or holds a NaN; the interval is NaN when a resample is.
///
/// # Panics
/// If the lengths differ or are 0.
pub fn spearman(x: &[f64], y: &[f64]) -> (f64, Interval) {
    assert_eq!(x.len(), y.len(), "pairs");
    if x.iter().chain(y).any(|v| v.is_nan()) {
        return (f64::NAN, Interval::UNDEFINED);
    }
    let (x, y) = (Levels::of(x), Levels::of(y));
    let all: Vec<usize> = (0..x.level.len()).collect();
    let mut scratch = Scratch::default();
    let rho = correlation(&x, &y, &all, &mut scratch);
    let interval =
        bootstrap_with(FEW, all.len(), |indices| correlation(&x, &y, indices, &mut scratch));
    (rho, interval)
}

/// Spearman's rank correlation alone.
///
/// # Panics
/// As [`spearman`].
pub fn rank_correlation(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "pairs");
    if x.iter().chain(y).any(|v| v.is_nan()) {
        return f64::NAN;
    }
    let all: Vec<usize> = (0..x.len()).collect();
    correlation(&Levels::of(x), &Levels::of(y), &all, &mut Scratch::default())
}

/// The different values of a sample, numbered in ascending order: enough to rank any resample by
/// counting, without sorting it again.
struct Levels {
    level: Vec<usize>,
    count: usize,
}

impl Levels {
    fn of(x: &[f64]) -> Levels {
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
        let (mut level, mut count) = (vec![0; x.len()], 0);
        for (place, &i) in order.iter().enumerate() {
            count += usize::from(place == 0 || x[order[place - 1]] != x[i]);
            level[i] = count - 1;
        }
        Levels { level, count }
    }

    /// Average rank of each level among `indices`, counted from the middle one.
    fn ranks(&self, indices: &[usize], times: &mut Vec<u32>, ranks: &mut Vec<f64>) {
        times.clear();
        times.resize(self.count, 0);
        indices.iter().for_each(|&i| times[self.level[i]] += 1);
        ranks.clear();
        let mut below = -0.5 * indices.len() as f64;
        for &count in &*times {
            let count = f64::from(count);
            ranks.push(below + 0.5 * count);
            below += count;
        }
    }
}

#[derive(Default)]
struct Scratch {
    times: Vec<u32>,
    x: Vec<f64>,
    y: Vec<f64>,
}

/// Pearson's correlation of the ranks, whose means are 0 by construction.
fn correlation(x: &Levels, y: &Levels, indices: &[usize], scratch: &mut Scratch) -> f64 {
    x.ranks(indices, &mut scratch.times, &mut scratch.x);
    y.ranks(indices, &mut scratch.times, &mut scratch.y);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for &i in indices {
        let (a, b) = (scratch.x[x.level[i]], scratch.y[y.level[i]]);
        xx += a * a;
        xy += a * b;
        yy += b * b;
    }
    xy / (xx * yy).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::samples::{gaussians, share, slack};

    #[test]
    fn correlations_are_scipy_s() {
        let x = [1.0, 2.0, 2.0, 3.0, 5.0, -1.0, 2.0];
        let y = [0.5, 0.1, 0.9, 0.9, 4.0, -2.0, 0.3];
        // scipy 1.17.1: spearmanr(x, y).statistic; ranks are exact, three roundings.
        assert!((spearman(&x, &y).0 - 0.7853554716071041).abs() < 3.0 * f64::EPSILON);
        // −0 and 0 are a tie.
        assert!(spearman(&[0.0, -0.0], &[1.0, 2.0]).0.is_nan());
        assert!(spearman(&[0.0, f64::NAN, 2.0], &[1.0, 2.0, 3.0]).0.is_nan());
    }

    #[test]
    fn monotone_maps_have_correlation_one() {
        let x = gaussians(1, 50);
        let y: Vec<f64> = x.iter().map(|v| v.exp()).collect();
        let (rho, interval) = spearman(&x, &y);
        assert!((rho - 1.0).abs() < 1e-15 && interval.lo > 1.0 - 1e-14);
        let down: Vec<f64> = x.iter().map(|v| -v).collect();
        assert!((spearman(&x, &down).0 + 1.0).abs() < 1e-15);
    }

    #[test]
    fn intervals_cover_the_correlation_of_gaussian_pairs() {
        let (trials, len, r) = (400, 200, 0.6_f64);
        // Pearson's r of a bivariate normal law has Spearman's (6/π) asin(r/2).
        let truth = 6.0 / std::f64::consts::PI * (0.5 * r).asin();
        let covered = share(trials, |&seed| {
            let z = gaussians(seed, 2 * len);
            let (x, w) = z.split_at(len);
            let mix = |(x, w): (&f64, &f64)| r * x + (1.0 - r * r).sqrt() * w;
            let y: Vec<f64> = x.iter().zip(w).map(mix).collect();
            spearman(x, &y).1.contains(truth)
        });
        assert!((covered - 0.95).abs() < slack(0.95, trials), "{covered}");
    }
}
