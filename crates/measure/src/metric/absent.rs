//! Error for metrics that were requested and not recorded.

use std::collections::BTreeSet;
use std::fmt;

use super::nearest::nearest;
use super::{Name, RecordedBy};

/// Error returned when a requested metric was not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// Requested name.
    pub name: Name,
    /// Requested step; none if the metric was recorded at no step.
    pub step: Option<u64>,
    /// The most similar name, or the nearest step, that was recorded.
    pub nearest: Option<String>,
}

impl Absent {
    /// The error for `name`, which is not among the `recorded` names.
    pub fn from_names<'a>(name: Name, recorded: impl Iterator<Item = &'a str>) -> Absent {
        let recorded: BTreeSet<&str> = recorded.collect();
        let nearest = nearest(&name.to_string(), recorded.into_iter()).map(Into::into);
        Absent { name, step: None, nearest }
    }

    /// The error for `name` at `step`, if it was recorded at other steps only.
    pub fn at_step(name: Name, step: u64, recorded: impl Iterator<Item = u64>) -> Absent {
        let nearest = recorded.min_by_key(|other| other.abs_diff(step)).map(|s| s.to_string());
        Absent { name, step: Some(step), nearest }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Absent { name, step, nearest } = self;
        match (step, nearest) {
            (Some(step), Some(near)) => {
                write!(f, "`{name}` was recorded at step {near} and not at step {step}")?;
            }
            (Some(step), None) => write!(f, "`{name}` was not recorded at step {step}")?,
            (None, Some(near)) => {
                write!(f, "`{name}` was not recorded; the nearest that was is `{near}`")?;
            }
            (None, None) => write!(f, "`{name}` was not recorded")?,
        }
        match name.entry().by {
            RecordedBy::Training => {
                f.write_str("; every training run records it, every `eval.every` steps")
            }
            RecordedBy::Instruments(instruments) => {
                let names: Vec<String> =
                    instruments.iter().map(|i| format!("`{}`", i.name())).collect();
                write!(f, "; measure the run with the instrument {}", names.join(" or "))
            }
        }
    }
}

impl std::error::Error for Absent {}
