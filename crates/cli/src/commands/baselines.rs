//! `windtunnel baselines`.

use std::path::Path;

use serde::Serialize;
use windtunnel_figure::table::{Table, number};
use windtunnel_lab::baseline::{
    self, Baseline, Compared, baselines, compare, share_baselines, theory,
};
use windtunnel_lab::chart::{self, Member, groups};
use windtunnel_lab::describe::describe;
use windtunnel_math::lanes::Isa;
use windtunnel_runs::spec::RunSpec;
use windtunnel_runs::stored::Run;

use super::folder::{create, draw, stem};
use super::runs::open;
use crate::args::{Baselines, Global};
use crate::error::Error;
use crate::{output, session};

/// JSON object of one baseline or run.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    mean: f64,
    median: f64,
    /// Distance to the losses of the best baseline that the model can represent: GD++, or else
    /// least squares.
    distance_to_theory: [f64; 2],
    /// Reason why one of the numbers is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scalars: Option<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    a: &'a [f64],
    b: &'a [f64],
    fitted: f64,
}

impl Line<'_> {
    fn new(line: &Compared) -> Line<'_> {
        Line {
            name: &line.name,
            mean: line.mean,
            median: line.median,
            distance_to_theory: line.distance_to_theory,
            reason: line.reason.as_deref(),
            scalars: line.scalars.as_ref().map(|s| Shown { a: &s.a, b: &s.b, fitted: s.fitted }),
        }
    }
}

pub fn run(global: &Global, args: &Baselines) -> Result<(), Error> {
    if args.run.is_empty() {
        let spec = args.described.spec()?;
        session::stop_on_signal()?;
        return output::print(&report(global, &spec, &[])?.1);
    }
    let store = open(global)?;
    let mut runs = Vec::new();
    for run in &args.run {
        let id = store.resolve(run)?;
        let run = Run::load(&store, &id)?;
        run.check_numerics()?;
        runs.push(run);
    }
    session::stop_on_signal()?;
    if let Some(out) = &args.out {
        create(global, out)?;
    }
    // Runs on the same prompts and with as many layers share their baselines.
    let mut text = String::new();
    while !runs.is_empty() {
        let spec = runs[0].spec.clone();
        let alike = |run: &Run| share_baselines(&spec, &run.spec);
        let (same, others): (Vec<_>, Vec<_>) = runs.into_iter().partition(alike);
        runs = others;
        let (found, table) = report(global, &spec, &same)?;
        text += &table;
        if let Some(out) = &args.out {
            picture(out, &found.lines, &same)?;
        }
    }
    // Printed last, so that a closed output costs no picture.
    output::print(&text)
}

/// Draws the losses of runs that share their baselines, with these as lines.
fn picture(out: &Path, lines: &[Baseline], runs: &[Run]) -> Result<(), Error> {
    let member = |run: &Run| Member {
        run: run.id.clone(),
        seed: run.spec.train.seed,
        rows: run.rows.clone().into(),
    };
    let groups = groups(runs.iter().map(|run| (&run.spec, member(run))).collect());
    let Some(figure) = chart::held_out(&groups, lines) else { return Ok(()) };
    let stem = format!("{}-baselines", stem(&runs.iter().map(|run| &run.id).collect::<Vec<_>>()));
    draw(out, &stem, &figure)?;
    let path = out.join(format!("{stem}.svg"));
    output::say(&format!("Picture (also .png, .pdf, .csv): {}", path.display()));
    Ok(())
}

/// The baselines as the printed table.
fn report(
    global: &Global,
    spec: &RunSpec,
    runs: &[Run],
) -> Result<(baseline::Baselines, String), Error> {
    let found = baselines(spec, Isa::detect(), session::jobs(global));
    let lines = compare(&found, runs);
    if global.json {
        let lines: Vec<Line> = lines.iter().map(Line::new).collect();
        return Ok((found, output::json_text(&lines)?));
    }
    let row = |line: &Compared| {
        let [mean, median] = line.distance_to_theory.map(number);
        vec![line.name.clone(), number(line.mean), number(line.median), mean, median]
    };
    let named = theory(&found.lines).map_or("", |line| line.name.as_str());
    let head = ["", "mean", "median", "mean/theory", "median/theory"];
    let title = format!(
        "Losses on the {} held-out prompts of {}; theory: {named}",
        spec.eval.batch_size,
        describe(spec)
    );
    let table = Table::new(&title, &head, lines.iter().map(row).collect());
    let reason =
        |line: &Compared| Some(format!("no number: {}: {}\n", line.name, line.reason.as_ref()?));
    let reasons: String = lines.iter().filter_map(reason).collect();
    Ok((found, format!("{}{reasons}\n", table.text())))
}
