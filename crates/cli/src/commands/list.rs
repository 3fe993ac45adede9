//! `windtunnel list`: the runs of a store, newest first.
//!
//! A store that `reproduce all` filled has thousands of runs. Those that differ only in their seed
//! share a line, and those of learning-rate searches are left out, unless every run is asked for.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use chrono::DateTime;
use serde::Serialize;
use windtunnel_core::parallel::queue;
use windtunnel_core::stats::quantile;
use windtunnel_lab::paper::rates::Searched;
use windtunnel_lab::spec::{Condition, Document, RunSpec};
use windtunnel_lab::store::{Entry, Status, Store};
use windtunnel_lab::sweep::Meta;
use windtunnel_lab::table::{Table, number};

use super::runs::{load, open};
use super::{LOSS, describe, last};
use crate::args::{Global, List};
use crate::error::Error;
use crate::{output, session};

/// What is known of a run without its numbers, then its loss.
#[derive(Serialize)]
struct Run {
    run: String,
    state: &'static str,
    step: u64,
    what: String,
    seed: Option<u64>,
    held_out_loss: f64,
    problem: Option<String>,
    /// End of the run, seconds since 1970.
    finished_at: Option<u64>,
    /// Whether it is one of the grid of a learning-rate search.
    search: bool,
    #[serde(skip)]
    entry: windtunnel_lab::store::RunId,
    #[serde(skip)]
    spec: Option<RunSpec>,
    /// When it ended, or else when it was last written.
    #[serde(skip)]
    time: u64,
}

