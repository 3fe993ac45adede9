//! Effects: a number with its interval, judged on a claim.

use serde::{Serialize, Serializer};
use windtunnel_figure::table::significant;
use windtunnel_measure::stats::{Interval, detectable, units_needed};

use super::estimate::{Estimate, Estimator};
use super::observation::Ratios;
use super::verdict::Verdict;

/// Ratio for which a design is planned: see [`Effect::power`].
pub const STATED: f64 = 1.25;
/// Correlation, or other mean over runs, for which a design is planned.
const STATED_MEAN: f64 = 0.25;

/// Statement about a number that is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Claimed {
    /// It is above this.
    Above(f64),
    /// It is 1 within this factor.
    Within(f64),
}

/// A number under one specification, judged on a claim.
#[derive(Clone, Debug)]
pub struct Effect {
    /// Specification: how runs become a number, its choices separated by commas.
    pub specification: String,
    /// The steps among these choices; empty where there is no choice of steps.
    pub steps: String,
    /// The number with its 95 % interval.
    pub estimate: Estimate,
    /// Reason why there is no verdict whatever the interval is, if there is one.
    pub barred: Option<String>,
    claimed: Claimed,
}

/// JSON form of an effect; `reason` explains a `null`.
#[derive(Serialize)]
struct Json<'a> {
    specification: &'a str,
    text: String,
    effect: Option<f64>,
    lo: Option<f64>,
    hi: Option<f64>,
    estimator: &'static str,
    verdict: Verdict,
    p: f64,
    pairs: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    barred: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detectable: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pairs_for_stated: Option<u64>,
}

impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Effect { specification, estimate, barred, .. } = self;
        let json = Json {
            specification,
            text: estimate.text(),
            effect: estimate.value(),
            lo: estimate.lo(),
            hi: estimate.hi(),
            estimator: estimate.estimator().name(),
            verdict: self.verdict(),
            p: self.p(),
            pairs: estimate.units(),
            reason: estimate.reason(),
            barred: barred.as_deref(),
            detectable: self.detectable(),
            pairs_for_stated: self.pairs_for_stated(),
        };
        json.serialize(serializer)
    }
}

impl Effect {
    /// Effect that is a ratio, judged against 1: the geometric mean over pairs, or their median if
    /// some run is infinitely bad. Pairs without a ratio are left out.
    pub fn of_ratios(specification: &str, ratios: &Ratios) -> Effect {
        Effect::new(specification, Estimate::of_ratios(ratios), 1.0)
    }

    /// Effect that is the median of ratios, judged against 1.
    pub fn of_median(specification: &str, ratios: &Ratios) -> Effect {
        Effect::new(specification, Estimate::of_median(ratios), 1.0)
    }

    /// Effect that is a mean over runs, judged against 0. Runs without a value (NaN) are left out;
    /// `lack` gives the reason.
    pub fn of_values(specification: &str, values: &[f64], lack: String) -> Effect {
        Effect::new(specification, Estimate::of_values(values, lack), 0.0)
    }

    /// Effect that is a rank correlation of independent points, judged against 0: see
    /// [`Estimate::of_ranks`].
    pub fn of_ranks(specification: &str, points: &[(f64, f64)], lack: String) -> Effect {
        Effect::new(specification, Estimate::of_ranks(points, lack), 0.0)
    }

    fn new(specification: &str, estimate: Estimate, null: f64) -> Effect {
        let (specification, claimed) = (specification.into(), Claimed::Above(null));
        Effect { specification, steps: String::new(), estimate, barred: None, claimed }
    }

    /// The same effect, with the name of the steps that its specification chooses.
    #[must_use]
    pub fn at(self, steps: &str) -> Effect {
        Effect { steps: steps.into(), ..self }
    }

    /// The choices of the specification other than steps.
    pub fn convention(&self) -> String {
        let others = self.specification.split(", ").filter(|choice| *choice != self.steps);
        others.collect::<Vec<_>>().join(", ")
    }

    /// The same effect, judged on the claim that it is 1 within a factor of `tolerance`.
    #[must_use]
    pub fn as_equality(self, tolerance: f64) -> Effect {
        Effect { claimed: Claimed::Within(tolerance), ..self }
    }

