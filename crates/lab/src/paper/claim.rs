//! Claims, and how the data judge them.

use windtunnel_core::stats::{mean, rank_correlation};

use super::Arm;
use super::cohort::Cohort;
use super::effect::{Effect, Finding};
use super::evidence::Evidence;
use super::quantity::{
    Convention, HETEROGENEITY, Quantity, SMOOTHNESS, TABLE_STEPS, at, tail_metric,
};
use super::study::Study;
use crate::chart::Member;
use crate::table::number;

/// One claim about the cohorts of a study.
#[derive(Debug)]
pub struct Claim {
    /// Its number in docs/paper; no two claims share one.
    pub id: &'static str,
    /// What is claimed, in a sentence.
    pub text: &'static str,
    /// What its effect is: above 1, for a correlation above 0, if it holds.
    pub what: &'static str,
    /// How it is judged.
    pub kind: Kind,
}

/// A factor of a product: which cohort of the study, which optimizer, to which power.
pub type Term = (usize, Arm, i32);

/// How a claim is judged.
#[derive(Debug)]
pub enum Kind {
    /// A product of powers of a quantity is above 1: factor by factor.
    Contrast(Quantity, &'static [Term]),
    /// Such a product is 1 within a factor of [`EQUAL`].
    Equality(Quantity, &'static [Term]),
    /// The noise of mini-batches of this size reaches farther at the last step than at the first,
    /// for one cohort and optimizer.
    TailGrowth(usize, usize, Arm),
    /// Smoothness grows with the gradient norm along a trajectory of the cohort.
    Smoothness(usize),
    /// Two coordinates rank the cohorts' seeds alike; the interval is over the units.
    Ranks(Coordinate, Coordinate, Unit),
}

/// What is resampled for the interval of a rank correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seeds, each with all cohorts: the cohorts are the question, as doses are.
    Seed,
    /// Cohorts, each with all seeds: they stand for others.
    Cohort,
}

/// What counts as no effect where a claim says that there is none.
pub const EQUAL: f64 = 1.1;

/// A number of every seed of a cohort.
#[derive(Clone, Copy, Debug)]
pub enum Coordinate {
    /// What the cohort is the dose of.
    Dose,
    /// ln(SGDM/Adam) of a quantity.
    Gap(Quantity),
    /// Distance of the spectra of the Hessian's blocks at initialization.
    Heterogeneity,
}

/// "SGDM over Adam" of a quantity of one cohort.
macro_rules! gap {
    ($quantity:ident, $cohort:expr) => {
        $crate::paper::claim::Kind::Contrast(
            $crate::paper::quantity::Quantity::$quantity,
            &[($cohort, $crate::paper::Arm::Sgdm, 1), ($cohort, $crate::paper::Arm::Adam, -1)],
        )
    };
}

/// The gap of one cohort over that of another.
macro_rules! gaps {
    ($quantity:ident, $a:expr, $b:expr) => {
        $crate::paper::claim::Kind::Contrast(
            $crate::paper::quantity::Quantity::$quantity,
            &[
                ($a, $crate::paper::Arm::Sgdm, 1),
                ($a, $crate::paper::Arm::Adam, -1),
                ($b, $crate::paper::Arm::Sgdm, -1),
                ($b, $crate::paper::Arm::Adam, 1),
            ],
        )
    };
}

/// One cohort over another with one optimizer.
macro_rules! over {
    ($quantity:ident, $a:expr, $b:expr, $arm:expr) => {
        $crate::paper::claim::Kind::Contrast(
            $crate::paper::quantity::Quantity::$quantity,
            &[($a, $arm, 1), ($b, $arm, -1)],
        )
    };
}

/// An entry of the lists of claims.
pub(super) const fn claim(
    id: &'static str,
    text: &'static str,
    what: &'static str,
    kind: Kind,
) -> Claim {
    Claim { id, text, what, kind }
}

pub(super) use {gap, gaps, over};

impl Claim {
    /// The claim judged under every convention.
    pub fn judge(&self, study: &Study, evidence: &Evidence) -> Finding {
        let effects = match &self.kind {
            Kind::Contrast(quantity, terms) => contrast(study, evidence, *quantity, terms),
            Kind::Equality(quantity, terms) => {
                let effects = contrast(study, evidence, *quantity, terms).into_iter();
                effects.map(|effect| effect.as_equality(EQUAL)).collect()
            }
            Kind::TailGrowth(batch_size, cohort, arm) => {
                vec![tail_growth(evidence, *batch_size, &study.cohorts[*cohort], *arm)]
            }
            Kind::Smoothness(cohort) => smoothness(evidence, &study.cohorts[*cohort]),
            Kind::Ranks(x, y, unit) => vec![ranks(study, evidence, (*x, *y), *unit)],
        };
        let holds = match self.kind {
            Kind::Contrast(..) | Kind::TailGrowth(..) => "above 1",
            Kind::Equality(..) => "1 within a tenth",
            Kind::Smoothness(_) | Kind::Ranks(..) => "above 0",
        };
        let agreement = self.agreement(study, evidence);
        let Claim { id, text, what, .. } = *self;
        Finding { claim: id, text, what, holds, effects, agreement }
    }

