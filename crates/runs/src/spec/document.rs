//! A spec as text: a TOML file with overrides laid over it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use toml::{Table, Value};
use windtunnel_measure::metric::nearest;

use super::{PRESETS, RunSpec, Sections, SpecError};

/// Longest spec file that is read: a covariance of 64 rows takes a tenth of it.
const MAX_BYTES: u64 = 1 << 20;

/// A TOML document that is not checked yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    pub(super) table: Table,
}

impl RunSpec {
    /// This run with changed sections.
    ///
    /// The result is checked as a document is, by reading its canonical text again, so that what is
    /// allowed stands in one place. A schedule of the learning rate ends with the run.
    ///
    /// # Errors
    /// A value that no document may have.
    pub fn with(&self, change: impl FnOnce(&mut Sections)) -> Result<RunSpec, SpecError> {
        let mut sections = self.0.clone();
        change(&mut sections);
        let changed = RunSpec(sections);
        let read = Document::parse("spec", &changed.to_toml())?.resolve()?;
        // The text does not have the length of a schedule, because it is that of the run.
        let optimizer = read.optimizer.clone();
        let kept = Sections { optimizer, ..changed.0.clone() } == read.0;
        match kept && read.to_toml() == changed.to_toml() {
            true => Ok(read),
            false => Err(SpecError::Value {
                key: "spec".into(),
                value: "a change that its text does not keep".into(),
                allowed: "values that a spec file can have, such as seeds up to 2^63 - 1".into(),
            }),
        }
    }

    /// The paper's Setting 1 with Adam.
    ///
    /// # Errors
    /// None in practice: a test resolves the empty document.
    pub fn paper() -> Result<RunSpec, SpecError> {
        Document::empty().resolve()
    }
}

impl Document {
    /// The empty document: all defaults.
    pub fn empty() -> Document {
        Document::default()
    }

    /// The document in `text`; `origin` names it in errors.
    ///
    /// # Errors
    /// Text that is not TOML.
    pub fn parse(origin: &str, text: &str) -> Result<Document, SpecError> {
        let table = text.parse::<Table>().map_err(|error| SpecError::Syntax {
            origin: origin.into(),
            message: error.to_string(),
        })?;
        Ok(Document { table })
    }

    /// The document in a file; the name of a preset, where there is no such file, is a document that
    /// chooses it.
    ///
    /// # Errors
    /// A file that cannot be read, is longer than a spec can be, is not TOML, or sets nothing.
    pub fn read(path: &Path) -> Result<Document, SpecError> {
        let text = match text(path) {
            Ok(text) => text,
            Err(error) => {
                let name = preset_named(path).ok_or(error)?;
                let table = Table::from_iter([("preset".into(), Value::String(name.into()))]);
                return Ok(Document { table });
            }
        };
        let document = Document::parse(&path.display().to_string(), &text)?;
        match document.table.is_empty() {
            true => Err(SpecError::Empty { path: path.into() }),
            false => Ok(document),
        }
    }

    /// Lays `KEY=VALUE` over the document. A value that is not TOML is taken as a string, so that
    /// names need no quotes.
    ///
    /// # Errors
    /// Text without `=`, an empty key, or a key that leads through a number.
    pub fn set(&mut self, text: &str) -> Result<(), SpecError> {
        let malformed = || SpecError::Override { text: text.into() };
        let (parts, value) = key_value(text).ok_or_else(malformed)?;
        self.insert(&parts, value).ok_or_else(malformed)
    }

    pub(super) fn insert(&mut self, parts: &[&str], value: Value) -> Option<()> {
        let (last, path) = parts.split_last()?;
        let mut table = &mut self.table;
        for part in path {
            let entry = table.entry(*part).or_insert_with(|| Value::Table(Table::new()));
            if let Value::String(name) = entry {
                // `covariates = "gamma_radial"` and `optimizer = "sgd"` name a table's kind.
                let tag = (tag(part).into(), Value::String(name.clone()));
                *entry = Value::Table(Table::from_iter([tag]));
            }
            table = entry.as_table_mut()?;
        }
        table.insert((*last).into(), value);
        Some(())
    }

    /// Checks every key and fills in the defaults.
    ///
    /// # Errors
    /// The first unknown key, wrong type or value out of range.
    pub fn resolve(&self) -> Result<RunSpec, SpecError> {
        super::resolve::resolve(self.table.clone())
    }
}

/// The key that names the kind of a section.
pub(super) fn tag(section: &str) -> &'static str {
    match section {
        "optimizer" => "name",
        "instruments" => "preset",
        _ => "kind",
    }
}

/// The contents of a spec file.
fn text(path: &Path) -> Result<String, SpecError> {
    let wrong = |message: String| SpecError::Read { path: path.into(), message };
    let file = File::open(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => {
            let name = path.to_string_lossy();
            let presets: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            let near = nearest(&name, presets.iter().copied());
            let near =
                near.map_or(String::new(), |near| format!("; did you mean the preset `{near}`?"));
            let presets = presets.join(", ");
            wrong(format!("{cause}, and no preset has this name{near} (presets: {presets})"))
        }
        _ => wrong(cause.to_string()),
    })?;
    let mut text = String::new();
    // One byte more than allowed tells a longer file without reading it, whatever it is.
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|e| wrong(e.to_string()))?;
    match text.len() as u64 > MAX_BYTES {
        true => Err(wrong(format!("it is longer than {} MiB, and no spec is", MAX_BYTES >> 20))),
        false => Ok(text),
    }
}

/// The name of the preset that is meant where there is no file of this name; a folder is none.
pub fn preset_named(path: &Path) -> Option<&'static str> {
    let preset = PRESETS.iter().find(|preset| path == Path::new(preset.name))?;
    let missing = path.is_dir() || !path.try_exists().unwrap_or(true);
    missing.then_some(preset.name)
}

/// The parts of a dotted key, and its value.
pub(super) fn key_value(text: &str) -> Option<(Vec<&str>, Value)> {
    let (key, value) = text.split_once('=')?;
    let parts: Vec<&str> = key.trim().split('.').map(str::trim).collect();
    let whole = parts.iter().all(|part| !part.is_empty());
    whole.then(|| (parts, parse_value(value.trim())))
}

fn parse_value(text: &str) -> Value {
    let document = format!("value = {text}").parse::<Table>();
    let value = document.ok().filter(|table| table.len() == 1);
    value.and_then(|mut t| t.remove("value")).unwrap_or_else(|| Value::String(text.into()))
}
