//! `windtunnel reproduce`.

mod compute;
mod page;
mod publish;

use windtunnel_paper::beyond::BEYOND;
use windtunnel_paper::figures::FIGURES;
use windtunnel_paper::setting::Setting;
use windtunnel_paper::study::Study;

use super::folder::create;
use crate::args::{Global, Reproduce};
use crate::error::Error;

/// Names of several studies.
pub const GROUPS: [(&str, &str); 3] = [
    ("paper", "Every figure of the paper, and its table"),
    ("beyond", "What the paper did not measure"),
    ("all", "Both"),
];

/// All studies, the paper's first.
pub fn studies() -> impl Iterator<Item = &'static Study> {
    FIGURES.iter().chain(&BEYOND)
}

pub fn run(global: &Global, args: &Reproduce) -> Result<(), Error> {
    // Before an hour is spent on runs whose picture cannot be written.
    create(global, &args.out)?;
    let named = |name: &str| args.figures.iter().any(|chosen| chosen == name);
    let group = |study: &Study| {
        let paper = FIGURES.iter().any(|figure| figure.name == study.name);
        named(if paper { "paper" } else { "beyond" })
    };
    let chosen = |study: &&Study| named("all") || named(study.name) || group(study);
    let chosen: Vec<&'static Study> = studies().filter(chosen).collect();
    let evidence = compute::evidence(global, args, &chosen)?;
    publish::all(global, args, &chosen, &evidence)
}

/// The settings of studies that `of` names, each once.
fn settings(
    studies: &[&'static Study],
    of: impl Fn(&'static Study) -> Vec<&'static Setting>,
) -> Vec<&'static Setting> {
    let mut settings: Vec<&'static Setting> = Vec::new();
    for setting in studies.iter().flat_map(|study| of(study)) {
        if !settings.iter().any(|known| known.name == setting.name) {
            settings.push(setting);
        }
    }
    settings
}
