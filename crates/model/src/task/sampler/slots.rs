//! Which draws a prompt is made of, and the dimension as a constant.

use crate::task::{MAX_DIM, Task};

/// Slots below belong to χ² variates: those of Bartlett's factor, two to a slot, and the last.
pub(super) const FIRST_NORMAL_SLOT: u32 = MAX_DIM as u32;
/// The noise outside the span of the covariates.
pub(super) const RESIDUAL_SLOT: u32 = FIRST_NORMAL_SLOT - 1;
/// Tokens are drawn four at a time, as normals are.
pub(super) const TOKENS: usize = 4;

/// Stands for a dimension that is known at run time only.
pub(super) const ANY: usize = 0;

/// d, as a constant where `D` is one: loops over it are then unrolled.
#[inline(always)]
pub(super) fn known<const D: usize>(task: &Task) -> usize {
    if D == ANY { task.dim } else { D }
}
