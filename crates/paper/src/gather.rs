//! Evidence of studies; missing results are computed in this order: searches for learning rates,
//! all runs, noise and baselines.

use windtunnel_lab::laboratory::{Error, Lab};
use windtunnel_lab::plan::{Plan, Work};
use windtunnel_lab::search::search;
use windtunnel_lab::theory::BaselineFit;
use windtunnel_lab::training::Status;
use windtunnel_runs::spec::{SpecError, run_id};

use super::arm::{Arm, Rates};
use super::evidence::Evidence;
use super::noise::noise_study;
use super::protocol::Protocol;
use super::rates::{Search, searches};
use super::setting::{Cell, Setting};
use super::study::Study;

/// Numbers of seeds after which evidence is shown.
const FIRST_SEEDS: [u64; 2] = [3, 6];

/// Name of a setting, and the reason why it failed.
type Failure = (&'static str, String);

/// The settings that `of` selects from studies, each once.
pub fn settings<'a>(
    studies: &[&'a Study],
    of: impl Fn(&'a Study) -> Vec<&'static Setting>,
) -> Vec<&'static Setting> {
    let mut settings: Vec<&'static Setting> = Vec::new();
    for setting in studies.iter().flat_map(|study| of(study)) {
        if !settings.iter().any(|known| known.name == setting.name) {
            settings.push(setting);
        }
    }
    settings
}

/// Evidence of all that studies need, computed if it is not stored, and read on `threads` threads.
/// A failure of one setting does not stop the others: see [`Evidence::failure`].
///
/// # Errors
/// Errors that end the experiment: see [`Error`].
pub fn gather(
    lab: &Lab,
    studies: &[&'static Study],
    protocol: Protocol,
    threads: usize,
) -> Result<Evidence, Error> {
    let all = settings(studies, |study| study.all_settings().collect());
    lab.progress.later(remaining(lab, &all, &protocol)?);
    let searches = found(lab, &all, &protocol)?;
    lab.progress.later(0);
    collect(lab, studies, protocol, threads, searches)
}

/// Listener to evidence while it grows: the studies that it is of, and the evidence.
pub type Show<'a> = dyn FnMut(&[&'static Study], &Evidence) + 'a;

