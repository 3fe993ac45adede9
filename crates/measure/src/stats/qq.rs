//! Quantile–quantile data and the Gaussian reference for norms.

use fearless_simd::{Simd, SimdBase};

use super::quantile;
use super::special::normal_quantile;
use super::{mean, std_dev};
use windtunnel_math::lanes::{Isa, WithSimd};
use windtunnel_math::linalg::root_mean_square;
use windtunnel_math::rng::{Draws, Key};

/// Matching quantiles of a reference and of a sample, both ascending: the points of a QQ plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Qq {
    /// Quantiles of the reference, the horizontal axis.
    pub theoretical: Vec<f64>,
    /// Quantiles of the sample, the vertical axis.
    pub sample: Vec<f64>,
}

/// The sorted values, standardized by their mean and standard deviation, against normal quantiles
/// at the plotting positions (i − ½)/n (Hazen 1914).
pub fn qq_normal(x: &[f64]) -> Qq {
    let (center, scale) = (mean(x), std_dev(x));
    let sample = sorted(x).into_iter().map(|v| (v - center) / scale).collect();
    Qq { theoretical: positions(x.len()).map(normal_quantile).collect(), sample }
}

/// `count` quantiles of `x` against those of any `reference` sample, at (i − ½)/`count`.
///
/// Nothing is standardized: scale the reference first where only the shape matters.
///
/// # Panics
/// If either sample is empty.
pub fn qq_reference(x: &[f64], reference: &[f64], count: usize) -> Qq {
    let at = |values: &[f64]| -> Vec<f64> {
        let values = sorted(values);
        positions(count).map(|p| quantile(&values, p)).collect()
    };
    Qq { theoretical: at(reference), sample: at(x) }
}

/// `count` sorted draws of ‖z‖, z ~ N(0, diag(`variances`)): the norm that Gaussian gradient noise
/// with this covariance has.
///
/// The norm of a Gaussian vector is itself skewed, the more the fewer directions dominate, so a QQ
/// plot of a norm against a normal law is no test of the tail; this law (a generalized chi) is the
/// one to compare with. Pass the eigenvalues of the covariance, or its diagonal as an
/// approximation.
///
/// # Panics
/// If a variance is negative or NaN.
pub fn gaussian_norm_sample(variances: &[f64], count: usize, key: Key) -> Vec<f64> {
    assert!(variances.iter().all(|v| *v >= 0.0), "a variance is negative or NaN");
    let mut norms = Isa::Baseline.run(Norms { variances, count, key });
    norms.sort_unstable_by(f64::total_cmp);
    norms
}

/// Ratios of the far quantiles of a sample to those of a reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TailRatio {
    /// Ratio of 99.9 % quantiles.
    pub q999: f64,
    /// Ratio of the largest value to the median of the largest of as many values of the reference.
    pub max: f64,
}

/// Ratios of the far quantiles of `x` to those of `reference`, after both are brought to the same
/// root mean square: 1 for the same law, larger for a heavier tail.
///
/// The median of the largest of n draws is the 2^(−1/n) quantile, so that the sizes of the samples
/// may differ; the reference should be the larger one, or the maximum is that of its own. NaN where
/// all values of either are 0.
///
/// # Panics
/// If either sample is empty.
pub fn tail_ratio(x: &[f64], reference: &[f64]) -> TailRatio {
    let scale = root_mean_square(reference) / root_mean_square(x);
    if !(scale > 0.0 && scale.is_finite()) {
        return TailRatio { q999: f64::NAN, max: f64::NAN };
    }
    let (sample, wanted) = (sorted(x), sorted(reference));
    let largest = 0.5_f64.powf(1.0 / x.len() as f64);
    TailRatio {
        q999: scale * quantile(&sample, 0.999) / quantile(&wanted, 0.999),
        max: scale * quantile(&sample, 1.0) / quantile(&wanted, largest),
    }
}

fn sorted(x: &[f64]) -> Vec<f64> {
    let mut sorted = x.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn positions(count: usize) -> impl Iterator<Item = f64> {
    (0..count).map(move |i| (i as f64 + 0.5) / count as f64)
}

struct Norms<'a> {
    variances: &'a [f64],
    count: usize,
    key: Key,
}

impl WithSimd for Norms<'_> {
    type Output = Vec<f64>;
    /// One draw per lane, four coordinates per slot.
    fn with_simd<S: Simd>(self, token: S) -> Vec<f64> {
        let lanes = S::f32s::LEN;
        let mut norms = Vec::with_capacity(self.count + lanes);
        for first in (0..self.count).step_by(lanes) {
            let draws = Draws::new(token, self.key, first as u32);
            let mut squares = [0.0_f64; MOST_LANES];
            for (slot, variances) in self.variances.chunks(4).enumerate() {
                let [normals] = draws.normals([slot as u32]);
                for (z, variance) in normals.iter().zip(variances) {
                    for (lane, square) in squares[..lanes].iter_mut().enumerate() {
                        *square += variance * f64::from(z[lane]).powi(2);
                    }
                }
            }
            norms.extend(squares[..lanes].iter().map(|s| s.sqrt()));
        }
        norms.truncate(self.count);
        norms
    }
}

