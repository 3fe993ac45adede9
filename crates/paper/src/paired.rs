//! Numbers of paired runs: observations of the arms of a setting, and products of their powers, seed by
//! seed. Claims, tables and pictures all use them.

use super::arm::Gap;
use super::claim::{Coordinate, Runs, Term};
use super::evidence::Evidence;
use super::quantity::{HETEROGENEITY, Quantity, Specification};
use super::setting::Setting;
use windtunnel_lab::chart::Member;
use windtunnel_lab::inference::{Observations, Ratios};

/// Observations of every seed of a setting with one arm; `name` is their subject in sentences.
pub(super) fn observations(
    evidence: &Evidence,
    setting: &Setting,
    (name, arm): (&str, &str),
    specification: &Specification,
) -> Observations {
    let steps = setting.steps(&evidence.protocol);
    let observations = if specification.is_of_noise() {
        evidence.noise(setting).iter().map(|noise| specification.of_noise(noise)).collect()
    } else {
        let of_run = |member: &Member| specification.of_run(member, steps);
        evidence.members(setting, arm).iter().map(of_run).collect()
    };
    Observations { of: name.into(), observations }
}

/// Subject of sentences about the observations of a term; names the setting if there are several.
fn subject(terms: &[Term], setting: &Setting, (runs, _): Term, of_noise: bool) -> String {
    let (name, several) = (setting.name, terms.iter().any(|(own, _)| own.setting != runs.setting));
    match (of_noise, several) {
        (true, _) => format!("the noise of {name}"),
        (false, true) => format!("{} of {name}", runs.arm),
        (false, false) => runs.arm.into(),
    }
}

/// Products of powers for every seed under one specification; `setting` looks up settings by name.
pub(super) fn product<'a>(
    evidence: &Evidence,
    terms: &[Term],
    setting: impl Fn(&str) -> Option<&'a Setting>,
    specification: &Specification,
) -> Ratios {
    let factor = |&term: &Term| {
        let (Runs { setting: name, arm }, power) = term;
        let own = setting(name)?;
        let subject = subject(terms, own, term, specification.is_of_noise());
        Some((observations(evidence, own, (&subject, arm), specification), power))
    };
    let factors: Option<Vec<_>> = terms.iter().map(factor).collect();
    Ratios::of(&factors.unwrap_or_default())
}

/// Ratios of two arms of every seed of a setting by one specification.
pub(super) fn gap_of(
    evidence: &Evidence,
    setting: &Setting,
    gap: Gap,
    specification: &Specification,
) -> Ratios {
    let runs = |arm| Runs { setting: setting.name, arm };
    let terms = [(runs(gap.of), 1), (runs(gap.over), -1)];
    product(evidence, &terms, |_| Some(setting), specification)
}

/// The primary specification of a quantity in a setting.
pub(super) fn primary(evidence: &Evidence, setting: &Setting, quantity: Quantity) -> Specification {
    let steps = setting.steps(&evidence.protocol);
    quantity.specifications(steps, evidence.fresh_batches(setting)).swap_remove(0)
}

/// A coordinate of every seed of a setting, or the predicate with the reason why a seed has none;
/// `choose` gives the specification of a quantity.
pub(super) fn coordinates(
    evidence: &Evidence,
    setting: &Setting,
    coordinate: Coordinate,
    choose: impl Fn(Quantity) -> Specification,
) -> Vec<Result<f64, &'static str>> {
    let known = |value: f64, reason| if value.is_nan() { Err(reason) } else { Ok(value) };
    match coordinate {
        Coordinate::Dose => {
            vec![known(setting.dose, "have no dose"); setting.seeds(&evidence.protocol) as usize]
        }
        Coordinate::Gap(quantity, gap) => {
            let logs = gap_of(evidence, setting, gap, &choose(quantity)).logs.into_iter();
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
