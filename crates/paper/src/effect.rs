//! Findings on claims: an effect over paired seeds, its interval, and a verdict.

use serde::{Serialize, Serializer};
use windtunnel_measure::stats::{Interval, mean};

use super::estimate::Estimate;
use super::reading::Ratios;
use super::verdict::Verdict;

/// An effect under one convention.
#[derive(Clone, Debug)]
pub struct Effect {
    /// Convention by which a run becomes a number.
    pub convention: String,
    /// The effect with its 95 % interval.
    pub estimate: Estimate,
    /// Verdict on the claim.
    pub verdict: Verdict,
    /// Number of pairs for an interval that excludes the null if the effect is real; `None` if it
    /// does already.
    pub pairs_needed: Option<u64>,
}

/// A claim with its verdict under every convention, the paper's first.
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
    /// Convention by convention.
    pub effects: Vec<Effect>,
    /// Published numbers beside ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
}

/// JSON form of an effect; `reason` explains a `null`.
#[derive(Serialize)]
struct Json<'a> {
    convention: &'a str,
    text: String,
    effect: Option<f64>,
    lo: Option<f64>,
    hi: Option<f64>,
    estimator: &'static str,
    verdict: Verdict,
    pairs: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pairs_needed: Option<u64>,
}

impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Effect { convention, estimate, verdict, pairs_needed } = self;
        let json = Json {
            convention,
            text: estimate.text(),
            effect: estimate.value(),
            lo: estimate.lo(),
            hi: estimate.hi(),
            estimator: estimate.estimator().name(),
            verdict: *verdict,
            pairs: estimate.units(),
            reason: estimate.reason(),
            pairs_needed: *pairs_needed,
        };
        json.serialize(serializer)
    }
}

impl Effect {
    /// Effect that is a ratio, judged against 1: the geometric mean over pairs, or their median if
    /// some run is infinitely bad. Pairs without a ratio are left out.
    pub fn of_ratios(convention: &str, ratios: &Ratios) -> Effect {
        Effect::new(convention, Estimate::of_ratios(ratios), 1.0)
    }

    /// Effect that is a mean over runs, judged against 0. Runs without a value (NaN) are left out;
    /// `lack` gives the reason.
    pub fn of_values(convention: &str, values: &[f64], lack: String) -> Effect {
        Effect::new(convention, Estimate::of_values(values, lack), 0.0)
    }

    /// Effect that is a rank correlation, judged against 0: see [`Estimate::of_ranks`].
    pub fn of_ranks(convention: &str, units: &[Vec<(f64, f64)>], lack: String) -> Effect {
        Effect::new(convention, Estimate::of_ranks(units, lack), 0.0)
    }

    /// The same effect, judged on the claim that it is 1 within a factor of `tolerance`: supported
    /// if the whole interval lies in that range, contradicted if none of it does.
    #[must_use]
    pub fn as_equality(mut self, tolerance: f64) -> Effect {
        let within = 1.0 / tolerance..=tolerance;
        let Interval { lo, hi } = self.estimate.interval();
        self.verdict = if within.contains(&lo) && within.contains(&hi) {
            Verdict::Supported
        } else if hi < *within.start() || lo > *within.end() {
            Verdict::Contradicted
        } else {
            Verdict::NotDistinguishable
        };
        self.pairs_needed = None;
        self
    }

    /// An effect judged on the claim that it is above `null`. The null is 1 for ratios and else 0,
    /// so it is zero on the scale of the sample.
    fn new(convention: &str, estimate: Estimate, null: f64) -> Effect {
        let verdict = Verdict::above(null, estimate.interval());
        let open = verdict == Verdict::NotDistinguishable;
        let pairs_needed = open.then(|| needed(estimate.sample())).flatten();
        Effect { convention: convention.into(), estimate, verdict, pairs_needed }
    }

