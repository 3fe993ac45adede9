//! `windtunnel measure`.

use serde::Serialize;
use serde_json::{Map, Value};
use windtunnel_core::instrument::{Instrument, Readings, Warning};
use windtunnel_core::lanes::Isa;
use windtunnel_lab::measure::{self, Measurement, Request, measure};
use windtunnel_lab::spec::RunSpec;
use windtunnel_lab::store::{Checkpoint, Record, RunId, Store};
use windtunnel_lab::sweep::stored_spec;
use windtunnel_lab::table::{Table, number};

use super::describe;
use super::runs::{load, open};
use crate::args::{Global, Measure};
use crate::error::Error;
use crate::{output, session};

/// What is measured without `--with`: all that takes less than a second.
const DEFAULT: [Instrument; 7] = [
    Instrument::Spectrum,
    Instrument::RobustCondition,
    Instrument::DirectionalSmoothness,
    Instrument::GeneralizedSmoothness,
    Instrument::Stability,
    Instrument::Heterogeneity,
    Instrument::UpdateGeometry,
];

/// A run with what was measured on it.
struct Measured {
    id: RunId,
    spec: RunSpec,
    measurements: Vec<Measurement>,
}

pub fn run(global: &Global, args: &Measure) -> Result<(), Error> {
    let store = open(global)?;
    let ids = args.runs.iter().map(|run| store.resolve(run)).collect::<Result<Vec<_>, _>>()?;
    let mut at = args.at.clone();
    at.sort_unstable();
    at.dedup();
    let chosen = args.with.instruments();
    let request = Request {
        at,
        instruments: if chosen.is_empty() { DEFAULT.to_vec() } else { chosen },
        plan: args.with.plan(),
        isa: Isa::detect(),
        threads: session::jobs(global),
    };
    let stop = session::stop_on_signal()?;
    let mut measured = Vec::new();
    for id in ids {
        let (spec, state, diverged) = last_state(&store, &id)?;
        let found = measure(&spec, (&state, diverged), &request, &stop, &mut |_| {});
        let measurements = found.map_err(|error| match error {
            measure::Error::Beyond { .. } => Error::Usage(format!("run {id}: {error}")),
            other => Error::Failed(format!("run {id}: {other}")),
        })?;
        measured.push(Measured { id, spec, measurements });
    }
    if global.json {
        return output::json(&measured.iter().map(shown).collect::<Vec<_>>());
    }
    measured
        .iter()
        .try_for_each(|run| output::print(&format!("{}{}", table(run).text(), warnings(run))))
}

fn warnings(run: &Measured) -> String {
    let at = |m: &Measurement| {
        let line = |warning: &Warning| format!("warning: step {}: {warning}\n", m.step);
        m.readings.warnings().iter().map(line).collect::<String>()
    };
    run.measurements.iter().map(at).collect()
}

/// The last state of a run, and whether it diverged there.
fn last_state(store: &Store, id: &RunId) -> Result<(RunSpec, Checkpoint, bool), Error> {
    let Record { spec_toml, meta, tensors, .. } = load(store, id)?;
    let spec = stored_spec(&spec_toml)?;
    let step = meta.get("step").and_then(Value::as_u64).unwrap_or(0);
    let diverged = meta.get("outcome").and_then(Value::as_str) == Some("diverged");
    Ok((spec, Checkpoint { step, tensors, ..Checkpoint::default() }, diverged))
}

#[derive(Serialize)]
struct Shown {
    run: String,
    seed: u64,
    what: String,
    measurements: Vec<ShownMeasurement>,
}

#[derive(Serialize)]
struct ShownMeasurement {
    step: u64,
    readings: Map<String, Value>,
    warnings: Vec<String>,
}

fn shown(run: &Measured) -> Shown {
    let measurement = |m: &Measurement| ShownMeasurement {
        step: m.step,
        readings: readings(&m.readings),
        warnings: m.readings.warnings().iter().map(ToString::to_string).collect(),
    };
    Shown {
        run: run.id.to_string(),
        seed: run.spec.train.seed,
        what: describe(&run.spec),
        measurements: run.measurements.iter().map(measurement).collect(),
    }
}

/// Readings as a JSON object, metric by metric.
pub fn readings(readings: &Readings) -> Map<String, Value> {
    readings.iter().map(|(metric, value)| (metric.into(), value.into())).collect()
}

/// One row per metric, one column per step.
fn table(run: &Measured) -> Table {
    let steps = run.measurements.iter().map(|m| format!("step {}", m.step));
    let head: Vec<String> = std::iter::once("metric".into()).chain(steps).collect();
    let mut metrics: Vec<&str> = Vec::new();
    for (metric, _) in run.measurements.iter().flat_map(|m| m.readings.iter()) {
        if !metrics.contains(&metric) && is_shown(metric) {
            metrics.push(metric);
        }
    }
    let row = |metric: &&str| {
        let cells = run.measurements.iter().map(|m| cell(&m.readings, metric));
        std::iter::once((*metric).to_string()).chain(cells).collect()
    };
    let title = format!("Run {}: {} seed {}", run.id, describe(&run.spec), run.spec.train.seed);
    let rows = metrics.iter().map(row).collect();
    Table { title, head, rows }
}

/// Whether a metric has a row of its own: intervals stand beside their estimates, and single
/// eigenvalues are in the files.
fn is_shown(metric: &str) -> bool {
    let hidden = [".lo", ".hi", ".se", ".residual"];
    !hidden.iter().any(|end| metric.ends_with(end)) && !metric.starts_with("eigenvalue.")
}

/// A value with its interval or its error.
fn cell(readings: &Readings, metric: &str) -> String {
    let Some(value) = readings.get(metric) else { return String::new() };
    let part = |end: &str| readings.get(&format!("{metric}{end}"));
    match (part(".lo").zip(part(".hi")), part(".se"), part(".residual")) {
        (Some((lo, hi)), ..) => format!("{} ({} to {})", number(value), number(lo), number(hi)),
        (_, Some(se), _) => format!("{} ± {}", number(value), number(se)),
        (_, _, Some(residual)) => format!("{} (residual {})", number(value), number(residual)),
        _ => number(value),
    }
}
