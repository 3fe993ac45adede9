//! Slots of the draws of a prompt, and the dimension as a constant.

use crate::task::{MAX_DIM, Task};

/// First slot of normals. Those below belong to χ² variates: those of Bartlett's factor, two to a
/// slot, and the last.
pub(super) const FIRST_NORMAL_SLOT: u32 = MAX_DIM as u32;
/// Slot of the noise outside the span of the covariates.
pub(super) const RESIDUAL_SLOT: u32 = FIRST_NORMAL_SLOT - 1;
/// Number of tokens that are drawn at a time, as of normals.
pub(super) const TOKENS: usize = 4;

/// Constant that stands for a dimension known at run time only.
pub(super) const ANY: usize = 0;

/// d, as a constant where `D` is one: loops over it are then unrolled.
#[inline(always)]
pub(super) fn known<const D: usize>(task: &Task) -> usize {
    if D == ANY { task.dim } else { D }
}