    /// The verdict, with the number of pairs that would be needed if it is undecided.
    pub fn verdict_with_pairs(&self) -> String {
        match self.pairs_needed {
            Some(pairs) => format!("{} (n needed ≈ {pairs})", self.verdict.text()),
            None => self.verdict.text().into(),
        }
    }
}

/// The choices of a convention that differ from those of another; all if their numbers differ.
fn difference(convention: &str, from: &str) -> String {
    let (own, from): (Vec<&str>, Vec<&str>) =
        (convention.split(", ").collect(), from.split(", ").collect());
    if own.len() != from.len() {
        return convention.into();
    }
    let differ = own.into_iter().zip(from).filter(|(own, from)| own != from);
    differ.map(|(own, _)| own).collect::<Vec<_>>().join(", ")
}

/// Pairs for a two-sided 5 % test of the mean to find it with probability 0.8, by the normal
/// approximation: ((1.96 + 0.84) s / |m|)².
fn needed(values: &[f64]) -> Option<u64> {
    let center = mean(values);
    let squares: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    let deviation = (squares / (values.len() as f64 - 1.0)).sqrt();
    let pairs = ((1.96 + 0.84) * deviation / center).powi(2).ceil();
    (pairs.is_finite() && pairs < 1e6).then_some(pairs.max(2.0) as u64)
}

impl Finding {
    /// The verdict under the paper's convention.
    pub fn verdict(&self) -> Verdict {
        self.effects.first().map_or(Verdict::NotDistinguishable, |effect| effect.verdict)
    }

    /// Whether the verdict is the same under every convention.
    pub fn is_robust(&self) -> bool {
        self.effects.windows(2).all(|pair| pair[0].verdict == pair[1].verdict)
    }

    /// Whether another convention contradicts the first one's verdict.
    pub fn flips(&self) -> bool {
        let Some((first, others)) = self.effects.split_first() else { return false };
        others.iter().any(|other| other.verdict.contradicts(first.verdict))
    }

