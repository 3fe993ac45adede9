//! `windtunnel list`, `show` and `export`: the store, read only.

use serde::Serialize;
use windtunnel_lab::store::{Row, RunId, State, Store};
use windtunnel_lab::sweep::{Meta, stored_spec};
use windtunnel_lab::table::{Table, number};

use super::{describe, last};
use crate::args::{Export, Global, Show};
use crate::error::Error;
use crate::output;

#[derive(Serialize)]
struct Line {
    run: String,
    state: String,
    step: u64,
    what: String,
    seed: Option<u64>,
    held_out_loss: f64,
}

pub fn list(global: &Global) -> Result<(), Error> {
    let store = Store::open_existing(&global.store)?;
    let lines: Vec<Line> = store.list()?.into_iter().map(|entry| line(&store, entry)).collect();
    if global.json {
        return output::json(&lines);
    }
    if lines.is_empty() {
        return output::print("no runs yet; make one: windtunnel train\n");
    }
    let rows = lines.into_iter().map(|l| {
        let seed = l.seed.map_or("?".into(), |s| s.to_string());
        vec![l.run, l.state, l.step.to_string(), l.what, seed, number(l.held_out_loss)]
    });
    let head = ["run", "state", "step", "what", "seed", "held-out loss"];
    let title = format!("Runs in {}", global.store.display());
    output::print(&Table::new(&title, &head, rows.collect()).text())
}

fn line(store: &Store, entry: windtunnel_lab::store::Entry) -> Line {
    let spec = entry.spec_toml.as_deref().and_then(|text| stored_spec(text).ok());
    let meta: Option<Meta> = entry.meta.and_then(|meta| serde_json::from_value(meta).ok());
    let rows = match entry.state {
        State::Finished => store.run(&entry.id).map(|record| record.rows).unwrap_or_default(),
        State::Partial { .. } | State::Broken { .. } => Vec::new(),
    };
    let (state, step) = match entry.state {
        State::Finished => {
            let outcome = meta.as_ref().map_or("finished".into(), |m| m.outcome.clone());
            (outcome, meta.map_or(0, |m| m.step))
        }
        State::Partial { step } => ("partial".into(), step),
        State::Broken { reason } => (format!("broken: {reason}"), 0),
    };
    Line {
        run: entry.id.to_string(),
        state,
        step,
        what: spec.as_ref().map_or("?".into(), describe),
        seed: spec.map(|s| s.train.seed),
        held_out_loss: last(&rows, "held_out_loss"),
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
    let store = Store::open_existing(&global.store)?;
    let id = store.resolve(&show.run)?;
    let record = store.run(&id)?;
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
    let store = Store::open_existing(&global.store)?;
    let id: RunId = store.resolve(&export.run)?;
    let mut csv = String::from("run,step,metric,value\n");
    for row in store.run(&id)?.rows {
        csv.push_str(&format!("{id},{},{},{}\n", row.step, row.metric, row.value));
    }
    output::print(&csv)
}
