//! `windtunnel measure`.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};
use windtunnel_figure::table::{Table, number, paragraph, with_interval};
use windtunnel_lab::describe::{describe, name};
use windtunnel_lab::measure::{self, Measurement, Request, measure};
use windtunnel_lab::measured::{Measured, Results};
use windtunnel_math::lanes::Isa;
use windtunnel_measure::instrument::{Instrument, Readings, Warning};
use windtunnel_measure::metric::{Metric, Name, Part};
use windtunnel_paper::report::{Listing, Page, PageFigure, PagePart};
use windtunnel_runs::stored::Run;

use super::folder::{bounded, create, draw, stem, write};
use super::runs::open;
use crate::args::{Global, Measure, With};
use crate::error::Error;
use crate::progress::Terminal;
use crate::{output, session};

pub fn run(global: &Global, args: &Measure) -> Result<(), Error> {
    let store = open(global)?;
    let ids = args.runs.iter().map(|run| store.resolve(run)).collect::<Result<Vec<_>, _>>()?;
    let at = steps(args);
    let chosen = args.with.instruments();
    let request = Request {
        at,
        instruments: if chosen.is_empty() { measure::DEFAULT.to_vec() } else { chosen },
        plan: args.with.plan(),
        isa: Isa::detect(),
        threads: session::jobs(global),
    };
    if let Some(out) = &args.out {
        create(global, out)?;
    }
    let stop = session::stop_on_signal()?;
    let terminal = Terminal::new(global.quiet || global.json);
    let mut measured = Vec::new();
    for id in ids {
        let run = Run::load(&store, &id)?;
        let found = measure(&run, &request, &stop, &terminal);
        let measurements = found.map_err(|error| match error {
            measure::Error::Interrupted => Error::Interrupted,
            measure::Error::Store(error) => Error::Store(error),
            measure::Error::Beyond { step, .. } => {
                Error::Usage(format!("--at {step}: run {id}: {error}"))
            }
            measure::Error::Memory { size, .. } => {
                Error::Usage(format!("--{size}: run {id}: {error}"))
            }
            other => Error::Failed(format!("run {id}: {other}")),
        })?;
        measured.push(Measured { id, spec: run.spec, recorded: run.rows, measurements });
    }
    let result = Results::new(&measured);
    let page = args.out.as_ref().map(|out| save(&result, (args, out), &measured)).transpose()?;
    if global.json {
        return output::json(&measured.iter().map(shown).collect::<Vec<_>>());
    }
    for run in &measured {
        let remarks: String = remarks(run).iter().map(|line| paragraph(line)).collect();
        output::print(&format!("{}{remarks}\n", table(run).text()))?;
    }
    for table in &result.tables {
        output::print(&format!("{}\n", table.text()))?;
    }
    output::print(&match page {
        Some(page) => format!("Figures, data and page: {page}\n"),
        None => "Figures and a page: add --out DIR\n".into(),
    })
}

/// Writes pictures, numbers and page into a folder; returns the path of the page.
fn save(
    result: &Results,
    (args, out): (&Measure, &Path),
    measured: &[Measured],
) -> Result<String, Error> {
    let runs = stem(&measured.iter().map(|run| &run.id).collect::<Vec<_>>());
    let stem = format!("{runs}{}", asked(args));
    let mut figures = Vec::new();
    for (name, figure) in &result.figures {
        let files = draw(out, &format!("{stem}-{name}"), figure)?;
        figures.push(PageFigure { figure, files });
    }
    let shown: Vec<Shown> = measured.iter().map(shown).collect();
    let json = serde_json::to_string_pretty(&shown).map_err(|e| Error::Failed(e.to_string()))?;
    write(out, &format!("{stem}.json"), json.as_bytes())?;
    let tables = measured.iter().map(table).chain(result.tables.iter().cloned());
    let page = Page {
        title: "windtunnel: measurements",
        summary: measured.iter().flat_map(remarks).collect(),
        parts: vec![PagePart {
            id: "measurements",
            figures,
            tables: tables.collect(),
            files: vec![(format!("{stem}.json"), "every reading, for machines".into())],
            ..PagePart::default()
        }],
        methods: measured.iter().map(method).collect(),
        ..Page::default()
    };
    let file = format!("{stem}.html");
    write(out, &file, page.html().as_bytes())?;
    Ok(out.join(file).display().to_string())
}

