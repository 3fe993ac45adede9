//! Distances between the spectra of the blocks.

use super::Hessian;
use crate::stats::{jensen_shannon_distance, mean, spectral_density};
use windtunnel_math::objective::Block;

/// Bins between the smallest and the largest eigenvalue of all blocks.
pub const BINS: usize = 200;

/// Distances between the spectra of all pairs of live blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Heterogeneity {
    /// (index, index, distance) of every pair, indices into the blocks.
    pub pairs: Vec<(usize, usize, f64)>,
}

impl Heterogeneity {
    /// Mean over all pairs, "JS" of Zhang et al.; NaN with a single block.
    pub fn mean(&self) -> f64 {
        mean(&self.pairs.iter().map(|pair| pair.2).collect::<Vec<_>>())
    }
}

/// Jensen-Shannon distances (base 2, in 0..=1) between the eigenvalue distributions of the diagonal
/// blocks of `hessian`, over [`BINS`] common bins (Zhang et al. 2024, "Why Transformers need Adam").
///
/// The spectra here are exact, theirs came from stochastic Lanczos quadrature, and they publish
/// neither bins nor normalization: compare values of one program only. Spectra that are
/// all one value have distance 0. `None` where H is not finite.
pub fn block_heterogeneity(hessian: &Hessian, blocks: &[Block]) -> Option<Heterogeneity> {
    let live = blocks.iter().enumerate().filter(|(_, block)| !block.unused);
    let spectra: Vec<(usize, Vec<f64>)> = live
        .map(|(k, block)| Some((k, hessian.block(block.range.clone()).eigenvalues()?)))
        .collect::<Option<_>>()?;
    let all = || spectra.iter().flat_map(|(_, values)| values.iter().copied());
    let (lo, hi) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let density = |values: &[f64]| spectral_density(values, lo, hi, BINS);
    let densities: Vec<_> = spectra.iter().map(|(k, values)| (*k, density(values))).collect();
    let mut pairs = Vec::new();
    for (i, (a, p)) in densities.iter().enumerate() {
        for (b, q) in &densities[i + 1..] {
            pairs.push((*a, *b, jensen_shannon_distance(p, q)));
        }
    }
    Some(Heterogeneity { pairs })
}
