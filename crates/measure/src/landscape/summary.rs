//! Statistics of gradient noise that do not need its draws in memory.

use super::noise::corrected;
use super::{NoiseSample, Reference};
use crate::stats::excess_kurtosis;
use windtunnel_math::linalg::norm;
use windtunnel_math::objective::{Block, ObjectiveError, Stochastic};

/// Statistics of independent draws of g_B − ∇f, computed with one draw in memory at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseSummary {
    /// Samples in each mini-batch, B.
    pub batch_size: usize,
    /// ‖g_B − ∇f‖ of every draw, the statistic of Ahn et al.
    pub norms: Vec<f64>,
    /// √E‖g_B − ∇f‖², see [`NoiseSample::rms`].
    pub rms: f64,
    /// The root mean square over the parameters of each block, see [`NoiseSample::block_rms`].
    pub block_rms: Vec<f64>,
    /// Error of the large-batch gradient, see [`Reference::standard_error`].
    pub reference_error: f64,
    /// Whether all entries of that gradient are finite.
    pub reference_is_finite: bool,
    /// Excess kurtoses of the coordinates that vary, ascending, without unused blocks.
    pub kurtoses: Vec<f64>,
}

impl NoiseSummary {
    /// The statistics of a sample whose draws are in memory.
    pub fn of(sample: &NoiseSample, blocks: &[Block]) -> NoiseSummary {
        let live = blocks.iter().filter(|block| !block.unused).flat_map(|b| b.range.clone());
        let kurtoses = live.map(|index| excess_kurtosis(&sample.coordinate(index)));
        NoiseSummary {
            batch_size: sample.batch_size,
            norms: sample.norms(),
            rms: sample.rms(),
            block_rms: blocks.iter().map(|block| sample.block_rms(block)).collect(),
            reference_error: sample.reference.standard_error,
            reference_is_finite: is_finite(&sample.reference),
            kurtoses: varying(kurtoses.collect()),
        }
    }

    /// The statistics of `draws` mini-batch gradients of `batch_size` samples, less `reference`,
    /// with one draw in memory at a time.
    ///
    /// Norms have the bits of [`noise_sample`](super::noise_sample), except for `batch_size` 1: the
    /// samples are then the first of as many draws and not all of one. Kurtoses are updated from
    /// draw to draw (Pébay 2008) and differ in their last digits. Statistics that need all draws at
    /// once, such as their covariance, are not available.
    ///
    /// # Errors
    /// If the objective cannot be evaluated.
    ///
    /// # Cost
    /// `draws` gradients and 5 vectors beside the reference.
    pub fn stream(
        stochastic: &mut dyn Stochastic,
        params: &[f64],
        (batch_size, draws): (usize, usize),
        reference: &Reference,
        blocks: &[Block],
    ) -> Result<NoiseSummary, ObjectiveError> {
        let p = params.len();
        let (mut norms, mut block_norms) = (Vec::new(), vec![Vec::new(); blocks.len()]);
        let mut moments = Moments::new(p);
        let mut grad = vec![0.0; p];
        let mut scale = 1.0;
        for draw in 0..draws {
            stochastic.batch_gradient(params, draw as u64, batch_size, &mut grad)?;
            grad.iter_mut().zip(&reference.grad).for_each(|(g, mean)| *g -= mean);
            norms.push(norm(&grad));
            for (norms, block) in block_norms.iter_mut().zip(blocks) {
                norms.push(norm(&grad[block.range.clone()]));
            }
            // Kurtoses have no unit: in units of the first draw, fourth powers do not overflow.
            if draw == 0 && norms[0].is_normal() {
                scale = norms[0];
            }
            grad.iter_mut().for_each(|g| *g /= scale);
            moments.take(&grad);
        }
        let mut kurtoses = moments.into_kurtoses();
        for block in blocks.iter().filter(|block| block.unused) {
            kurtoses[block.range.clone()].fill(f64::NAN);
        }
        let error = |block: &Block| norm(&reference.standard_errors[block.range.clone()]);
        let of_block = |(norms, block): (&Vec<f64>, &Block)| corrected(norms, error(block));
        Ok(NoiseSummary {
            batch_size,
            rms: corrected(&norms, reference.standard_error),
            block_rms: block_norms.iter().zip(blocks).map(of_block).collect(),
            norms,
            reference_error: reference.standard_error,
            reference_is_finite: is_finite(reference),
            kurtoses: varying(kurtoses),
        })
    }
}

fn is_finite(reference: &Reference) -> bool {
    reference.grad.iter().all(|g| g.is_finite())
}

/// The kurtoses that are numbers, ascending.
fn varying(mut kurtoses: Vec<f64>) -> Vec<f64> {
    kurtoses.retain(|kurtosis| !kurtosis.is_nan());
    kurtoses.sort_unstable_by(f64::total_cmp);
    kurtoses
}

/// Mean and sums of second, third and fourth powers about it, of every coordinate.
struct Moments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
    cubes: Vec<f64>,
    fourths: Vec<f64>,
}

impl Moments {
    fn new(dim: usize) -> Moments {
        let [mean, squares, cubes, fourths] = std::array::from_fn(|_| vec![0.0; dim]);
        Moments { count: 0.0, mean, squares, cubes, fourths }
    }

    /// Adds one draw (Pébay 2008, eq. 1.1 to 1.3 with a single new value).
    fn take(&mut self, x: &[f64]) {
        let before = self.count;
        self.count += 1.0;
        let n = self.count;
        for (i, x) in x.iter().enumerate() {
            let (square, cube) = (self.squares[i], self.cubes[i]);
            let off = x - self.mean[i];
            let share = off / n;
            let term = off * share * before;
            self.mean[i] += share;
            self.squares[i] += term;
            self.cubes[i] += term * share * (n - 2.0) - 3.0 * share * square;
            self.fourths[i] += term * share * share * (n * n - 3.0 * n + 3.0)
                + 6.0 * share * share * square
                - 4.0 * share * cube;
        }
    }

    /// m₄/m₂² − 3 of every coordinate; NaN where all values are equal.
    fn into_kurtoses(self) -> Vec<f64> {
        let Moments { count, squares, mut fourths, .. } = self;
        for (fourth, square) in fourths.iter_mut().zip(squares) {
            *fourth = count * *fourth / (square * square) - 3.0;
        }
        fourths
    }
}
