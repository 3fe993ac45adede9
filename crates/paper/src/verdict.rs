//! Verdict of the data on a claim.

use serde::Serialize;
use windtunnel_measure::stats::Interval;

/// Verdict of the data on a claim.
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
    /// All verdicts.
    pub const ALL: [Verdict; 3] =
        [Verdict::Supported, Verdict::Contradicted, Verdict::NotDistinguishable];

    /// Verdict on "the effect is above `null`".
    pub fn above(null: f64, interval: Interval) -> Verdict {
        if interval.lo > null {
            Verdict::Supported
        } else if interval.hi < null {
            Verdict::Contradicted
        } else {
            Verdict::NotDistinguishable
        }
    }

    /// Whether one verdict is supported and the other contradicted.
    pub fn contradicts(self, other: Verdict) -> bool {
        let open = Verdict::NotDistinguishable;
        self != other && self != open && other != open
    }

    /// Text in tables.
    pub fn text(self) -> &'static str {
        match self {
            Verdict::Supported => "supported",
            Verdict::Contradicted => "contradicted",
            Verdict::NotDistinguishable => "not distinguishable",
        }
    }
}
