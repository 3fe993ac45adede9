//! Counter-based random streams: every draw is a pure function of its address.
//!
//! The address is (seed, purpose, step, prompt, slot), so a draw for one purpose never moves
//! another, prompts may be drawn in any order by any thread, and a resumed run sees the same
//! prompts. Draws are made in f32 lanes, one prompt per lane, for runs of either precision.

mod draws;
pub mod streams;
mod threefry;

pub use draws::{Draws, Gamma};
pub use threefry::{block, block_lanes};

/// Purpose of a stream of draws; streams of different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Initial parameters.
    Init = 0,
    /// Training prompts.
    Train = 1,
    /// Held-out prompts.
    HeldOut = 2,
    /// Random rotation of a covariance.
    Rotation = 3,
    /// Resampling of statistics.
    Bootstrap = 4,
    /// Prompts of noise studies, never trained on.
    Samples = 5,
    /// Start and probe vectors of randomized linear algebra.
    Probe = 6,
    /// Network of nonlinear labels.
    Labels = 7,
    /// Prompts that baselines are fitted on, and starting points of their fits.
    Baseline = 8,
}

/// Address of all draws of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Seed of the run, or of the held-out batch.
    pub seed: u64,
    /// Purpose of the draws.
    pub purpose: Purpose,
    /// Training step; 0 for draws that are made once.
    pub step: u64,
}

impl Key {
    fn threefry_key(self) -> [u32; 4] {
        let purpose = self.purpose as u32;
        [self.seed as u32, (self.seed >> 32) as u32, purpose, (self.step >> 32) as u32]
    }

    /// Four random words of one prompt's slot.
    pub fn words(self, prompt: u32, slot: u32) -> [u32; 4] {
        block(self.threefry_key(), [prompt, slot, self.step as u32, 0])
    }

    /// Uniform on (0, 1), with 53 random bits.
    pub fn uniform(self, slot: u32) -> f64 {
        let w = self.words(0, slot);
        let bits = (u64::from(w[0]) << 32 | u64::from(w[1])) >> 11;
        (bits as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// A uniform integer in `0..bound`, by multiplication: bias below `bound`/2⁶⁴.
    pub fn index(self, prompt: u32, slot: u32, bound: usize) -> usize {
        let w = self.words(prompt, slot);
        let uniform = (u64::from(w[0]) << 32) | u64::from(w[1]);
        ((u128::from(uniform) * bound as u128) >> 64) as usize
    }
}
