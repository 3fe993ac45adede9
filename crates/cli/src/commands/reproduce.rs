//! `windtunnel reproduce`.

use windtunnel_lab::paper::{Protocol, fig2};
use windtunnel_lab::report::Page;
use windtunnel_lab::spec::{RunSpec, run_id};

use super::folder::{create, draw, write};
use super::{describe, name};
use crate::args::{FigureName, Global, Reproduce};
use crate::error::Error;
use crate::{output, session};

pub fn run(global: &Global, reproduce: &Reproduce) -> Result<(), Error> {
    match reproduce.figure {
        FigureName::Fig2 => fig2(global, reproduce),
    }
}

fn fig2(global: &Global, reproduce: &Reproduce) -> Result<(), Error> {
    // Before an hour is spent on runs whose picture cannot be written.
    create(&reproduce.out)?;
    let protocol = if reproduce.quick { Protocol::QUICK } else { Protocol::PUBLISHED };
    let cells = fig2::cells(&protocol)?;
    let specs: Vec<RunSpec> = cells.iter().map(|cell| cell.spec.clone()).collect();
    let names: Vec<String> = specs.iter().map(name).collect();
    let store = session::compute(global, &reproduce.sitting, &specs, &names)?;
    let result = fig2::assemble(&store, &protocol, &cells)?;

    let stem = if reproduce.quick { "fig2-quick" } else { "fig2" };
    let out = &reproduce.out;
    let mut files = Vec::new();
    files.extend(draw(out, stem, "means over prompts", &result.mean.figure)?);
    files.extend(draw(out, &format!("{stem}-median"), "medians", &result.median.figure)?);
    let verdicts = serde_json::json!({
        "mean": result.mean.verdicts,
        "median": result.median.verdicts,
        "agreement": result.agreement,
    });
    let json = serde_json::to_string_pretty(&verdicts).map_err(|e| Error::Failed(e.to_string()))?;
    write(out, &format!("{stem}.json"), json.as_bytes())?;
    files.push((format!("{stem}.json"), "the verdicts".into()));

    let tables = [result.mean.table(), result.median.table(), result.agreement_table()];
    let page = Page {
        title: "windtunnel: Figure 2 of Ahn et al. (ICLR 2024)",
        summary: fig2::summary(&protocol, &result),
        figures: vec![&result.mean.figure, &result.median.figure],
        tables: tables.to_vec(),
        files,
        specs: specs
            .iter()
            .map(|spec| {
                let title =
                    format!("{}, {}, seed {}", run_id(spec), describe(spec), spec.train.seed);
                (title, spec.to_toml())
            })
            .collect(),
    };
    let name = format!("{stem}.html");
    write(out, &name, page.html().as_bytes())?;
    if global.json {
        return output::json(&verdicts);
    }
    let summary: String = page.summary.iter().map(|line| format!("{line}\n")).collect();
    let tables: String = tables.iter().map(|table| format!("{}\n", table.text())).collect();
    let path = out.join(name);
    output::print(&format!("{summary}\n{tables}Figures, data and page: {}\n", path.display()))
}
