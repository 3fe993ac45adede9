//! A spec as text: a TOML file with overrides laid over it.

use std::path::Path;

use toml::{Table, Value};

use super::{RunSpec, SpecError};

/// A TOML document that is not checked yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    pub(super) table: Table,
}

impl Document {
    /// All defaults.
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

    /// The document in a file.
    ///
    /// # Errors
    /// A file that cannot be read or is not TOML.
    pub fn read(path: &Path) -> Result<Document, SpecError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| SpecError::Read { path: path.into(), message: error.to_string() })?;
        Document::parse(&path.display().to_string(), &text)
    }

    /// Lays `KEY=VALUE` over the document. A value that is not TOML is taken as a string, so that
    /// names need no quotes.
    ///
    /// # Errors
    /// Text without `=`, an empty key, or a key that leads through a number.
    pub fn set(&mut self, text: &str) -> Result<(), SpecError> {
        let malformed = || SpecError::Override { text: text.into() };
        let (key, value) = text.split_once('=').ok_or_else(malformed)?;
        let parts: Vec<&str> = key.trim().split('.').map(str::trim).collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(malformed());
        }
        let value = parse_value(value.trim());
        self.insert(&parts, value).ok_or_else(malformed)
    }

    fn insert(&mut self, parts: &[&str], value: Value) -> Option<()> {
        let (last, path) = parts.split_last()?;
        let mut table = &mut self.table;
        for part in path {
            let entry = table.entry(*part).or_insert_with(|| Value::Table(Table::new()));
            if let Value::String(name) = entry {
                // `covariates = "gamma_radial"` and `optimizer = "sgd"` name a table's kind.
                let tag = match *part {
                    "optimizer" => "name",
                    "instruments" => "preset",
                    _ => "kind",
                };
                *entry =
                    Value::Table(Table::from_iter([(tag.into(), Value::String(name.clone()))]));
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

fn parse_value(text: &str) -> Value {
    let document = format!("value = {text}").parse::<Table>();
    let value = document.ok().filter(|table| table.len() == 1);
    value.and_then(|mut t| t.remove("value")).unwrap_or_else(|| Value::String(text.into()))
}