/// Evidence as of [`gather`], which is shown while it grows. Studies that need no search for learning
/// rates come first: their short runs, then their first seeds; then the first seeds of all. Nothing
/// is shown where no run is missing.
///
/// # Errors
/// As [`gather`].
pub fn gather_shown(
    lab: &Lab,
    studies: &[&'static Study],
    protocol: Protocol,
    threads: usize,
    show: &mut Show,
) -> Result<Evidence, Error> {
    let all = settings(studies, |study| study.all_settings().collect());
    let searches = |study: &Study| study.all_settings().any(|s| s.arms.iter().any(is_searched));
    let known: Vec<&'static Study> =
        studies.iter().copied().filter(|study| !searches(study)).collect();
    let own = settings(&known, |study| study.all_settings().collect());
    if remaining(lab, &own, &protocol)? > 0 {
        let quick = Protocol { quick: true, ..protocol };
        show(&known, &gather(lab, &known, quick, threads)?);
        let first = Protocol { seeds: Some(FIRST_SEEDS[0]), ..protocol };
        if known.len() < studies.len() && has_more(&own, &protocol, FIRST_SEEDS[0]) {
            show(&known, &gather(lab, &known, first, threads)?);
        }
    }
    lab.progress.later(remaining(lab, &all, &protocol)?);
    let (searched, failures) = found(lab, &all, &protocol)?;
    let cost = |protocol: Protocol| missing(lab, &cells(&all, &searched, &failures, &protocol)?);
    let whole = cost(protocol)?;
    for seeds in FIRST_SEEDS {
        if whole > 0 && has_more(&all, &protocol, seeds) {
            let first = Protocol { seeds: Some(seeds), ..protocol };
            // Of what is missing now, not at the beginning: the last look has computed a part.
            lab.progress.later(cost(protocol)?.saturating_sub(cost(first)?));
            let searches = (searched.clone(), failures.clone());
            show(studies, &collect(lab, studies, first, threads, searches)?);
        }
    }
    lab.progress.later(0);
    collect(lab, studies, protocol, threads, (searched, failures))
}

/// Whether so many seeds are a part of what is asked for: no setting has fewer, one has more.
fn has_more(settings: &[&'static Setting], protocol: &Protocol, seeds: u64) -> bool {
    let mut all = settings.iter().map(|setting| setting.seeds(protocol));
    all.clone().all(|own| own >= seeds) && all.any(|own| own > seeds)
}

/// Evidence of all that studies need, after the searches.
fn collect(
    lab: &Lab,
    studies: &[&'static Study],
    protocol: Protocol,
    threads: usize,
    (searched, mut failures): (Vec<Search>, Vec<Failure>),
) -> Result<Evidence, Error> {
    let all = settings(studies, |study| study.all_settings().collect());
    let cells = cells(&all, &searched, &failures, &protocol)?;
    let plan = Plan::of_runs("runs", cells.iter().map(|cell| cell.spec.clone()));
    for (cell, status) in cells.iter().zip(lab.execute(&plan)?) {
        if let Status::Failed(reason) = status {
            failures.push((cell.setting, format!("run {}: {reason}", run_id(&cell.spec))));
        }
    }
    let mut evidence = Evidence::new(protocol, cells, searched);
    // These reasons come before those of reading, which would only say that a run is missing.
    for (setting, reason) in failures {
        evidence.fail(setting, reason);
    }
    evidence.read(lab.store(), threads);
    let panels = |wanted: bool, study: &'static Study| match wanted {
        true => study.settings.iter().collect(),
        false => Vec::new(),
    };
    let noisy = settings(studies, |study| panels(study.needs_noise(), study));
    add_noise(lab, &mut evidence, &noisy)?;
    let compared = settings(studies, |study| panels(study.needs_theory(), study));
    add_theory(lab, &mut evidence, &compared)?;
    Ok(evidence)
}

/// Whether the learning rate of an arm is searched for.
fn is_searched(arm: &Arm) -> bool {
    matches!(arm.rates, Rates::Searched { .. })
}

/// Cost of those runs that the store lacks.
fn missing(lab: &Lab, cells: &[Cell]) -> Result<u128, Error> {
    let mut cost = 0;
    for cell in cells {
        let run = Work::Run(cell.spec.clone());
        cost += if run.is_stored(lab.store())? { 0 } else { run.cost() };
    }
    Ok(cost)
}

/// Cost of the runs that the store lacks, those with searched rates among them: at any rate a run
/// costs the same.
fn remaining(lab: &Lab, settings: &[&'static Setting], protocol: &Protocol) -> Result<u128, Error> {
    let any = |arm: Arm| is_searched(&arm).then_some(1.0);
    let mut cost = 0;
    for setting in settings {
        cost += missing(lab, &setting.cells(protocol, any)?)?;
    }
    Ok(cost)
}

/// The searches for learning rates that have ended, and the settings whose search failed.
fn found(
    lab: &Lab,
    settings: &[&'static Setting],
    protocol: &Protocol,
) -> Result<(Vec<Search>, Vec<Failure>), Error> {
    let (mut searched, mut failures) = (Vec::new(), Vec::new());
    let open = searches(settings, protocol)?;
    let ends = search(lab, open.iter().map(|search| search.rates.clone()).collect())?;
    for (search, end) in open.into_iter().zip(ends) {
        match end {
            Ok(rates) => searched.push(search.found(rates)),
            Err(reason) => failures.push((search.setting.name, reason)),
        }
    }
    Ok((searched, failures))
}

/// The runs of all settings whose learning rates are known.
fn cells(
    settings: &[&'static Setting],
    searched: &[Search],
    failures: &[Failure],
    protocol: &Protocol,
) -> Result<Vec<Cell>, SpecError> {
    let mut cells = Vec::new();
    for setting in settings {
        if failures.iter().any(|(failed, _)| *failed == setting.name) {
            continue;
        }
        let own = |arm| searched.iter().find(|s| s.setting.name == setting.name && s.arm == arm);
        cells.extend(setting.cells(protocol, |arm| own(arm).map(|search| search.rates.lr()))?);
    }
    Ok(cells)
}

/// Adds the noise at initialization of settings, at every seed.
///
/// # Errors
/// Errors that end the experiment: see [`Error`].
pub fn add_noise(
    lab: &Lab,
    evidence: &mut Evidence,
    settings: &[&'static Setting],
) -> Result<(), Error> {
    let protocol = evidence.protocol;
    let mut studies = Vec::new();
    for setting in settings {
        for number in 0..setting.seeds(&protocol) {
            studies.push((setting, noise_study(setting, &protocol, number)?));
        }
    }
    let work = studies.iter().map(|(_, study)| Work::Noise(study.clone()));
    let statuses = lab.execute(&Plan::new("noise at initialization", work))?;
    for ((setting, study), status) in studies.iter().zip(statuses) {
        match result(status, || study.obtain(lab.store())) {
            Ok(noise) => evidence.add_noise(setting, noise),
            Err(reason) => evidence.fail(setting.name, reason),
        }
    }
    Ok(())
}

/// Adds the losses of the baselines of settings; in a quick look only of settings with published
/// rates, because their best scalars take seconds to find.
///
/// # Errors
/// Errors that end the experiment: see [`Error`].
pub fn add_theory(
    lab: &Lab,
    evidence: &mut Evidence,
    settings: &[&'static Setting],
) -> Result<(), Error> {
    let quick = evidence.protocol.quick;
    let wanted = settings.iter().filter(|s| !quick || s.is_published());
    let mut fits: Vec<(BaselineFit, Vec<&'static Setting>)> = Vec::new();
    for setting in wanted {
        let fit = BaselineFit::new(&setting.bare_spec(setting.arms[0], 1, Some(1.0))?)?;
        match fits.iter_mut().find(|(known, _)| *known == fit) {
            Some((_, sharing)) => sharing.push(setting),
            None => fits.push((fit, vec![setting])),
        }
    }
    let work = fits.iter().map(|(fit, _)| Work::Baselines(fit.clone()));
    let statuses = lab.execute(&Plan::new("baselines", work))?;
    for ((fit, sharing), status) in fits.iter().zip(statuses) {
        let theory = result(status, || fit.obtain(lab.store()));
        for setting in sharing {
            match &theory {
                Ok(theory) => evidence.add_theory(setting, theory.clone()),
                Err(reason) => evidence.fail(setting.name, reason.clone()),
            }
        }
    }
    Ok(())
}

/// The result that `read` gives for a piece of work, or the reason why the work failed.
fn result<R>(status: Status, read: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    match status {
        Status::Stored => read(),
        Status::Failed(reason) => Err(reason),
        Status::Interrupted => Err("interrupted".into()),
    }
}
