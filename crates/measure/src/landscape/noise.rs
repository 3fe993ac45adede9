//! Noise of mini-batch gradients: g_B − ∇f, sampled at fixed parameters.

use crate::stats::mean;
use windtunnel_math::linalg::{Eigen, dot, norm, symmetric_eigen};
use windtunnel_math::objective::{Block, ObjectiveError, SampleGradients, Stochastic};
use windtunnel_math::rng::Key;

/// Parts of the large batch, whose spread gives the error of their mean.
const PARTS: usize = 100;
/// Draws of a study are numbered from 0; those of the reference and of single samples are far away.
const REFERENCE_DRAW: u64 = 1 << 40;
const SINGLE_DRAW: u64 = 1 << 41;

/// An estimate of ∇f from a large batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Estimate of ∇f.
    pub grad: Vec<f64>,
    /// Estimate of f.
    pub loss: f64,
    /// √E‖grad − ∇f‖², estimated from the spread of 100 parts; NaN with a single part.
    pub standard_error: f64,
    /// The standard error of every coordinate; their squares add up to that of `standard_error`.
    pub standard_errors: Vec<f64>,
    /// Samples in the batch.
    pub samples: usize,
}

/// Parts of the large batch when at least `samples` are asked for.
pub fn reference_parts(samples: usize) -> usize {
    PARTS.min(samples)
}

/// Samples of the large batch when at least `samples` are asked for: whole parts of one size.
pub fn reference_samples(samples: usize) -> usize {
    let parts = reference_parts(samples);
    samples.div_ceil(parts.max(1)) * parts
}

/// The mean gradient over at least `samples` samples that no noise study draws.
///
/// # Errors
/// If the objective cannot be evaluated.
///
/// # Panics
/// If `samples` is 0.
pub fn large_batch_gradient(
    stochastic: &mut dyn Stochastic,
    params: &[f64],
    samples: usize,
) -> Result<Reference, ObjectiveError> {
    assert!(samples > 0, "no samples");
    let parts = reference_parts(samples);
    let samples = reference_samples(samples);
    let size = samples / parts;
    let mut grads = vec![vec![0.0; params.len()]; parts];
    let losses = grads.iter_mut().enumerate().map(|(part, grad)| {
        stochastic.batch_gradient(params, REFERENCE_DRAW + part as u64, size, grad)
    });
    let loss = losses.sum::<Result<f64, _>>()? / parts as f64;
    let mut grad = vec![0.0; params.len()];
    for part in &grads {
        grad.iter_mut().zip(part).for_each(|(sum, g)| *sum += g / parts as f64);
    }
    let spread: f64 = grads.iter().map(|part| distance_squared(part, &grad)).sum();
    let pairs = (parts * (parts - 1)) as f64;
    let standard_errors: Vec<f64> = (0..params.len())
        .map(|k| {
            let off: Vec<f64> = grads.iter().map(|part| part[k] - grad[k]).collect();
            norm(&off) / pairs.sqrt()
        })
        .collect();
    let standard_error = match spread.is_normal() {
        true => (spread / pairs).sqrt(),
        // Squares have left the range of doubles, or there is no spread.
        false => norm(&standard_errors),
    };
    Ok(Reference { grad, loss, standard_error, standard_errors, samples })
}

/// [`large_batch_gradient`] with one part at a time, for 3 vectors in place of one for each part.
/// Standard errors are updated from part to part (Welford 1962): they differ in their last digits,
/// and are infinite where their squares overflow.
///
/// # Errors
/// If the objective cannot be evaluated.
///
/// # Panics
/// If `samples` is 0.
pub fn streamed_gradient(
    stochastic: &mut dyn Stochastic,
    params: &[f64],
    samples: usize,
) -> Result<Reference, ObjectiveError> {
    assert!(samples > 0, "no samples");
    let parts = reference_parts(samples);
    let samples = reference_samples(samples);
    let [mut grad, mut squares, mut part] = std::array::from_fn(|_| vec![0.0; params.len()]);
    let (all, mut loss) = (parts as f64, 0.0);
    for k in 0..parts {
        let draw = REFERENCE_DRAW + k as u64;
        loss += stochastic.batch_gradient(params, draw, samples / parts, &mut part)?;
        let (before, after) = (k as f64 / all, (k + 1) as f64 / all);
        for ((sum, square), g) in grad.iter_mut().zip(&mut squares).zip(&part) {
            let off = if k == 0 { 0.0 } else { g - *sum / before };
            *sum += g / all;
            *square += off * (g - *sum / after);
        }
    }
    let pairs = (parts * (parts - 1)) as f64;
    let standard_error = (squares.iter().sum::<f64>() / pairs).sqrt();
    squares.iter_mut().for_each(|square| *square = (*square / pairs).sqrt());
    let standard_errors = squares;
    Ok(Reference { grad, loss: loss / all, standard_error, standard_errors, samples })
}

