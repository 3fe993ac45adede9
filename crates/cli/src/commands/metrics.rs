//! `windtunnel metrics`: prints the catalogue of metrics.

use serde_json::{Map, Value, json};
use windtunnel_figure::table::Table;
use windtunnel_measure::metric::{CATALOGUE, Entry, Name};

use crate::args::{Global, Metrics};
use crate::error::Error;
use crate::output;

pub fn run(global: &Global, args: &Metrics) -> Result<(), Error> {
    let entries = args.names.iter().map(|name| entry(name)).collect::<Result<Vec<_>, _>>()?;
    let entries = if entries.is_empty() { CATALOGUE.iter().collect() } else { entries };
    if global.json {
        return output::json(&entries.into_iter().map(object).collect::<Vec<_>>());
    }
    let head = ["metric", "recorded by", "unit", "scale", "better", "meaning"];
    let table = Table::new("Metrics", &head, entries.into_iter().map(row).collect());
    output::print(&table.text())
}

/// The entry of a name in rows, or of a family in the catalogue.
fn entry(name: &str) -> Result<&'static Entry, Error> {
    match CATALOGUE.iter().find(|entry| entry.name == name) {
        Some(entry) => Ok(entry),
        None => Ok(name.parse::<Name>().map_err(|e| Error::Usage(e.to_string()))?.entry()),
    }
}

fn row(entry: &Entry) -> Vec<String> {
    let Entry { name, unit, scale, better, by, meaning, .. } = entry;
    vec![
        (*name).into(),
        by.to_string(),
        unit.to_string(),
        scale.to_string(),
        better.to_string(),
        (*meaning).into(),
    ]
}

fn object(entry: &Entry) -> Value {
    let parts: Vec<&str> = entry.parts.iter().map(|part| part.suffix()).collect();
    let parameters: Map<String, Value> = entry
        .parameters
        .iter()
        .map(|(name, allowed)| ((*name).into(), (*allowed).into()))
        .collect();
    json!({
        "name": entry.name,
        "parameters": parameters,
        "parts": parts,
        "recorded_by": entry.by.to_string(),
        "unit": entry.unit.to_string(),
        "scale": entry.scale.to_string(),
        "better": entry.better.to_string(),
        "meaning": entry.meaning,
    })
}
