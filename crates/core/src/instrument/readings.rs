//! Named numbers, each once.

use crate::stats::{Interval, MeanTrust};

/// What a reader must know before trusting a reading.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    /// A metric that could not be measured here.
    Unavailable {
        /// The instrument.
        instrument: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// A sample mean that says little about its law.
    Mean {
        /// The metric.
        metric: String,
        /// Why.
        trust: MeanTrust,
    },
    /// A reference whose own error is not small beside the noise that is measured against it.
    Reference {
        /// The noise, root mean square.
        rms: f64,
        /// The error of the large-batch gradient.
        error: f64,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Warning::Unavailable { instrument, reason } => write!(f, "{instrument}: {reason}"),
            Warning::Mean { metric, trust } => write!(f, "{metric}: {trust}"),
            Warning::Reference { rms, error } => write!(
                f,
                "the large-batch gradient has an error of {error:.2e}, the noise is {rms:.2e}: take \
                 more prompts for the reference"
            ),
        }
    }
}

/// What instruments found at one point, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    values: Vec<(String, f64)>,
    warnings: Vec<Warning>,
}

impl Readings {
    /// Takes the value of a metric; a second value of the same metric is dropped, because two
    /// instruments that share a metric share its value.
    pub fn record(&mut self, metric: impl Into<String>, value: f64) {
        let metric = metric.into();
        if self.get(&metric).is_none() {
            self.values.push((metric, value));
        }
    }

    /// Takes an estimate with its 95 % interval, `metric.lo` to `metric.hi`.
    pub fn estimate(&mut self, metric: &str, value: f64, interval: Interval) {
        self.record(metric, value);
        self.record(format!("{metric}.lo"), interval.lo);
        self.record(format!("{metric}.hi"), interval.hi);
    }

    /// Takes a warning.
    pub fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// The warnings, in the order in which they were given.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The value of a metric.
    pub fn get(&self, metric: &str) -> Option<f64> {
        self.values.iter().find(|(name, _)| name == metric).map(|(_, value)| *value)
    }

    /// All of them, in the order in which they were taken.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.values.iter().map(|(name, value)| (name.as_str(), *value))
    }
}