    /// The same effect without a verdict, for a reason.
    #[must_use]
    pub fn barred(self, reason: String) -> Effect {
        Effect { barred: Some(reason), ..self }
    }

    /// Verdict of the 95 % interval alone: supported if the whole of it is where the claim says,
    /// contradicted if none of it is.
    pub fn verdict(&self) -> Verdict {
        let Interval { lo, hi } = self.estimate.interval();
        let (supported, contradicted) = match self.claimed {
            Claimed::Above(null) => (lo > null, hi < null),
            Claimed::Within(factor) => {
                let within = 1.0 / factor..=factor;
                let inside = within.contains(&lo) && within.contains(&hi);
                (inside, hi < *within.start() || lo > *within.end())
            }
        };
        match (supported, contradicted) {
            _ if self.barred.is_some() => Verdict::Barred,
            (true, _) => Verdict::Supported,
            (_, true) => Verdict::Contradicted,
            _ => Verdict::NotDistinguishable,
        }
    }

    /// Two-sided p-value: 0.05 or less if and only if the interval has a verdict. 1 if it is barred
    /// or there is no interval.
    pub fn p(&self) -> f64 {
        let estimate = &self.estimate;
        let (for_it, against_it) = match self.claimed {
            _ if self.barred.is_some() => (1.0, 1.0),
            Claimed::Above(null) => (estimate.p_above(null), estimate.p_below(null)),
            // Inside both bounds, or outside one of them.
            Claimed::Within(factor) => (
                estimate.p_above(1.0 / factor).max(estimate.p_below(factor)),
                estimate.p_below(1.0 / factor).min(estimate.p_above(factor)),
            ),
        };
        (2.0 * for_it.min(against_it)).min(1.0)
    }

    /// The verdict if its p-value is replaced by one that is adjusted for other tests.
    pub fn verdict_at(&self, adjusted: f64) -> Verdict {
        match self.verdict() {
            verdict if !verdict.is_decided() || adjusted <= 0.05 => verdict,
            _ => Verdict::NotDistinguishable,
        }
    }

    /// Smallest effect that pairs as different as these show with a probability of 80 %: a ratio
    /// above 1, or a mean above 0. It does not depend on the effect that was found. `None` if the
    /// pairs do not differ, for correlations of points, and for claims of equality.
    pub fn detectable(&self) -> Option<f64> {
        let Claimed::Above(_) = self.claimed else { return None };
        let distance = detectable(self.estimate.deviation(), self.estimate.units());
        let effect = match self.estimate.estimator() {
            Estimator::GeometricMean => distance.exp(),
            Estimator::Mean => distance,
            Estimator::Median | Estimator::RankCorrelation => return None,
        };
        (effect.is_finite() && distance > 0.0).then_some(effect)
    }

    /// Pairs as different as these with which a ratio of [`STATED`] is found with a probability of
    /// 80 %; `None` where [`Effect::detectable`] is.
    pub fn pairs_for_stated(&self) -> Option<u64> {
        self.detectable()?;
        let stated = match self.estimate.estimator() {
            Estimator::GeometricMean => STATED.ln(),
            _ => STATED_MEAN,
        };
        units_needed(self.estimate.deviation(), stated)
    }