fn distance_squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Independent draws of g_B − ∇f.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseSample {
    /// Samples in each mini-batch, B.
    pub batch_size: usize,
    /// [draws, p].
    pub vectors: Vec<f64>,
    /// The large-batch gradient, used in place of ∇f.
    pub reference: Reference,
}

/// `draws` mini-batch gradients of `batch_size` samples each, less `reference`.
///
/// The draws are the same at every point, so noise at two steps is compared on the same prompts.
///
/// # Errors
/// If the objective cannot be evaluated.
///
/// # Cost
/// `draws` gradients and 8·`draws`·p bytes.
pub fn noise_sample(
    stochastic: &mut dyn Stochastic,
    params: &[f64],
    batch_size: usize,
    draws: usize,
    reference: &Reference,
) -> Result<NoiseSample, ObjectiveError> {
    let p = params.len();
    let mut vectors = if batch_size == 1 {
        stochastic.sample_gradients(params, SINGLE_DRAW, draws)?.grads
    } else {
        let mut vectors = vec![0.0; draws * p];
        for (draw, grad) in vectors.chunks_exact_mut(p).enumerate() {
            stochastic.batch_gradient(params, draw as u64, batch_size, grad)?;
        }
        vectors
    };
    for grad in vectors.chunks_exact_mut(p) {
        grad.iter_mut().zip(&reference.grad).for_each(|(g, mean)| *g -= mean);
    }
    Ok(NoiseSample { batch_size, vectors, reference: reference.clone() })
}

impl NoiseSample {
    fn dim(&self) -> usize {
        self.reference.grad.len()
    }

    /// ‖g_B − ∇f‖ of every draw, the statistic of Ahn et al.
    pub fn norms(&self) -> Vec<f64> {
        self.vectors.chunks_exact(self.dim()).map(norm).collect()
    }

    /// √E‖g_B − ∇f‖², corrected for the error of the reference; 0 if that error explains all of it,
    /// NaN where a gradient is not finite.
    pub fn rms(&self) -> f64 {
        corrected(&self.norms(), self.reference.standard_error)
    }

    /// [`rms`](Self::rms) over the parameters of one block. The squares of all blocks add up to
    /// that of `rms`.
    pub fn block_rms(&self, block: &Block) -> f64 {
        let vectors = self.vectors.chunks_exact(self.dim());
        let norms: Vec<f64> = vectors.map(|v| norm(&v[block.range.clone()])).collect();
        corrected(&norms, norm(&self.reference.standard_errors[block.range.clone()]))
    }

    /// All draws of coordinate `index`.
    pub fn coordinate(&self, index: usize) -> Vec<f64> {
        self.vectors.iter().skip(index).step_by(self.dim()).copied().collect()
    }

    /// Standard deviation of every coordinate.
    pub fn coordinate_std(&self) -> Vec<f64> {
        let draws = self.vectors.len() / self.dim();
        let mut squares = vec![0.0; self.dim()];
        for v in self.vectors.chunks_exact(self.dim()) {
            squares.iter_mut().zip(v).for_each(|(s, x)| *s += x * x / draws as f64);
        }
        squares.into_iter().map(f64::sqrt).collect()
    }

    /// Eigenvalues and eigenvectors of the covariance of the noise. Gaussian noise with these
    /// variances has the same second moments; QQ plots compare with its norm. `None` where the
    /// noise is not finite.
    ///
    /// # Cost
    /// O(draws·p² + p³).
    pub fn covariance(&self) -> Option<Eigen> {
        let p = self.dim();
        let draws = (self.vectors.len() / p) as f64;
        let mut covariance = vec![0.0; p * p];
        for v in self.vectors.chunks_exact(p) {
            for (i, row) in covariance.chunks_exact_mut(p).enumerate() {
                row[..=i].iter_mut().zip(v).for_each(|(c, x)| *c += v[i] * x / draws);
            }
        }
        for i in 0..p {
            for j in 0..i {
                covariance[j * p + i] = covariance[i * p + j];
            }
        }
        symmetric_eigen(p, &covariance)
    }

