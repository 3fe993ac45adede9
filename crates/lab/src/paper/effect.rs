//! What the data say of a claim: an effect over paired seeds, its interval, and a verdict.

use serde::Serialize;
use windtunnel_core::stats::{Interval, bootstrap, mean, mean_interval, rank_correlation};

use super::Verdict;
use super::quantity::median;
use crate::table::number;

/// An effect under one convention.
#[derive(Clone, Debug, Serialize)]
pub struct Effect {
    /// How a run becomes a number.
    pub convention: String,
    /// The effect.
    pub effect: f64,
    /// 95 % interval of it, lower end.
    pub lo: f64,
    /// Its upper end.
    pub hi: f64,
    /// What it says of the claim.
    pub verdict: Verdict,
    /// Pairs of runs, or points, that it rests on.
    pub pairs: usize,
    /// Whether some run diverged, so that effect and interval are median and range of the pairs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub of_median: bool,
    /// Pairs for an interval that leaves out the null if the effect is real, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs_needed: Option<u64>,
}

/// A claim with its verdict under every convention, the paper's first.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The claim's number.
    pub claim: &'static str,
    /// What is claimed.
    pub text: &'static str,
    /// What the effect is.
    pub what: &'static str,
    /// Where it is if the claim holds.
    pub holds: &'static str,
    /// Convention by convention.
    pub effects: Vec<Effect>,
    /// What was published, beside ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
}

/// Fewest points of a correlation.
const FEWEST: usize = 4;
/// Fewest values whose range is a 95 % interval of the median.
const FEWEST_OF_RANGE: usize = 6;

impl Effect {
    /// A ratio, given its logarithm for every pair: geometric mean with the bootstrap interval over
    /// pairs, or the median with the range of the pairs where some run diverged. Pairs without a
    /// number (NaN) are left out.
    pub fn of_logs(convention: &str, logs: &[f64]) -> Effect {
        let logs = known(logs);
        let of_median = logs.iter().any(|log| log.is_infinite());
        let center = if of_median { median(&logs) } else { mean(&logs) };
        let interval = interval(&logs);
        let interval = Interval { lo: interval.lo.exp(), hi: interval.hi.exp() };
        Effect { of_median, ..Effect::new(convention, center.exp(), interval, 1.0, &logs) }
    }

    /// The mean of a number of every run, against zero. Runs without one (NaN) are left out.
    pub fn of_values(convention: &str, values: &[f64]) -> Effect {
        let values = known(values);
        Effect::new(convention, mean(&values), interval(&values), 0.0, &values)
    }

    /// The same effect, judged on the claim that it is 1 within a factor of `tolerance`: supported
    /// where the whole interval is so close, contradicted where none of it is.
    #[must_use]
    pub fn as_equality(mut self, tolerance: f64) -> Effect {
        let within = 1.0 / tolerance..=tolerance;
        self.verdict = if within.contains(&self.lo) && within.contains(&self.hi) {
            Verdict::Supported
        } else if self.hi < *within.start() || self.lo > *within.end() {
            Verdict::Contradicted
        } else {
            Verdict::NotDistinguishable
        };
        self.pairs_needed = None;
        self
    }

    /// Spearman's rank correlation of all points of all units, with the bootstrap interval over
    /// units: points of one unit are not independent. Points without a number (NaN) are left out.
    pub fn of_ranks(convention: &str, units: &[Vec<(f64, f64)>]) -> Effect {
        let correlation = |chosen: &[usize]| {
            let points = chosen.iter().flat_map(|&unit| &units[unit]);
            let known = points.filter(|(x, y)| !x.is_nan() && !y.is_nan());
            let (x, y): (Vec<f64>, Vec<f64>) = known.copied().unzip();
            let effect = if x.len() < FEWEST { f64::NAN } else { rank_correlation(&x, &y) };
            (effect, x.len())
        };
        let all: Vec<usize> = (0..units.len()).collect();
        let (effect, points) = correlation(&all);
        let interval = match units.len() {
            0 | 1 => Interval { lo: f64::NAN, hi: f64::NAN },
            units => bootstrap(units, |chosen| correlation(chosen).0),
        };
        Effect { pairs: points, ..Effect::new(convention, effect, interval, 0.0, &[]) }
    }

    /// `pairs` are those behind the effect, on a scale on which the null is zero.
    fn new(convention: &str, effect: f64, interval: Interval, null: f64, pairs: &[f64]) -> Effect {
        let verdict = Verdict::above(null, interval);
        let open = verdict == Verdict::NotDistinguishable;
        Effect {
            convention: convention.into(),
            effect,
            lo: interval.lo,
            hi: interval.hi,
            verdict,
            pairs: pairs.len(),
            of_median: false,
            pairs_needed: open.then(|| needed(pairs)).flatten(),
        }
    }

    /// The verdict, with the pairs that would be needed where it is none.
    pub fn verdict_with_pairs(&self) -> String {
        match self.pairs_needed {
            Some(pairs) => format!("{} (n needed ≈ {pairs})", self.verdict.text()),
            None => self.verdict.text().into(),
        }
    }

    /// Effect and interval.
    pub fn text(&self) -> String {
        format!("{} ({} to {})", self.center(), number(self.lo), number(self.hi))
    }

    /// The effect alone.
    pub fn center(&self) -> String {
        format!("{}{}", if self.of_median { "median " } else { "" }, number(self.effect))
    }
}

