//! An entry of the catalogue.

use std::fmt;

use super::Instrument;

/// Description of a metric, or of a family of metrics whose name has parameters.
#[derive(Debug)]
pub struct Entry {
    /// Name in rows; parameters in braces, as in `eigenvalue.{rank}`.
    pub name: &'static str,
    /// The parameters of the name, each with its allowed values.
    pub parameters: &'static [(&'static str, &'static str)],
    /// Label of an axis, which may raise and lower as figures do: `λ_{max}`.
    pub axis: &'static str,
    /// Unit of the values.
    pub unit: Unit,
    /// Scale that shows the values.
    pub scale: Scale,
    /// Direction in which a run is better.
    pub better: Better,
    /// Recorder of the metric: training or instruments.
    pub by: RecordedBy,
    /// Parts that can be recorded beside the value.
    pub parts: &'static [Part],
    /// Definition, in one line.
    pub meaning: &'static str,
}

/// Unit of a metric. The loss is a squared difference of labels. Parameters have no unit of their
/// own, but a derivative with respect to them is marked as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Unit of the loss f.
    Loss,
    /// Unit of ∇f.
    LossPerParameter,
    /// Unit of the Hessian H.
    LossPerSquaredParameter,
    /// Unit of D⁻¹H, where D has the unit of ∇f.
    PerParameter,
    /// Unit of θ.
    Parameter,
    /// A pure number.
    One,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Loss => "loss",
            Unit::LossPerParameter => "loss/θ",
            Unit::LossPerSquaredParameter => "loss/θ²",
            Unit::PerParameter => "1/θ",
            Unit::Parameter => "θ",
            Unit::One => "1",
        })
    }
}

/// Scale of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Linear scale.
    Linear,
    /// Logarithmic scale, for positive values.
    Log,
    /// Scale that is linear around 0 and logarithmic beyond, for values of both signs.
    SymLog,
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scale::Linear => "linear",
            Scale::Log => "log",
            Scale::SymLog => "symlog",
        })
    }
}

/// Direction in which a run is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Lower values.
    Lower,
    /// Higher values.
    Higher,
    /// The metric describes a run and does not rank it.
    Neither,
}

impl fmt::Display for Better {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Better::Lower => "lower",
            Better::Higher => "higher",
            Better::Neither => "neither",
        })
    }
}

/// Recorder of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedBy {
    /// Every training run.
    Training,
    /// Each of these instruments.
    Instruments(&'static [Instrument]),
}

impl fmt::Display for RecordedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordedBy::Training => f.write_str("training"),
            RecordedBy::Instruments(instruments) => {
                let names: Vec<&str> = instruments.iter().map(|i| i.name()).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

/// Value that can be recorded beside the value of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Lower end of the 95 % interval.
    Lo,
    /// Upper end of the 95 % interval.
    Hi,
    /// Standard error.
    StandardError,
    /// ‖Hv − θv‖ of the eigenpair (θ, v), rounding included: an eigenvalue lies within it.
    Residual,
    /// Exact value of the estimated quantity.
    Exact,
}

impl Part {
    /// All parts.
    pub const ALL: [Part; 5] =
        [Part::Lo, Part::Hi, Part::StandardError, Part::Residual, Part::Exact];

    /// Suffix after the name of the metric and a dot.
    pub const fn suffix(self) -> &'static str {
        match self {
            Part::Lo => "lo",
            Part::Hi => "hi",
            Part::StandardError => "se",
            Part::Residual => "residual",
            Part::Exact => "exact",
        }
    }

    /// Whether the part is an end of an interval, which may be open.
    pub fn is_end(self) -> bool {
        matches!(self, Part::Lo | Part::Hi)
    }

    /// Whether the part tells the error of the value, and is shown beside it.
    pub fn is_error(self) -> bool {
        self != Part::Exact
    }
}
