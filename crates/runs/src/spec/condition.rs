//! Conditions on stored specs, `KEY=VALUE`.

use toml::Value;
use windtunnel_measure::metric::nearest;

use windtunnel_model::task::Family;
use windtunnel_optim::definitions;

use super::document::{key_value, tag};
use super::limits::MAX_STEPS;
use super::resolve::keys;
use super::{Document, SpecError};

/// Condition that a key of a stored spec has a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    path: Vec<String>,
    value: Value,
}

impl Condition {
    /// Reads `KEY=VALUE`, with values as in [`Document::set`].
    ///
    /// # Errors
    /// Text without `=`, an unknown key, `preset`, which stored specs do not have, or a name or number
    /// that no spec can have at this key.
    pub fn parse(text: &str) -> Result<Condition, SpecError> {
        let malformed = || SpecError::Condition { text: text.into() };
        let (path, value) = key_value(text).ok_or_else(malformed)?;
        let key = path.join(".");
        let refused = |nearest: Option<String>, known: String| {
            Err(SpecError::UnknownKey { key: key.clone(), nearest, known })
        };
        if key == "preset" {
            let known = "keys that the preset sets, as task.covariates.kind=sphere".into();
            return refused(None, known);
        }
        let section = |known: &String| known.starts_with(&format!("{key}."));
        if !keys().any(|known| known == key || section(&known)) {
            let known: Vec<String> = keys().filter(|known| known != "preset").collect();
            let near = super::key_of(&key);
            let near =
                near.or_else(|| nearest(&key, known.iter().map(String::as_str)).map(Into::into));
            return refused(near, known.join(", "));
        }
        check(&path, &value)?;
        Ok(Condition { path: path.into_iter().map(Into::into).collect(), value })
    }

    /// Whether a spec has this value at this key, which may be its default; the name of a section
    /// stands for its kind, as in `optimizer=sgd`.
    pub fn holds(&self, document: &Document) -> bool {
        self.is_written(document) || self.changes_nothing(document)
    }

    /// Whether the spec is the same with this value: stored specs leave many defaults out.
    fn changes_nothing(&self, document: &Document) -> bool {
        let mut changed = document.clone();
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let spec = document.resolve().ok();
        let set = changed.insert(&path, self.value.clone());
        set.is_some() && spec.is_some() && spec == changed.resolve().ok()
    }

    fn is_written(&self, document: &Document) -> bool {
        let mut value = None;
        let mut table = Some(&document.table);
        for part in &self.path {
            value = table.and_then(|table| table.get(part));
            table = value.and_then(Value::as_table);
        }
        let last = self.path.last().map_or("", String::as_str);
        let kind = table.and_then(|table| table.get(tag(last)));
        value.is_some_and(|value| equal(value, &self.value))
            || kind.is_some_and(|kind| equal(kind, &self.value))
    }
}

/// Refuses a name or a number that no spec can have at this key. Not checked are lists and tables,
/// because other keys decide which are allowed, and versions of optimizers, because other programs
/// register others.
fn check(path: &[&str], value: &Value) -> Result<(), SpecError> {
    if value.is_array() || value.is_table() || path == ["optimizer", "version"] {
        return Ok(());
    }
    // Numbers are compared as numbers, so 4.0 stands for 4.
    let whole = value.as_float().filter(|x| x.fract() == 0.0).map(|x| Value::Integer(x as i64));
    let mut refused = None;
    for surroundings in surroundings() {
        for value in std::iter::once(value).chain(&whole) {
            let mut document = Document::empty();
            for set in &surroundings {
                document.set(set)?;
            }
            if document.insert(path, value.clone()).is_none() {
                continue;
            }
            match document.resolve() {
                Ok(_) => return Ok(()),
                // Other errors say that the key does not go with these surroundings.
                Err(error @ SpecError::Value { .. }) => refused = refused.or(Some(error)),
                Err(_) => {}
            }
        }
    }
    refused.map_or(Ok(()), Err)
}

/// Keys that decide which others there are and how large values may be: a value that is allowed in
/// any of these surroundings is possible.
fn surroundings() -> Vec<Vec<String>> {
    let optimizers = definitions().into_iter().map(|d| format!("optimizer.name={}", d.name));
    let families = Family::ALL.iter().map(|family| format!("task.covariates={}", family.name));
    let kinds = ["task.labels=mlp", "model.parameterization=full", "model.encoder=mlp"];
    let one = optimizers.chain(families).chain(kinds.map(Into::into)).map(|set| vec![set]);
    let long = vec![format!("train.steps={MAX_STEPS}"), format!("eval.every={MAX_STEPS}")];
    let wide = vec!["task.dim=64".into(), "model.depth=1".into()];
    let batches = ["train.batch_size=1", "eval.batch_size=1"].map(Into::into);
    let small = [vec!["task.dim=1".into(), "model.depth=1".into()], batches.to_vec()].concat();
    std::iter::once(Vec::new()).chain(one).chain([long, wide, small]).collect()
}

/// Whether two values are equal, as numbers or as anything else.
fn equal(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| value.as_float().or(value.as_integer().map(|n| n as f64));
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => a == b,
            // A version such as 1 is a number to whoever writes it without quotes.
            (None, Some(_)) => a.as_str() == Some(b.to_string().as_str()),
            _ => a == b,
        },
    }
}
