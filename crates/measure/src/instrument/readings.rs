//! Named numbers, each once.

use crate::metric::{Absent, Instrument, Metric, Name, Part};
use crate::stats::{Interval, MeanTrust};

/// Doubt about a reading, or the reason why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    /// A metric that could not be measured here.
    Unavailable {
        /// The instrument.
        instrument: Instrument,
        /// The reason.
        reason: &'static str,
    },
    /// The objective failed while an instrument read it.
    Failed {
        /// The instrument.
        instrument: Instrument,
        /// The message of the objective.
        reason: String,
    },
    /// A sample mean that says little about the mean of its distribution.
    Mean {
        /// The metric.
        metric: Metric,
        /// The reason for doubt.
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
            Warning::Unavailable { instrument, reason } => {
                write!(f, "{}: {reason}", instrument.name())
            }
            Warning::Failed { instrument, reason } => write!(f, "{}: {reason}", instrument.name()),
            Warning::Mean { metric, trust } => write!(f, "{metric}: {trust}"),
            Warning::Reference { rms, error } => write!(
                f,
                "the large-batch gradient has an error of {error:.2e}, the noise is {rms:.2e}: take \
                 more prompts for the reference"
            ),
        }
    }
}

/// Reason of a value that is infinite where nothing else is known.
const OVERFLOW: &str = "it exceeds the largest double, 1.8e308";
/// Reason of a value that is NaN where nothing else is known.
const UNDEFINED: &str = "it is not defined at this point, or a number on the way to it exceeds the \
                         largest double";

/// Values that instruments recorded at one point, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    values: Vec<(Name, f64)>,
    /// Metrics whose value is not finite, each with the reason.
    missing: Vec<(Name, String)>,
    warnings: Vec<Warning>,
}

impl Readings {
    /// Records the value of a metric. A second value of the same metric is dropped, because two
    /// instruments that share a metric share its value.
    pub fn record(&mut self, metric: impl Into<Name>, value: f64) {
        self.record_or(metric, value, if value.is_nan() { UNDEFINED } else { OVERFLOW });
    }

    /// Records the value of a metric, with a reason that is used if the value is not finite.
    pub fn record_or(
        &mut self,
        metric: impl Into<Name>,
        value: f64,
        reason: impl std::fmt::Display,
    ) {
        let metric = metric.into();
        if self.value(&metric).is_none() {
            if !value.is_finite() {
                self.missing.push((metric.clone(), reason.to_string()));
            }
            self.values.push((metric, value));
        }
    }

    /// Records the reason why a metric has no value. Its value is NaN.
    pub fn record_missing(&mut self, metric: impl Into<Name>, reason: impl std::fmt::Display) {
        self.record_or(metric, f64::NAN, reason);
    }

    /// Records an estimate with the ends of its 95 % interval, or the reason why there is none.
    pub fn estimate<E: std::fmt::Display>(
        &mut self,
        metric: Metric,
        estimate: Result<(f64, Interval), E>,
    ) {
        match estimate {
            Ok((value, interval)) => {
                self.record(&metric, value);
                for (end, value) in [(Part::Lo, interval.lo), (Part::Hi, interval.hi)] {
                    self.record_or(metric.clone().part(end), value, "the interval is open");
                }
            }
            Err(reason) => self.record_missing(metric, reason),
        }
    }

    /// Metrics whose value is not finite, each with the reason, in the order in which they were
    /// recorded.
    pub fn missing(&self) -> impl Iterator<Item = (&Name, &str)> {
        self.missing.iter().map(|(metric, reason)| (metric, reason.as_str()))
    }

    /// Records a warning.
    pub fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// The warnings, in the order in which they were recorded.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Instruments that measured nothing or only a part, each with the reason.
    pub fn unmeasured(&self) -> impl Iterator<Item = (Instrument, &str)> {
        self.warnings.iter().filter_map(|warning| match warning {
            Warning::Unavailable { instrument, reason } => Some((*instrument, *reason)),
            Warning::Failed { instrument, reason } => Some((*instrument, reason.as_str())),
            Warning::Mean { .. } | Warning::Reference { .. } => None,
        })
    }

    /// The value of a metric.
    ///
    /// # Errors
    /// A metric that no instrument recorded here.
    pub fn get(&self, metric: impl Into<Name>) -> Result<f64, Absent> {
        let name = metric.into();
        self.value(&name).ok_or_else(|| {
            let recorded: Vec<String> = self.iter().map(|(name, _)| name.to_string()).collect();
            Absent::from_names(name, recorded.iter().map(String::as_str))
        })
    }

    fn value(&self, name: &Name) -> Option<f64> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// All names and values, in the order in which they were recorded.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, f64)> {
        self.values.iter().map(|(name, value)| (name, *value))
    }
}
