//! Map from parameters to the matrices of all layers that kernels use.
//!
//! Sparse parameterization, fixed corners and tied layers are one thing here: every entry of those
//! matrices is a constant or a parameter. A gradient with respect to the entries is pulled back by
//! adding the entries that are the same parameter.

use super::{Corner, Parameterization, Transformer};
use windtunnel_math::lanes::Real;

/// Entry of the matrices: a constant or the index of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Entry {
    Constant(f64),
    Parameter(usize),
}

/// The entries of P and Q, [L, H, 2, r, r] with r rows of kernels, then those of the encoder.
#[derive(Clone, Debug)]
pub(super) struct Embedding {
    entries: Vec<Entry>,
    params: usize,
}

impl Embedding {
    pub(super) fn new(model: &Transformer) -> Embedding {
        let Transformer { depth, dim, heads, .. } = *model;
        let (rows, size) = (model.kernel_rows(), model.size());
        let mut entries = Vec::with_capacity(2 * depth * heads * rows * rows);
        for layer in 0..depth {
            for matrix in 0..2 * heads {
                let first = if model.tied { 0 } else { 2 * heads * layer };
                let first = (first + matrix) * size * size;
                let is_p = matrix % 2 == 0;
                for (i, j) in (0..rows).flat_map(|i| (0..rows).map(move |j| (i, j))) {
                    entries.push(entry(model.parameterization, dim, is_p, (i, j), first));
                }
            }
        }
        let params = model.params();
        let encoder = model.shape().iter().product::<usize>()..params;
        entries.extend(encoder.map(Entry::Parameter));
        Embedding { entries, params }
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entries at given parameters, or along a direction, whose constants are zero.
    pub(super) fn expand<T: Real>(&self, params: &[T], constant: fn(f64) -> f64) -> Vec<T> {
        let value = |entry: &Entry| match *entry {
            Entry::Constant(x) => T::nearest(constant(x)),
            Entry::Parameter(k) => params[k],
        };
        self.entries.iter().map(value).collect()
    }

    /// The gradient with respect to the parameters, from that with respect to the entries.
    pub(super) fn pull_back(&self, entries: &[f64]) -> Vec<f64> {
        let mut params = vec![0.0; self.params];
        for (entry, value) in self.entries.iter().zip(entries) {
            if let Entry::Parameter(k) = entry {
                params[*k] += value;
            }
        }
        params
    }
}

/// Entry (i, j) of a matrix whose parameters begin at `first`.
fn entry(
    parameterization: Parameterization,
    dim: usize,
    is_p: bool,
    (i, j): (usize, usize),
    first: usize,
) -> Entry {
    let corner = i == dim && j == dim;
    match parameterization {
        Parameterization::Sparse if i < dim && j < dim => Entry::Parameter(first + i * dim + j),
        Parameterization::Sparse => Entry::Constant(if is_p && corner { 1.0 } else { 0.0 }),
        Parameterization::Full(Corner::Fixed) if is_p && corner => Entry::Constant(1.0),
        Parameterization::Full(_) => Entry::Parameter(first + i * (dim + 1) + j),
    }
}
