//! The figures of Ahn et al. (ICLR 2024): which runs, which picture, which verdict.
//!
//! A figure is an entry of a list ([`figures`]): [`cohort`]s of runs, and claims as [`contrast`]s of
//! what was measured on them. [`rates`] finds learning rates that were not published.

mod arm;
pub mod cohort;
pub mod conditioning;
pub mod contrast;
pub mod figures;
pub mod losses;
pub mod rates;

pub use arm::Arm;

use windtunnel_core::stats::Interval;

/// Held-out loss, mean over prompts.
const LOSS: &str = "held_out_loss";
/// The same, median over prompts.
const MEDIAN: &str = "held_out_median";

/// How much of the published protocol is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Updates per run.
    pub steps: u64,
    /// Seeds 0..seeds.
    pub seeds: u64,
}

impl Protocol {
    /// As published: 10,000 steps, 6 seeds.
    pub const PUBLISHED: Protocol = Protocol { steps: 10_000, seeds: 6 };
    /// For a first look: 1,000 steps, 3 seeds.
    pub const QUICK: Protocol = Protocol { steps: 1_000, seeds: 3 };

    /// What to add to every caption of a shortened figure.
    pub fn warning(&self) -> Option<String> {
        (*self != Protocol::PUBLISHED).then(|| {
            format!(
                "QUICK: {} steps and {} seeds in place of {} and {}.",
                self.steps,
                self.seeds,
                Self::PUBLISHED.steps,
                Self::PUBLISHED.seeds
            )
        })
    }
}

/// Answer to "is A below B?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The whole interval says so.
    Yes,
    /// The whole interval says the opposite.
    No,
    /// The interval contains equality, or is undefined.
    NotDistinguishable,
}

impl Verdict {
    /// The verdict on "the ratio is above 1".
    pub fn above_one(ratio: Interval) -> Verdict {
        if ratio.lo > 1.0 {
            Verdict::Yes
        } else if ratio.hi < 1.0 {
            Verdict::No
        } else {
            Verdict::NotDistinguishable
        }
    }

    /// As the verdict on a claim that the effect is above 1.
    pub fn of_claim(self) -> &'static str {
        match self {
            Verdict::Yes => "supported",
            Verdict::No => "contradicted",
            Verdict::NotDistinguishable => self.text(),
        }
    }

    /// As printed.
    pub fn text(self) -> &'static str {
        match self {
            Verdict::Yes => "yes",
            Verdict::No => "no",
            Verdict::NotDistinguishable => "not distinguishable",
        }
    }
}
