//! Claims, and how the data judge them.

use windtunnel_measure::metric::Metric;
use windtunnel_measure::stats::{mean, rank_correlation, std_dev};

use super::Arm;
use super::effect::{Effect, Finding};
use super::evidence::Evidence;
use super::quantity::{
    Convention, HETEROGENEITY, Quantity, SMOOTHNESS, TABLE_STEPS, found, reached, tail_metric,
};
use super::reading::{Ratios, Readings, lacks};
use super::setting::Setting;
use super::study::Study;
use windtunnel_figure::table::number;
use windtunnel_lab::chart::Member;

/// One claim about the settings of a study.
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

/// A factor of a product: which setting of the study, which optimizer, to which power.
pub type Term = (usize, Arm, i32);

/// How a claim is judged.
#[derive(Debug)]
pub enum Kind {
    /// A product of powers of a quantity is above 1: factor by factor.
    Contrast(Quantity, &'static [Term]),
    /// Such a product is 1 within a factor of [`EQUAL`].
    Equality(Quantity, &'static [Term]),
    /// The noise of mini-batches of this size reaches farther at the last step than at the first,
    /// for one setting and optimizer.
    TailGrowth(usize, usize, Arm),
    /// Smoothness grows with the gradient norm along a trajectory of the setting.
    Smoothness(usize),
    /// Two coordinates rank the settings' seeds alike; the interval is over the units.
    Ranks(Coordinate, Coordinate, Unit),
}

/// What is resampled for the interval of a rank correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seeds, each with all settings: the settings are the question, as doses are.
    Seed,
    /// Settings, each with all seeds: they stand for others.
    Setting,
}

/// Fewest points of a rank correlation.
const FEWEST: usize = 4;

/// What counts as no effect where a claim says that there is none.
pub const EQUAL: f64 = 1.1;

/// A number of every seed of a setting.
#[derive(Clone, Copy, Debug)]
pub enum Coordinate {
    /// What the setting is the dose of.
    Dose,
    /// ln(SGDM/Adam) of a quantity.
    Gap(Quantity),
    /// Distance of the spectra of the Hessian's blocks at initialization.
    Heterogeneity,
}

/// "SGDM over Adam" of a quantity of one setting.
macro_rules! gap {
    ($quantity:ident, $setting:expr) => {
        $crate::claim::Kind::Contrast(
            $crate::quantity::Quantity::$quantity,
            &[($setting, $crate::Arm::Sgdm, 1), ($setting, $crate::Arm::Adam, -1)],
        )
    };
}

/// The gap of one setting over that of another.
macro_rules! gaps {
    ($quantity:ident, $a:expr, $b:expr) => {
        $crate::claim::Kind::Contrast(
            $crate::quantity::Quantity::$quantity,
            &[
                ($a, $crate::Arm::Sgdm, 1),
                ($a, $crate::Arm::Adam, -1),
                ($b, $crate::Arm::Sgdm, -1),
                ($b, $crate::Arm::Adam, 1),
            ],
        )
    };
}

/// One setting over another with one optimizer.
macro_rules! over {
    ($quantity:ident, $a:expr, $b:expr, $arm:expr) => {
        $crate::claim::Kind::Contrast(
            $crate::quantity::Quantity::$quantity,
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
            Kind::TailGrowth(batch_size, setting, arm) => {
                vec![tail_growth(evidence, *batch_size, &study.settings[*setting], *arm)]
            }
            Kind::Smoothness(setting) => smoothness(evidence, &study.settings[*setting]),
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

    /// Published numbers beside ours, where the claim is about one setting that has some.
    fn agreement(&self, study: &Study, evidence: &Evidence) -> Option<String> {
        let (quantity, terms) = self.contrast()?;
        let &[(setting, ..), (other, ..)] = terms else { return None };
        match quantity {
            _ if setting != other => None,
            Quantity::RobustCondition => published_ratios(study, evidence, setting),
            Quantity::Loss if setting == 0 => study.agreement_in_words(evidence),
            _ => None,
        }
    }
}

/// Ratios of robust condition numbers of a setting that were published, beside ours.
fn published_ratios(study: &Study, evidence: &Evidence, setting: usize) -> Option<String> {
    let line = |step: u64| {
        let own = study.published.iter().filter(|p| (p.setting, p.step) == (setting, step));
        let theirs: Vec<String> =
            own.map(|p| format!("{} {} ({})", p.source, p.mean, p.std)).collect();
        let ours = evidence.condition_ratio(&study.settings[setting], step)?;
        (!theirs.is_empty()).then(|| format!("step {step}: ours {ours}, {}", theirs.join(", ")))
    };
    let lines: Vec<String> = TABLE_STEPS.into_iter().filter_map(line).collect();
    (!lines.is_empty())
        .then(|| format!("mean (standard deviation) of ratios, {}", lines.join("; ")))
}

/// Readings of every seed of a setting; `name` is their subject in sentences.
pub(super) fn readings(
    evidence: &Evidence,
    setting: &Setting,
    (name, arm): (&str, Arm),
    convention: &Convention,
) -> Readings {
    let steps = setting.steps(&evidence.protocol);
    let readings = if convention.is_of_noise() {
        evidence.noise(setting).iter().map(|noise| convention.of_noise(noise)).collect()
    } else {
        let of_run = |member: &Member| convention.of_run(member, steps);
        evidence.members(setting, arm).iter().map(of_run).collect()
    };
    Readings { of: name.into(), readings }
}

/// Subject of sentences about the readings of a term; names the setting if there are several.
fn subject(
    settings: &[Setting],
    terms: &[Term],
    (setting, arm, _): Term,
    of_noise: bool,
) -> String {
    let name = settings[setting].name;
    match (of_noise, terms.iter().any(|term| term.0 != setting)) {
        (true, _) => format!("the noise of {name}"),
        (false, true) => format!("{} of {name}", arm.name()),
        (false, false) => arm.name().into(),
    }
}

/// Products of powers for every seed under one convention.
fn product(
    evidence: &Evidence,
    settings: &[Setting],
    terms: &[Term],
    convention: &Convention,
) -> Ratios {
    let factor = |&term: &Term| {
        let (setting, arm, power) = term;
        let name = subject(settings, terms, term, convention.is_of_noise());
        (readings(evidence, &settings[setting], (&name, arm), convention), power)
    };
    Ratios::of(&terms.iter().map(factor).collect::<Vec<_>>())
}

fn contrast(study: &Study, evidence: &Evidence, quantity: Quantity, terms: &[Term]) -> Vec<Effect> {
    let effect = |name: &str, convention: &Convention, settings: &[Setting]| {
        Effect::of_ratios(name, &product(evidence, settings, terms, convention))
    };
    let shortest = terms.iter().map(|term| study.settings[term.0].steps(&evidence.protocol)).min();
    let conventions = quantity.conventions(shortest.unwrap_or(0));
    let mut effects: Vec<Effect> =
        conventions.iter().map(|c| effect(&c.name, c, study.settings)).collect();
    if quantity == Quantity::Loss {
        for (name, settings) in study.alternatives {
            effects.extend(conventions.first().map(|c| effect(name, c, settings)));
        }
    }
    // The paper's convention stays whatever it says; of the others, those that say something.
    let mut index = 0..;
    effects.retain(|effect| index.next() == Some(0) || effect.estimate.units() > 0);
    effects
}

fn tail_growth(evidence: &Evidence, batch_size: usize, setting: &Setting, arm: Arm) -> Effect {
    let metric = &tail_metric(batch_size);
    let steps = setting.steps(&evidence.protocol);
    let at = |step: u64, power: i32| {
        let of_run = |member: &Member| reached(member, metric, step, steps);
        let readings = evidence.members(setting, arm).iter().map(of_run).collect();
        (Readings { of: format!("the tail of {} at step {step}", arm.name()), readings }, power)
    };
    Effect::of_ratios(&format!("step {steps} over step 0"), &Ratios::of(&[at(steps, 1), at(0, -1)]))
}

fn smoothness(evidence: &Evidence, setting: &Setting) -> Vec<Effect> {
    let of = |(name, metric): (&str, Metric)| {
        let members = evidence.members(setting, Arm::Adam).iter();
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
    let norms: std::collections::BTreeMap<u64, f64> =
        norms.map(|row| (row.step, row.value)).collect();
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
    let of_setting = |setting: &Setting| -> Vec<(f64, f64)> {
        let of = |coordinate| coordinates(evidence, setting, coordinate);
        of(x).into_iter().zip(of(y)).collect()
    };
    let settings: Vec<Vec<(f64, f64)>> = study.settings.iter().map(of_setting).collect();
    let all = settings.iter().flatten();
    let none = all.clone().filter(|(x, y)| x.is_nan() || y.is_nan()).count();
    let lack = match none {
        0 => String::new(),
        none => {
            format!("{none} of {} points have no number, as where both runs diverged", all.count())
        }
    };
    match unit {
        Unit::Setting => Effect::of_ranks("resampling settings", &settings, lack),
        Unit::Seed => {
            let of_seed = |seed: usize| {
                settings.iter().filter_map(|points| points.get(seed).copied()).collect()
            };
            let seeds: Vec<Vec<(f64, f64)>> =
                (0..evidence.protocol.seeds as usize).map(of_seed).collect();
            Effect::of_ranks("resampling seeds", &seeds, lack)
        }
    }
}

/// Ratios SGDM/Adam of every seed of a setting by one of the quantity's conventions.
///
/// Claims, tables and pictures of gaps all show these.
pub(super) fn gap_of(
    evidence: &Evidence,
    setting: &Setting,
    quantity: Quantity,
    convention: usize,
) -> Ratios {
    let conventions = quantity.conventions(setting.steps(&evidence.protocol));
    let terms = [(0, Arm::Sgdm, 1), (0, Arm::Adam, -1)];
    product(evidence, std::slice::from_ref(setting), &terms, &conventions[convention])
}

/// A coordinate of every seed of a setting.
pub(super) fn coordinates(
    evidence: &Evidence,
    setting: &Setting,
    coordinate: Coordinate,
) -> Vec<f64> {
    match coordinate {
        Coordinate::Dose => vec![setting.dose; evidence.protocol.seeds as usize],
        Coordinate::Gap(quantity) => gap_of(evidence, setting, quantity, 0).logs,
        Coordinate::Heterogeneity => {
            let members = evidence.members(setting, Arm::Sgdm).iter();
            // A point without a number is told of with the others: see `ranks`.
            let of = |member| found(member, &HETEROGENEITY, 0).unwrap_or(f64::NAN);
            members.map(of).collect()
        }
    }
}

/// Text of the ratio SGDM/Adam of the robust condition number at a step, mean and standard deviation
/// over seeds as in the paper's table, or the reason why there is none; nothing if the runs end before.
pub(super) fn condition_ratio(evidence: &Evidence, setting: &Setting, step: u64) -> Option<String> {
    let convention = Convention::condition(step);
    let [sgdm, adam] =
        Arm::ALL.map(|arm| readings(evidence, setting, (arm.name(), arm), &convention));
    let pairs = sgdm.values().into_iter().zip(adam.values());
    let ratios: Vec<f64> = pairs.map(|(a, b)| a / b).collect();
    if step > setting.steps(&evidence.protocol) {
        return None;
    }
    let lack = lacks([&sgdm, &adam]);
    Some(match (lack.as_str(), ratios.as_slice()) {
        ("", []) => "not measured: there are no pairs".into(),
        ("", [only]) => format!("{} (one seed, no deviation)", number(*only)),
        ("", ratios) => format!("{} ({})", number(mean(ratios)), number(std_dev(ratios))),
        (lack, _) => format!("not measured: {lack}"),
    })
}
