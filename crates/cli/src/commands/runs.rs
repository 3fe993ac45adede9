//! `windtunnel list`, `show` and `export`: the store, read only.

use serde::Serialize;
use windtunnel_lab::store::{Entry, Record, Resume, Row, RunId, Status, Store};
use windtunnel_lab::sweep::{Meta, stored_spec};
use windtunnel_lab::table::{Table, number};

use super::{LOSS, describe, last};
use crate::args::{Export, Global, Show};
use crate::error::Error;
use crate::output;

/// The store, which must be there: looking makes no folders.
pub fn open(global: &Global) -> Result<Store, Error> {
    if global.store.join("runs").is_dir() {
        return Ok(Store::open(&global.store)?);
    }
    Err(Error::Usage(format!(
        "no store of runs in {}; name one with --store DIR, or make one: windtunnel train",
        global.store.display()
    )))
}

#[derive(Serialize)]
struct Line {
    run: String,
    state: String,
    step: u64,
    what: String,
    seed: Option<u64>,
    held_out_loss: f64,
    problem: Option<String>,
}

pub fn list(global: &Global) -> Result<(), Error> {
    let store = open(global)?;
    let lines: Vec<Line> = store.list()?.into_iter().map(|entry| line(&store, entry)).collect();
    if global.json {
        return output::json(&lines);
    }
    if lines.is_empty() {
        return output::print("no runs yet; make one: windtunnel train\n");
    }
    let problems: String = lines
        .iter()
        .filter_map(|l| {
            l.problem.as_ref().map(|problem| format!("{} is broken: {problem}\n", l.run))
        })
        .collect();
    let rows = lines.into_iter().map(|l| {
        let seed = l.seed.map_or("?".into(), |s| s.to_string());
        vec![l.run, l.state, l.step.to_string(), l.what, seed, number(l.held_out_loss)]
    });
    let head = ["run", "state", "step", "what", "seed", "held-out loss"];
    let title = format!("Runs in {}", global.store.display());
    output::print(&format!("{}{problems}", Table::new(&title, &head, rows.collect()).text()))
}

fn line(store: &Store, entry: Entry) -> Line {
    let broken = |reason: String| ("broken", 0, None, Some(reason));
    let (state, step, spec, problem) = match entry.status {
        Status::Finished { spec_toml, meta } => match serde_json::from_value::<Meta>(meta) {
            Ok(meta) if meta.diverged() => ("diverged", meta.step, Some(spec_toml), None),
            Ok(meta) => ("finished", meta.step, Some(spec_toml), None),
            Err(error) => broken(format!("meta.json: {error}")),
        },
        Status::Partial { step, spec_toml, .. } => ("partial", step, Some(spec_toml), None),
        Status::Broken(reason) => broken(reason),
    };
    let spec = spec.and_then(|text| stored_spec(&text).ok());
    let (state, problem, held_out_loss) = match load(store, &entry.id) {
        Ok(record) if problem.is_none() => (state, problem, last(&record.rows, LOSS, state, step)),
        Ok(_) => (state, problem, f64::NAN),
        Err(error) => ("broken", problem.or(Some(error.to_string())), f64::NAN),
    };
    Line {
        run: entry.id.to_string(),
        state: state.into(),
        step,
        what: spec.as_ref().map_or("?".into(), describe),
        seed: spec.map(|s| s.train.seed),
        held_out_loss,
        problem,
    }
}

/// A finished run, or what the latest checkpoint of an unfinished one holds.
pub fn load(store: &Store, id: &RunId) -> Result<Record, Error> {
    if store.finished(id)?.is_some() {
        return Ok(store.run(id)?);
    }
    match store.checkpoint(id)? {
        Resume::From(checkpoint) => Ok(Record {
            spec_toml: checkpoint.spec_toml,
            meta: serde_json::json!({
                "outcome": "partial",
                "step": checkpoint.step,
                "wall_seconds": checkpoint.wall_seconds,
            }),
            rows: checkpoint.rows,
            tensors: checkpoint.tensors,
            ..Record::default()
        }),
        Resume::Damaged(damage) => Err(Error::Failed(damage.to_string())),
        Resume::Fresh => Ok(store.run(id)?),
    }
}

#[derive(Serialize)]
struct Shown {
    run: String,
    spec: String,
    meta: serde_json::Value,
    last: Vec<Value>,
}

#[derive(Serialize)]
struct Value {
    metric: String,
    step: u64,
    value: f64,
}

pub fn show(global: &Global, show: &Show) -> Result<(), Error> {
    let store = open(global)?;
    let id = store.resolve(&show.run)?;
    let record = load(&store, &id)?;
    let last = latest(&record.rows);
    if global.json {
        let shown = Shown { run: id.to_string(), spec: record.spec_toml, meta: record.meta, last };
        return output::json(&shown);
    }
    let meta = serde_json::to_string_pretty(&record.meta)
        .map_err(|error| Error::Failed(error.to_string()))?;
    let rows = last.into_iter().map(|v| vec![v.metric, v.step.to_string(), number(v.value)]);
    let table = Table::new("Last values", &["metric", "step", "value"], rows.collect());
    output::print(&format!("run {id}\n\n{}\n{meta}\n\n{}", record.spec_toml, table.text()))
}

/// The last row of every metric, in order of their first appearance.
fn latest(rows: &[Row]) -> Vec<Value> {
    let mut last: Vec<Value> = Vec::new();
    for row in rows {
        let value = Value { metric: row.metric.clone(), step: row.step, value: row.value };
        match last.iter_mut().find(|v| v.metric == row.metric) {
            Some(known) => *known = value,
            None => last.push(value),
        }
    }
    last
}

pub fn export(global: &Global, export: &Export) -> Result<(), Error> {
    let store = open(global)?;
    let id = store.resolve(&export.run)?;
    let mut csv = String::from("run,step,metric,value\n");
    for row in load(&store, &id)?.rows {
        csv.push_str(&format!("{id},{},{},{}\n", row.step, row.metric, row.value));
    }
    output::print(&csv)
}
