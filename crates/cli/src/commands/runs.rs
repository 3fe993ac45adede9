//! `windtunnel list`, `show` and `export`: the store, read only.

use serde::Serialize;
use windtunnel_lab::store::{Row, RunId, Store};
use windtunnel_lab::stored::Run;
use windtunnel_lab::table::{Table, number};

use super::{LOSS, describe, last};
use crate::args::{Export, Global, Show};
use crate::error::Error;
use crate::output;

/// The store, which must be there: looking makes no folders.
pub fn open(global: &Global) -> Result<Store, Error> {
    if global.store.join("runs").is_dir() {
        return Ok(Store::at(&global.store));
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
    let lines: Vec<Line> = store.ids()?.into_iter().map(|id| line(&store, id)).collect();
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

fn line(store: &Store, id: RunId) -> Line {
    match Run::load(store, &id) {
        Ok(run) => Line {
            run: id.to_string(),
            state: run.outcome().into(),
            step: run.step(),
            what: describe(&run.spec),
            seed: Some(run.spec.train.seed),
            held_out_loss: last(&run, LOSS),
            problem: None,
        },
        Err(error) => Line {
            run: id.to_string(),
            state: "broken".into(),
            step: 0,
            what: "?".into(),
            seed: None,
            held_out_loss: f64::NAN,
            problem: Some(error.to_string()),
        },
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
    let run = Run::load(&store, &id)?;
    let last = latest(&run.rows);
    if global.json {
        let meta = run.meta();
        return output::json(&Shown { run: id.to_string(), spec: run.spec_toml, meta, last });
    }
    let meta = serde_json::to_string_pretty(&run.meta())
        .map_err(|error| Error::Failed(error.to_string()))?;
    let rows = last.into_iter().map(|v| vec![v.metric, v.step.to_string(), number(v.value)]);
    let table = Table::new("Last values", &["metric", "step", "value"], rows.collect());
    output::print(&format!("run {id}\n\n{}\n{meta}\n\n{}", run.spec_toml, table.text()))
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
    for row in Run::load(&store, &id)?.rows {
        csv.push_str(&format!("{id},{},{},{}\n", row.step, row.metric, row.value));
    }
    output::print(&csv)
}