    /// ⟨noise, direction⟩ of every draw.
    pub fn along(&self, direction: &[f64]) -> Vec<f64> {
        self.vectors.chunks_exact(self.dim()).map(|v| dot(v, direction)).collect()
    }
}

/// √(mean of `norms`² − `error`²), also where squares overflow; an `error` of NaN counts as
/// unknown.
pub(super) fn corrected(norms: &[f64], error: f64) -> f64 {
    if norms.iter().any(|norm| !norm.is_finite()) {
        return f64::NAN;
    }
    let error = if error.is_nan() { 0.0 } else { error };
    let largest = norms.iter().fold(error, |m, norm| m.max(*norm));
    // Between these bounds squares are doubles, and plain sums keep their bits.
    let scale = if (1e-140..1e140).contains(&largest) { 1.0 } else { largest };
    if scale == 0.0 {
        return 0.0;
    }
    let squares: Vec<f64> = norms.iter().map(|norm| (norm / scale) * (norm / scale)).collect();
    let square = mean(&squares) - (error / scale) * (error / scale);
    // Not `max`, which would turn NaN into 0.
    if square < 0.0 { 0.0 } else { scale * square.sqrt() }
}

/// Given gradients of single samples as the whole population. A mini-batch is drawn from them with
/// replacement; single samples are all of them. Meant for outside data, of which there is no more
/// than was given.
pub struct Resampled {
    gradients: SampleGradients,
    blocks: Vec<Block>,
    dim: usize,
    seed: u64,
}

impl Resampled {
    /// The population of `gradients`, drawn from at `seed`.
    ///
    /// # Panics
    /// If there are none.
    pub fn new(gradients: SampleGradients, blocks: Vec<Block>, seed: u64) -> Resampled {
        assert!(!gradients.losses.is_empty(), "no samples");
        let dim = gradients.grads.len() / gradients.losses.len();
        Resampled { gradients, blocks, dim, seed }
    }

    /// The exact mean of the population, an error-free reference.
    pub fn reference(&self) -> Reference {
        let samples = self.gradients.losses.len();
        let mut grad = vec![0.0; self.dim];
        for row in self.gradients.grads.chunks_exact(self.dim) {
            grad.iter_mut().zip(row).for_each(|(sum, g)| *sum += g / samples as f64);
        }
        let (loss, standard_errors) = (mean(&self.gradients.losses), vec![0.0; self.dim]);
        Reference { grad, loss, standard_error: 0.0, standard_errors, samples }
    }

    fn pick(&self, draw: u64, sample: usize) -> usize {
        let key = Key::samples(self.seed, draw);
        key.index(sample as u32, 0, self.gradients.losses.len())
    }

    fn row(&self, index: usize) -> &[f64] {
        &self.gradients.grads[index * self.dim..(index + 1) * self.dim]
    }
}

/// The point is that of the given gradients; `params` is ignored.
impl Stochastic for Resampled {
    fn dim(&self) -> usize {
        self.dim
    }
    fn blocks(&self) -> Vec<Block> {
        self.blocks.clone()
    }
    fn batch_gradient(
        &mut self,
        _: &[f64],
        draw: u64,
        samples: usize,
        grad: &mut [f64],
    ) -> Result<f64, ObjectiveError> {
        grad.fill(0.0);
        let mut loss = 0.0;
        for sample in 0..samples {
            let index = self.pick(draw, sample);
            loss += self.gradients.losses[index] / samples as f64;
            grad.iter_mut().zip(self.row(index)).for_each(|(sum, g)| *sum += g / samples as f64);
        }
        Ok(loss)
    }
    /// All gradients, each once, however many are requested.
    fn sample_gradients(
        &mut self,
        _: &[f64],
        _: u64,
        _: usize,
    ) -> Result<SampleGradients, ObjectiveError> {
        Ok(self.gradients.clone())
    }
}
