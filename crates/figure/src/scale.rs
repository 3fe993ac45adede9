//! Scales: numbers to coordinates along an axis and back.

/// Map from numbers to lengths along an axis, or to colours.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Scale {
    /// Lengths in proportion to numbers.
    #[default]
    Linear,
    /// Equal ratios, equal lengths.
    Log,
    /// Linear within ±`linear`, which takes the room of a decade; equal ratios beyond, both ways.
    SymLog {
        /// End of the linear part; nothing can be drawn unless it is positive and finite.
        linear: f64,
    },
}

impl Scale {
    /// Whether anything can be drawn on this scale.
    pub(super) fn is_usable(self) -> bool {
        match self {
            Self::Linear | Self::Log => true,
            Self::SymLog { linear } => linear > 0.0 && linear.is_finite(),
        }
    }

    /// Whether `value` has a place on this scale: if finite, and on a log axis above zero.
    pub(super) fn admits(self, value: f64) -> bool {
        self.coordinate(value).is_some()
    }

    /// v, log₁₀ v, or as in [`symlog_coordinate`]; nothing if `value` has no place.
    pub(super) fn coordinate(self, value: f64) -> Option<f64> {
        match self {
            Self::Linear => value.is_finite().then_some(value),
            Self::Log => (value > 0.0 && value.is_finite()).then(|| value.log10()),
            Self::SymLog { linear } => {
                (value.is_finite() && self.is_usable()).then(|| symlog_coordinate(linear, value))
            }
        }
    }

    /// The number at a coordinate.
    pub(super) fn value(self, coordinate: f64) -> f64 {
        match self {
            Self::Linear => coordinate,
            Self::Log => power_of_ten(coordinate),
            Self::SymLog { linear } => symlog_value(linear, coordinate),
        }
    }
}

/// 10ᵘ, the largest number where that is beyond it.
pub(super) fn power_of_ten(u: f64) -> f64 {
    10f64.powf(u).min(f64::MAX)
}

/// sign(v) (1 + log₁₀(|v|/linear)) beyond ±`linear`, v/linear between: continuous and increasing
/// for any `linear` that is positive and finite.
pub(super) fn symlog_coordinate(linear: f64, value: f64) -> f64 {
    if value.abs() <= linear {
        return value / linear;
    }
    // A difference of logarithms: the quotient may overflow.
    value.signum() * (1.0 + value.abs().log10() - linear.log10())
}

/// The number at a coordinate of [`symlog_coordinate`].
pub(super) fn symlog_value(linear: f64, coordinate: f64) -> f64 {
    if coordinate.abs() <= 1.0 {
        return coordinate * linear;
    }
    coordinate.signum() * power_of_ten(coordinate.abs() - 1.0 + linear.log10())
}
