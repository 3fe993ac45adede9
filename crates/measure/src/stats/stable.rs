//! Index of a symmetric stable law.

use super::{Interval, Undefined, degeneracy, mean, std_dev};

/// An estimate of the index α of a symmetric stable law; 2 is Gaussian, 1 is Cauchy's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StableIndex {
    /// The estimate.
    pub alpha: f64,
    /// 95 % interval.
    pub interval: Interval,
}

/// The block-log-moment estimate of the stable index of centred symmetric data, from sums of
/// blocks of `block_len`.
///
/// 1/α̂ = (mean ln|Yᵢ| − mean ln|Xⱼ|)/ln K₁ with block sums Yᵢ of K₁ = `block_len` values
/// (Mohammadi, Mohammadpour and Ogata, Metrika 78, 2015, for centred data), as used for gradient
/// noise by Simsekli, Sagun and Gurbuzbalaban (ICML 2019). Values left over by the blocks are not
/// used. α̂ is not cut at 2. For asymmetric data pass differences of independent pairs, which are
/// symmetric.
///
/// **An α̂ below 2 is no proof of a stable law.** Independent values of *any* law with a variance
/// σ² have 1/α = ½ + (E ln|Z| − E ln(|X|/σ))/ln K₁, Z normal, once their sums are Gaussian. So any
/// law with a sharper peak than a Gaussian looks stable (Student's t₅: 1.89 with blocks of 200;
/// pooled coordinates of unequal variance), and its α̂ tends to 2 only like 1/ln K₁. Compare
/// several `block_len`.
///
/// The interval takes the blocks as independent: ln|Yᵢ| − mean ln|X| in block i has a mean with a
/// normal law, which is inverted; with 100 blocks it covers in 94 %.
///
/// # Errors
/// If there are fewer than two blocks of two values, a value is 0, which a continuous law does not
/// have, or a block sums to 0.
pub fn stable_log_moment(x: &[f64], block_len: usize) -> Result<StableIndex, Undefined> {
    let (found, zeros) = (x.len(), x.iter().filter(|v| **v == 0.0).count());
    if block_len < 2 || found < 2 * block_len {
        return Err(Undefined::TooFew { needed: 2 * block_len.max(2), found });
    }
    if zeros > 0 {
        return Err(Undefined::Zeros { zeros, found });
    }
    let growth = |block: &[f64]| {
        let logs: f64 = block.iter().map(|v| v.abs().ln()).sum();
        (block.iter().sum::<f64>().abs().ln() - logs / block_len as f64) / (block_len as f64).ln()
    };
    let growths: Vec<f64> = x.chunks_exact(block_len).map(growth).collect();
    let (inverse, error) = (mean(&growths), std_dev(&growths) / (growths.len() as f64).sqrt());
    let half = 1.96 * error;
    // An interval of 1/α that reaches 0 has no upper end.
    let hi = if inverse > half { 1.0 / (inverse - half) } else { f64::INFINITY };
    let interval = Interval { lo: 1.0 / (inverse + half), hi };
    if !inverse.is_finite() {
        return Err(Undefined::Degenerate("a block of values sums to 0, or beyond doubles"));
    }
    let alpha = 1.0 / inverse;
    match alpha.is_finite() {
        true => Ok(StableIndex { alpha, interval }),
        false => Err(Undefined::Degenerate("sums of blocks are as large as their values")),
    }
}

