//! Effects of claims about positive quantities, losses or condition numbers: paired contrasts of
//! logarithms.

use serde::Serialize;
use windtunnel_core::stats::{Interval, mean, mean_interval};

use super::{Arm, Verdict};

/// A claim that a product of powers of such quantities is above 1.
#[derive(Clone, Debug)]
pub struct Contrast {
    /// The claim's number in docs/paper.
    pub claim: &'static str,
    /// What is claimed, in a sentence.
    pub text: &'static str,
    /// What is above 1 if it holds.
    pub effect: &'static str,
    /// Cohort, optimizer and power of every factor.
    pub terms: &'static [(usize, Arm, i32)],
}

/// A contrast under one convention.
#[derive(Clone, Debug, Serialize)]
pub struct Effect {
    /// How a run becomes a number.
    pub convention: String,
    /// Geometric mean over seeds.
    pub effect: f64,
    /// 95 % interval of it, paired bootstrap over seeds.
    pub lo: f64,
    /// Its upper end.
    pub hi: f64,
    /// What it says of the claim.
    pub verdict: String,
    /// Seeds for an interval that leaves out 1 if the effect is real, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seeds_needed: Option<u64>,
}

/// A claim with its verdict under every convention, the paper's first.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The claim's number.
    pub claim: &'static str,
    /// What is claimed.
    pub text: &'static str,
    /// What is above 1 if it holds.
    pub what: &'static str,
    /// Convention by convention.
    pub effects: Vec<Effect>,
}

impl Contrast {
    /// The effect, given the quantity of every seed for a cohort and an optimizer.
    pub fn effect(&self, convention: &str, loss: impl Fn(usize, Arm) -> Vec<f64>) -> Effect {
        let columns: Vec<(Vec<f64>, i32)> =
            self.terms.iter().map(|&(cohort, arm, power)| (loss(cohort, arm), power)).collect();
        let seeds = columns.iter().map(|(losses, _)| losses.len()).min().unwrap_or(0);
        let log = |seed: usize| -> f64 {
            columns.iter().map(|(losses, power)| f64::from(*power) * losses[seed].ln()).sum()
        };
        let logs: Vec<f64> = (0..seeds).map(log).collect();
        let interval = interval(&logs);
        let verdict = Verdict::above_one(Interval { lo: interval.lo.exp(), hi: interval.hi.exp() });
        Effect {
            convention: convention.into(),
            effect: mean(&logs).exp(),
            lo: interval.lo.exp(),
            hi: interval.hi.exp(),
            verdict: verdict.of_claim().into(),
            seeds_needed: (verdict == Verdict::NotDistinguishable).then(|| needed(&logs)).flatten(),
        }
    }
}

/// 95 % bootstrap interval of the mean; where some run diverged the range of the seeds, which covers
/// the median with probability 1 − 2^(1−n).
fn interval(logs: &[f64]) -> Interval {
    if logs.iter().all(|log| log.is_finite()) {
        return mean_interval(logs);
    }
    let fold = |start, pick: fn(f64, f64) -> f64| logs.iter().copied().fold(start, pick);
    if logs.iter().any(|log| log.is_nan()) {
        return Interval { lo: f64::NAN, hi: f64::NAN };
    }
    Interval { lo: fold(f64::INFINITY, f64::min), hi: fold(f64::NEG_INFINITY, f64::max) }
}

/// Pairs for a two-sided 5 % test of the mean to find it with probability 0.8, by the normal
/// approximation: ((1.96 + 0.84) s / |m|)².
fn needed(logs: &[f64]) -> Option<u64> {
    let center = mean(logs);
    let squares: f64 = logs.iter().map(|log| (log - center).powi(2)).sum();
    let deviation = (squares / (logs.len() as f64 - 1.0)).sqrt();
    let pairs = ((1.96 + 0.84) * deviation / center).powi(2).ceil();
    (pairs.is_finite() && pairs < 1e6).then_some(pairs.max(2.0) as u64)
}

impl Effect {
    /// The verdict, with the seeds that would be needed where it is none.
    pub fn verdict_with_seeds(&self) -> String {
        match self.seeds_needed {
            Some(seeds) => format!("{} (n needed about {seeds})", self.verdict),
            None => self.verdict.clone(),
        }
    }
}

impl Finding {
    /// Whether every convention says the same.
    pub fn is_robust(&self) -> bool {
        self.effects.windows(2).all(|pair| pair[0].verdict == pair[1].verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Contrast = Contrast {
        claim: "B1",
        text: "",
        effect: "",
        terms: &[(0, Arm::Sgdm, 1), (0, Arm::Adam, -1)],
    };

    fn of(sgdm: &[f64], adam: &[f64]) -> Effect {
        GAP.effect("", |_, arm| if arm == Arm::Sgdm { sgdm.to_vec() } else { adam.to_vec() })
    }

    #[test]
    fn effects_are_paired_geometric_means() {
        // Ratios 2, 2, 2, 16: geometric mean 2^(7/4), and not the ratio of the means.
        let found = of(&[2.0, 4.0, 8.0, 16.0], &[1.0, 2.0, 4.0, 1.0]);
        assert!((found.effect / 2f64.powf(1.75) - 1.0).abs() < 1e-14);
        assert!((found.lo / 2.0 - 1.0).abs() < 1e-12 && found.hi <= 16.0);
        assert_eq!(found.verdict, "supported");
        assert_eq!(found.seeds_needed, None);
        assert_eq!(of(&[1.0, 1.0, 2.0], &[4.0, 4.0, 4.0]).verdict, "contradicted");
    }

    #[test]
    fn too_few_seeds_say_how_many_are_needed() {
        let found = of(&[std::f64::consts::E.powi(3), std::f64::consts::E.powi(-1)], &[1.0, 1.0]);
        // Logs 3 and −1: mean 1, deviation √8, so (2.8 √8)² = 62.72.
        assert_eq!((found.verdict.as_str(), found.seeds_needed), ("not distinguishable", Some(63)));
    }

    #[test]
    fn a_diverged_run_is_infinitely_bad_and_decides_nothing_alone() {
        let inf = f64::INFINITY;
        assert_eq!(of(&[inf, 2.0, 3.0], &[1.0, 1.0, 1.0]).verdict, "supported");
        assert_eq!(of(&[inf, 0.5, 3.0], &[1.0, 1.0, 1.0]).verdict, "not distinguishable");
        // Both diverged: nothing can be said.
        assert_eq!(of(&[inf, 2.0], &[inf, 1.0]).verdict, "not distinguishable");
    }
}