    /// The quantity of a product of powers, and its factors.
    pub(super) fn contrast(&self) -> Option<(Quantity, &'static [Term])> {
        match self.kind {
            Kind::Contrast(quantity, terms) | Kind::Equality(quantity, terms) => {
                Some((quantity, terms))
            }
            _ => None,
        }
    }

    /// Published numbers beside ours, where the claim is about one cohort that has some.
    fn agreement(&self, study: &Study, evidence: &Evidence) -> Option<String> {
        let (quantity, terms) = self.contrast()?;
        let &[(cohort, ..), (other, ..)] = terms else { return None };
        if cohort != other {
            return None;
        }
        match quantity {
            Quantity::RobustCondition => {
                let line = |step: u64| {
                    let own =
                        study.published.iter().filter(|p| (p.cohort, p.step) == (cohort, step));
                    let theirs = own.map(|p| format!("{} {} ({})", p.source, p.mean, p.std));
                    let theirs: Vec<String> = theirs.collect();
                    let ours = evidence.condition_ratio(&study.cohorts[cohort], step)?;
                    let ours = format!("ours {} ({})", number(ours.0), number(ours.1));
                    (!theirs.is_empty())
                        .then(|| format!("step {step}: {ours}, {}", theirs.join(", ")))
                };
                let lines: Vec<String> = TABLE_STEPS.into_iter().filter_map(line).collect();
                (!lines.is_empty()).then(|| lines.join("; "))
            }
            Quantity::Loss if cohort == 0 => {
                let factors = study.agreement(evidence).into_iter().map(|a| a.factor);
                let worst = factors.fold(f64::NAN, f64::max);
                worst.is_finite().then(|| {
                    format!("losses within a factor of {worst:.2} of the authors' notebook")
                })
            }
            _ => None,
        }
    }
}

/// The values of every seed of a cohort.
pub(super) fn values(
    evidence: &Evidence,
    cohort: &Cohort,
    arm: Arm,
    convention: &Convention,
) -> Vec<f64> {
    let noise = evidence.noise(cohort).iter().map(|noise| convention.of_noise(noise));
    if let Some(noise) = noise.collect::<Option<Vec<f64>>>().filter(|noise| !noise.is_empty()) {
        return noise;
    }
    let steps = cohort.steps(&evidence.protocol);
    let members = evidence.group(cohort, arm).map_or(&[][..], |group| &group.members);
    members.iter().map(|member| convention.of_run(member, steps)).collect()
}

/// ln of the product for every seed; as many as the least term has.
pub(super) fn logs(terms: &[(Vec<f64>, i32)]) -> Vec<f64> {
    let seeds = terms.iter().map(|(values, _)| values.len()).min().unwrap_or(0);
    let log = |seed: usize| -> f64 {
        terms.iter().map(|(values, power)| f64::from(*power) * values[seed].ln()).sum()
    };
    (0..seeds).map(log).collect()
}

fn contrast(study: &Study, evidence: &Evidence, quantity: Quantity, terms: &[Term]) -> Vec<Effect> {
    let effect = |name: &str, convention: &Convention, cohorts: &[Cohort]| {
        let of = |&(cohort, arm, power): &Term| {
            (values(evidence, &cohorts[cohort], arm, convention), power)
        };
        Effect::of_logs(name, &logs(&terms.iter().map(of).collect::<Vec<_>>()))
    };
    let shortest = terms.iter().map(|term| study.cohorts[term.0].steps(&evidence.protocol)).min();
    let conventions = quantity.conventions(shortest.unwrap_or(0));
    let mut effects: Vec<Effect> =
        conventions.iter().map(|c| effect(&c.name, c, study.cohorts)).collect();
    if quantity == Quantity::Loss {
        for (name, cohorts) in study.alternatives {
            effects.extend(conventions.first().map(|c| effect(name, c, cohorts)));
        }
    }
    // The paper's convention stays whatever it says; of the others, those that say something.
    let mut index = 0..;
    effects.retain(|effect| index.next() == Some(0) || effect.pairs > 0);
    effects
}

fn tail_growth(evidence: &Evidence, batch_size: usize, cohort: &Cohort, arm: Arm) -> Effect {
    let metric = &tail_metric(batch_size);
    let steps = cohort.steps(&evidence.protocol);
    let members = evidence.group(cohort, arm).map_or(&[][..], |group| &group.members);
    let ends = |step| members.iter().map(|m| at(m, metric, step)).collect::<Vec<f64>>();
    Effect::of_logs(&format!("step {steps} over step 0"), &logs(&[(ends(steps), 1), (ends(0), -1)]))
}

fn smoothness(evidence: &Evidence, cohort: &Cohort) -> Vec<Effect> {
    let of = |(name, metric): (&str, &str)| {
        let group = evidence.group(cohort, Arm::Adam);
        let members = group.map_or(&[][..], |group| &group.members);
        let values: Vec<f64> = members.iter().map(|m| rank_along(m, metric)).collect();
        Effect::of_values(name, &values)
    };
    [
        ("uᵀHu along the step, positive ones", SMOOTHNESS),
        ("‖H‖₂", "hessian_norm"),
        ("path smoothness", "path_smoothness"),
    ]
    .into_iter()
    .map(of)
    .collect()
}

/// Spearman's correlation of a smoothness and ‖∇f‖ over the steps of a run.
fn rank_along(member: &Member, metric: &str) -> f64 {
    let norms = member.rows.iter().filter(|row| row.metric == "held_out_grad_norm");
    let norms: std::collections::BTreeMap<u64, f64> =
        norms.map(|row| (row.step, row.value)).collect();
    let own = member.rows.iter().filter(|row| row.metric == metric && row.value > 0.0);
    let points = own.filter_map(|row| Some((*norms.get(&row.step)?, row.value)));
    let (x, y): (Vec<f64>, Vec<f64>) = points.unzip();
    if x.len() < 4 { f64::NAN } else { rank_correlation(&x, &y) }
}

fn ranks(
    study: &Study,
    evidence: &Evidence,
    (x, y): (Coordinate, Coordinate),
    unit: Unit,
) -> Effect {
    let of_cohort = |cohort: &Cohort| -> Vec<(f64, f64)> {
        let of = |coordinate| coordinates(evidence, cohort, coordinate);
        of(x).into_iter().zip(of(y)).collect()
    };
    let cohorts: Vec<Vec<(f64, f64)>> = study.cohorts.iter().map(of_cohort).collect();
    match unit {
        Unit::Cohort => Effect::of_ranks("resampling cohorts", &cohorts),
        Unit::Seed => {
            let of_seed = |seed: usize| {
                cohorts.iter().filter_map(|points| points.get(seed).copied()).collect()
            };
            let seeds: Vec<Vec<(f64, f64)>> =
                (0..evidence.protocol.seeds as usize).map(of_seed).collect();
            Effect::of_ranks("resampling seeds", &seeds)
        }
    }
}

/// ln(SGDM/Adam) of every seed of a cohort by one of the quantity's conventions.
pub(super) fn log_gaps(
    evidence: &Evidence,
    cohort: &Cohort,
    quantity: Quantity,
    convention: usize,
) -> Vec<f64> {
    let conventions = quantity.conventions(cohort.steps(&evidence.protocol));
    let of = |arm| values(evidence, cohort, arm, &conventions[convention]);
    logs(&[(of(Arm::Sgdm), 1), (of(Arm::Adam), -1)])
}

/// A coordinate of every seed of a cohort.
pub(super) fn coordinates(
    evidence: &Evidence,
    cohort: &Cohort,
    coordinate: Coordinate,
) -> Vec<f64> {
    match coordinate {
        Coordinate::Dose => vec![cohort.dose; evidence.protocol.seeds as usize],
        Coordinate::Gap(quantity) => log_gaps(evidence, cohort, quantity, 0),
        Coordinate::Heterogeneity => {
            let group = evidence.group(cohort, Arm::Sgdm);
            let members = group.map_or(&[][..], |group| &group.members);
            members.iter().map(|member| at(member, HETEROGENEITY, 0)).collect()
        }
    }
}

/// Mean and standard deviation over seeds of the ratio SGDM/Adam of a convention, as the paper's
/// table has it.
pub(super) fn ratio(
    evidence: &Evidence,
    cohort: &Cohort,
    convention: &Convention,
) -> Option<(f64, f64)> {
    let [sgdm, adam] = Arm::ALL.map(|arm| values(evidence, cohort, arm, convention));
    let ratios: Vec<f64> = sgdm.iter().zip(&adam).map(|(a, b)| a / b).collect();
    let center = mean(&ratios);
    let squares: f64 = ratios.iter().map(|r| (r - center).powi(2)).sum();
    let std = (squares / (ratios.len() as f64 - 1.0)).sqrt();
    center.is_finite().then_some((center, std))
}
