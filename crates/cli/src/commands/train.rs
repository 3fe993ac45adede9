//! `windtunnel train`.

use serde::Serialize;
use windtunnel_figure::table::{Table, number};
use windtunnel_lab::describe::describe;
use windtunnel_lab::ending::{LOSS, last};
use windtunnel_lab::plan::Plan;
use windtunnel_lab::training::Status;
use windtunnel_runs::spec::{RunSpec, run_id};
use windtunnel_runs::store::Store;
use windtunnel_runs::stored::{Meta, Run};

use crate::args::{Global, Train};
use crate::error::Error;
use crate::output;
use crate::session::{Session, judge};

#[derive(Serialize)]
struct Summary {
    run: String,
    seed: u64,
    held_out_loss: f64,
    /// Reason why the loss is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(flatten)]
    meta: Meta,
}

pub fn run(global: &Global, train: &Train) -> Result<(), Error> {
    let spec = train.described.spec()?;
    let seeds = match &train.seeds {
        Some(text) => seeds(text)?,
        None => vec![spec.train.seed],
    };
    let plan = Plan::of_runs("runs", seeds.iter().map(|&seed| spec.with_seed(seed)));
    let session = Session::new(global, &train.checkpoints)?;
    let lab = session.lab();
    let statuses = lab.execute(&plan)?;
    let stored = plan.runs().zip(&statuses).filter(|(_, status)| **status == Status::Stored);
    let summaries =
        stored.map(|(spec, _)| summary(lab.store(), spec)).collect::<Result<Vec<_>, _>>()?;
    // A failed run does not suppress the lines of the others.
    if global.json {
        output::json(&summaries)?;
    } else if !summaries.is_empty() {
        output::print(&table(&spec, &summaries))?;
    }
    judge(&statuses, &plan.names())
}

/// A table with one row per run, and the reasons for losses that are not finite.
fn table(spec: &RunSpec, summaries: &[Summary]) -> String {
    let rows = summaries.iter().map(|s| {
        let how = match s.meta.diverged() {
            true => format!("diverged at step {}", s.meta.step),
            false => format!("{} steps", s.meta.step),
        };
        let wall = format!("{:.1} s", s.meta.wall_seconds);
        vec![s.run.clone(), s.seed.to_string(), how, number(s.held_out_loss), wall]
    });
    let head = ["run", "seed", "outcome", "held-out loss", "time"];
    let table = Table::new(&describe(spec), &head, rows.collect());
    // A diverged run is marked in its row.
    let odd = summaries.iter().filter(|s| !s.meta.diverged());
    let reason =
        |s: &Summary| Some(format!("no held-out loss: {}: {}\n", s.run, s.reason.as_ref()?));
    let reasons: String = odd.filter_map(reason).collect();
    format!("{}{reasons}", table.text())
}

fn summary(store: &Store, spec: &RunSpec) -> Result<Summary, Error> {
    let (run, meta) = Run::finished(store, &run_id(spec))?;
    let (held_out_loss, reason) = last(&run, &LOSS);
    Ok(Summary { run: run.id.to_string(), seed: spec.train.seed, held_out_loss, reason, meta })
}

/// Seeds of a text such as `3`, `0..6`, `0..=5` or `1,4,7`.
pub(super) fn seeds(text: &str) -> Result<Vec<u64>, Error> {
    const MOST: u64 = 10_000;
    let wrong = || {
        Error::Usage(format!(
            "--seeds {text}: expected a seed (3), a range (0..6 or 0..=5) or a list (1,4,7), of at \
             most {MOST} seeds"
        ))
    };
    let seed = |text: &str| {
        let seed = text.trim().parse::<u64>().ok().filter(|&s| i64::try_from(s).is_ok());
        seed.ok_or_else(wrong)
    };
    let (start, end) = match (text.split_once("..="), text.split_once("..")) {
        (Some((start, end)), _) => (seed(start)?, seed(end)?.saturating_add(1)),
        (None, Some((start, end))) => (seed(start)?, seed(end)?),
        (None, None) => {
            let mut seeds = text.split(',').map(seed).collect::<Result<Vec<_>, _>>()?;
            seeds.sort_unstable();
            seeds.dedup();
            return Ok(seeds);
        }
    };
    if start < end && end - start <= MOST { Ok((start..end).collect()) } else { Err(wrong()) }
}