/// f32 lanes of the widest register.
const MOST_LANES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::excess_kurtosis;
    use crate::stats::samples::{gaussians, key, pareto, student};

    #[test]
    fn standardized_gaussians_lie_on_the_diagonal() {
        let x: Vec<f64> = gaussians(1, 4000).iter().map(|z| 3.0 - 2.0 * z).collect();
        let qq = qq_normal(&x);
        // Standard error of a quantile is √(p(1−p)/n)/φ; within 2 standard deviations below 0.05.
        let off = |(t, s): (&f64, &f64)| if t.abs() < 2.0 { (t - s).abs() } else { 0.0 };
        let worst = qq.theoretical.iter().zip(&qq.sample).map(off).fold(0.0, f64::max);
        assert!(worst < 4.0 * 0.05, "{worst}");
        // scipy 1.17.1: norm.ppf(0.5/4000); statrs' approximation is good to 1e-11.
        assert!((qq.theoretical[0] - -3.6622599308877013).abs() < 1e-10);
        assert!(qq.sample.is_sorted() && qq.theoretical.is_sorted());
    }

    #[test]
    fn a_sample_against_itself_is_the_diagonal() {
        let x = pareto(1.5, 1, 300);
        let qq = qq_reference(&x, &x, 100);
        assert_eq!(qq.theoretical, qq.sample);
        assert_eq!(qq.sample.len(), 100);
        let qq = qq_reference(&[1.0, 2.0], &[10.0, 30.0], 2);
        assert_eq!((qq.sample, qq.theoretical), (vec![1.25, 1.75], vec![15.0, 25.0]));
    }

    #[test]
    fn gaussian_norms_have_their_moments() {
        let variances: Vec<f64> = (1..=7).map(f64::from).collect();
        let count = 20_000;
        let norms = gaussian_norm_sample(&variances, count, key(1));
        assert!(norms.is_sorted() && norms.len() == count);
        let squares: Vec<f64> = norms.iter().map(|r| r * r).collect();
        // E‖z‖² = Σv = 28, its variance 2 Σv² = 280.
        assert!((mean(&squares) - 28.0).abs() < 4.0 * (280.0 / count as f64).sqrt());
        let variance = std_dev(&squares).powi(2);
        // Kurtosis of the squares 3 + 12 Σv⁴/(Σv²)² = 6.2: relative error √(5.2/count).
        assert!((variance / 280.0 - 1.0).abs() < 4.0 * (5.2 / count as f64).sqrt(), "{variance}");
    }

    #[test]
    fn norms_of_one_direction_are_half_normal() {
        let norms = gaussian_norm_sample(&[4.0, 0.0], 20_000, key(2));
        // Quantiles 2 Φ⁻¹((1 + p)/2): 1.3490, 3.9199; standard errors 2√(p(1−p)/n)/(2φ).
        assert!((quantile(&norms, 0.5) - 1.3490).abs() < 4.0 * 0.0111);
        assert!((quantile(&norms, 0.95) - 3.9199).abs() < 4.0 * 0.0264);
    }

    #[test]
    fn norms_agree_on_every_instruction_set() {
        let variances: Vec<f64> = (1..=5).map(f64::from).collect();
        let of = |isa: Isa| isa.run(Norms { variances: &variances, count: 37, key: key(3) });
        // f32 normals with and without fused operations, to some roundings.
        let close = |(a, b): (&f64, &f64)| (a / b - 1.0).abs() < 4.0 * f64::from(f32::EPSILON);
        assert!(of(Isa::detect()).iter().zip(&of(Isa::Baseline)).all(close));
    }

    #[test]
    fn tails_reach_as_far_as_they_should() {
        let gauss = |seed| gaussians(seed, 20_000);
        let same = tail_ratio(&gauss(1), &gauss(2));
        // Standard error of a 99.9 % quantile √(0.001/n)/φ(3.09) = 0.066 of 3.09; two samples.
        assert!((same.q999 - 1.0).abs() < 4.0 * 0.03, "{same:?}");
        // A maximum wanders by 0.3 of 4; scale does not matter.
        assert!((same.max - 1.0).abs() < 4.0 * 0.1, "{same:?}");
        let heavy: Vec<f64> = student(3.0, 3, 20_000).iter().map(|v| 100.0 * v).collect();
        let ratio = tail_ratio(&heavy, &gauss(2));
        // t₃: 99.9 % at 10.2/√3 = 5.9 standard deviations against 3.09.
        assert!(ratio.q999 > 1.5 && ratio.max > 3.0, "{ratio:?}");
        assert!(excess_kurtosis(&heavy) > 10.0);
    }
}
