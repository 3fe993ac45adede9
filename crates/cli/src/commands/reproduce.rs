//! `windtunnel reproduce`.

use windtunnel_lab::figure::Figure;
use windtunnel_lab::paper::cohort::{Cell, cells};
use windtunnel_lab::paper::figures::FIGURES;
use windtunnel_lab::paper::losses::{LossFigure, assemble, summary};
use windtunnel_lab::paper::rates::{self, Search, searches};
use windtunnel_lab::paper::{Arm, Protocol};
use windtunnel_lab::report::Page;
use windtunnel_lab::spec::{RunSpec, run_id};
use windtunnel_lab::store::Store;
use windtunnel_lab::table::Table;

use super::folder::{create, draw, write};
use super::{describe, name};
use crate::args::{Global, Reproduce};
use crate::error::Error;
use crate::{output, session};

pub fn run(global: &Global, reproduce: &Reproduce) -> Result<(), Error> {
    // Before an hour is spent on runs whose picture cannot be written.
    create(&reproduce.out)?;
    let all = reproduce.figures.iter().any(|name| name == "all");
    let chosen = |figure: &&LossFigure| all || reproduce.figures.iter().any(|n| n == figure.name);
    let mut found = Vec::new();
    for figure in FIGURES.iter().filter(chosen) {
        found.push(one(global, reproduce, figure)?);
    }
    match (global.json, found.len()) {
        (false, _) => Ok(()),
        (true, 1) => output::json(&found[0]),
        (true, _) => output::json(&found),
    }
}

/// Runs, draws and judges one figure; returns its verdicts.
fn one(
    global: &Global,
    reproduce: &Reproduce,
    of: &'static LossFigure,
) -> Result<serde_json::Value, Error> {
    let protocol = if reproduce.quick { Protocol::QUICK } else { Protocol::PUBLISHED };
    let searched = search(global, reproduce, of, &protocol)?;
    let lr = |cohort: usize, arm: Arm| {
        searched.iter().find(|s| s.cohort == cohort && s.arm == arm).map(Search::lr)
    };
    let cells = cells(of.cohorts, &protocol, lr)?;
    let specs: Vec<RunSpec> = cells.iter().map(|cell| cell.spec.clone()).collect();
    let store = compute(global, reproduce, &specs)?;
    let result = assemble(&store, of, &protocol, &cells)?;

    let stem = if reproduce.quick { format!("{}-quick", of.name) } else { of.name.to_string() };
    let out = &reproduce.out;
    let mut files = draw(out, &stem, "means over prompts", &result.mean.figure)?;
    files.extend(draw(out, &format!("{stem}-median"), "medians", &result.median.figure)?);
    let grid: Option<Figure> = rates::figure(of.cohorts, &searched);
    if let Some(grid) = &grid {
        files.extend(draw(out, &format!("{stem}-rates"), "learning rates", grid)?);
    }
    let verdicts = serde_json::json!({
        "figure": of.name,
        "claims": result.findings,
        "mean": result.mean.verdicts,
        "median": result.median.verdicts,
        "agreement": result.agreement,
    });
    let json = serde_json::to_string_pretty(&verdicts).map_err(|e| Error::Failed(e.to_string()))?;
    write(out, &format!("{stem}.json"), json.as_bytes())?;
    files.push((format!("{stem}.json"), "the verdicts".into()));

    let tables: Vec<Table> = result
        .findings_table()
        .into_iter()
        .chain([result.mean.table(), result.median.table()])
        .chain(result.agreement_table())
        .chain(rates::table(of.cohorts, &searched))
        .collect();
    let figures = [Some(&result.mean.figure), Some(&result.median.figure), grid.as_ref()];
    let page = Page {
        title: "windtunnel: figures of Ahn et al. (ICLR 2024)",
        summary: summary(&protocol, &result),
        figures: figures.into_iter().flatten().collect(),
        tables: tables.clone(),
        files,
        specs: cells.iter().map(listed).collect(),
    };
    let html = format!("{stem}.html");
    write(out, &html, page.html().as_bytes())?;
    if !global.json {
        let summary: String = page.summary.iter().map(|line| format!("{line}\n")).collect();
        let tables: String = tables.iter().map(|table| format!("{}\n", table.text())).collect();
        let path = out.join(html);
        output::print(&format!(
            "{}\n{summary}\n{tables}Figures, data and page: {}\n\n",
            of.title,
            path.display()
        ))?;
    }
    Ok(verdicts)
}

/// Learning rates that were not published.
fn search(
    global: &Global,
    reproduce: &Reproduce,
    of: &LossFigure,
    protocol: &Protocol,
) -> Result<Vec<Search>, Error> {
    let mut searched = Vec::new();
    let mut open = searches(of.cohorts, protocol);
    while !open.is_empty() {
        let specs = open
            .iter()
            .map(|search| search.specs(of.cohorts))
            .collect::<Result<Vec<Vec<RunSpec>>, _>>()?;
        let store = compute(global, reproduce, &specs.concat())?;
        for (mut search, specs) in std::mem::take(&mut open).into_iter().zip(specs) {
            let done = search.read(&store, &specs)?;
            if done { &mut searched } else { &mut open }.push(search);
        }
    }
    Ok(searched)
}

fn compute(global: &Global, reproduce: &Reproduce, specs: &[RunSpec]) -> Result<Store, Error> {
    let names: Vec<String> = specs.iter().map(name).collect();
    session::compute(global, &reproduce.sitting, specs, &names)
}

/// A run as pages list it.
fn listed(cell: &Cell) -> (String, String) {
    let spec = &cell.spec;
    let title = format!("{}, {}, seed {}", run_id(spec), describe(spec), spec.train.seed);
    (title, spec.to_toml())
}