/// The choices of a convention that are not those of another; all, where they are not as many.
fn difference(convention: &str, from: &str) -> String {
    let (own, from): (Vec<&str>, Vec<&str>) =
        (convention.split(", ").collect(), from.split(", ").collect());
    if own.len() != from.len() {
        return convention.into();
    }
    let differ = own.into_iter().zip(from).filter(|(own, from)| own != from);
    differ.map(|(own, _)| own).collect::<Vec<_>>().join(", ")
}

fn known(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| !value.is_nan()).collect()
}

/// 95 % bootstrap interval of the mean; where some run diverged the range of the values, which covers
/// their median with probability 1 − 2^(1−n): 97 % for six, too little for fewer. Nothing from a
/// single value, nor from a range that covers less than 95 %.
pub(super) fn interval(values: &[f64]) -> Interval {
    let nothing = Interval { lo: f64::NAN, hi: f64::NAN };
    if values.len() < 2 {
        return nothing;
    }
    if values.iter().all(|value| value.is_finite()) {
        return mean_interval(values);
    }
    if values.len() < FEWEST_OF_RANGE {
        return nothing;
    }
    let fold = |start, pick: fn(f64, f64) -> f64| values.iter().copied().fold(start, pick);
    Interval { lo: fold(f64::INFINITY, f64::min), hi: fold(f64::NEG_INFINITY, f64::max) }
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

    /// Whether every convention says the same.
    pub fn is_robust(&self) -> bool {
        self.effects.windows(2).all(|pair| pair[0].verdict == pair[1].verdict)
    }

    /// How far the verdict survives other conventions, in plain words: the first in full, of the
    /// others what is different.
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
        let flips = others.iter().any(|e| e.verdict.contradicts(first.verdict));
        let word = if flips { "FLIPS: " } else { "" };
        let differ = differ.join(" — ");
        format!("{word}{} by {} — {differ}", first.verdict.text(), first.convention)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sgdm: &[f64], adam: &[f64]) -> Effect {
        let logs: Vec<f64> = sgdm.iter().zip(adam).map(|(a, b)| a.ln() - b.ln()).collect();
        Effect::of_logs("", &logs)
    }

    #[test]
    fn ratios_are_paired_geometric_means() {
        // Ratios 2, 2, 2, 16: geometric mean 2^(7/4), and not the ratio of the means.
        let found = of(&[2.0, 4.0, 8.0, 16.0], &[1.0, 2.0, 4.0, 1.0]);
        assert!((found.effect / 2f64.powf(1.75) - 1.0).abs() < 1e-14);
        assert!((found.lo / 2.0 - 1.0).abs() < 1e-12 && found.hi <= 16.0);
        assert_eq!((found.verdict, found.pairs_needed), (Verdict::Supported, None));
        let below = of(&[1.0, 1.0, 2.0], &[4.0, 4.0, 4.0]);
        assert_eq!(below.verdict, Verdict::Contradicted);
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
        assert_eq!((six.verdict, six.of_median, six.hi), (Verdict::Supported, true, inf));
        assert!((six.lo - 2.0).abs() < 1e-12 && (six.effect - 20f64.sqrt()).abs() < 1e-12);
        let torn = of(&[inf, 0.5, 3.0, 4.0, 9.0, 5.0], &[1.0; 6]);
        assert_eq!(torn.verdict, Verdict::NotDistinguishable);
        // The range of three covers the median in three of four cases only.
        let few = of(&[inf, 2.0, 3.0], &[1.0; 3]);
        assert_eq!(few.verdict, Verdict::NotDistinguishable);
        assert!(few.lo.is_nan() && (few.effect - 3.0).abs() < 1e-12);
        assert!(interval(&[]).lo.is_nan() && interval(&[1.0]).hi.is_nan());
        // Both diverged: that pair says nothing, and one is left.
        let one = of(&[inf, 2.0], &[inf, 1.0]);
        assert_eq!((one.verdict, one.pairs), (Verdict::NotDistinguishable, 1));
    }

    #[test]
    fn equality_is_a_claim_of_its_own() {
        let logs = |values: &[f64]| Effect::of_logs("", values).as_equality(1.1).verdict;
        assert_eq!(logs(&[0.01, -0.02, 0.0]), Verdict::Supported);
        assert_eq!(logs(&[0.5, 0.6, 0.7]), Verdict::Contradicted);
        assert_eq!(logs(&[-0.7, -0.6, -0.5]), Verdict::Contradicted);
        assert_eq!(logs(&[0.0, 0.0, 0.3]), Verdict::NotDistinguishable);
        assert_eq!(logs(&[f64::NAN, 0.0]), Verdict::NotDistinguishable);
    }

    #[test]
    fn correlations_are_judged_against_zero_by_resampling_units() {
        let unit = |shift: f64| (0..4).map(|i| (f64::from(i), f64::from(i) + shift)).collect();
        let rising: Vec<Vec<(f64, f64)>> = [0.0, 0.1, 0.2].map(unit).into();
        let found = Effect::of_ranks("", &rising);
        assert_eq!((found.verdict, found.pairs), (Verdict::Supported, 12));
        // Two units that say the opposite: a resample is one of them twice with probability ½, so
        // the interval is from −1 to 1, however many points each has.
        let falling = (0..4).map(|i| (f64::from(i), f64::from(-i))).collect();
        let torn = Effect::of_ranks("", &[unit(0.0), falling]);
        assert_eq!((torn.lo, torn.hi, torn.verdict), (-1.0, 1.0, Verdict::NotDistinguishable));
        assert!(Effect::of_ranks("", &[vec![(0.0, 1.0)], vec![(f64::NAN, 1.0)]]).effect.is_nan());
    }

    #[test]
    fn a_verdict_that_turns_is_called_so() {
        let effect = |convention: &str, logs: &[f64]| Effect::of_logs(convention, logs);
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