/// The quantile estimate of the stable index of symmetric data, cut to 0.5..=2.
///
/// McCulloch's (Communications in Statistics B 15, 1986) ν_α = (q₉₅ − q₀₅)/(q₇₅ − q₂₅), inverted
/// for a symmetric law (β = 0). His table has three digits; it is computed anew here. Location and
/// scale are free, and only the middle 90 % of the values matter: the estimate is the stable law
/// that looks like the data *between* these quantiles, not in the tail. It has no interval, because
/// for laws that are not stable there is nothing to cover: a bootstrap interval covers the index of
/// stable laws in 97 % of samples of 1000, and the 2 to which sums of exponential values tend in 30 %.
///
/// # Errors
/// If there are no values, one is not finite, or the middle half of them are equal.
pub fn stable_quantile(x: &[f64]) -> Result<f64, Undefined> {
    if x.is_empty() || !x.iter().all(|v| v.is_finite()) {
        return Err(Undefined::Degenerate(degeneracy(x)));
    }
    let mut sorted = x.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let quantiles = QUANTILES.map(|p| super::quantile(&sorted, p));
    let alpha = alpha_of(nu(quantiles));
    if quantiles[1] == quantiles[2] || alpha.is_nan() {
        return Err(Undefined::Degenerate("the middle half of the values are equal"));
    }
    Ok(alpha)
}

const QUANTILES: [f64; 4] = [0.05, 0.25, 0.75, 0.95];

/// Halves, so that no difference overflows.
fn nu(q: [f64; 4]) -> f64 {
    (0.5 * q[3] - 0.5 * q[0]) / (0.5 * q[2] - 0.5 * q[1])
}

/// ν_α of symmetric stable laws of α = 0.5, 0.55, …, 2: Zolotarev's integral for the distribution
/// function by quadrature with 20 digits (mpmath 1.4.1), inverted for the 75 % and 95 % points.
/// McCulloch's table III has the same values to 0.004 in α.
const NU_ALPHA: [f64; 31] = [
    44.635118, 31.565569, 23.612189, 18.439617, 14.893767, 12.357522, 10.479083, 9.047016,
    7.928492, 7.036866, 6.313752, 5.718672, 5.222866, 4.805421, 4.450848, 4.147492, 3.886468,
    3.660945, 3.465623, 3.296351, 3.149794, 3.023170, 2.914029, 2.820127, 2.739382, 2.669881,
    2.609913, 2.557984, 2.512818, 2.473342, 2.438664,
];
const TABLE_START: f64 = 0.5;
const TABLE_STEP: f64 = 0.05;

