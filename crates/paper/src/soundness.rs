//! The check that a study has all settings and arms that it names, in claims, gaps and published
//! numbers.
//!
//! The lists of studies are checked at compile time, other studies before they are judged. So
//! claims never refer to runs that do not exist.

use super::arm::{Arm, Gap};
use super::claim::{Claim, Coordinate, Judgement, Runs, Term};
use super::setting::Setting;
use super::study::Study;

/// A name that a study uses but does not define.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownReference {
    /// Name of the study.
    pub study: &'static str,
    /// Number of the claim that uses it, or the field of the study.
    pub part: &'static str,
    /// Name of a setting or of an arm.
    pub name: &'static str,
}

impl UnknownReference {
    /// Sentence about the name.
    pub fn text(self) -> String {
        let UnknownReference { study, part, name } = self;
        format!(
            "{study}: {part} names `{name}`, which is none of the settings of the study, or not an \
             arm of the setting that is meant"
        )
    }
}

/// Panics if one of the studies uses a name that it does not define; in a constant, at compile
/// time.
pub(super) const fn assert_sound(mut studies: &[Study]) {
    while let [study, rest @ ..] = studies {
        if let Some(UnknownReference { part, .. }) = study.unknown() {
            names_a_setting_or_arm_that_its_study_lacks(part);
        }
        studies = rest;
    }
}

/// The message of the compiler shows the part of the study and the name of this function, because a
/// constant function cannot format a sentence.
const fn names_a_setting_or_arm_that_its_study_lacks(part: &'static str) {
    panic!("{}", part)
}

/// Returns from the function with the first element of a list that has something missing.
macro_rules! each {
    ($study:expr, $list:expr, |$element:ident| $part:expr, $missing:expr) => {{
        let mut list = $list;
        while let [$element, rest @ ..] = list {
            if let Some(name) = $missing {
                return Some(UnknownReference { study: $study.name, part: $part, name });
            }
            list = rest;
        }
    }};
}

impl Study {
    /// The first name that the study uses but does not define.
    pub const fn unknown(&self) -> Option<UnknownReference> {
        let settings = self.settings;
        each!(self, settings, |own| "the list of settings", lone(own));
        each!(self, self.gaps, |gap| "the list of gaps", in_some(settings, *gap));
        each!(self, self.claims, |claim| claim.id, of_claim(settings, claim));
        each!(self, self.published_losses, |own| "a published loss", {
            in_one(settings, Runs { setting: own.setting, arm: own.arm })
        });
        each!(self, self.published_ratios, |own| "a published ratio", {
            gap_in(settings, own.setting, own.gap)
        });
        each!(self, self.alternatives, |other| other.name, { replaced(settings, other.replaced) });
        None
    }
}

/// Name of the setting, if it has no arms.
const fn lone(setting: &Setting) -> Option<&'static str> {
    if setting.arms.is_empty() { Some(setting.name) } else { None }
}

const fn of_claim(settings: &[Setting], claim: &Claim) -> Option<&'static str> {
    match claim.judgement {
        Judgement::Contrast(_, contrast) | Judgement::Equality(_, contrast) => {
            of_terms(settings, &contrast.terms())
        }
        Judgement::TailGrowth(_, runs) | Judgement::Smoothness(runs) => in_one(settings, runs),
        Judgement::Ranks(x, y, _) => match of_coordinate(settings, x) {
            None => of_coordinate(settings, y),
            missing => missing,
        },
    }
}

const fn of_terms(settings: &[Setting], mut terms: &[Option<Term>]) -> Option<&'static str> {
    while let [Some((runs, _)), rest @ ..] = terms {
        if let Some(name) = in_one(settings, *runs) {
            return Some(name);
        }
        terms = rest;
    }
    None
}

/// Correlations are over all settings, so every setting needs both arms.
const fn of_coordinate(mut settings: &[Setting], coordinate: Coordinate) -> Option<&'static str> {
    let Coordinate::Gap(_, gap) = coordinate else { return None };
    while let [setting, rest @ ..] = settings {
        if let Some(name) = arms_of(setting, gap) {
            return Some(name);
        }
        settings = rest;
    }
    None
}

const fn in_one(settings: &[Setting], Runs { setting, arm }: Runs) -> Option<&'static str> {
    match find(settings, setting) {
        Some(own) if has(own.arms, arm) => None,
        Some(_) => Some(arm),
        None => Some(setting),
    }
}

const fn gap_in(settings: &[Setting], setting: &'static str, gap: Gap) -> Option<&'static str> {
    match find(settings, setting) {
        Some(own) => arms_of(own, gap),
        None => Some(setting),
    }
}

/// The name of an arm of a gap if no setting has both arms.
const fn in_some(mut settings: &[Setting], gap: Gap) -> Option<&'static str> {
    let mut missing = Some(gap.of);
    while let [setting, rest @ ..] = settings {
        missing = arms_of(setting, gap);
        if missing.is_none() {
            return None;
        }
        settings = rest;
    }
    missing
}

const fn arms_of(setting: &Setting, gap: Gap) -> Option<&'static str> {
    if !has(setting.arms, gap.of) {
        return Some(gap.of);
    }
    if has(setting.arms, gap.over) { None } else { Some(gap.over) }
}

const fn replaced(
    settings: &[Setting],
    mut pairs: &[(&'static str, Setting)],
) -> Option<&'static str> {
    while let [(name, other), rest @ ..] = pairs {
        let Some(own) = find(settings, name) else { return Some(name) };
        let mut arms = own.arms;
        while let [arm, rest @ ..] = arms {
            if !has(other.arms, arm.name) {
                return Some(arm.name);
            }
            arms = rest;
        }
        pairs = rest;
    }
    None
}

const fn find<'a>(mut settings: &'a [Setting], name: &str) -> Option<&'a Setting> {
    while let [setting, rest @ ..] = settings {
        if same(setting.name.as_bytes(), name.as_bytes()) {
            return Some(setting);
        }
        settings = rest;
    }
    None
}

const fn has(mut arms: &[Arm], name: &str) -> bool {
    while let [arm, rest @ ..] = arms {
        if same(arm.name.as_bytes(), name.as_bytes()) {
            return true;
        }
        arms = rest;
    }
    false
}

/// Whether two names are equal; `==` of strings is no constant function.
const fn same(mut a: &[u8], mut b: &[u8]) -> bool {
    while let ([x, left @ ..], [y, right @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (left, right);
    }
    a.is_empty() && b.is_empty()
}
