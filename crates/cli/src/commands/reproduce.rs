//! `windtunnel reproduce`.

use windtunnel_lab::figure::Figure;
use windtunnel_lab::paper::cohort::{Cell, Cohort, cells};
use windtunnel_lab::paper::conditioning::{self, ConditionFigure};
use windtunnel_lab::paper::figures::{CONDITION_FIGURES, FIGURES};
use windtunnel_lab::paper::losses::{self, LossFigure};
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

/// What became of a figure.
struct Found {
    name: &'static str,
    title: &'static str,
    summary: Vec<String>,
    /// Pictures: what is added to their names, and what they show.
    figures: Vec<(&'static str, &'static str, Figure)>,
    tables: Vec<Table>,
    verdicts: serde_json::Value,
    cells: Vec<Cell>,
}

pub fn run(global: &Global, reproduce: &Reproduce) -> Result<(), Error> {
    // Before an hour is spent on runs whose picture cannot be written.
    create(&reproduce.out)?;
    let all = reproduce.figures.iter().any(|name| name == "all");
    let chosen = |name: &str| all || reproduce.figures.iter().any(|chosen| chosen == name);
    let mut verdicts = Vec::new();
    for of in FIGURES.iter().filter(|of| chosen(of.name)) {
        verdicts.push(publish(global, reproduce, loss_figure(global, reproduce, of)?)?);
    }
    for of in CONDITION_FIGURES.iter().filter(|of| chosen(of.name)) {
        verdicts.push(publish(global, reproduce, condition_figure(global, reproduce, of)?)?);
    }
    match (global.json, verdicts.as_slice()) {
        (false, _) => Ok(()),
        (true, [only]) => output::json(only),
        (true, _) => output::json(&verdicts),
    }
}

fn protocol(reproduce: &Reproduce) -> Protocol {
    if reproduce.quick { Protocol::QUICK } else { Protocol::PUBLISHED }
}

fn loss_figure(global: &Global, reproduce: &Reproduce, of: &LossFigure) -> Result<Found, Error> {
    let protocol = protocol(reproduce);
    let (searched, cells, store) = runs(global, reproduce, of.cohorts, None)?;
    let result = losses::assemble(&store, of, &protocol, &cells)?;
    let verdicts = serde_json::json!({
        "figure": of.name,
        "claims": result.findings,
        "mean": result.mean.verdicts,
        "median": result.median.verdicts,
        "agreement": result.agreement,
    });
    let claims = result.findings_table().into_iter();
    let views = [result.mean.table(), result.median.table()];
    let tables = claims.chain(views).chain(result.agreement_table());
    let tables = tables.chain(rates::table(of.cohorts, &searched)).collect();
    let summary = losses::summary(&protocol, &result);
    let grid = rates::figure(of.cohorts, &searched);
    let grid = grid.map(|grid| ("-rates", "learning rates", grid));
    let figures = vec![
        ("", "means over prompts", result.mean.figure),
        ("-median", "medians", result.median.figure),
    ];
    let figures = figures.into_iter().chain(grid).collect();
    Ok(Found { name: of.name, title: of.title, summary, figures, tables, verdicts, cells })
}

fn condition_figure(
    global: &Global,
    reproduce: &Reproduce,
    of: &ConditionFigure,
) -> Result<Found, Error> {
    let protocol = protocol(reproduce);
    let instruments = Some(conditioning::INSTRUMENTS);
    let (searched, cells, store) = runs(global, reproduce, of.cohorts, instruments)?;
    let result = conditioning::assemble(&store, of, &protocol, &cells)?;
    let verdicts = serde_json::json!({ "figure": of.name, "claims": result.findings });
    let tables = [result.ratios.clone(), result.findings_table()].into_iter();
    let tables = tables.chain(rates::table(of.cohorts, &searched)).collect();
    let summary = result.summary(of, &protocol);
    let figures = vec![("", "means over seeds", result.figure)];
    Ok(Found { name: of.name, title: of.title, summary, figures, tables, verdicts, cells })
}

/// Computes what is missing: searches for learning rates, then the runs themselves.
fn runs(
    global: &Global,
    reproduce: &Reproduce,
    cohorts: &[Cohort],
    instruments: Option<&str>,
) -> Result<(Vec<Search>, Vec<Cell>, Store), Error> {
    let protocol = protocol(reproduce);
    let searched = search(global, reproduce, cohorts, &protocol)?;
    let lr = |cohort: usize, arm: Arm| {
        searched.iter().find(|s| s.cohort == cohort && s.arm == arm).map(Search::lr)
    };
    let cells = cells(cohorts, &protocol, instruments, lr)?;
    let specs: Vec<RunSpec> = cells.iter().map(|cell| cell.spec.clone()).collect();
    let store = compute(global, reproduce, &specs)?;
    Ok((searched, cells, store))
}

/// Writes pictures, verdicts and page, and prints the tables; returns the verdicts.
fn publish(
    global: &Global,
    reproduce: &Reproduce,
    found: Found,
) -> Result<serde_json::Value, Error> {
    let Found { name, title, summary, figures, tables, verdicts, cells } = found;
    let stem = if reproduce.quick { format!("{name}-quick") } else { name.to_string() };
    let out = &reproduce.out;
    let mut files = Vec::new();
    for (suffix, what, figure) in &figures {
        files.extend(draw(out, &format!("{stem}{suffix}"), what, figure)?);
    }
    let json = serde_json::to_string_pretty(&verdicts).map_err(|e| Error::Failed(e.to_string()))?;
    write(out, &format!("{stem}.json"), json.as_bytes())?;
    files.push((format!("{stem}.json"), "the verdicts".into()));
    let page = Page {
        title: &format!("windtunnel: {title}, Ahn et al. (ICLR 2024)"),
        summary,
        figures: figures.iter().map(|(.., figure)| figure).collect(),
        tables,
        files,
        specs: cells.iter().map(listed).collect(),
    };
    let html = format!("{stem}.html");
    write(out, &html, page.html().as_bytes())?;
    if !global.json {
        let summary: String = page.summary.iter().map(|line| format!("{line}\n")).collect();
        let tables: String = page.tables.iter().map(|t| format!("{}\n", t.text())).collect();
        let path = out.join(html);
        let path = path.display();
        output::print(&format!("{title}\n{summary}\n{tables}Figures, data and page: {path}\n\n"))?;
    }
    Ok(verdicts)
}

/// Learning rates that were not published.
fn search(
    global: &Global,
    reproduce: &Reproduce,
    cohorts: &[Cohort],
    protocol: &Protocol,
) -> Result<Vec<Search>, Error> {
    let mut searched = Vec::new();
    let mut open = searches(cohorts, protocol);
    while !open.is_empty() {
        let specs = open
            .iter()
            .map(|search| search.specs(cohorts))
            .collect::<Result<Vec<Vec<RunSpec>>, _>>()?;
        let store = compute(global, reproduce, &specs.concat())?;
        for (mut search, specs) in std::mem::take(&mut open).into_iter().zip(specs) {
            let done = search.read(&store, &specs)?;
            if done { &mut searched } else { &mut open }.push(search);
        }
    }
    // Those whose grid grew ended last.
    searched.sort_by_key(|search| (search.cohort, search.arm == Arm::Adam));
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
