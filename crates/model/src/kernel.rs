//! The trait of kernels: forward and reverse pass over one register of prompts.

use windtunnel_math::lanes::{BlockRow, Lane};

/// Forward and reverse pass of a model, with everything they need in between.
///
/// Weights come in parts, layers or the whole model; a gradient has the same parts.
pub(super) trait Kernel<V: Lane>: Send {
    /// Weights that belong together.
    type Part: Send;
    /// A part whose weights all are `value`.
    fn part(&self, value: V) -> Self::Part;
    /// Number of weights of a part.
    fn part_len(&self) -> usize;
    /// Calls `see` with every weight of a part, in the order of the parameters.
    fn visit(&self, part: &mut Self::Part, see: impl FnMut(&mut V));
    /// Adds `other` to `own` and leaves it at zero.
    fn merge(&self, own: &mut Self::Part, other: &mut Self::Part, zero: V);
    /// Residual r = y_L + target of the prompts in lanes `lane..lane + WIDTH` of `block`.
    fn forward(&mut self, weights: &[Self::Part], block: &[BlockRow<V::Scalar>], lane: usize) -> V;
    /// Adds the gradient of Σ r² over the lanes to `grad`, lane by lane; `residual` is what
    /// [`Kernel::forward`] returned.
    fn reverse(&mut self, weights: &[Self::Part], residual: V, grad: &mut [Self::Part]);
    /// Replaces prompts by the output of the first part, where parts are layers and prompts can
    /// hold it: the remaining layers then have the loss of all.
    ///
    /// # Panics
    /// If the kernel cannot do so.
    fn advance(&mut self, first: &Self::Part, block: &mut [BlockRow<V::Scalar>], lane: usize) {
        let _ = (first, block, lane);
        panic!("this kernel does not take layers off");
    }
}
