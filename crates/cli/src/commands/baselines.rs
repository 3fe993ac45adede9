//! `windtunnel baselines`.

use serde::Serialize;
use serde_json::Value;
use windtunnel_core::lanes::Isa;
use windtunnel_lab::baseline::{Baseline, baselines};
use windtunnel_lab::spec::{Document, RunSpec};
use windtunnel_lab::store::Record;
use windtunnel_lab::sweep::stored_spec;
use windtunnel_lab::table::{Table, number};

use super::runs::{load, open};
use super::{LOSS, MEDIAN, describe, last, name};
use crate::args::{Baselines, Global};
use crate::error::Error;
use crate::{output, session};

/// A baseline or a run on the held-out prompts.
#[derive(Serialize)]
struct Line {
    name: String,
    mean: f64,
    median: f64,
    /// Over those of the best baseline that the model can be: GD++, or else least squares.
    distance_to_theory: [f64; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    scalars: Option<Shown>,
}

#[derive(Serialize)]
struct Shown {
    a: Vec<f64>,
    b: Vec<f64>,
    fitted: f64,
}

pub fn run(global: &Global, args: &Baselines) -> Result<(), Error> {
    if args.run.is_empty() {
        let mut document = match &args.spec {
            Some(path) => Document::read(path)?,
            None => Document::empty(),
        };
        for set in &args.set {
            document.set(set)?;
        }
        return report(global, &document.resolve()?, &[]);
    }
    let store = open(global)?;
    let mut runs: Vec<(RunSpec, Line)> = Vec::new();
    for run in &args.run {
        let id = store.resolve(run)?;
        let Record { spec_toml, meta, rows, .. } = load(&store, &id)?;
        let spec = stored_spec(&spec_toml)?;
        let outcome = meta.get("outcome").and_then(Value::as_str).unwrap_or_default();
        let step = meta.get("step").and_then(Value::as_u64).unwrap_or(0);
        let value = |metric| last(&rows, metric, outcome, step);
        let line = Line {
            name: name(&spec),
            mean: value(LOSS),
            median: value(MEDIAN),
            distance_to_theory: [f64::NAN; 2],
            scalars: None,
        };
        runs.push((spec, line));
    }
    // Runs on the same prompts and with as many layers share their baselines.
    while let Some((spec, line)) = (!runs.is_empty()).then(|| runs.remove(0)) {
        let alike = |other: &RunSpec| {
            let (a, b) = (&spec.model.transformer, &other.model.transformer);
            let same = a.depth == b.depth && a.form() == b.form();
            same && spec.task == other.task && spec.eval == other.eval
        };
        let (same, others): (Vec<_>, Vec<_>) = runs.into_iter().partition(|(s, _)| alike(s));
        runs = others;
        let lines: Vec<Line> =
            std::iter::once(line).chain(same.into_iter().map(|(_, line)| line)).collect();
        report(global, &spec, &lines)?;
    }
    Ok(())
}

fn report(global: &Global, spec: &RunSpec, runs: &[Line]) -> Result<(), Error> {
    let found = baselines(spec, Isa::detect(), session::jobs(global));
    let theory = found.iter().rev().find(|line| line.name.starts_with("GD++"));
    let theory = theory.or_else(|| found.iter().find(|line| line.name == "least squares"));
    let [mean, median] = theory.map_or([f64::NAN; 2], |line| [line.mean, line.median]);
    let line = |b: &Baseline| Line {
        name: b.name.clone(),
        mean: b.mean,
        median: b.median,
        distance_to_theory: [b.mean / mean, b.median / median],
        scalars: b.scalars.as_ref().map(|s| Shown {
            a: s.a.clone(),
            b: s.b.clone(),
            fitted: s.fitted,
        }),
    };
    let of_run = |run: &Line| Line {
        name: run.name.clone(),
        distance_to_theory: [run.mean / mean, run.median / median],
        scalars: None,
        ..*run
    };
    let lines: Vec<Line> = found.iter().map(line).chain(runs.iter().map(of_run)).collect();
    if global.json {
        return output::json(&lines);
    }
    let row = |line: &Line| {
        let [mean, median] = line.distance_to_theory.map(number);
        vec![line.name.clone(), number(line.mean), number(line.median), mean, median]
    };
    let named = theory.map_or("", |line| line.name.as_str());
    let head = ["", "mean", "median", "mean/theory", "median/theory"];
    let title = format!(
        "Losses on the {} held-out prompts of {}; theory: {named}",
        spec.eval.batch_size,
        describe(spec)
    );
    let table = Table::new(&title, &head, lines.iter().map(row).collect());
    output::print(&format!("{}\n", table.text()))
}
