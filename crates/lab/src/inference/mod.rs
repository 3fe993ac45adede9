//! Inference on paired runs: from observations of runs to an effect with its interval, its verdict,
//! and what the design could have found.
//!
//! The unit is a seed. Both runs of a pair share initial parameters, training prompts and held-out
//! batches, and no two pairs share any of them, so that an interval over pairs covers all that is
//! random (docs/audit.md).

mod effect;
mod estimate;
mod observation;
mod statistic;
mod tail;
mod verdict;

pub use effect::{Effect, STATED};
pub use estimate::{Estimate, Estimator};
pub use observation::{DIVERGED, Observation, Observations, Ratios, lacks, ratio_of_means};
pub use statistic::{
    HeldOutBatch, RunStatistic, When, diverged, fresh_batches, geometric_mean, reached,
};
pub use tail::{TAIL_OF_A_MEAN, Tail};
pub use verdict::{Tally, Verdict};
