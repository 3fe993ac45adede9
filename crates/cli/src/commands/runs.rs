//! `windtunnel show` and `export`: single runs of the store, read only.

use serde::Serialize;
use windtunnel_figure::table::{Table, number};
use windtunnel_measure::metric::Name;
use windtunnel_runs::store::Row;
use windtunnel_runs::store::Store;
use windtunnel_runs::stored::Run;

use crate::args::{Export, Global, Show};
use crate::error::Error;
use crate::output;

/// The existing store. Read-only commands create no folders.
pub fn open(global: &Global) -> Result<Store, Error> {
    let store = Store::at(&global.store);
    if store.is_there().map_err(Error::no_store)? {
        return Ok(store);
    }
    Err(Error::Usage(format!(
        "no store of runs in {}; name one with --store DIR, or make one: windtunnel train",
        global.store.display()
    )))
}

#[derive(Serialize)]
struct Shown {
    run: String,
    spec: String,
    meta: serde_json::Value,
    last: Vec<Value>,
}

#[derive(Clone, Serialize)]
struct Value {
    metric: String,
    step: u64,
    value: f64,
    /// Reason why the value is null; `measure` of the run says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// Reason why a stored value is not a finite number.
fn no_number(value: f64) -> Option<&'static str> {
    match value {
        v if v.is_finite() => None,
        v if v.is_nan() => Some("not a number: not defined at that step"),
        _ => Some("infinite: beyond the largest double, or a quotient by 0"),
    }
}

pub fn show(global: &Global, show: &Show) -> Result<(), Error> {
    let store = open(global)?;
    let id = store.resolve(&show.run)?;
    let run = Run::load(&store, &id)?;
    let last = latest(&run.rows);
    // Fresh held-out batches repeat what the fixed one has.
    let (fresh, shown): (Vec<Value>, Vec<Value>) =
        last.iter().cloned().partition(|value| is_fresh(&value.metric));
    if global.json {
        let meta = run.meta();
        return output::json(&Shown { run: id.to_string(), spec: run.spec_toml, meta, last });
    }
    let meta = serde_json::to_string_pretty(&run.meta())
        .map_err(|error| Error::Failed(error.to_string()))?;
    let rows = shown.into_iter().map(|v| vec![v.metric, v.step.to_string(), number(v.value)]);
    let table = Table::new("Last values", &["metric", "step", "value"], rows.collect());
    let others = match run.spec.eval.fresh_batches {
        0 => String::new(),
        batches => format!(
            "and {} values on {batches} fresh held-out batches, which `windtunnel export {id} --csv` \
             has\n",
            fresh.len()
        ),
    };
    output::print(&format!("run {id}\n\n{}\n{meta}\n\n{}{others}", run.spec_toml, table.text()))
}

/// Whether a row is of a fresh held-out batch.
pub fn is_fresh(metric: &str) -> bool {
    metric.parse::<Name>().is_ok_and(|name| name.batch().is_some())
}

/// The last row of every metric, in order of their first appearance.
fn latest(rows: &[Row]) -> Vec<Value> {
    let mut last: Vec<Value> = Vec::new();
    for row in rows {
        let Row { step, value, .. } = *row;
        let value = Value { metric: row.metric.clone(), step, value, reason: no_number(value) };
        match last.iter_mut().find(|v| v.metric == row.metric) {
            Some(known) => *known = value,
            None => last.push(value),
        }
    }
    last
}

pub fn export(global: &Global, export: &Export) -> Result<(), Error> {
    if global.json {
        return Err(Error::Usage(format!(
            "--csv and --json do not go together: leave out --json for every row as CSV, or take \
             `windtunnel show {} --json` for the last values as JSON",
            export.run
        )));
    }
    let store = open(global)?;
    let id = store.resolve(&export.run)?;
    let mut csv = String::from("run,step,metric,value\n");
    for row in Run::load(&store, &id)?.rows {
        csv.push_str(&format!("{id},{},{},{}\n", row.step, row.metric, row.value));
    }
    output::print(&csv)
}
