//! `windtunnel baselines`.

use std::path::Path;

use serde::Serialize;
use windtunnel_figure::table::{Table, number};
use windtunnel_lab::baseline::{self, Baseline, baselines, theory};
use windtunnel_lab::chart::{self, Member, groups};
use windtunnel_lab::describe::{describe, name};
use windtunnel_lab::ending::{LOSS, MEDIAN, last};
use windtunnel_math::lanes::Isa;
use windtunnel_runs::spec::RunSpec;
use windtunnel_runs::stored::Run;
use windtunnel_train::baseline::NoScalars;

use super::folder::{create, draw, stem};
use super::runs::open;
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
    /// Why one of the numbers is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scalars: Option<Shown>,
}

#[derive(Serialize)]
struct Shown {
    a: Vec<f64>,
    b: Vec<f64>,
    fitted: f64,
}

impl Line {
    /// With a reason if a number is not finite, and without if all are.
    fn explained(self) -> Line {
        let [mean, median] = self.distance_to_theory;
        let reason = match [self.mean, self.median].iter().all(|loss| loss.is_finite()) {
            true if mean.is_finite() && median.is_finite() => None,
            true => Some("the loss of the theory is zero or not finite".into()),
            false => self.reason.or(Some("the loss is not finite".into())),
        };
        Line { reason, ..self }
    }

    fn footnote(&self) -> Option<String> {
        Some(format!("no number: {}: {}\n", self.name, self.reason.as_ref()?))
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
        let alike = |Run { spec: other, .. }: &Run| {
            let (a, b) = (&spec.model.transformer, &other.model.transformer);
            let same = a.depth == b.depth && a.form() == b.form();
            same && spec.task == other.task && spec.eval == other.eval
        };
        let (same, others): (Vec<_>, Vec<_>) = runs.into_iter().partition(alike);
        runs = others;
        let lines: Vec<Line> = same.iter().map(of_run).collect();
        let (found, table) = report(global, &spec, &lines)?;
        text += &table;
        if let Some(out) = &args.out {
            picture(out, &found, &same)?;
        }
    }
    // Last, so that a reader who goes away costs no picture.
    output::print(&text)
}

fn of_run(run: &Run) -> Line {
    let ((mean, reason), (median, _)) = (last(run, &LOSS), last(run, &MEDIAN));
    Line {
        name: name(&run.spec),
        mean,
        median,
        distance_to_theory: [f64::NAN; 2],
        reason,
        scalars: None,
    }
}

/// The losses of runs that share their baselines, with these as lines.
fn picture(out: &Path, lines: &[Baseline], runs: &[Run]) -> Result<(), Error> {
    let member = |run: &Run| Member {
        run: run.id.clone(),
        seed: run.spec.train.seed,
        rows: run.rows.clone(),
    };
    let groups = groups(runs.iter().map(|run| (&run.spec, member(run))).collect());
    let Some(figure) = chart::held_out(&groups, lines) else { return Ok(()) };
    let stem = format!("{}-baselines", stem(&runs.iter().map(|run| &run.id).collect::<Vec<_>>()));
    draw(out, &stem, &figure.title, &figure)?;
    let path = out.join(format!("{stem}.svg"));
    output::say(&format!("Picture (also .png, .pdf, .csv): {}", path.display()));
    Ok(())
}

/// The baselines, and the table as it is printed.
fn report(
    global: &Global,
    spec: &RunSpec,
    runs: &[Line],
) -> Result<(Vec<Baseline>, String), Error> {
    let baseline::Baselines { lines: found, missing } =
        baselines(spec, Isa::detect(), session::jobs(global));
    let theory = theory(&found);
    let [mean, median] = theory.map_or([f64::NAN; 2], |line| [line.mean, line.median]);
    let line = |b: &Baseline| Line {
        name: b.name.clone(),
        mean: b.mean,
        median: b.median,
        distance_to_theory: [b.mean / mean, b.median / median],
        reason: None,
        scalars: b.scalars.as_ref().map(|s| Shown {
            a: s.a.clone(),
            b: s.b.clone(),
            fitted: s.fitted,
        }),
    };
    let absent = |(name, reason): &(String, NoScalars)| Line {
        name: name.clone(),
        mean: f64::NAN,
        median: f64::NAN,
        distance_to_theory: [f64::NAN; 2],
        reason: Some(reason.to_string()),
        scalars: None,
    };
    let of_run = |run: &Line| Line {
        name: run.name.clone(),
        distance_to_theory: [run.mean / mean, run.median / median],
        reason: run.reason.clone(),
        scalars: None,
        ..*run
    };
    let lines = found.iter().map(line).chain(missing.iter().map(absent));
    let lines = lines.chain(runs.iter().map(of_run));
    let lines: Vec<Line> = lines.map(Line::explained).collect();
    if global.json {
        return Ok((found, output::json_text(&lines)?));
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
    let reasons: String = lines.iter().filter_map(Line::footnote).collect();
    Ok((found, format!("{}{reasons}\n", table.text())))
}
