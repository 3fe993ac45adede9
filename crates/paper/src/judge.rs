//! Judgement of claims: effects with their intervals under every specification, and verdicts.

use std::collections::BTreeMap;

use windtunnel_lab::chart::Member;
use windtunnel_lab::inference::{
    Effect, HeldOutBatch, Observations, Ratios, Tail, fresh_batches, reached,
};
use windtunnel_measure::metric::{Metric, Name};
use windtunnel_measure::stats::{mean, rank_correlation};

use super::catalogue::families;
use super::claim::{Claim, Contrast, Coordinate, EQUAL, Judgement, ResamplingUnit, Runs, Term};
use super::evidence::Evidence;
use super::finding::{Finding, Replication, adjust};
use super::paired::{coordinates, product};
use super::published::{agreement_in_words, published_ratio, ratios_in_words};
use super::quantity::{Quantity, SMOOTHNESS, Specification, tail_metric};
use super::setting::Setting;
use super::study::Study;

/// Smallest number of points for a rank correlation along a run.
const FEWEST: usize = 4;
/// Smallest number of settings that rank a seed.
const FEWEST_SETTINGS: usize = 2;

/// Findings on the claims of several studies, or the reason why a study has none. p-values are
/// adjusted for all claims of a family: those of the paper, and those beyond it. `replication` is
/// evidence with other random streams.
pub fn judge(
    studies: &[&'static Study],
    evidence: &Evidence,
    replication: Option<&Evidence>,
) -> Vec<Result<Vec<Finding>, String>> {
    let mut judged: Vec<Result<Vec<Finding>, String>> = studies
        .iter()
        .map(|study| {
            let mut findings = study.judge(evidence)?;
            if let Some(other) = replication {
                let again = study.judge(other).map_err(|reason| format!("again: {reason}"))?;
                for (finding, again) in findings.iter_mut().zip(again) {
                    let family = other.protocol.family;
                    let effect = again.effects.into_iter().next();
                    finding.replication = effect.map(|effect| Replication { family, effect });
                }
            }
            Ok(findings)
        })
        .collect();
    for family in families() {
        let size = family.iter().map(|study| study.claims.len()).sum();
        let is_member = |study: &Study| family.iter().any(|member| member.name == study.name);
        let own = studies.iter().zip(&mut judged).filter(|(study, _)| is_member(study));
        let own = own.filter_map(|(_, found)| found.as_mut().ok());
        adjust(&mut own.flatten().collect::<Vec<_>>(), size);
    }
    judged
}

impl Claim {
    /// The claim judged under every specification.
    pub fn judge(&self, study: &Study, evidence: &Evidence) -> Finding {
        let effects = match self.judgement {
            Judgement::Contrast(quantity, own) => contrast(study, evidence, quantity, own),
            Judgement::Equality(quantity, own) => {
                let effects = contrast(study, evidence, quantity, own).into_iter();
                effects.map(|effect| effect.as_equality(EQUAL)).collect()
            }
            Judgement::TailGrowth(batch_size, runs) => {
                let setting = study.setting(runs.setting);
                let of = |own| tail_growth(evidence, batch_size, own, runs.arm);
                setting.map(of).unwrap_or_default()
            }
            Judgement::Smoothness(Runs { setting, arm }) => {
                let setting = study.setting(setting);
                setting.map_or_else(Vec::new, |own| smoothness(evidence, own, arm))
            }
            Judgement::Ranks(x, y, unit) => ranks(study, evidence, (x, y), unit),
        };
        let holds = match self.judgement {
            Judgement::Contrast(..) | Judgement::TailGrowth(..) => "above 1",
            Judgement::Equality(..) => "1 within a tenth",
            Judgement::Smoothness(_) | Judgement::Ranks(..) => "above 0",
        };
        let (agreement, published) = (self.agreement(study, evidence), self.published(study));
        Finding {
            agreement,
            published: published.filter(|_| !evidence.protocol.quick),
            second_is_of_paper: self.judgement.has_published_statistic(),
            ..Finding::new((self.id, self.text), (self.what, holds), effects)
        }
    }

    /// The published ratio, if the claim is about two arms of a setting that has one.
    fn published(&self, study: &Study) -> Option<f64> {
        let (quantity, Contrast::Arms { setting, gap }) = self.contrast()? else { return None };
        published_ratio(study, quantity, study.setting(setting)?, gap)
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

/// Setting of this name, under the protocol that is judged.
type SettingOf<'a> = &'a dyn Fn(&str) -> Option<&'a Setting>;

/// Effects under every specification of the quantity, then under other protocols and by another
/// estimator.
fn contrast(
    study: &Study,
    evidence: &Evidence,
    quantity: Quantity,
    contrast: Contrast,
) -> Vec<Effect> {
    let terms: Vec<Term> = contrast.terms().into_iter().flatten().collect();
    let settings: Vec<&Setting> =
        terms.iter().filter_map(|(runs, _)| study.setting(runs.setting)).collect();
    let shortest = settings.iter().map(|setting| setting.steps(&evidence.protocol)).min();
    let fresh = settings.iter().map(|setting| evidence.fresh_batches(setting)).min();
    let specifications = quantity.specifications(shortest.unwrap_or(0), fresh.unwrap_or(0));
    let judged = |name: &str, specification: &Specification, of: SettingOf, tail: Option<&Tail>| {
        let effect = Effect::of_ratios(name, &product(evidence, &terms, of, specification));
        bar_means(specification, tail, effect).at(&specification.steps())
    };
    let setting = |name: &str| study.setting(name);
    let tail = tail_of(evidence, &terms, &setting);
    let own = |specification: &Specification| {
        judged(&specification.name, specification, &setting, tail.as_ref())
    };
    let mut effects: Vec<Effect> = specifications.iter().map(own).collect();
    if let [primary, paper, ..] = specifications.as_slice() {
        let ratios = product(evidence, &terms, |name| study.setting(name), primary);
        let name = format!("{}, median of the pairs", primary.name);
        effects.push(Effect::of_median(&name, &ratios).at(&primary.steps()));
        if quantity == Quantity::Loss {
            for other in study.alternatives {
                let setting = |name: &str| study.setting(name).map(|own| other.of(own));
                let tail = tail_of(evidence, &terms, &setting);
                for specification in [primary, paper] {
                    let name = format!("{}, {}", specification.name, other.name);
                    effects.push(judged(&name, specification, &setting, tail.as_ref()));
                }
            }
        }
    }
    // The first two always stay; of the others only those with a number.
    let mut index = 0..;
    effects.retain(|effect| index.next() < Some(2) || effect.estimate.units() > 0);
    effects
}

/// The effect, without a verdict where it is made of means over prompts that do not settle.
fn bar_means(specification: &Specification, tail: Option<&Tail>, effect: Effect) -> Effect {
    match specification.is_mean_over_prompts() {
        true => Tail::bar(tail, effect),
        false => effect,
    }
}

/// The heaviest tail of the losses of single prompts after training, over the runs of a contrast.
fn tail_of(evidence: &Evidence, terms: &[Term], of: SettingOf) -> Option<Tail> {
    let runs =
        |&(Runs { setting, arm }, _): &Term| Some((arm, evidence.members(of(setting)?, arm)));
    Tail::heaviest(terms.iter().filter_map(runs))
}

fn tail_growth(
    evidence: &Evidence,
    batch_size: usize,
    setting: &Setting,
    arm: &str,
) -> Vec<Effect> {
    let steps = setting.steps(&evidence.protocol);
    let of = |(name, metric): (&str, Metric)| {
        let at = |step: u64, power: i32| {
            let of_run = |member: &Member| reached(member, &metric, step, steps);
            let observations = evidence.members(setting, arm).iter().map(of_run).collect();
            (Observations { of: format!("the tail of {arm} at step {step}"), observations }, power)
        };
        let name = format!("{name}, step {steps} over step 0");
        Effect::of_ratios(&name, &Ratios::of(&[at(steps, 1), at(0, -1)]))
    };
    [
        ("largest over Gaussian noise's", tail_metric(batch_size)),
        ("99.9 % quantile over Gaussian noise's", Metric::NoiseGaussianRatioQ999(batch_size)),
    ]
    .map(of)
    .into()
}

fn smoothness(evidence: &Evidence, setting: &Setting, arm: &str) -> Vec<Effect> {
    let of = |(name, metric): (&str, Metric), batch: HeldOutBatch| {
        let members = evidence.members(setting, arm).iter();
        let values: Vec<f64> = members.map(|member| rank_along(member, &metric, batch)).collect();
        let none = values.iter().filter(|value| value.is_nan()).count();
        let lack = format!(
            "{none} of {} runs have fewer than {FEWEST} positive values, or all of one rank",
            values.len()
        );
        let name = format!("{name}, {}", batch.name());
        Effect::of_values(&name, &values, if none > 0 { lack } else { String::new() })
    };
    let metrics = [
        ("uᵀHu along the step, positive ones", SMOOTHNESS),
        ("path smoothness", Metric::PathSmoothness),
        ("‖H‖₂", Metric::HessianNorm),
    ];
    let batches = HeldOutBatch::all(evidence.fresh_batches(setting));
    let on_all = |metric: (&'static str, Metric)| {
        batches.iter().map(|batch| of(metric.clone(), *batch)).collect::<Vec<_>>()
    };
    metrics.into_iter().flat_map(on_all).collect()
}

/// Spearman's correlation of a smoothness and ‖∇f‖ over the steps of a run, the mean over its
/// held-out batches.
fn rank_along(member: &Member, metric: &Metric, batch: HeldOutBatch) -> f64 {
    let fresh = fresh_batches(member);
    let on_batch = |(norm, metric): (Name, Name)| {
        let norms = member.rows_of(norm);
        let norms: BTreeMap<u64, f64> = norms.map(|row| (row.step, row.value)).collect();
        let own = member.rows_of(metric).filter(|row| row.value > 0.0);
        let points = own.filter_map(|row| Some((*norms.get(&row.step)?, row.value)));
        let (x, y): (Vec<f64>, Vec<f64>) = points.unzip();
        if x.len() < FEWEST { f64::NAN } else { rank_correlation(&x, &y) }
    };
    let names = |metric: &Metric| batch.names(metric, fresh);
    let all = names(&Metric::HeldOutGradNorm).into_iter().zip(names(metric));
    mean(&all.map(on_batch).collect::<Vec<_>>())
}

/// Rank correlations of two coordinates under every specification of the loss.
fn ranks(
    study: &Study,
    evidence: &Evidence,
    (x, y): (Coordinate, Coordinate),
    unit: ResamplingUnit,
) -> Vec<Effect> {
    let steps = study.settings.iter().map(|setting| setting.steps(&evidence.protocol)).min();
    let fresh = study.settings.iter().map(|setting| evidence.fresh_batches(setting)).min();
    let specifications =
        |quantity: Quantity| quantity.specifications(steps.unwrap_or(0), fresh.unwrap_or(0));
    let losses = specifications(Quantity::Loss);
    let runs = |setting: &'static Setting| {
        setting.arms.iter().map(|arm| (arm.name, evidence.members(setting, arm.name)))
    };
    let tail = Tail::heaviest(study.settings.iter().flat_map(runs));
    let of = |(k, loss): (usize, &Specification)| {
        // The second specification of every quantity is that of the paper.
        let choose = |quantity| match quantity {
            Quantity::Loss => loss.clone(),
            other => specifications(other).swap_remove(usize::from(k == 1)),
        };
        let of_setting = |setting: &Setting| -> Vec<Point> {
            let of = |coordinate| coordinates(evidence, setting, coordinate, choose);
            of(x).into_iter().zip(of(y)).map(|(x, y)| Ok((x?, y?))).collect()
        };
        let settings: Vec<Vec<Point>> = study.settings.iter().map(of_setting).collect();
        let effect = correlation(&loss.name, &settings, unit);
        bar_means(loss, tail.as_ref(), effect).at(&loss.steps())
    };
    losses.iter().enumerate().map(of).collect()
}

/// Correlation of the points of all settings, each one to a seed.
fn correlation(name: &str, settings: &[Vec<Point>], unit: ResamplingUnit) -> Effect {
    let lack = lack_of(&settings.iter().flatten().copied().collect::<Vec<_>>());
    match unit {
        // Settings stand for others like them, so a point is a setting, by its mean over seeds.
        ResamplingUnit::Setting => {
            let center = |points: &Vec<Point>| {
                let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().flatten().unzip();
                (mean(&x), mean(&y))
            };
            let points: Vec<(f64, f64)> = settings.iter().map(center).collect();
            Effect::of_ranks(name, &points, lack)
        }
        // The settings are the question, so every seed ranks all of them.
        ResamplingUnit::Seed => {
            let seeds = settings.iter().map(Vec::len).min().unwrap_or(0);
            let of_seed = |seed: usize| {
                let own = settings.iter().filter_map(|points| points[seed].ok());
                let (x, y): (Vec<f64>, Vec<f64>) = own.unzip();
                if x.len() < FEWEST_SETTINGS { f64::NAN } else { rank_correlation(&x, &y) }
            };
            let values: Vec<f64> = (0..seeds).map(of_seed).collect();
            Effect::of_values(name, &values, lack)
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
