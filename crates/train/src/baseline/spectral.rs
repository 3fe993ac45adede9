//! Prompts in the eigenbasis of their Gram matrix.

use windtunnel_math::linalg::{Eigen, symmetric_eigen};
use windtunnel_model::task::{Batch, Layout, Prompts};

/// Eigenvalues below this share of the largest of their prompt count as zero.
pub(super) const CUTOFF: f64 = 1e-10;

/// A prompt in the eigenbasis of its Gram matrix: eigenvalues λ of S/n, and s/n and x_q along its
/// eigenvectors.
pub(super) struct Spectral {
    pub(super) values: Vec<f64>,
    pub(super) labels: Vec<f64>,
    pub(super) query: Vec<f64>,
    pub(super) target: f64,
}

/// The prompt `prompt` of a batch; `None` if its Gram matrix is not finite.
pub(super) fn spectral(batch: &Batch<f64>, prompt: usize) -> Option<Spectral> {
    let Layout { dim, .. } = batch.layout();
    let moments = batch.prompt(prompt);
    let (gram, rest) = moments.split_at(dim * (dim + 1) / 2);
    let (labels, rest) = rest.split_at(dim);
    let full: Vec<f64> = (0..dim * dim)
        .map(|k| {
            let (i, j) = ((k / dim).max(k % dim), (k / dim).min(k % dim));
            gram[i * (i + 1) / 2 + j]
        })
        .collect();
    let Eigen { values, vectors } = symmetric_eigen(dim, &full)?;
    let along = |x: &[f64]| -> Vec<f64> {
        vectors.chunks_exact(dim).map(|u| u.iter().zip(x).map(|(u, x)| u * x).sum()).collect()
    };
    Some(Spectral { labels: along(labels), query: along(&rest[..dim]), target: rest[dim], values })
}
