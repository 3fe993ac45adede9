//! `windtunnel baselines`.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use windtunnel_core::lanes::Isa;
use windtunnel_lab::baseline::{Baseline, baselines, theory};
use windtunnel_lab::chart::{self, Member};
use windtunnel_lab::spec::RunSpec;
use windtunnel_lab::store::{Record, RunId};
use windtunnel_lab::sweep::stored_spec;
use windtunnel_lab::table::{Table, number};

use super::folder::{create, draw, stem};
use super::groups::groups;
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
        report(global, &args.described.spec()?, &[])?;
        return Ok(());
    }
    let store = open(global)?;
    let mut runs = Vec::new();
    for run in &args.run {
        let id = store.resolve(run)?;
        let record = load(&store, &id)?;
        runs.push((stored_spec(&record.spec_toml)?, id, record));
    }
    if let Some(out) = &args.out {
        create(global, out)?;
    }
    // Runs on the same prompts and with as many layers share their baselines.
    while !runs.is_empty() {
        let spec = runs[0].0.clone();
        let alike = |(other, ..): &Run| {
            let (a, b) = (&spec.model.transformer, &other.model.transformer);
            let same = a.depth == b.depth && a.form() == b.form();
            same && spec.task == other.task && spec.eval == other.eval
        };
        let (same, others): (Vec<_>, Vec<_>) = runs.into_iter().partition(alike);
        runs = others;
        let lines: Vec<Line> = same.iter().map(of_run).collect();
        let found = report(global, &spec, &lines)?;
        if let Some(out) = &args.out {
            picture(out, &found, &same)?;
        }
    }
    Ok(())
}

/// A run of the store.
type Run = (RunSpec, RunId, Record);

fn of_run((spec, _, record): &Run) -> Line {
    let meta = |key| record.meta.get(key);
    let outcome = meta("outcome").and_then(Value::as_str).unwrap_or_default();
    let step = meta("step").and_then(Value::as_u64).unwrap_or(0);
    let value = |metric| last(&record.rows, metric, outcome, step);
    Line {
        name: name(spec),
        mean: value(LOSS),
        median: value(MEDIAN),
        distance_to_theory: [f64::NAN; 2],
        scalars: None,
    }
}

/// The losses of runs that share their baselines, with these as lines.
fn picture(out: &Path, lines: &[Baseline], runs: &[Run]) -> Result<(), Error> {
    let member = |(spec, id, record): &Run| Member {
        run: id.clone(),
        seed: spec.train.seed,
        rows: record.rows.clone(),
    };
    let groups = groups(runs.iter().map(|run| (&run.0, member(run))).collect());
    let Some(figure) = chart::held_out(&groups, lines) else { return Ok(()) };
    let stem = format!("{}-baselines", stem(&runs.iter().map(|run| &run.1).collect::<Vec<_>>()));
    draw(out, &stem, &figure.title, &figure)?;
    let path = out.join(format!("{stem}.svg"));
    eprintln!("Picture (also .png, .pdf, .csv): {}", path.display());
    Ok(())
}

/// Prints the table; returns the baselines.
fn report(global: &Global, spec: &RunSpec, runs: &[Line]) -> Result<Vec<Baseline>, Error> {
    let found = baselines(spec, Isa::detect(), session::jobs(global));
    let theory = theory(&found);
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
        output::json(&lines)?;
        return Ok(found);
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
    output::print(&format!("{}\n", table.text()))?;
    Ok(found)
}
