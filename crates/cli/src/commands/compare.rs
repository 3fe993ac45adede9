//! `windtunnel compare`.

use std::path::Path;

use windtunnel_figure::table::paragraph;
use windtunnel_lab::comparison::SpecComparison;
use windtunnel_runs::spec::{Document, RunSpec, preset_named};
use windtunnel_runs::stored::Run;

use super::runs::open;
use super::train::seeds;
use crate::args::{Compare, Global};
use crate::error::Error;
use crate::output;
use crate::session::Session;

pub fn run(global: &Global, args: &Compare) -> Result<(), Error> {
    let seeds = seeds(&args.seeds)?;
    let a = spec(global, &args.a, args.set.iter().chain(&args.set_a))?;
    let b = spec(global, &args.b, args.set.iter().chain(&args.set_b))?;
    let comparison = SpecComparison::new(&a, &b, seeds)?;
    let session = Session::new(global, &args.checkpoints)?;
    let compared = comparison.run(&session.lab())?;
    if global.json {
        return output::json(&compared);
    }
    let summary: String = compared.summary().iter().map(|line| paragraph(line)).collect();
    output::print(&format!("{summary}\n{}", compared.table().text()))
}

/// The spec of a file, a preset or a stored run, with changes.
fn spec<'a>(
    global: &Global,
    name: &Path,
    sets: impl Iterator<Item = &'a String>,
) -> Result<RunSpec, Error> {
    let mut document = document(global, name)?;
    for set in sets {
        document.set(set)?;
    }
    Ok(document.resolve()?)
}

fn document(global: &Global, name: &Path) -> Result<Document, Error> {
    let prefix = name.to_str().filter(|text| text.chars().all(|c| c.is_ascii_hexdigit()));
    match prefix {
        Some(prefix) if !name.exists() && preset_named(name).is_none() => {
            let store = open(global)?;
            let run = Run::load(&store, &store.resolve(prefix)?)?;
            Ok(Document::parse(prefix, &run.spec.to_toml())?)
        }
        _ => Ok(Document::read(name)?),
    }
}