/// The part of file names that tells requests apart, so that none overwrites the files of another;
/// empty for the last step with the default instruments.
fn asked(args: &Measure) -> String {
    let list = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>().join("-");
    let plan = With::defaults().plan();
    let own = args.with.plan();
    let sizes: Vec<u64> = own.batch_sizes.iter().map(|&size| size as u64).collect();
    let parts = [
        (!args.at.is_empty()).then(|| format!("at-{}", list(&steps(args)))),
        match args.with.instruments() {
            chosen if chosen.is_empty() => None,
            chosen if chosen == Instrument::ALL => Some("all".into()),
            chosen => {
                let names: Vec<&str> = chosen.into_iter().map(Instrument::name).collect();
                Some(names.join("-").replace('_', "-"))
            }
        },
        (own.batch_sizes != plan.batch_sizes).then(|| format!("batch-sizes-{}", list(&sizes))),
        (own.draws != plan.draws).then(|| format!("draws-{}", own.draws)),
        (own.reference != plan.reference).then(|| format!("reference-{}", own.reference)),
        (own.prompts != plan.prompts).then(|| format!("loss-prompts-{}", own.prompts)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!("-{}", bounded(&parts.join("-"))),
    }
}

/// The steps of `--at`, each once, ascending.
fn steps(args: &Measure) -> Vec<u64> {
    let mut at = args.at.clone();
    at.sort_unstable();
    at.dedup();
    at
}

/// The spec behind a run.
fn method(run: &Measured) -> Listing {
    Listing { title: name(&run.spec), note: String::new(), text: run.spec.to_toml() }
}

/// Largest number of metrics that a line names.
const NAMED: usize = 4;

/// Readings without a number: a sentence for each step and reason.
fn without(run: &Measured) -> Vec<String> {
    let mut lines = Vec::new();
    for m in &run.measurements {
        let mut by_reason: Vec<(&str, Vec<String>)> = Vec::new();
        for (metric, reason) in m.readings.missing() {
            match by_reason.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, metrics)) => metrics.push(metric.to_string()),
                None => by_reason.push((reason, vec![metric.to_string()])),
            }
        }
        for (reason, metrics) in by_reason {
            let named = metrics[..metrics.len().min(NAMED)].join(", ");
            let more = match metrics.len().saturating_sub(NAMED) {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            lines.push(format!("no number: step {}: {named}{more}: {reason}", m.step));
        }
    }
    lines
}

/// Metrics whose value is not a finite number, each with the reason, as a JSON object.
pub fn missing(readings: &Readings) -> Map<String, Value> {
    readings.missing().map(|(metric, reason)| (metric.to_string(), reason.into())).collect()
}

fn warnings(run: &Measured) -> Vec<String> {
    let at = |m: &Measurement| {
        let line = |warning: &Warning| format!("warning: step {}: {warning}", m.step);
        m.readings.warnings().iter().map(line).collect::<Vec<_>>()
    };
    run.measurements.iter().flat_map(at).collect()
}

/// Remarks below the numbers: readings without a number, then warnings.
fn remarks(run: &Measured) -> Vec<String> {
    [without(run), warnings(run)].concat()
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
    /// Reasons for readings that are null.
    #[serde(skip_serializing_if = "Map::is_empty")]
    missing: Map<String, Value>,
    warnings: Vec<String>,
}

fn shown(run: &Measured) -> Shown {
    let measurement = |m: &Measurement| ShownMeasurement {
        step: m.step,
        readings: readings(&m.readings),
        missing: missing(&m.readings),
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
    readings.iter().map(|(metric, value)| (metric.to_string(), value.into())).collect()
}

/// One row per metric, one column per step.
fn table(run: &Measured) -> Table {
    let steps = run.measurements.iter().map(|m| format!("step {}", m.step));
    let head: Vec<String> = std::iter::once("metric".into()).chain(steps).collect();
    let mut metrics: Vec<&Name> = Vec::new();
    for (metric, _) in run.measurements.iter().flat_map(|m| m.readings.iter()) {
        if !metrics.contains(&metric) && is_shown(metric) {
            metrics.push(metric);
        }
    }
    let row = |metric: &&Name| {
        let cells = run.measurements.iter().map(|m| cell(&m.readings, metric));
        std::iter::once(metric.to_string()).chain(cells).collect()
    };
    let title = format!("Run {}: {} seed {}", run.id, describe(&run.spec), run.spec.train.seed);
    let rows = metrics.iter().map(row).collect();
    Table { title, head, rows }
}

/// Whether a name has a row of its own. Errors stand beside their estimates, and single eigenvalues
/// are in the files.
fn is_shown(name: &Name) -> bool {
    !name.part().is_some_and(Part::is_error) && !matches!(name.metric(), Metric::Eigenvalue(_))
}

/// A value with its interval or its error; empty if it was not measured.
fn cell(readings: &Readings, name: &Name) -> String {
    let Ok(value) = readings.get(name) else { return String::new() };
    let part = |part: Part| {
        let has = name.part().is_none() && name.entry().parts.contains(&part);
        has.then(|| readings.get(name.metric().clone().part(part)).ok()).flatten()
    };
    let interval = part(Part::Lo).zip(part(Part::Hi));
    match (interval, part(Part::StandardError), part(Part::Residual)) {
        (Some((lo, hi)), ..) => with_interval(value, lo, hi),
        (_, Some(se), _) => format!("{} ± {}", number(value), number(se)),
        (_, _, Some(residual)) => format!("{} (residual {})", number(value), number(residual)),
        _ => number(value),
    }
}
