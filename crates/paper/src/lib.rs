//! The paper of Ahn et al. (ICLR 2024) and what follows from it: which runs, which pictures, which
//! verdicts.
//!
//! A [`study::Study`] is an entry of a list ([`figures`] of the paper, [`beyond`] it): settings of
//! runs, views of them, and claims about them. [`gather`] computes what they need; [`evidence`] is what
//! was found; [`study`] turns it into a section of the [`report`], [`audit`] all claims into one table.

mod arm;
pub mod audit;
pub mod beyond;
pub mod catalogue;
pub mod claim;
pub mod effect;
pub mod estimate;
pub mod evidence;
pub mod figures;
pub mod gather;
pub mod noise;
pub mod quantity;
pub mod rates;
pub mod reading;
pub mod report;
pub mod setting;
mod settings;
pub mod study;
pub mod view;

use serde::Serialize;
use windtunnel_measure::stats::Interval;

pub use arm::Arm;

/// How much of the published protocol is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Short runs instead of the settings' own.
    pub quick: bool,
    /// Seeds 0..seeds.
    pub seeds: u64,
}

impl Protocol {
    /// As published: 10,000 steps unless a study says otherwise, 6 seeds.
    pub const PUBLISHED: Protocol = Protocol { quick: false, seeds: 6 };
    /// For a first look: at most 1,000 steps, 3 seeds.
    pub const QUICK: Protocol = Protocol { quick: true, seeds: 3 };

    /// What stands before everything that a quick look shows, with a space behind.
    pub fn warning(&self) -> String {
        match self.quick {
            true => format!("QUICK: short runs and {} seeds, nothing to publish. ", self.seeds),
            false => String::new(),
        }
    }
}

/// What the data say of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The whole interval is above the null.
    Supported,
    /// The whole interval is below it.
    Contradicted,
    /// The interval contains the null, or is undefined.
    #[serde(rename = "not distinguishable")]
    NotDistinguishable,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Verdict; 3] =
        [Verdict::Supported, Verdict::Contradicted, Verdict::NotDistinguishable];

    /// The verdict on "the effect is above `null`".
    pub fn above(null: f64, interval: Interval) -> Verdict {
        if interval.lo > null {
            Verdict::Supported
        } else if interval.hi < null {
            Verdict::Contradicted
        } else {
            Verdict::NotDistinguishable
        }
    }

    /// Whether one supports what the other contradicts.
    pub fn contradicts(self, other: Verdict) -> bool {
        let open = Verdict::NotDistinguishable;
        self != other && self != open && other != open
    }

    /// As printed.
    pub fn text(self) -> &'static str {
        match self {
            Verdict::Supported => "supported",
            Verdict::Contradicted => "contradicted",
            Verdict::NotDistinguishable => "not distinguishable",
        }
    }
}
