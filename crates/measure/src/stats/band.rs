//! Bands that cover a whole curve.

use windtunnel_math::rng::Key;

use super::{Interval, mean, std_dev};

/// Sign patterns that are drawn where there are too many to try all.
const PATTERNS: u32 = 2000;
/// Largest number of curves for which all patterns are tried: 2⁹ up to one common sign.
const ENUMERATED: usize = 10;
/// Smallest number of curves with a band: of 2^(n−1) patterns, one must be at most 5 %.
pub const FEWEST_OF_BAND: usize = 6;

/// The 95 % band of the mean curve: with a probability of 95 % it contains the whole of it, not
/// each point alone. `columns` has, for every point, the values of all curves. `None` for fewer
/// than [`FEWEST_OF_BAND`] curves; points with a value that is not finite have no band (NaN) and do
/// not count.
///
/// The band is mean ± q s/√n, q the 95 % quantile of the largest |t| of all points if the curves are
/// mirrored at their mean at random (sign flips; Westfall and Young 1993, § 2.4 on the largest
/// statistic). It widens by what the points have in common: q is Student's if they move as one.
///
/// # Panics
/// If the columns have different lengths.
pub fn simultaneous_band(columns: &[Vec<f64>]) -> Option<Vec<Interval>> {
    let curves = columns.first()?.len();
    assert!(columns.iter().all(|column| column.len() == curves), "columns of one length");
    if curves < FEWEST_OF_BAND {
        return None;
    }
    let finite = |column: &&Vec<f64>| column.iter().all(|x| x.is_finite());
    let residuals: Vec<Vec<f64>> = columns.iter().filter(finite).map(|c| standardized(c)).collect();
    let factor = largest_statistic(curves, &residuals);
    let interval = |column: &Vec<f64>| {
        let (center, error) = (mean(column), std_dev(column) / (curves as f64).sqrt());
        // Points at which all curves are equal need no factor.
        let half = if error == 0.0 { 0.0 } else { factor * error };
        Interval { lo: center - half, hi: center + half }
    };
    Some(columns.iter().map(interval).collect())
}

/// Residuals of a column, with a sum of squares of 1; zeros if all values are equal.
fn standardized(column: &[f64]) -> Vec<f64> {
    let center = mean(column);
    let size = std_dev(column) * (column.len() as f64 - 1.0).sqrt();
    let scale = if size > 0.0 { 1.0 / size } else { 0.0 };
    column.iter().map(|x| (x - center) * scale).collect()
}

/// The 95 % quantile of the largest |t| over all columns under random signs of the curves.
fn largest_statistic(curves: usize, residuals: &[Vec<f64>]) -> f64 {
    let all = curves <= ENUMERATED;
    let patterns = if all { 1 << (curves - 1) } else { PATTERNS };
    let key = Key::bootstrap(curves);
    let words = curves.div_ceil(32) as u32;
    let mut signs = vec![0.0; curves];
    let mut largest: Vec<f64> = (0..patterns)
        .map(|pattern| {
            for (curve, sign) in signs.iter_mut().enumerate() {
                let word =
                    if all { pattern } else { key.words(pattern, words + curve as u32 / 32)[0] };
                *sign = if word >> (curve % 32) & 1 == 1 { -1.0 } else { 1.0 };
            }
            let statistic = |residuals: &Vec<f64>| {
                let sum: f64 = residuals.iter().zip(&signs).map(|(x, sign)| x * sign).sum();
                // t² of values with Σx² = 1: (n − 1) (Σx)²/(n − (Σx)²).
                let square = sum * sum;
                (curves as f64 - 1.0) * square / (curves as f64 - square).max(0.0)
            };
            residuals.iter().map(statistic).fold(0.0, f64::max)
        })
        .collect();
    largest.sort_by(f64::total_cmp);
    // The smallest value that 95 % of the patterns do not exceed.
    let rank = (0.95 * f64::from(patterns)).ceil() as usize;
    largest[rank - 1].sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Location;
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
    fn bands_contain_the_whole_mean_as_often_as_they_say() {
        let trials = 1000;
        for curves in [6, 20] {
            let covered = |seed: &u64| {
                let band = simultaneous_band(&walks(*seed, curves, 30)).unwrap();
                band.iter().all(|interval| interval.contains(0.0))
            };
            let found = share(trials, covered);
            println!("{curves}: {found}");
            assert!(found > 0.95 - slack(0.95, trials) && found < 0.99, "{curves}: {found}");
            let pointwise = |seed: &u64| {
                let columns = walks(*seed, curves, 30);
                columns.iter().all(|column| Location::mean(column).interval.contains(0.0))
            };
            let pointwise = share(trials, pointwise);
            assert!(pointwise < found - 0.05, "{curves}: {pointwise} without a common factor");
        }
    }

    #[test]
    fn points_that_move_as_one_have_student_s_interval() {
        let column = gaussians(3, 20);
        let moved: Vec<f64> = column.iter().map(|x| 5.0 * x + 1.0).collect();
        let band = simultaneous_band(&[column.clone(), moved]).unwrap();
        let alone = Location::mean(&column).interval;
        let ratio = (band[0].hi - band[0].lo) / (alone.hi - alone.lo);
        // The quantile of 2000 sign patterns instead of the t law.
        assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
        let scale = (band[1].hi - band[1].lo) / (band[0].hi - band[0].lo);
        assert!((scale - 5.0).abs() < 1e-9);
    }

    #[test]
    fn bands_of_odd_curves() {
        assert!(simultaneous_band(&[]).is_none() && simultaneous_band(&[vec![1.0; 5]]).is_none());
        let flat = simultaneous_band(&[vec![2.0; 8], vec![1e308; 8]]).unwrap();
        assert!(flat.iter().all(|interval| interval.lo == interval.hi), "{flat:?}");
        let mut torn = gaussians(1, 8);
        let whole = torn.clone();
        torn[3] = f64::NAN;
        let band = simultaneous_band(&[torn, whole.clone()]).unwrap();
        assert!(band[0].lo.is_nan() && band[1] == simultaneous_band(&[whole]).unwrap()[0]);
    }
}