/// The index with this ν_α, between points of the table by lines in ln ν_α: wrong by 0.0012
/// at most, by comparison with every second point.
fn alpha_of(nu: f64) -> f64 {
    if nu.is_nan() {
        return f64::NAN;
    }
    let above = NU_ALPHA.partition_point(|&entry| entry > nu);
    if above == 0 || above == NU_ALPHA.len() {
        return TABLE_START + TABLE_STEP * above.min(NU_ALPHA.len() - 1) as f64;
    }
    let [left, right] = [above - 1, above].map(|i| NU_ALPHA[i].ln());
    let within = (left - nu.ln()) / (left - right);
    TABLE_START + TABLE_STEP * (above as f64 - 1.0 + within)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::samples::{gaussians, share, slack, stable, student};

    #[test]
    fn the_log_moment_estimate_follows_its_formula() {
        // Blocks (1, 3) and (−8, 4): ln 4 and ln 4; logarithms ln 3, ln 32.
        let s = stable_log_moment(&[1.0, 3.0, -8.0, 4.0, 9.0], 2).unwrap();
        let inverse = (4f64.ln() - 96f64.ln() / 4.0) / 2f64.ln();
        assert!((s.alpha * inverse - 1.0).abs() < 8.0 * f64::EPSILON, "{}", s.alpha);
    }

    #[test]
    fn log_moment_intervals_cover_the_index_of_stable_laws() {
        let trials = 400;
        for alpha in [1.0, 1.5, 1.8, 2.0] {
            let covered = share(trials, |&seed| {
                stable_log_moment(&stable(alpha, seed, 5000), 50).unwrap().interval.contains(alpha)
            });
            // Measured on 2000 seeds, for 100 blocks: the quantile is a normal's, not Student's,
            // and logarithms of small sums are skewed.
            assert!((covered - 0.943).abs() < slack(0.943, trials), "{alpha}: {covered}");
        }
    }

    #[test]
    fn quantiles_estimate_the_index_of_stable_laws() {
        for alpha in [0.8, 1.3, 1.7] {
            let estimates: Vec<f64> =
                (0..100).map(|seed| stable_quantile(&stable(alpha, seed, 1000)).unwrap()).collect();
            // Estimates of 1000 values scatter by less than 0.1: standard error 0.01.
            assert!((mean(&estimates) - alpha).abs() < 0.04, "{alpha}: {}", mean(&estimates));
        }
    }

    #[test]
    fn gaussian_data_have_index_two() {
        let x = gaussians(1, 10_000);
        let s = stable_log_moment(&x, 100).unwrap();
        // Standard error of 1/α: sd of ln|Z| (π/√8 = 1.11)/(√100 ln 100) = 0.024, of α 0.1.
        assert!((s.alpha - 2.0).abs() < 4.0 * 0.1, "{}", s.alpha);
        let q = stable_quantile(&x).unwrap();
        assert!(q > 1.9 && q <= 2.0, "{q:?}");
    }

    #[test]
    fn a_student_tail_of_finite_variance_looks_stable_by_the_known_bias() {
        // t₅ in blocks of 200: 1/α = ½ + c/ln 200, c = ½ ln(5/3) + E ln|Z| − E ln|t₅| with
        // E ln|Z| = −0.6352 and E ln|t₅| = ½(ln 5 + ψ(½) − ψ(5/2)) = −0.5287.
        let c = 0.2554 - 0.6352 + 0.5287;
        let biased = 1.0 / (0.5 + c / 200f64.ln());
        let s = stable_log_moment(&student(5.0, 1, 40_000), 200).unwrap();
        assert!(s.interval.contains(biased) && s.interval.hi < 2.0, "{s:?} for {biased}");
    }

    #[test]
    fn samples_of_other_laws_are_refused() {
        let refused = |x: &[f64]| stable_log_moment(x, 2).unwrap_err();
        assert_eq!(refused(&[1.0, 2.0, 3.0]), Undefined::TooFew { needed: 4, found: 3 });
        assert_eq!(refused(&[1.0, 0.0, 2.0, 3.0]), Undefined::Zeros { zeros: 1, found: 4 });
        assert!(matches!(refused(&[1.0, -1.0, 2.0, 3.0]), Undefined::Degenerate(_)));
        assert!(stable_quantile(&[]).is_err() && stable_quantile(&[7.0; 9]).is_err());
        assert!(stable_quantile(&[1.0, f64::NAN]).is_err());
    }

    #[test]
    fn the_table_holds_the_laws_in_closed_form() {
        // Cauchy's quantiles are tan(π(p − ½)); scipy 1.17.1: norm.ppf(.95)/norm.ppf(.75).
        let cauchy = (0.45 * std::f64::consts::PI).tan();
        // Half a unit of the last digit printed.
        assert!((NU_ALPHA[10] - cauchy).abs() < 5.1e-7);
        assert!((NU_ALPHA[30] - 2.4386636364352383).abs() < 5.1e-7);
        assert!((alpha_of(cauchy) - 1.0).abs() < 1e-6);
        assert_eq!((alpha_of(1.0), alpha_of(1e9)), (2.0, 0.5));
    }

    #[test]
    fn the_table_agrees_with_mcculloch_s() {
        // Table III, column β = 0 (copied in scipy 1.17.1, stats/_levy_stable).
        let nu = [2.439, 2.5, 2.6, 2.7, 2.8, 3.0, 3.2, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 25.0];
        let alpha = [
            2.0, 1.916, 1.808, 1.729, 1.664, 1.563, 1.484, 1.391, 1.279, 1.128, 1.029, 0.896,
            0.818, 0.698, 0.593,
        ];
        for (nu, alpha) in nu.into_iter().zip(alpha) {
            // His are interpolated in older tables, ours rounded and interpolated: 0.004.
            assert!((alpha_of(nu) - alpha).abs() < 4e-3, "{nu}: {}", alpha_of(nu));
        }
    }
}
