//! `windtunnel list`: the runs of a store, newest first.
//!
//! A store that `reproduce all` filled has thousands of runs. Runs that differ only in their seed
//! share a line, and runs of learning-rate searches are left out, unless every run is requested.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use chrono::DateTime;
use serde::Serialize;
use windtunnel_figure::table::{Table, number};
use windtunnel_lab::describe::describe;
use windtunnel_lab::ending::{LOSS, last};
use windtunnel_lab::search::LearningRateSearches;
use windtunnel_math::parallel::queue;
use windtunnel_measure::stats::quantile;
use windtunnel_runs::spec::{Condition, Document, RunSpec};
use windtunnel_runs::store::{RunId, Store};
use windtunnel_runs::stored::{Run, Stage};

use super::runs::open;
use crate::args::{Global, List};
use crate::error::Error;
use crate::{output, session};

/// JSON object of one run.
#[derive(Serialize)]
struct Line {
    run: String,
    state: &'static str,
    step: u64,
    what: String,
    seed: Option<u64>,
    held_out_loss: f64,
    problem: Option<String>,
    /// Reason why the loss of a run that can be read is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// End of the run, seconds since 1970.
    finished_at: Option<u64>,
    /// Whether the run is on the grid of a learning-rate search.
    search: bool,
    /// Present for a run that can be read.
    #[serde(skip)]
    spec: Option<RunSpec>,
    /// Time of its end, or else of the last write.
    #[serde(skip)]
    time: u64,
}

/// Filters of the listed runs.
struct Wanted {
    since: u64,
    conditions: Vec<Condition>,
    searched: LearningRateSearches,
}

pub fn run(global: &Global, args: &List) -> Result<(), Error> {
    let conditions =
        args.conditions.iter().map(|text| Condition::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let store = open(global)?;
    let searched = LearningRateSearches::read(&store)?;
    let wanted = Wanted { since: args.since.unwrap_or(0), conditions, searched };
    let ids = store.ids()?;
    let total = ids.len();
    let mut runs = read(&store, &ids, &wanted, session::jobs(global));
    let found = runs.len();
    if !args.all && !global.json {
        runs.retain(|run| !run.search);
    }
    let hidden = found - runs.len();
    // Newest first; runs of the same second in the order of their seeds.
    runs.sort_by_key(|run| (Reverse(run.time), run.seed, run.run.clone()));
    if global.json {
        return output::json(&runs);
    }
    match (total, found) {
        (0, _) => return output::print("no runs yet; make one: windtunnel train\n"),
        (_, 0) => return output::print(&format!("none of {total} runs is as asked for\n")),
        _ => {}
    }
    let groups: Vec<Vec<&Line>> = match args.all {
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
    output::print(&format!("{}{problems}{note}", table.lines()))
}

/// The lines of the requested runs, read several at a time.
fn read(store: &Store, ids: &[RunId], wanted: &Wanted, jobs: usize) -> Vec<Line> {
    let slots: Vec<Mutex<Option<Line>>> = ids.iter().map(|_| Mutex::new(None)).collect();
    queue(jobs, ids, |index, id| {
        let line = wanted.line(store, id);
        if let Ok(mut slot) = slots[index].lock() {
            *slot = line;
        }
    });
    slots.into_iter().filter_map(|slot| slot.into_inner().ok().flatten()).collect()
}

impl Wanted {
    /// The line of a run, if it is requested.
    fn line(&self, store: &Store, id: &RunId) -> Option<Line> {
        let run = Run::load(store, id);
        let finished_at = run.as_ref().ok().and_then(|run| match &run.stage {
            Stage::Ended(meta) => Some(meta.finished_at),
            Stage::Partial { .. } => None,
        });
        let modified = || store.modified(id)?.duration_since(UNIX_EPOCH).ok();
        let time = finished_at.or_else(|| Some(modified()?.as_secs())).unwrap_or(0);
        if time < self.since {
            return None;
        }
        let (run, problem) = match run {
            Ok(run) => (Some(run), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let document = |run: &Run| Document::parse("the stored spec", &run.spec_toml).ok();
        let document = run.as_ref().and_then(document);
        let has = |condition: &Condition| document.as_ref().is_some_and(|d| condition.holds(d));
        if !self.conditions.iter().all(has) {
            return None;
        }
        let (held_out_loss, reason) = run.as_ref().map_or((f64::NAN, None), |run| last(run, &LOSS));
        Some(Line {
            run: id.to_string(),
            state: run.as_ref().map_or("broken", Run::outcome),
            step: run.as_ref().map_or(0, Run::step),
            what: run.as_ref().map_or("?".into(), |run| describe(&run.spec)),
            seed: run.as_ref().map(|run| run.spec.train.seed),
            held_out_loss,
            reason,
            problem,
            finished_at,
            search: run.as_ref().is_some_and(|run| self.searched.has(&run.spec)),
            spec: run.map(|run| run.spec),
            time,
        })
    }
}

/// Runs grouped by everything except the seed, in the order of the newest of each group.
fn groups(runs: &[Line]) -> Vec<Vec<&Line>> {
    let mut groups: Vec<Vec<&Line>> = Vec::new();
    let mut places: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for run in runs {
        let alike = run.spec.as_ref().map(|spec| spec.with_seed(0).to_toml());
        // A run that cannot be read has a group of its own.
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

fn row(group: &[&Line]) -> Vec<String> {
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
        // NaN if one is: a diverged run has no loss.
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

/// Ascending seeds as text, three and more consecutive ones as a range of `--seeds`.
fn ranges(seeds: &[u64]) -> String {
    let follows = |a: &u64, b: &u64| a.checked_add(1) == Some(*b);
    let range = |chunk: &[u64]| match chunk {
        [first, .., last] if chunk.len() > 2 => format!("{first}..={last}"),
        few => few.iter().map(u64::to_string).collect::<Vec<_>>().join(","),
    };
    seeds.chunk_by(follows).map(range).collect::<Vec<_>>().join(",")
}

/// The last line: the number of runs that the table leaves out, and the option that shows them.
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