    /// Robustness of the verdict under other conventions, in words: the first convention in full,
    /// of the others only the differences.
    pub fn robustness(&self) -> String {
        let Some((first, others)) = self.effects.split_first() else { return String::new() };
        if others.is_empty() {
            return "one convention only".into();
        }
        if self.is_robust() {
            return format!("the same under all {} conventions", self.effects.len());
        }
        let named = |verdict: Verdict| {
            let own = others.iter().filter(|e| e.verdict == verdict && verdict != first.verdict);
            let names: Vec<String> =
                own.map(|effect| difference(&effect.convention, &first.convention)).collect();
            (!names.is_empty()).then(|| format!("{} by {}", verdict.text(), names.join("; ")))
        };
        let differ: Vec<String> = Verdict::ALL.into_iter().filter_map(named).collect();
        let word = if self.flips() { "FLIPS: " } else { "" };
        let differ = differ.join(" — ");
        format!("{word}{} by {} — {differ}", first.verdict.text(), first.convention)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_logs(convention: &str, logs: &[f64]) -> Effect {
        Effect::of_ratios(convention, &Ratios::of_logs(logs))
    }

    fn of(sgdm: &[f64], adam: &[f64]) -> Effect {
        let logs: Vec<f64> = sgdm.iter().zip(adam).map(|(a, b)| a.ln() - b.ln()).collect();
        of_logs("", &logs)
    }

    #[test]
    fn effects_are_judged_against_no_effect() {
        let up = of(&[2.0, 4.0, 8.0, 16.0], &[1.0, 2.0, 4.0, 1.0]);
        assert_eq!((up.verdict, up.pairs_needed), (Verdict::Supported, None));
        let below = of(&[1.0, 1.0, 2.0], &[4.0, 4.0, 4.0]);
        assert_eq!(below.verdict, Verdict::Contradicted);
        // Equal runs are neither above 1 nor below.
        assert_eq!(of(&[3.0; 6], &[3.0; 6]).verdict, Verdict::NotDistinguishable);
    }

    #[test]
    fn too_few_pairs_say_how_many_are_needed() {
        let found = of(&[std::f64::consts::E.powi(3), std::f64::consts::E.powi(-1)], &[1.0, 1.0]);
        // Logs 3 and −1: mean 1, deviation √8, so (2.8 √8)² = 62.72.
        assert_eq!(found.verdict, Verdict::NotDistinguishable);
        assert_eq!(found.pairs_needed, Some(63));
    }

    #[test]
    fn a_diverged_run_is_infinitely_bad_and_decides_nothing_alone() {
        let inf = f64::INFINITY;
        let six = of(&[inf, 2.0, 3.0, 4.0, 9.0, 5.0], &[1.0; 6]);
        assert_eq!((six.verdict, six.estimate.hi()), (Verdict::Supported, None));
        let torn = of(&[inf, 0.5, 3.0, 4.0, 9.0, 5.0], &[1.0; 6]);
        assert_eq!(torn.verdict, Verdict::NotDistinguishable);
        // The range of three covers the median in three of four cases only.
        let few = of(&[inf, 2.0, 3.0], &[1.0; 3]);
        assert_eq!((few.verdict, few.estimate.lo()), (Verdict::NotDistinguishable, None));
        assert_eq!(of(&[inf; 6], &[1.0; 6]).verdict, Verdict::Supported);
        // A pair in which both diverged is left out, and one remains.
        let one = of(&[inf, 2.0], &[inf, 1.0]);
        assert_eq!((one.verdict, one.estimate.units()), (Verdict::NotDistinguishable, 1));
    }

    #[test]
    fn equality_is_a_claim_of_its_own() {
        let logs = |values: &[f64]| of_logs("", values).as_equality(1.1).verdict;
        assert_eq!(logs(&[0.01, -0.02, 0.0]), Verdict::Supported);
        assert_eq!(logs(&[0.5, 0.6, 0.7]), Verdict::Contradicted);
        assert_eq!(logs(&[-0.7, -0.6, -0.5]), Verdict::Contradicted);
        assert_eq!(logs(&[0.0, 0.0, 0.3]), Verdict::NotDistinguishable);
        assert_eq!(logs(&[f64::NAN, 0.0]), Verdict::NotDistinguishable);
        assert_eq!(logs(&[]), Verdict::NotDistinguishable);
    }

    #[test]
    fn json_has_numbers_or_a_reason() {
        let json = |effect: &Effect| serde_json::to_value(effect).unwrap();
        let whole = json(&of(&[2.0, 8.0], &[1.0, 1.0]));
        assert!((whole["effect"].as_f64().unwrap() - 4.0).abs() < 1e-14, "{whole}");
        assert_eq!(whole["estimator"], "geometric mean of the pairs");
        assert!(whole.get("reason").is_none(), "{whole}");
        let one = json(&of(&[2.0], &[1.0]));
        assert_eq!((&one["lo"], &one["reason"]), (&().into(), &"one pair has no interval".into()));
    }

    #[test]
    fn a_verdict_that_turns_is_called_so() {
        let effect = of_logs;
        let (up, down) = ([1.0, 1.1, 1.2], [-1.0, -1.1, -1.2]);
        let finding = |effects| Finding {
            claim: "",
            text: "",
            what: "",
            holds: "",
            effects,
            agreement: None,
        };
        let turned = finding(vec![effect("a", &up), effect("b", &down)]);
        assert_eq!(turned.robustness(), "FLIPS: supported by a — contradicted by b");
        let firm = finding(vec![effect("a", &up), effect("b", &up)]);
        assert_eq!(firm.robustness(), "the same under all 2 conventions");
        let open = [-1.0, 1.0];
        let unsure = finding(vec![
            effect("mean, last step", &up),
            effect("mean, last tenth", &open),
            effect("clipped, median, last step", &open),
        ]);
        assert_eq!(
            unsure.robustness(),
            "supported by mean, last step — not distinguishable by last tenth; clipped, median, \
             last step"
        );
    }
}
