//! `windtunnel reproduce`.

use std::path::Path;

use windtunnel_lab::paper::{Protocol, fig2};
use windtunnel_lab::report::Page;
use windtunnel_lab::spec::{RunSpec, run_id};

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
    let tables = [result.verdict_table(), result.agreement_table()];
    let verdicts = serde_json::json!({
        "verdicts": result.verdicts,
        "agreement": result.agreement,
    });
    let file = |extension: &str| format!("{stem}.{extension}");
    let page = Page {
        title: &result.figure.title,
        summary: fig2::summary(&protocol, &result),
        figure: &result.figure,
        tables: tables.to_vec(),
        files: vec![
            (file("csv"), "every point of the figure".into()),
            (file("json"), "the verdicts".into()),
            (file("svg"), "the figure for the web".into()),
            (file("pdf"), "the figure for a paper".into()),
            (file("png"), "the figure as pixels".into()),
        ],
        specs: specs
            .iter()
            .map(|spec| {
                let title = format!("{}, {}, seed {}", run_id(spec), describe(spec), spec.train.seed);
                (title, spec.to_toml())
            })
            .collect(),
    };
    let json = serde_json::to_string_pretty(&verdicts).map_err(|e| Error::Failed(e.to_string()))?;
    let picture = |error: windtunnel_lab::figure::Error| Error::Failed(error.to_string());
    write(&reproduce.out, &file("csv"), result.figure.csv().as_bytes())?;
    write(&reproduce.out, &file("json"), json.as_bytes())?;
    write(&reproduce.out, &file("svg"), result.figure.svg().as_bytes())?;
    write(&reproduce.out, &file("pdf"), &result.figure.pdf().map_err(picture)?)?;
    write(&reproduce.out, &file("png"), &result.figure.png(2.0).map_err(picture)?)?;
    write(&reproduce.out, &file("html"), page.html().as_bytes())?;
    if global.json {
        return output::json(&verdicts);
    }
    let [verdicts, agreement] = tables;
    let warning = protocol.warning().map_or(String::new(), |w| format!("{w}\n\n"));
    let out = reproduce.out.join(file("html"));
    output::print(&format!(
        "{warning}{}\n{}\nFigure, data and page: {}\n",
        verdicts.text(),
        agreement.text(),
        out.display()
    ))
}

fn create(dir: &Path) -> Result<(), Error> {
    let failed = |cause| Error::Write { path: dir.display().to_string(), cause };
    std::fs::create_dir_all(dir).map_err(failed)
}

/// Writes through a temporary name, so that a reader never sees half a file.
fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = dir.join(name);
    let temporary = dir.join(format!(".{name}.{}", std::process::id()));
    let done = std::fs::write(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, &path));
    done.map_err(|cause| Error::Write { path: path.display().to_string(), cause })
}
