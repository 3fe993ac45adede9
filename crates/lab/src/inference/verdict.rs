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
    /// The number does not estimate anything that settles, so there is no verdict.
    #[serde(rename = "no verdict")]
    Barred,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Verdict; 4] =
        [Verdict::Supported, Verdict::Contradicted, Verdict::NotDistinguishable, Verdict::Barred];

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
        self != other && self.is_decided() && other.is_decided()
    }

    /// Whether it is supported or contradicted.
    pub fn is_decided(self) -> bool {
        matches!(self, Verdict::Supported | Verdict::Contradicted)
    }

    /// Text in tables.
    pub fn text(self) -> &'static str {
        match self {
            Verdict::Supported => "supported",
            Verdict::Contradicted => "contradicted",
            Verdict::NotDistinguishable => "not distinguishable",
            Verdict::Barred => "no verdict",
        }
    }
}

/// Numbers of verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Number of supported ones.
    pub supported: usize,
    /// Number of contradicted ones.
    pub contradicted: usize,
    /// Number of those that are not distinguishable from no effect.
    pub open: usize,
    /// Number of those without a verdict, because the number does not settle.
    pub barred: usize,
}

impl Tally {
    /// All of them.
    pub fn total(&self) -> usize {
        self.supported + self.contradicted + self.open + self.barred
    }

    /// Text of the numbers that are not zero.
    pub fn text(&self) -> String {
        let counts = [
            (self.supported, "supported"),
            (self.contradicted, "contradicted"),
            (self.open, "not distinguishable"),
            (self.barred, "without a verdict"),
        ];
        let some = counts.into_iter().filter(|(count, _)| *count > 0);
        let texts: Vec<String> = some.map(|(count, what)| format!("{count} {what}")).collect();
        if texts.is_empty() { "none".into() } else { texts.join(", ") }
    }
}

impl FromIterator<Verdict> for Tally {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Tally {
        let mut tally = Tally::default();
        for verdict in verdicts {
            *match verdict {
                Verdict::Supported => &mut tally.supported,
                Verdict::Contradicted => &mut tally.contradicted,
                Verdict::NotDistinguishable => &mut tally.open,
                Verdict::Barred => &mut tally.barred,
            } += 1;
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_counted_and_said() {
        let all = [Verdict::Supported, Verdict::Barred, Verdict::Supported];
        let tally: Tally = all.into_iter().collect();
        assert_eq!((tally.total(), tally.text().as_str()), (3, "2 supported, 1 without a verdict"));
        assert_eq!(Tally::default().text(), "none");
        assert!(Verdict::Supported.contradicts(Verdict::Contradicted));
        assert!(!Verdict::Supported.contradicts(Verdict::Barred));
    }
}
