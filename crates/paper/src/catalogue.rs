//! The list of studies, groups of them, and names for sets of them.

use super::beyond::BEYOND;
use super::figures::FIGURES;
use super::study::Study;

/// Names of groups of studies, with their descriptions.
pub const GROUPS: [(&str, &str); 3] = [
    ("paper", "Every figure of the paper, and its table"),
    ("beyond", "What the paper did not measure"),
    ("all", "Both"),
];

/// All studies, the paper's first.
pub fn studies() -> impl Iterator<Item = &'static Study> {
    FIGURES.iter().chain(&BEYOND)
}

/// The studies that the names of studies and groups refer to, each once, the paper's first.
pub fn chosen(names: &[String]) -> Vec<&'static Study> {
    let named = |name: &str| names.iter().any(|chosen| chosen == name);
    let group = |study: &Study| {
        let paper = FIGURES.iter().any(|figure| figure.name == study.name);
        named(if paper { "paper" } else { "beyond" })
    };
    let is_chosen = |study: &&Study| named("all") || named(study.name) || group(study);
    studies().filter(is_chosen).collect()
}

/// Families of claims that are judged together: the paper's, and those beyond it.
pub(super) fn families() -> [&'static [Study]; 2] {
    [&FIGURES, &BEYOND]
}

/// Largest length of a list of names that is written in full.
const LONGEST: usize = 60;
/// Number of names of a longer list that are written.
const FIRST: usize = 4;

/// Name of a set of studies, for the files of its page; no two sets share one. `report` stands for
/// all studies, `paper` and `beyond` for these groups, and a single study has its own name.
/// Otherwise the name is all names in the order of the studies, as `fig9+fig15+noise`. A long list
/// is cut and gets a number that identifies it.
pub fn page_name(chosen: &[&Study]) -> String {
    let is = |mut all: Box<dyn Iterator<Item = &'static Study>>| {
        let same = chosen.iter().all(|study| all.next().is_some_and(|s| s.name == study.name));
        same && all.next().is_none()
    };
    if is(Box::new(studies())) {
        return "report".into();
    }
    if is(Box::new(FIGURES.iter())) {
        return "paper".into();
    }
    if is(Box::new(BEYOND.iter())) {
        return "beyond".into();
    }
    let names: Vec<&str> = chosen.iter().map(|study| study.name).collect();
    let whole = names.join("+");
    if whole.len() > LONGEST { shortened(&names) } else { whole }
}

/// The first names, the number of the others, and a number that identifies the set: a digit for
/// every four studies.
fn shortened(names: &[&str]) -> String {
    let bit = |(k, study): (usize, &Study)| u128::from(names.contains(&study.name)) << k;
    let set: u128 = studies().enumerate().map(bit).sum();
    let (first, rest) = names.split_at(FIRST.min(names.len()));
    format!("{}+{}-more-{set:x}", first.join("+"), rest.len())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn of(chosen: impl Fn(usize, &Study) -> bool) -> String {
        let all: Vec<&Study> = studies().collect();
        let own = all.iter().enumerate().filter(|(k, study)| chosen(*k, study));
        page_name(&own.map(|(_, study)| *study).collect::<Vec<_>>())
    }

    #[test]
    fn groups_and_names_are_chosen_once_in_the_order_of_the_studies() {
        let names = |chosen_by: &[&str]| {
            let names: Vec<String> = chosen_by.iter().map(|name| (*name).into()).collect();
            chosen(&names).iter().map(|study| study.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["noise", "fig15", "fig9", "fig9"]), ["fig9", "fig15", "noise"]);
        assert_eq!(names(&["paper", "fig2"]).len(), FIGURES.len());
        assert_eq!(names(&["beyond"]).len(), BEYOND.len());
        assert_eq!(names(&["all"]).len(), FIGURES.len() + BEYOND.len());
        assert!(names(&[]).is_empty() && names(&["nothing"]).is_empty());
    }

    #[test]
    fn groups_have_their_names_and_lists_those_of_their_studies() {
        assert_eq!(of(|_, _| true), "report");
        assert_eq!(of(|k, _| k < FIGURES.len()), "paper");
        assert_eq!(of(|k, _| k >= FIGURES.len()), "beyond");
        assert_eq!(of(|_, study| study.name == "fig2"), "fig2");
        let three = ["noise", "fig15", "fig9"];
        assert_eq!(of(|_, study| three.contains(&study.name)), "fig9+fig15+noise");
        assert_eq!(of(|_, _| false), "");
    }

    #[test]
    fn no_two_sets_share_a_page_and_no_name_is_too_long_for_a_file() {
        let count = FIGURES.len() + BEYOND.len();
        let mut names = HashSet::new();
        let mut sets = 0;
        // Every pair, and every set that lacks one or two.
        for a in 0..count {
            for b in a..count {
                assert!(names.insert(of(|k, _| k == a || k == b)));
                let lacking = of(|k, _| k != a && k != b);
                assert!(lacking.len() <= LONGEST, "{lacking}");
                assert!(names.insert(lacking));
                sets += 2;
            }
        }
        assert_eq!(names.len(), sets);
        // The name of a page or JSON file differs from those of pictures and of single studies.
        assert!(names.iter().all(|name| name.contains('+') || studies().any(|s| s.name == name)));
    }
}
