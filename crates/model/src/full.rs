//! Weights of a whole model with full matrices: all heads of all layers, then the encoder.

use super::matrix::{Dim, many};
use super::sparse::Weights as Head;
use super::{Transformer, encoder};
use windtunnel_math::lanes::Lane;

/// The weights, or their gradient.
pub(super) struct Weights<V: Lane, D: Dim> {
    /// P and Q, [L][H].
    pub(super) layers: Vec<Vec<Head<V, D>>>,
    pub(super) encoder: Option<encoder::Weights<V, D>>,
}

impl<V: Lane, D: Dim> Weights<V, D> {
    pub(super) fn filled(dim: D, model: &Transformer, value: V) -> Weights<V, D> {
        let layer = || many(model.heads, || Head::filled(dim, value));
        Weights {
            layers: many(model.depth, layer),
            encoder: model.encoder.map(|e| encoder::Weights::filled(e, model.dim, dim, value)),
        }
    }

    /// Number of weights.
    pub(super) fn len(width: usize, model: &Transformer) -> usize {
        let encoder = model.encoder.map_or(0, |encoder| encoder.params(model.dim));
        2 * model.depth * model.heads * width * width + encoder
    }

    #[inline(always)]
    pub(super) fn visit(&mut self, width: usize, see: &mut impl FnMut(&mut V)) {
        for head in self.layers.iter_mut().flatten() {
            head.visit(width, see);
        }
        if let Some(encoder) = &mut self.encoder {
            encoder.visit(see);
        }
    }

    /// Adds `other` and leaves it at zero.
    #[inline(always)]
    pub(super) fn take(&mut self, width: usize, other: &mut Self, zero: V) {
        let others = other.layers.iter_mut().flatten();
        for (own, other) in self.layers.iter_mut().flatten().zip(others) {
            own.take(width, other, zero);
        }
        if let (Some(own), Some(other)) = (&mut self.encoder, &mut other.encoder) {
            own.take(other, zero);
        }
    }
}
