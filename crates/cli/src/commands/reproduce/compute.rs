//! What the chosen studies need, computed where the store does not have it: searches for learning
//! rates, then all runs in one queue, then noise and baselines.

use std::cmp::Reverse;
use std::sync::atomic::Ordering;

use windtunnel_lab::sweep::{Status, step_cost};
use windtunnel_paper::Protocol;
use windtunnel_paper::evidence::Evidence;
use windtunnel_paper::rates::{Search, searches};
use windtunnel_paper::setting::Cell;
use windtunnel_paper::study::Study;
use windtunnel_runs::spec::{RunSpec, run_id};
use windtunnel_runs::store::Store;

use super::super::name;
use super::settings;
use crate::args::{Global, Reproduce};
use crate::error::Error;
use crate::{progress, session};

pub fn evidence(
    global: &Global,
    args: &Reproduce,
    studies: &[&'static Study],
) -> Result<Evidence, Error> {
    let protocol = if args.quick { Protocol::QUICK } else { Protocol::PUBLISHED };
    let store = session::look(global)?;
    let all = settings(studies, |study| study.all_settings().collect());
    let mut failures = Failures::new();

    let open = searches(&all, &protocol);
    let searched = search(global, args, &store, open, &protocol, &mut failures)?;
    let failed = |name: &str, failures: &[(&str, String)]| failures.iter().any(|f| f.0 == name);
    let mut cells: Vec<Cell> = Vec::new();
    for setting in all.iter().filter(|setting| !failed(setting.name, &failures)) {
        let own = |arm| searched.iter().find(|s| s.setting.name == setting.name && s.arm == arm);
        cells.extend(setting.cells(&protocol, |arm| own(arm).map(Search::lr))?);
    }
    let specs: Vec<RunSpec> = cells.iter().map(|cell| cell.spec.clone()).collect();
    let statuses = attempt(global, args, &specs)?;
    for (cell, status) in cells.iter().zip(statuses) {
        if let Status::Failed(reason) = status {
            failures.push((cell.setting, format!("run {}: {reason}", run_id(&cell.spec))));
        }
    }

    let mut evidence = Evidence::new(protocol, cells, searched);
    let jobs = session::jobs(global);
    // Before what reading finds: that a run is missing is not why.
    for (setting, reason) in failures {
        evidence.fail(setting, reason);
    }
    evidence.read(&store, jobs);
    let of_noise = |study: &'static Study| match study.needs_noise() {
        true => study.settings.iter().collect(),
        false => Vec::new(),
    };
    let noisy = settings(studies, of_noise);
    let stop = session::stop_on_signal()?;
    let quiet = global.quiet || global.json;
    let count = noisy.len() as u64 * protocol.seeds;
    let bar = progress::count("noise at initialization".into(), count, quiet);
    evidence.sample_noise(&store, &noisy, jobs, &stop, &|| bar.inc(1));
    bar.finish_and_clear();
    let of_theory = |study: &'static Study| match study.needs_theory() {
        true => study.settings.iter().collect(),
        false => Vec::new(),
    };
    evidence.fit_theory(&store, &settings(studies, of_theory), jobs, &stop);
    match stop.load(Ordering::Relaxed) {
        true => Err(Error::Interrupted),
        false => Ok(evidence),
    }
}

/// A setting and what it lacks.
type Failure = (&'static str, String);
type Failures = Vec<Failure>;

/// Learning rates that were not published, in rounds in which all searches that go on compute
/// together. A search of which a run failed is noted and left out. What comes back is in the order of
/// `searches`, whichever was known and whichever ended first.
fn search(
    global: &Global,
    args: &Reproduce,
    store: &Store,
    searches: Vec<Search>,
    protocol: &Protocol,
    failures: &mut Failures,
) -> Result<Vec<Search>, Error> {
    let mut ended: Vec<(usize, Result<Search, Failure>)> = Vec::new();
    let mut open = Vec::new();
    for (index, mut search) in searches.into_iter().enumerate() {
        match search.recall(store)? {
            true => ended.push((index, Ok(search))),
            false => open.push((index, search)),
        }
    }
    while !open.is_empty() {
        let specs = |(_, search): &(usize, Search)| search.specs(protocol);
        let asked = open.iter().map(specs).collect::<Result<Vec<_>, _>>()?;
        let mut statuses = attempt(global, args, &asked.concat())?.into_iter();
        for ((index, mut search), specs) in std::mem::take(&mut open).into_iter().zip(asked) {
            let own: Vec<Status> = statuses.by_ref().take(specs.len()).collect();
            match read(&mut search, store, &specs, own) {
                Ok(true) => ended.push((index, Ok(search))),
                Ok(false) => open.push((index, search)),
                Err(reason) => ended.push((index, Err((search.setting.name, reason)))),
            }
        }
    }
    ended.sort_by_key(|(index, _)| *index);
    let mut found = Vec::new();
    for (_, end) in ended {
        match end {
            Ok(search) => found.push(search),
            Err(failure) => failures.push(failure),
        }
    }
    Ok(found)
}

/// Whether a search is over after the runs of a round, or why it cannot go on.
fn read(
    search: &mut Search,
    store: &Store,
    specs: &[RunSpec],
    statuses: Vec<Status>,
) -> Result<bool, String> {
    let failed = statuses.into_iter().find_map(|status| match status {
        Status::Failed(reason) => Some(reason),
        _ => None,
    });
    let read = match failed {
        Some(reason) => Err(reason),
        None => search.read(store, specs).map_err(|error| error.to_string()),
    };
    read.map_err(|reason| format!("search for a learning rate: {reason}"))
}

/// Computes the longest first, so that no core is left with one at the end; statuses are in the order
/// of `specs`.
fn attempt(global: &Global, args: &Reproduce, specs: &[RunSpec]) -> Result<Vec<Status>, Error> {
    let mut order: Vec<usize> = (0..specs.len()).collect();
    order.sort_by_key(|&k| {
        Reverse(u128::from(specs[k].train.steps) * u128::from(step_cost(&specs[k])))
    });
    let sorted: Vec<RunSpec> = order.iter().map(|&k| specs[k].clone()).collect();
    let names: Vec<String> = sorted.iter().map(name).collect();
    let statuses = session::attempt(global, &args.checkpoints, &sorted, &names)?;
    let mut statuses: Vec<(usize, Status)> = order.into_iter().zip(statuses).collect();
    statuses.sort_by_key(|(k, _)| *k);
    Ok(statuses.into_iter().map(|(_, status)| status).collect())
}