pub fn run(global: &Global, args: &List) -> Result<(), Error> {
    let conditions =
        args.conditions.iter().map(|text| Condition::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let store = open(global)?;
    let searched = Searched::read(&store)?;
    let entries = store.list()?;
    let total = entries.len();
    let runs = entries.into_iter().filter_map(|entry| select(&store, entry, args, &conditions));
    let mut runs: Vec<Run> = runs.collect();
    for run in &mut runs {
        run.search = run.spec.as_ref().is_some_and(|spec| searched.has(spec));
    }
    let found = runs.len();
    if !args.all && !global.json {
        runs.retain(|run| !run.search);
    }
    let hidden = found - runs.len();
    // Newest first; runs of the same second by their seeds.
    runs.sort_by_key(|run| (Reverse(run.time), run.seed, run.run.clone()));
    let runs = read_losses(&store, runs, session::jobs(global));
    if global.json {
        return output::json(&runs);
    }
    match (total, found) {
        (0, _) => return output::print("no runs yet; make one: windtunnel train\n"),
        (_, 0) => return output::print(&format!("none of {total} runs is as asked for\n")),
        _ => {}
    }
    let groups: Vec<Vec<&Run>> = match args.all {
        true => runs.iter().map(|run| vec![run]).collect(),
        false => groups(&runs),
    };
    let title = format!("Runs in {}", global.store.display());
    let problems: String = runs
        .iter()
        .filter_map(|run| Some(format!("{} is broken: {}\n", run.run, run.problem.as_ref()?)))
        .collect();
    let head = ["run", "state", "step", "what", "seeds", "held-out loss", "ended (UTC)"];
    let table = Table::new(&title, &head, groups.iter().map(|group| row(group)).collect());
    let note = note(runs.len(), groups.len(), hidden);
    output::print(&format!("{}{problems}{note}", table.text()))
}

/// The run of an entry, without its loss, if it is one that is asked for.
fn select(store: &Store, entry: Entry, args: &List, conditions: &[Condition]) -> Option<Run> {
    let broken = |reason: String| ("broken", 0, None, Some(reason), None);
    let (state, step, spec, problem, finished_at) = match entry.status {
        Status::Finished { spec_toml, meta } => match serde_json::from_value::<Meta>(meta) {
            Ok(meta) => {
                let state = if meta.diverged() { "diverged" } else { "finished" };
                (state, meta.step, Some(spec_toml), None, Some(meta.finished_at))
            }
            Err(error) => broken(format!("meta.json: {error}")),
        },
        Status::Partial { step, spec_toml, .. } => ("partial", step, Some(spec_toml), None, None),
        Status::Broken(reason) => broken(reason),
    };
    let modified = || store.modified(&entry.id)?.duration_since(UNIX_EPOCH).ok();
    let time = finished_at.or_else(|| Some(modified()?.as_secs())).unwrap_or(0);
    if args.since.is_some_and(|since| time < since) {
        return None;
    }
    let document = spec.and_then(|text| Document::parse("the stored spec", &text).ok());
    let has = |condition: &Condition| document.as_ref().is_some_and(|d| condition.holds(d));
    if !conditions.iter().all(has) {
        return None;
    }
    let spec = document.and_then(|document| document.resolve().ok());
    Some(Run {
        run: entry.id.to_string(),
        state,
        step,
        what: spec.as_ref().map_or("?".into(), describe),
        seed: spec.as_ref().map(|spec| spec.train.seed),
        held_out_loss: f64::NAN,
        problem,
        finished_at,
        search: false,
        entry: entry.id,
        spec,
        time,
    })
}

/// Reads the files of the runs, several at a time; what cannot be read is broken.
fn read_losses(store: &Store, runs: Vec<Run>, jobs: usize) -> Vec<Run> {
    let slots: Vec<Mutex<Run>> = runs.into_iter().map(Mutex::new).collect();
    queue(jobs, &slots, |_, slot| {
        let Ok(mut run) = slot.lock() else { return };
        match load(store, &run.entry) {
            Ok(record) if run.problem.is_none() => {
                run.held_out_loss = last(&record.rows, LOSS, run.state, run.step);
            }
            Ok(_) => {}
            Err(error) => {
                run.state = "broken";
                run.problem.get_or_insert_with(|| error.to_string());
            }
        }
    });
    slots.into_iter().filter_map(|slot| slot.into_inner().ok()).collect()
}

/// Runs that differ only in their seed, together, in the order of their newest.
fn groups(runs: &[Run]) -> Vec<Vec<&Run>> {
    let mut groups: Vec<Vec<&Run>> = Vec::new();
    let mut places: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for run in runs {
        let alike = run.spec.as_ref().map(|spec| spec.with_seed(0).to_toml());
        // What cannot be read is like nothing else.
        let key = (alike.unwrap_or_else(|| run.run.clone()), run.state);
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    for group in &mut groups {
        group.sort_by_key(|run| run.seed);
    }
    groups
}

fn row(group: &[&Run]) -> Vec<String> {
    let first = group[0];
    let steps = group.iter().map(|run| run.step);
    let step = match (steps.clone().min(), steps.max()) {
        (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
        _ => first.step.to_string(),
    };
    let mut losses: Vec<f64> = group.iter().map(|run| run.held_out_loss).collect();
    losses.sort_unstable_by(f64::total_cmp);
    let loss = match losses.as_slice() {
        [only] => number(*only),
        // NaN where one is: a diverged run has no loss.
        _ if losses.iter().any(|loss| loss.is_nan()) => number(f64::NAN),
        _ => format!("{} (median)", number(quantile(&losses, 0.5))),
    };
    let ended = group.iter().filter_map(|run| run.finished_at).max().and_then(date);
    let seeds: Vec<u64> = group.iter().filter_map(|run| run.seed).collect();
    vec![
        first.run.clone(),
        first.state.into(),
        step,
        first.what.clone(),
        if seeds.is_empty() { "?".into() } else { ranges(&seeds) },
        loss,
        ended.unwrap_or_default(),
    ]
}

fn date(seconds: u64) -> Option<String> {
    let time = DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)?;
    Some(time.format("%Y-%m-%d %H:%M").to_string())
}

/// Ascending seeds, runs of three and more as `--seeds` has ranges.
fn ranges(seeds: &[u64]) -> String {
    let follows = |a: &u64, b: &u64| a.checked_add(1) == Some(*b);
    let range = |chunk: &[u64]| match chunk {
        [first, .., last] if chunk.len() > 2 => format!("{first}..={last}"),
        few => few.iter().map(u64::to_string).collect::<Vec<_>>().join(","),
    };
    seeds.chunk_by(follows).map(range).collect::<Vec<_>>().join(",")
}

/// What the table does not show, and how to see it.
fn note(runs: usize, lines: usize, hidden: usize) -> String {
    let on = if lines == 1 { "one line".into() } else { format!("{lines} lines") };
    let shared = (lines < runs)
        .then(|| format!("{runs} runs on {on}: those that differ only in their seed share one"));
    let hidden = match hidden {
        0 => None,
        1 => Some("1 run of a learning-rate search is not shown".into()),
        _ => Some(format!("{hidden} runs of learning-rate searches are not shown")),
    };
    match [shared, hidden].into_iter().flatten().collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        said => format!("{}; --all lists every run.\n", said.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_written_as_they_are_given() {
        assert_eq!(ranges(&[0, 1, 2, 3, 4, 5]), "0..=5");
        assert_eq!(ranges(&[7]), "7");
        assert_eq!(ranges(&[0, 1, 4, 5, 6, 9]), "0,1,4..=6,9");
        assert_eq!(ranges(&[u64::MAX]), u64::MAX.to_string());
    }

    #[test]
    fn what_is_left_out_is_said() {
        assert_eq!(note(3, 3, 0), "");
        assert!(note(6, 1, 0).contains("6 runs on one line:"));
        assert!(note(3, 3, 1).starts_with("1 run of") && note(6, 1, 90).contains("90 runs of"));
        assert_eq!(date(1_795_651_200).as_deref(), Some("2026-11-26 00:00"));
        assert_eq!(date(u64::MAX), None);
    }
}
