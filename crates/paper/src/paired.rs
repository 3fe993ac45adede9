//! Numbers of paired runs: readings of the arms of a setting, and products of their powers, seed by
//! seed. Claims, tables and pictures all use them.

use super::arm::Gap;
use super::claim::{Coordinate, Runs, Term};
use super::evidence::Evidence;
use super::quantity::{Convention, HETEROGENEITY, Quantity};
use super::reading::{Ratios, Readings};
use super::setting::Setting;
use windtunnel_lab::chart::Member;

/// Readings of every seed of a setting with one arm; `name` is their subject in sentences.
pub(super) fn readings(
    evidence: &Evidence,
    setting: &Setting,
    (name, arm): (&str, &str),
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
fn subject(terms: &[Term], setting: &Setting, (runs, _): Term, of_noise: bool) -> String {
    let (name, several) = (setting.name, terms.iter().any(|(own, _)| own.setting != runs.setting));
    match (of_noise, several) {
        (true, _) => format!("the noise of {name}"),
        (false, true) => format!("{} of {name}", runs.arm),
        (false, false) => runs.arm.into(),
    }
}

/// Products of powers for every seed under one convention; `setting` looks up settings by name.
pub(super) fn product<'a>(
    evidence: &Evidence,
    terms: &[Term],
    setting: impl Fn(&str) -> Option<&'a Setting>,
    convention: &Convention,
) -> Ratios {
    let factor = |&term: &Term| {
        let (Runs { setting: name, arm }, power) = term;
        let own = setting(name)?;
        let subject = subject(terms, own, term, convention.is_of_noise());
        Some((readings(evidence, own, (&subject, arm), convention), power))
    };
    let factors: Option<Vec<_>> = terms.iter().map(factor).collect();
    Ratios::of(&factors.unwrap_or_default())
}

/// Ratios of two arms of every seed of a setting by one of the quantity's conventions.
pub(super) fn gap_of(
    evidence: &Evidence,
    setting: &Setting,
    gap: Gap,
    (quantity, convention): (Quantity, usize),
) -> Ratios {
    let conventions = quantity.conventions(setting.steps(&evidence.protocol));
    let runs = |arm| Runs { setting: setting.name, arm };
    let terms = [(runs(gap.of), 1), (runs(gap.over), -1)];
    product(evidence, &terms, |_| Some(setting), &conventions[convention])
}

/// A coordinate of every seed of a setting, or the predicate with the reason why a seed has none.
pub(super) fn coordinates(
    evidence: &Evidence,
    setting: &Setting,
    coordinate: Coordinate,
) -> Vec<Result<f64, &'static str>> {
    let known = |value: f64, reason| if value.is_nan() { Err(reason) } else { Ok(value) };
    match coordinate {
        Coordinate::Dose => {
            vec![known(setting.dose, "have no dose"); evidence.protocol.seeds as usize]
        }
        Coordinate::Gap(quantity, gap) => {
            let logs = gap_of(evidence, setting, gap, (quantity, 0)).logs.into_iter();
            logs.map(|log| known(log, "have no ratio, as where both runs diverged")).collect()
        }
        // All arms begin at the same point.
        Coordinate::Heterogeneity => {
            let first =
                setting.arms.first().map_or(&[][..], |arm| evidence.members(setting, arm.name));
            let of = |member: &Member| match member.value(HETEROGENEITY, 0) {
                Some(distance) => known(distance, "have a distance of blocks that is not a number"),
                None => Err("have no measured distance of blocks"),
            };
            first.iter().map(of).collect()
        }
    }
}