    /// Smallest effect that the design could have found, in words; empty if that is not known.
    pub fn power(&self) -> String {
        let Some(smallest) = self.detectable() else { return String::new() };
        let stated = match self.estimate.estimator() {
            Estimator::GeometricMean => STATED,
            _ => STATED_MEAN,
        };
        let smallest = significant(smallest, 3);
        let pairs = match self.pairs_for_stated() {
            Some(pairs) => format!("{stated} takes {pairs} seeds"),
            None => format!("{stated} takes more than a million seeds"),
        };
        format!("{smallest} or more ({pairs})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_logs(logs: &[f64]) -> Effect {
        Effect::of_ratios("", &Ratios::of_logs(logs))
    }

    fn of(sgdm: &[f64], adam: &[f64]) -> Effect {
        let logs: Vec<f64> = sgdm.iter().zip(adam).map(|(a, b)| a.ln() - b.ln()).collect();
        of_logs(&logs)
    }

    #[test]
    fn effects_are_judged_against_no_effect() {
        let up = of(&[2.0, 3.0, 2.5, 2.2], &[1.0; 4]);
        assert_eq!(up.verdict(), Verdict::Supported);
        let below = of(&[1.0, 1.0, 1.1], &[4.0, 4.0, 4.0]);
        assert_eq!(below.verdict(), Verdict::Contradicted);
        assert!(up.p() < 0.05 && below.p() < 0.05);
        // Equal runs are neither above 1 nor below.
        let equal = of(&[3.0; 6], &[3.0; 6]);
        assert_eq!((equal.verdict(), equal.p()), (Verdict::NotDistinguishable, 1.0));
    }

    #[test]
    fn the_verdict_of_an_interval_and_its_p_value_agree() {
        for k in 0..200 {
            let logs: Vec<f64> = (0..7)
                .map(|i| 0.02 * f64::from(k) - 2.0 + (f64::from(i * i) * 0.7).sin())
                .collect();
            for effect in [of_logs(&logs), of_logs(&logs).as_equality(3.0)] {
                let decided = effect.verdict() != Verdict::NotDistinguishable;
                assert_eq!(decided, effect.p() <= 0.05, "{effect:?}");
                assert_eq!(effect.verdict_at(effect.p()), effect.verdict());
                assert_eq!(effect.verdict_at(0.06), Verdict::NotDistinguishable);
            }
        }
    }

    #[test]
    fn a_barred_number_has_no_verdict() {
        let barred = of(&[2.0, 3.0, 2.5, 2.2], &[1.0; 4]).barred("it does not settle".into());
        assert_eq!((barred.verdict(), barred.p()), (Verdict::Barred, 1.0));
        assert_eq!(barred.verdict_at(0.0), Verdict::Barred);
    }

    #[test]
    fn power_is_of_the_design_and_not_of_what_was_found() {
        let logs = [-0.3, 0.1, 0.4, -0.2, 0.2, -0.2];
        let moved = logs.map(|log| log + 0.1);
        let (null, found) = (of_logs(&logs), of_logs(&moved));
        let (a, b) = (null.detectable().unwrap(), found.detectable().unwrap());
        assert!((a / b - 1.0).abs() < 1e-9 && a > 1.2, "{a} {b}");
        assert_eq!(null.pairs_for_stated(), found.pairs_for_stated());
        assert!(null.power().starts_with("1.49 or more (1.25 takes 15"), "{}", null.power());
        assert_eq!(of(&[3.0; 6], &[3.0; 6]).power(), "");
        assert_eq!(null.as_equality(1.1).detectable(), None);
    }

    #[test]
    fn a_diverged_run_is_infinitely_bad_and_decides_nothing_alone() {
        let inf = f64::INFINITY;
        let six = of(&[inf, 2.0, 3.0, 4.0, 9.0, 5.0], &[1.0; 6]);
        assert_eq!((six.verdict(), six.estimate.hi()), (Verdict::Supported, None));
        let torn = of(&[inf, 0.5, 3.0, 4.0, 9.0, 5.0], &[1.0; 6]);
        assert_eq!(torn.verdict(), Verdict::NotDistinguishable);
        // The range of three covers the median in three of four cases only.
        let few = of(&[inf, 2.0, 3.0], &[1.0; 3]);
        assert_eq!((few.verdict(), few.estimate.lo()), (Verdict::NotDistinguishable, None));
        assert_eq!(of(&[inf; 6], &[1.0; 6]).verdict(), Verdict::Supported);
        // A pair in which both diverged is left out, and one remains.
        let one = of(&[inf, 2.0], &[inf, 1.0]);
        assert_eq!((one.verdict(), one.estimate.units()), (Verdict::NotDistinguishable, 1));
    }

    #[test]
    fn equality_is_a_claim_of_its_own() {
        let logs = |values: &[f64]| of_logs(values).as_equality(1.1).verdict();
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
}
