//! Histograms of spectra and the distance between them.

/// Jensen–Shannon distance of two discrete distributions, in 0..=1: a metric that is 0 for equal
/// and 1 for disjoint ones.
///
/// √((KL(p‖m) + KL(q‖m))/2) with m = (p + q)/2 and logarithms of base 2 (Endres and Schindelin,
/// IEEE Transactions on Information Theory 49, 2003). Weights need not sum to 1.
///
/// # Panics
/// If the lengths differ, a weight is negative or either has no positive finite sum.
pub fn jensen_shannon_distance(p: &[f64], q: &[f64]) -> f64 {
    assert_eq!(p.len(), q.len(), "bins");
    let (p_sum, q_sum) = (total(p), total(q));
    let divergence: f64 = p
        .iter()
        .zip(q)
        .map(|(p, q)| {
            let (p, q) = (p / p_sum, q / q_sum);
            let middle = 0.5 * (p + q);
            0.5 * (surprise(p, middle) + surprise(q, middle))
        })
        .sum();
    divergence.clamp(0.0, 1.0).sqrt()
}

/// Share of `values` in each of `bins` equal bins from `lo` to `hi`; the shares sum to 1.
///
/// Values outside are counted in the first or last bin, so that spectra on common bins stay
/// comparable; pass the least and the largest of all values to have none. A value on an inner edge
/// counts above it; all are in the first bin where `lo` is `hi`, as spectra of one value are equal.
/// Divide by the width of a bin for a density.
///
/// # Panics
/// If there are no values or no bins, a value is NaN, or `lo` is above `hi`.
pub fn spectral_density(values: &[f64], lo: f64, hi: f64, bins: usize) -> Vec<f64> {
    assert!(!values.is_empty() && bins > 0, "{} values in {bins} bins", values.len());
    assert!(lo <= hi, "bins from {lo} to {hi}");
    let mut counts = vec![0.0; bins];
    for value in values {
        assert!(!value.is_nan(), "a value is NaN");
        // Conversion to an integer cuts what is below 0, and makes 0 of 0/0.
        let bin = (share(*value, lo, hi) * bins as f64) as usize;
        counts[bin.min(bins - 1)] += 1.0;
    }
    counts.iter().map(|count| count / values.len() as f64).collect()
}

/// Position of `x` between `lo` and `hi` as a share, by halves where the difference overflows.
fn share(x: f64, lo: f64, hi: f64) -> f64 {
    if (hi - lo).is_finite() {
        (x - lo) / (hi - lo)
    } else {
        (0.5 * x - 0.5 * lo) / (0.5 * hi - 0.5 * lo)
    }
}

fn total(weights: &[f64]) -> f64 {
    assert!(weights.iter().all(|w| *w >= 0.0), "a weight is negative or NaN");
    let sum: f64 = weights.iter().sum();
    assert!(sum > 0.0 && sum.is_finite(), "weights sum to {sum}");
    sum
}

fn surprise(p: f64, middle: f64) -> f64 {
    if p > 0.0 { p * (p / middle).log2() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_scipy_s() {
        // scipy 1.17.1: spatial.distance.jensenshannon(p, q, base=2); ten roundings.
        let d = jensen_shannon_distance(&[0.1, 0.4, 0.5, 0.0], &[1.0, 3.0, 2.0, 2.0]);
        assert!((d / 0.3961488633070269 - 1.0).abs() < 10.0 * f64::EPSILON, "{d}");
    }

    #[test]
    fn equal_is_zero_disjoint_is_one_and_the_triangle_holds() {
        let (p, q, r) = ([0.5, 0.5, 0.0], [0.0, 0.0, 2.0], [0.2, 0.3, 0.5]);
        assert_eq!(jensen_shannon_distance(&p, &p), 0.0);
        assert_eq!(jensen_shannon_distance(&p, &q), 1.0);
        let d = jensen_shannon_distance;
        assert_eq!(d(&p, &r), d(&r, &p));
        assert!(d(&p, &q) < d(&p, &r) + d(&r, &q));
    }

    #[test]
    fn bins_hold_every_value() {
        let values = [-5.0, 0.0, 0.9, 1.0, 2.5, 4.0, 9.0, f64::INFINITY];
        assert_eq!(spectral_density(&values, 0.0, 4.0, 4), [0.375, 0.125, 0.125, 0.375]);
    }

    #[test]
    #[should_panic(expected = "weights sum to 0")]
    fn a_distribution_needs_weight() {
        jensen_shannon_distance(&[0.0, 0.0], &[1.0, 0.0]);
    }
}
