//! Judgement of claims: effects with their intervals under every convention, and verdicts.

use std::collections::BTreeMap;

use windtunnel_lab::chart::Member;
use windtunnel_measure::metric::Metric;
use windtunnel_measure::stats::rank_correlation;

use super::claim::{Claim, Contrast, Coordinate, EQUAL, Kind, Runs, Term, Unit};
use super::effect::{Effect, Finding};
use super::evidence::Evidence;
use super::paired::{coordinates, product};
use super::published::{agreement_in_words, ratios_in_words};
use super::quantity::{Convention, Quantity, SMOOTHNESS, reached, tail_metric};
use super::reading::{Ratios, Readings};
use super::setting::Setting;
use super::study::Study;

/// Smallest number of points for a rank correlation.
const FEWEST: usize = 4;

impl Claim {
    /// The claim judged under every convention.
    pub fn judge(&self, study: &Study, evidence: &Evidence) -> Finding {
        let effects = match self.kind {
            Kind::Contrast(quantity, own) => contrast(study, evidence, quantity, own),
            Kind::Equality(quantity, own) => {
                let effects = contrast(study, evidence, quantity, own).into_iter();
                effects.map(|effect| effect.as_equality(EQUAL)).collect()
            }
            Kind::TailGrowth(batch_size, runs) => {
                let setting = study.setting(runs.setting);
                let of = |own| tail_growth(evidence, batch_size, own, runs.arm);
                setting.map(of).into_iter().collect()
            }
            Kind::Smoothness(Runs { setting, arm }) => {
                let setting = study.setting(setting);
                setting.map_or_else(Vec::new, |own| smoothness(evidence, own, arm))
            }
            Kind::Ranks(x, y, unit) => vec![ranks(study, evidence, (x, y), unit)],
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

    /// Published numbers beside ours, if the claim is about two arms of a setting that has some.
    fn agreement(&self, study: &Study, evidence: &Evidence) -> Option<String> {
        let Some((quantity, Contrast::Arms { setting, gap })) = self.contrast() else {
            return None;
        };
        let setting = study.setting(setting)?;
        match quantity {
            Quantity::RobustCondition => ratios_in_words(study, evidence, setting, gap),
            Quantity::Loss => agreement_in_words(study, evidence, setting),
            _ => None,
        }
    }
}

/// Effects under every convention of the quantity, then under other protocols.
fn contrast(
    study: &Study,
    evidence: &Evidence,
    quantity: Quantity,
    contrast: Contrast,
) -> Vec<Effect> {
    let terms: Vec<Term> = contrast.terms().into_iter().flatten().collect();
    let settings = terms.iter().filter_map(|(runs, _)| study.setting(runs.setting));
    let shortest = settings.map(|setting| setting.steps(&evidence.protocol)).min();
    let conventions = quantity.conventions(shortest.unwrap_or(0));
    let own = |convention: &Convention| {
        let ratios = product(evidence, &terms, |name| study.setting(name), convention);
        Effect::of_ratios(&convention.name, &ratios)
    };
    let mut effects: Vec<Effect> = conventions.iter().map(own).collect();
    if let (Quantity::Loss, Some(first)) = (quantity, conventions.first()) {
        for other in study.alternatives {
            let setting = |name: &str| study.setting(name).map(|own| other.of(own));
            let ratios = product(evidence, &terms, setting, first);
            effects.push(Effect::of_ratios(other.name, &ratios));
        }
    }
    // The paper's convention always stays; of the others only those with a number.
    let mut index = 0..;
    effects.retain(|effect| index.next() == Some(0) || effect.estimate.units() > 0);
    effects
}

fn tail_growth(evidence: &Evidence, batch_size: usize, setting: &Setting, arm: &str) -> Effect {
    let metric = &tail_metric(batch_size);
    let steps = setting.steps(&evidence.protocol);
    let at = |step: u64, power: i32| {
        let of_run = |member: &Member| reached(member, metric, step, steps);
        let readings = evidence.members(setting, arm).iter().map(of_run).collect();
        (Readings { of: format!("the tail of {arm} at step {step}"), readings }, power)
    };
    Effect::of_ratios(&format!("step {steps} over step 0"), &Ratios::of(&[at(steps, 1), at(0, -1)]))
}

fn smoothness(evidence: &Evidence, setting: &Setting, arm: &str) -> Vec<Effect> {
    let of = |(name, metric): (&str, Metric)| {
        let members = evidence.members(setting, arm).iter();
        let values: Vec<f64> = members.map(|member| rank_along(member, &metric)).collect();
        let none = values.iter().filter(|value| value.is_nan()).count();
        let lack = format!(
            "{none} of {} runs have fewer than {FEWEST} positive values, or all of one rank",
            values.len()
        );
        Effect::of_values(name, &values, if none > 0 { lack } else { String::new() })
    };
    [
        ("uᵀHu along the step, positive ones", SMOOTHNESS),
        ("‖H‖₂", Metric::HessianNorm),
        ("path smoothness", Metric::PathSmoothness),
    ]
    .into_iter()
    .map(of)
    .collect()
}

/// Spearman's correlation of a smoothness and ‖∇f‖ over the steps of a run.
fn rank_along(member: &Member, metric: &Metric) -> f64 {
    let norms = member.rows_of(Metric::HeldOutGradNorm);
    let norms: BTreeMap<u64, f64> = norms.map(|row| (row.step, row.value)).collect();
    let own = member.rows_of(metric).filter(|row| row.value > 0.0);
    let points = own.filter_map(|row| Some((*norms.get(&row.step)?, row.value)));
    let (x, y): (Vec<f64>, Vec<f64>) = points.unzip();
    if x.len() < FEWEST { f64::NAN } else { rank_correlation(&x, &y) }
}

fn ranks(
    study: &Study,
    evidence: &Evidence,
    (x, y): (Coordinate, Coordinate),
    unit: Unit,
) -> Effect {
    let of_setting = |setting: &Setting| -> Vec<Point> {
        let of = |coordinate| coordinates(evidence, setting, coordinate);
        of(x).into_iter().zip(of(y)).map(|(x, y)| Ok((x?, y?))).collect()
    };
    let settings: Vec<Vec<Point>> = study.settings.iter().map(of_setting).collect();
    let lack = lack_of(&settings.iter().flatten().copied().collect::<Vec<_>>());
    match unit {
        Unit::Setting => {
            let units: Vec<Vec<(f64, f64)>> =
                settings.iter().map(|points| points.iter().copied().flatten().collect()).collect();
            Effect::of_ranks("resampling settings", &units, lack)
        }
        Unit::Seed => {
            let of_seed = |seed: usize| {
                settings.iter().filter_map(|points| points.get(seed).copied()?.ok()).collect()
            };
            let units: Vec<Vec<(f64, f64)>> =
                (0..evidence.protocol.seeds as usize).map(of_seed).collect();
            Effect::of_ranks("resampling seeds", &units, lack)
        }
    }
}

/// Coordinates of a seed of a setting, or the reason why there are none.
type Point = Result<(f64, f64), &'static str>;

/// Sentence about the missing points, reason by reason; empty if none is missing.
fn lack_of(points: &[Point]) -> String {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in points.iter().filter_map(|point| point.err()) {
        *reasons.entry(reason).or_default() += 1;
    }
    let sentence = |(reason, count)| format!("{count} of {} points {reason}", points.len());
    reasons.into_iter().map(sentence).collect::<Vec<_>>().join("; ")
}
