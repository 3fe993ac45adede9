//! Power of the two-sided 5 % t test of a mean, for planning: it needs the deviation of the units and
//! an effect that is stated beforehand, never the effect that was found.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use statrs::function::gamma::ln_gamma;

use super::location::student_quantile;
use super::special::upper_tail;

/// Probability with which a stated effect shall be found.
pub const POWER: f64 = 0.8;
/// Largest number of units that [`units_needed`] returns.
const MOST: u64 = 1_000_000;
/// Points of the integral over the law of the sample's deviation.
const POINTS: u32 = 300;

/// Smallest distance of a mean from its null that `n` independent normal units of standard deviation
/// `deviation` show with probability [`POWER`]. NaN for fewer than two units.
pub fn detectable(deviation: f64, n: usize) -> f64 {
    if n < 2 || !deviation.is_finite() {
        return f64::NAN;
    }
    shift_found(n as u64) * deviation / (n as f64).sqrt()
}

/// Smallest number of independent normal units of standard deviation `deviation` that show a mean at
/// distance `effect` from its null with probability [`POWER`]; `None` beyond a million, and without
/// an effect.
pub fn units_needed(deviation: f64, effect: f64) -> Option<u64> {
    let shift = effect.abs() / deviation;
    if shift.is_nan() || shift == 0.0 {
        return None;
    }
    let enough = |n: u64| shift * (n as f64).sqrt() >= shift_found(n);
    let (mut few, mut many) = (1, 2);
    while !enough(many) {
        (few, many) = (many, 2 * many);
        if many > MOST {
            return None;
        }
    }
    while many - few > 1 {
        let middle = few + (many - few) / 2;
        *(if enough(middle) { &mut many } else { &mut few }) = middle;
    }
    Some(many)
}

/// Smallest distance of a mean from its null, in standard errors, that `n` units show with
/// probability [`POWER`].
///
/// An audit asks for thousands of effects with the same few n, and an answer takes a millisecond, so
/// answers are kept.
fn shift_found(n: u64) -> f64 {
    static KNOWN: Mutex<BTreeMap<u64, f64>> = Mutex::new(BTreeMap::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(&shift) = known().get(&n) {
        return shift;
    }
    let freedom = n as f64 - 1.0;
    // The power grows with the distance; a hundred standard errors are always found.
    let (mut lo, mut hi) = (0.0, 100.0);
    for _ in 0..45 {
        let middle = 0.5 * (lo + hi);
        *(if power(middle, freedom) < POWER { &mut lo } else { &mut hi }) = middle;
    }
    known().insert(n, hi);
    hi
}

/// Probability that |T| exceeds its 97.5 % quantile, T of noncentral t with `shift` and `freedom`:
/// the mean over S, √(χ²/freedom), of P(|Z + shift| > q S).
fn power(shift: f64, freedom: f64) -> f64 {
    let quantile = student_quantile(freedom);
    // ln of the density of S, s^(ν−1) exp(−ν s²/2) 2 (ν/2)^(ν/2)/Γ(ν/2), peaked near 1.
    let half = 0.5 * freedom;
    let constant = 2f64.ln() + half * half.ln() - ln_gamma(half);
    let density = |s: f64| (constant + (freedom - 1.0) * s.ln() - half * s * s).exp();
    let found = |s: f64| upper_tail(quantile * s - shift) + upper_tail(quantile * s + shift);
    let width = 10.0 / freedom.sqrt();
    let (from, to) = ((1.0 - width).max(0.0), 1.0 + width);
    let step = (to - from) / f64::from(POINTS);
    let points = (0..POINTS).map(|k| from + step * (f64::from(k) + 0.5));
    points.map(|s| density(s) * found(s)).sum::<f64>() * step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Location;
    use crate::stats::samples::{gaussians, share, slack};

    #[test]
    fn power_is_that_of_the_noncentral_t() {
        // scipy 1.17.1: 1 − nct.cdf(q, ν, δ) + nct.cdf(−q, ν, δ), q = t.ppf(.975, ν).
        for (freedom, shift, expected) in
            [(5.0, 3.0, 0.672_175_88), (19.0, 2.5, 0.659_949_88), (19.0, 0.0, 0.05)]
        {
            assert!((power(shift, freedom) - expected).abs() < 1e-6, "{freedom} {shift}");
        }
    }

    #[test]
    fn a_detectable_effect_is_found_in_four_of_five_experiments() {
        let (trials, n) = (1000, 8);
        let effect = detectable(1.0, n);
        let found = share(trials, |&seed| {
            let units: Vec<f64> = gaussians(seed, n).iter().map(|z| z + effect).collect();
            !Location::mean(&units).interval.contains(0.0)
        });
        assert!((found - POWER).abs() < slack(POWER, trials), "{found}");
        let planned = units_needed(1.0, effect).unwrap();
        assert!((7..=8).contains(&planned), "{planned}");
    }

    #[test]
    fn plans_scale_and_have_bounds() {
        assert!((detectable(3.0, 20) / detectable(1.0, 20) - 3.0).abs() < 1e-9);
        assert!(units_needed(1.0, 0.5) < units_needed(1.0, 0.25));
        assert_eq!(units_needed(1.0, 100.0), Some(2));
        assert_eq!((units_needed(1.0, 1e-9), units_needed(1.0, 0.0)), (None, None));
        assert_eq!(units_needed(f64::NAN, 1.0), None);
        assert!(detectable(1.0, 1).is_nan() && detectable(0.0, 5) == 0.0);
    }
}
