//! Trace and diagonal from products with random signs.

use super::SymmetricOperator;
use windtunnel_math::linalg::dot;
use windtunnel_math::objective::ObjectiveError;
use windtunnel_math::rng::Key;

/// A mean over random probes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeMean {
    /// The mean.
    pub value: f64,
    /// Standard error of the mean; NaN with a single probe.
    pub standard_error: f64,
}

impl ProbeMean {
    /// Mean and standard error of independent values.
    pub fn of(values: &[f64]) -> ProbeMean {
        let n = values.len() as f64;
        let value = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|v| (v - value) * (v - value)).sum();
        ProbeMean { value, standard_error: (squares / (n - 1.0) / n).sqrt() }
    }
}

/// Estimates of all diagonal entries.
#[derive(Clone, Debug, PartialEq)]
pub struct DiagonalEstimate {
    /// Means over the probes.
    pub values: Vec<f64>,
    /// Standard errors of the means; NaN with a single probe.
    pub standard_errors: Vec<f64>,
}

impl DiagonalEstimate {
    /// The estimate of A_ii.
    ///
    /// # Panics
    /// If there is no such entry.
    pub fn entry(&self, index: usize) -> ProbeMean {
        let (value, standard_error) = (self.values[index], self.standard_errors[index]);
        ProbeMean { value, standard_error }
    }
}

/// tr A = E vᵀAv over random signs v (Hutchinson 1990).
///
/// # Errors
/// If the objective cannot be evaluated.
///
/// # Cost
/// `probes` products and 2 vectors.
pub fn hutchinson_trace(
    operator: &mut dyn SymmetricOperator,
    probes: usize,
    seed: u64,
) -> Result<ProbeMean, ObjectiveError> {
    let mut values = Vec::with_capacity(probes);
    visit(operator, probes, seed, &mut |v, av| values.push(dot(v, av)))?;
    Ok(ProbeMean::of(&values))
}

/// A_ii = E vᵢ(Av)ᵢ over random signs v (Bekas, Kokiopoulou and Saad 2007), each with its standard
/// error, which is about √(Σ_{j≠i} A_ij² / probes).
///
/// Means are plain sums over the probes in order; squares about the mean are updated from probe to
/// probe (Welford 1962), so that no product has to be kept.
///
/// # Errors
/// If the objective cannot be evaluated.
///
/// # Cost
/// `probes` products and 4 vectors.
pub fn hutchinson_diag(
    operator: &mut dyn SymmetricOperator,
    probes: usize,
    seed: u64,
) -> Result<DiagonalEstimate, ObjectiveError> {
    let p = operator.dim();
    let (mut sums, mut squares) = (vec![0.0; p], vec![0.0; p]);
    let mut before = 0.0;
    visit(operator, probes, seed, &mut |v, av| {
        let values = v.iter().zip(av).map(|(v, av)| v * av);
        for ((sum, squares), value) in sums.iter_mut().zip(&mut squares).zip(values) {
            let off = value - *sum / before;
            *sum += value;
            if before > 0.0 {
                *squares += off * (value - *sum / (before + 1.0));
            }
        }
        before += 1.0;
    })?;
    sums.iter_mut().for_each(|sum| *sum /= before);
    squares.iter_mut().for_each(|x| *x = (*x / (before - 1.0) / before).sqrt());
    Ok(DiagonalEstimate { values: sums, standard_errors: squares })
}

/// Calls `see(v, Av)` for each of the random signs v.
fn visit(
    operator: &mut dyn SymmetricOperator,
    probes: usize,
    seed: u64,
    see: &mut dyn FnMut(&[f64], &[f64]),
) -> Result<(), ObjectiveError> {
    let p = operator.dim();
    let (mut v, mut av) = (vec![0.0; p], vec![0.0; p]);
    for probe in 0..probes {
        signs(&mut v, seed, probe as u64);
        operator.apply(&v, &mut av)?;
        see(&v, &av);
    }
    Ok(())
}

/// Random signs, one bit each; the stream of their own begins beyond the starts of Lanczos.
fn signs(v: &mut [f64], seed: u64, probe: u64) {
    let key = Key::signs(seed, probe);
    for (k, chunk) in v.chunks_mut(128).enumerate() {
        let words = key.words(k as u32, 0);
        for (i, sign) in chunk.iter_mut().enumerate() {
            *sign = if words[i / 32] >> (i % 32) & 1 == 0 { 1.0 } else { -1.0 };
        }
    }
}
