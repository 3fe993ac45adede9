//! Typed reading of one section: each key is asked for once, and the rest are unknown keys.

use toml::{Table, Value};
use windtunnel_measure::metric::nearest;
use windtunnel_optim::Range;

use super::SpecError;

/// One table of the document.
pub(super) struct Section {
    path: String,
    table: Table,
    known: Vec<&'static str>,
    /// Values of the keys that name one of several choices, defaults included.
    chosen: Vec<(&'static str, &'static str)>,
    keys: Keys,
}

/// Every key of a document, for suggestions across sections.
pub(super) type Keys = fn() -> Vec<String>;

/// Spellings of other tools, for suggestions.
const ALIASES: [(&str, &str); 11] = [
    ("learning_rate", "lr"),
    ("wd", "weight_decay"),
    ("beta1", "betas"),
    ("beta2", "betas"),
    ("b1", "betas"),
    ("b2", "betas"),
    ("grad_clip", "clip_norm"),
    ("layers", "depth"),
    ("n_layer", "depth"),
    ("iterations", "steps"),
    ("d", "dim"),
];

impl Section {
    pub(super) fn root(table: Table, keys: Keys) -> Section {
        Section { path: String::new(), table, known: Vec::new(), chosen: Vec::new(), keys }
    }

    /// The section `name` of this one.
    pub(super) fn below(&self, name: &str, table: Table) -> Section {
        let path = self.key(name);
        Section { path, table, known: Vec::new(), chosen: Vec::new(), keys: self.keys }
    }

    pub(super) fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.into() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.table.remove(name)
    }

    /// The value of `name`, which need not be a key of the section.
    pub(super) fn peek(&self, name: &str) -> Option<&Value> {
        self.table.get(name)
    }

    pub(super) fn error(&self, name: &str, value: impl ToString, allowed: &str) -> SpecError {
        let allowed = allowed.into();
        SpecError::Value { key: self.key(name), value: value.to_string(), allowed }
    }

    /// The sub-section `name`; a plain string stands for a table with that `tag`.
    pub(super) fn section(
        &mut self,
        name: &'static str,
        tag: Option<&str>,
    ) -> Result<Section, SpecError> {
        let table = match (self.take(name), tag) {
            (None, _) => Table::new(),
            (Some(Value::Table(table)), _) => table,
            (Some(Value::String(kind)), Some(tag)) => {
                Table::from_iter([(tag.to_string(), Value::String(kind))])
            }
            (Some(other), Some(tag)) => {
                let allowed = format!("expected a name or a table with the key `{tag}`");
                return Err(self.error(name, other, &allowed));
            }
            (Some(other), None) => {
                let allowed = format!("expected a table, [{}]", self.key(name));
                return Err(self.error(name, other, &allowed));
            }
        };
        Ok(self.below(name, table))
    }

    pub(super) fn number(
        &mut self,
        name: &'static str,
        default: f64,
        range: Range,
    ) -> Result<f64, SpecError> {
        match self.take(name) {
            None => Ok(default),
            Some(value) => self.check(name, &value, range),
        }
    }

    pub(super) fn check(&self, name: &str, value: &Value, range: Range) -> Result<f64, SpecError> {
        let number = match value {
            Value::Float(x) => Some(*x),
            Value::Integer(i) => Some(*i as f64),
            _ => None,
        };
        let number = number.filter(|&x| range.contains(x));
        number.ok_or_else(|| self.error(name, value, &format!("expected {}", range.text())))
    }

    pub(super) fn integer(
        &mut self,
        name: &'static str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, SpecError> {
        let Some(value) = self.take(name) else { return Ok(default) };
        let number = value.as_integer().and_then(|i| u64::try_from(i).ok());
        number.filter(|i| range.contains(i)).ok_or_else(|| {
            let allowed = format!("expected an integer from {} to {}", range.start(), range.end());
            self.error(name, value, &allowed)
        })
    }

    pub(super) fn size(
        &mut self,
        name: &'static str,
        default: usize,
        max: usize,
    ) -> Result<usize, SpecError> {
        Ok(self.integer(name, default as u64, 1..=max as u64)? as usize)
    }

    pub(super) fn flag(&mut self, name: &'static str, default: bool) -> Result<bool, SpecError> {
        match self.take(name) {
            None => Ok(default),
            Some(Value::Boolean(value)) => Ok(value),
            Some(value) => Err(self.error(name, value, "expected true or false")),
        }
    }

    pub(super) fn choice(
        &mut self,
        name: &'static str,
        default: &'static str,
        choices: &[&'static str],
    ) -> Result<&'static str, SpecError> {
        let value = self.take(name);
        let chosen = match &value {
            None => Some(default),
            Some(value) => choices.iter().copied().find(|choice| value.as_str() == Some(choice)),
        };
        self.chosen.extend(chosen.map(|chosen| (name, chosen)));
        chosen.ok_or_else(|| {
            let value = value.unwrap_or_else(|| default.into());
            let listed: Vec<String> = choices.iter().map(|c| format!("\"{c}\"")).collect();
            let near = value.as_str().and_then(|v| nearest(v, choices.iter().copied()));
            let hint = near.map_or(String::new(), |near| format!("; did you mean \"{near}\"?"));
            self.error(name, &value, &format!("expected one of {}{hint}", listed.join(", ")))
        })
    }

    /// Refuses keys that were not asked for.
    pub(super) fn finish(self) -> Result<(), SpecError> {
        let Some(key) = self.table.keys().next() else { return Ok(()) };
        let (full, known) = (self.key(key), self.known.join(", "));
        if (self.keys)().contains(&full) {
            let tags = ["kind", "name", "labels"];
            let tag = match key.as_str() {
                "corner" => "parameterization",
                "encoder_hidden" => "encoder",
                _ => tags.into_iter().find(|tag| self.known.contains(tag)).unwrap_or("name"),
            };
            let chosen = self.chosen.iter().find(|(name, _)| *name == tag);
            let chosen = chosen.map_or(String::new(), |(_, value)| (*value).into());
            return Err(SpecError::Misplaced { key: full, choice: self.key(tag), chosen, known });
        }
        let alias = ALIASES.iter().find(|(alias, _)| alias == key).map(|(_, name)| *name);
        let near = alias.filter(|name| self.known.contains(name));
        let near = near.or_else(|| nearest(key, self.known.iter().copied()));
        let nearest = near.map(|near| self.key(near)).or_else(|| key_among((self.keys)(), key));
        Err(SpecError::UnknownKey { key: full, nearest, known })
    }
}

/// The key that a word of another tool or command line means, as `optimizer.lr` for `lr`.
pub(super) fn key_among(keys: Vec<String>, word: &str) -> Option<String> {
    let word = word.replace('-', "_");
    let alias = ALIASES.iter().find(|(alias, _)| *alias == word).map(|(_, name)| *name);
    let word = alias.unwrap_or(&word);
    let whole = keys.iter().find(|key| *key == word);
    whole.or_else(|| keys.iter().find(|key| key.rsplit('.').next() == Some(word))).cloned()
}
