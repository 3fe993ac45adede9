//! Findings on claims: the primary effect with its verdict, and what all other specifications say.

use serde::Serialize;
use windtunnel_lab::inference::{Effect, Tally, Verdict};
use windtunnel_measure::stats::holm;

/// A claim with its effect under every specification.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The claim's number.
    pub claim: &'static str,
    /// The claim in a sentence.
    pub text: &'static str,
    /// Description of the effect.
    pub what: &'static str,
    /// Range of the effect if the claim holds.
    pub holds: &'static str,
    /// Specification by specification: the primary one, then that of the paper if it has one, then
    /// all others.
    pub effects: Vec<Effect>,
    /// Whether the second effect is by the paper's own statistic; it judges some claims by eye.
    pub second_is_of_paper: bool,
    /// p-value of the primary effect, adjusted for all claims of its family.
    pub adjusted: f64,
    /// The same with other random streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication: Option<Replication>,
    /// Published numbers beside ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
    /// The published ratio, by the paper's own statistic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<f64>,
}

/// The primary effect with other random streams throughout.
#[derive(Clone, Debug, Serialize)]
pub struct Replication {
    /// Family of seeds.
    pub family: u64,
    /// The effect.
    pub effect: Effect,
}

impl Finding {
    /// A finding with these effects, alone in its family.
    pub fn new(
        (claim, text): (&'static str, &'static str),
        (what, holds): (&'static str, &'static str),
        effects: Vec<Effect>,
    ) -> Finding {
        let adjusted = effects.first().map_or(1.0, Effect::p);
        Finding {
            claim,
            text,
            what,
            holds,
            effects,
            second_is_of_paper: true,
            adjusted,
            replication: None,
            agreement: None,
            published: None,
        }
    }

    /// The finding with its verdict and the verdicts of all specifications, for machines.
    pub fn json(&self) -> serde_json::Value {
        let mut json = serde_json::json!(self);
        json["verdict"] = self.verdict().text().into();
        json["specifications"] = serde_json::json!(self.tally());
        json
    }

    /// The primary effect; `None` if nothing was measured.
    pub fn primary(&self) -> Option<&Effect> {
        self.effects.first()
    }

    /// The effect by the paper's own statistic, if it has one.
    pub fn of_paper(&self) -> Option<&Effect> {
        self.effects.get(1).filter(|_| self.second_is_of_paper)
    }

    /// The verdict by the primary effect, adjusted for all claims of its family.
    pub fn verdict(&self) -> Verdict {
        let open = Verdict::NotDistinguishable;
        self.primary().map_or(open, |effect| effect.verdict_at(self.adjusted))
    }

    /// Verdicts of all specifications, each by its own interval: they are sensitivity, not further
    /// tests, so they are not adjusted.
    pub fn tally(&self) -> Tally {
        self.effects.iter().map(Effect::verdict).collect()
    }

    /// Whether all specifications have the verdict of the finding.
    pub fn is_robust(&self) -> bool {
        let verdict = self.verdict();
        self.effects.iter().all(|effect| effect.verdict() == verdict)
    }

    /// Whether another specification contradicts the verdict.
    pub fn flips(&self) -> bool {
        let verdict = self.verdict();
        self.effects.iter().any(|effect| effect.verdict().contradicts(verdict))
    }

    /// Whether the primary effect has the same verdict with other random streams, both alone; `None`
    /// if it was not replicated.
    pub fn replicates(&self) -> Option<bool> {
        let again = self.replication.as_ref()?;
        Some(self.primary()?.verdict() == again.effect.verdict())
    }

    /// Verdicts of the specifications, counted, in words.
    pub fn robustness(&self) -> String {
        match self.effects.len() {
            0 => String::new(),
            1 => "one specification only".into(),
            all if self.is_robust() => format!("the same under all {all} specifications"),
            all => format!("{} of {all} specifications", self.tally().text()),
        }
    }
}

/// Adjusts the primary effects of all findings of a family by Holm's method; `family` is the number
/// of claims of the family, judged or not.
pub(super) fn adjust(findings: &mut [&mut Finding], family: usize) {
    let p = |finding: &&mut Finding| finding.primary().map_or(1.0, Effect::p);
    let all: Vec<f64> = findings.iter().map(p).collect();
    for (finding, adjusted) in findings.iter_mut().zip(holm(&all, family.max(all.len()))) {
        finding.adjusted = adjusted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_lab::inference::Ratios;

    fn effect(logs: &[f64]) -> Effect {
        Effect::of_ratios("", &Ratios::of_logs(logs))
    }

    fn finding(effects: Vec<Effect>) -> Finding {
        Finding::new(("", ""), ("", ""), effects)
    }

    const UP: [f64; 4] = [1.0, 1.1, 1.2, 1.05];
    const DOWN: [f64; 4] = [-1.0, -1.1, -1.2, -1.05];
    const OPEN: [f64; 4] = [-1.0, 1.0, 0.5, -0.6];

    #[test]
    fn specifications_are_counted() {
        let turned = finding(vec![effect(&UP), effect(&DOWN), effect(&OPEN)]);
        assert!(turned.flips() && !turned.is_robust());
        assert_eq!(
            turned.robustness(),
            "1 supported, 1 contradicted, 1 not distinguishable of 3 specifications"
        );
        let firm = finding(vec![effect(&UP), effect(&UP)]);
        assert_eq!(firm.robustness(), "the same under all 2 specifications");
        let barred = finding(vec![effect(&UP), effect(&UP).barred("no mean".into())]);
        assert!(!barred.is_robust() && !barred.flips());
    }

    #[test]
    fn a_family_is_judged_together() {
        // Alone this one is supported: p is between 1 and 5 %.
        let weak = [0.2, 1.0, 0.9, 0.4];
        let mut few = finding(vec![effect(&weak)]);
        assert_eq!(few.verdict(), Verdict::Supported);
        let (mut strong, mut other) = (finding(vec![effect(&UP)]), finding(vec![effect(&OPEN)]));
        adjust(&mut [&mut few, &mut strong, &mut other], 20);
        assert_eq!(few.verdict(), Verdict::NotDistinguishable);
        assert_eq!(strong.verdict(), Verdict::Supported);
        assert!(strong.adjusted > strong.primary().unwrap().p());
    }
}
