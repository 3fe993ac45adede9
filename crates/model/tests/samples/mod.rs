//! Means of samples against theory.

/// Mean of samples, and its standard error.
pub fn mean_and_error(samples: &[f64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// Asserts that a mean is within 4.5 standard errors of its expectation.
#[track_caller]
pub fn assert_mean(what: &str, samples: &[f64], expected: f64) {
    let (mean, error) = mean_and_error(samples);
    let slack = 4.5 * error + 1e-6 * expected.abs();
    assert!((mean - expected).abs() < slack, "{what}: {mean} ± {error}, expected {expected}");
}
