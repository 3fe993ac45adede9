//! Names of rows: metrics and their parts.

use std::fmt;
use std::str::FromStr;

use super::nearest::nearest;
use super::{CATALOGUE, Entry, Metric, OtherConvention, Part};
use crate::landscape::Convention;

/// Name of a row: a metric, or a part of it such as an end of its interval, on the held-out batch
/// that all runs share or on a fresh one of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    metric: Metric,
    part: Option<Part>,
    /// Fresh held-out batch, from 1.
    batch: Option<usize>,
}

/// Text before the number of a fresh held-out batch.
const BATCH: &str = "batch";

impl Name {
    /// The metric.
    pub fn metric(&self) -> &Metric {
        &self.metric
    }

    /// The part; none for the value of the metric itself.
    pub fn part(&self) -> Option<Part> {
        self.part
    }

    /// Number of the fresh held-out batch, from 1; none for the batch that all runs share.
    pub fn batch(&self) -> Option<usize> {
        self.batch
    }

    /// The same on a fresh held-out batch, from 1.
    #[must_use]
    pub fn on_batch(self, batch: usize) -> Name {
        Name { batch: Some(batch), ..self }
    }

    /// The entry of the metric.
    pub fn entry(&self) -> &'static Entry {
        self.metric.entry()
    }
}

impl Metric {
    /// The robust condition number in a convention.
    pub fn robust_condition_number(convention: Convention) -> Metric {
        OtherConvention::new(convention)
            .map_or(Metric::RobustConditionNumber, Metric::RobustConditionNumberBy)
    }

    /// The metric on a fresh held-out batch, from 1.
    pub fn on_batch(&self, batch: usize) -> Name {
        Name::from(self).on_batch(batch)
    }

    /// A part of the metric.
    ///
    /// # Panics
    /// If the entry of the metric does not list the part.
    pub fn part(self, part: Part) -> Name {
        let Entry { name, parts, .. } = self.entry();
        assert!(parts.contains(&part), "add {part:?} to the parts of {name} in the catalogue");
        Name { metric: self, part: Some(part), batch: None }
    }
}

impl From<Metric> for Name {
    fn from(metric: Metric) -> Name {
        Name { metric, part: None, batch: None }
    }
}

impl From<&Metric> for Name {
    fn from(metric: &Metric) -> Name {
        metric.clone().into()
    }
}

impl From<&Name> for Name {
    fn from(name: &Name) -> Name {
        name.clone()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.to_string()
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> String {
        metric.to_string()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(batch) = self.batch {
            write!(f, "{BATCH}{batch}.")?;
        }
        match self.part {
            Some(part) => write!(f, "{}.{}", self.metric, part.suffix()),
            None => write!(f, "{}", self.metric),
        }
    }
}

impl FromStr for Name {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Name, Unknown> {
        let (batch, rest) = split_batch(text);
        let whole = || Metric::read(rest).map(Name::from);
        let part = || {
            let (metric, suffix) = rest.rsplit_once('.')?;
            let metric = Metric::read(metric)?;
            let mut parts = metric.entry().parts.iter();
            let part = *parts.find(|part| part.suffix() == suffix)?;
            Some(Name { metric, part: Some(part), batch: None })
        };
        let found = whole().or_else(part).map(|name| Name { batch, ..name });
        found.ok_or_else(|| Unknown::new(text))
    }
}

/// Number of the fresh batch and the rest of a name; all of it if it has no batch.
fn split_batch(text: &str) -> (Option<usize>, &str) {
    let split = || {
        let (number, rest) = text.strip_prefix(BATCH)?.split_once('.')?;
        let batch: usize = number.parse().ok()?;
        // Only the text that is written is read: no zeros in front, no batch 0.
        (batch > 0 && batch.to_string() == number).then_some((Some(batch), rest))
    };
    split().unwrap_or((None, text))
}

/// Error returned when a text is the name of no metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The text.
    pub name: String,
    /// The most similar name in the catalogue.
    pub nearest: Option<String>,
    /// Name of a family of metrics, its parameter whose value is wrong, and the allowed values.
    pub parameter: Option<[&'static str; 3]>,
}

impl Unknown {
    /// The error for `text`, compared with the catalogue without numbers and parameters.
    fn new(text: &str) -> Unknown {
        let plain = |text: &str| -> String {
            let fixed = text.split('{').flat_map(|piece| piece.rsplit('}').next());
            fixed.collect::<String>().replace(|c: char| c.is_ascii_digit(), "")
        };
        let known: Vec<(String, &str)> =
            CATALOGUE.iter().map(|entry| (plain(entry.name), entry.name)).collect();
        let near = plain(text);
        let near = nearest(&near, known.iter().map(|(plain, _)| plain.as_str()));
        let of = |near: &str| known.iter().find(|(plain, _)| plain == near);
        let nearest = near.and_then(of).map(|(_, name)| (*name).into());
        Unknown { name: text.into(), nearest, parameter: parameter(text) }
    }
}

/// The parameter whose value is wrong in `text`, if that follows the name of a family of metrics, or
/// of a part of one.
fn parameter(text: &str) -> Option<[&'static str; 3]> {
    let part = || {
        let (metric, suffix) = text.rsplit_once('.')?;
        let found = Metric::misread(metric)?;
        found.0.parts.iter().any(|part| part.suffix() == suffix).then_some(found)
    };
    let (entry, parameter, allowed) = Metric::misread(text).or_else(part)?;
    Some([entry.name, parameter, allowed])
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no metric `{}`", self.name)?;
        match (&self.parameter, &self.nearest) {
            (Some([name, parameter, allowed]), _) => {
                write!(f, ": in `{name}`, {{{parameter}}} is {allowed};")?;
            }
            (None, Some(nearest)) => write!(f, ": did you mean `{nearest}`?")?,
            (None, None) => f.write_str(";")?,
        }
        f.write_str(" `windtunnel metrics` lists all")
    }
}

impl std::error::Error for Unknown {}
