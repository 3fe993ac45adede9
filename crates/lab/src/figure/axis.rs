//! One axis: which numbers it covers and where along it a number lies.

use super::tick::{self, Tick};
use super::{Scale, symlog};

/// A range of numbers on a scale, never empty.
pub(super) struct Axis {
    scale: Scale,
    /// Ends in the coordinate of the scale: v, log₁₀ v, or as in [`symlog::coordinate`].
    lo: f64,
    hi: f64,
}

impl Axis {
    /// The axis over all of `values` that can be drawn, widened by the share `pad` at both ends.
    ///
    /// Values all alike are put in the middle; without any it covers 0..1, or 1..10. An axis
    /// that has zero is not padded across it.
    pub(super) fn new(scale: Scale, values: impl Iterator<Item = f64>, pad: f64) -> Self {
        let ends = values.filter_map(|v| coordinate(scale, v)).fold(None, |ends, u| {
            let (lo, hi) = ends.unwrap_or((u, u));
            Some((lo.min(u), hi.max(u)))
        });
        let (lo, hi) = ends.map_or((0.0, 1.0), |(lo, hi)| widened(scale, lo, hi, pad));
        Self { scale, lo, hi }
    }

    /// The axis from `first` to `last`, which may be the smaller one.
    pub(super) fn between(first: f64, last: f64) -> Self {
        Self { scale: Scale::Linear, lo: first, hi: last }
    }

    pub(super) fn is_linear(&self) -> bool {
        self.scale == Scale::Linear
    }

    /// Whether `value` has a place on this scale.
    pub(super) fn admits(&self, value: f64) -> bool {
        coordinate(self.scale, value).is_some()
    }

    /// Where `value` lies, 0 and 1 being the ends; nothing if it cannot be drawn.
    pub(super) fn fraction(&self, value: f64) -> Option<f64> {
        // Ends differ and are at most 2e300 apart: neither 0/0 nor an overflow.
        coordinate(self.scale, value).map(|u| (u - self.lo) / (self.hi - self.lo))
    }

    /// Scale, its linear part and both ends in its coordinate, for the script of a page.
    pub(super) fn described(&self) -> String {
        let (name, linear) = match self.scale {
            Scale::Linear => ("linear", 0.0),
            Scale::Log => ("log", 0.0),
            Scale::SymLog { linear } => ("symlog", linear),
        };
        format!("{name} {linear:e} {:e} {:e}", self.lo, self.hi)
    }

    /// The number at a fraction of the range.
    pub(super) fn value(&self, fraction: f64) -> f64 {
        let u = self.lo + fraction * (self.hi - self.lo);
        match self.scale {
            Scale::Linear => u,
            Scale::Log => 10f64.powf(u),
            Scale::SymLog { linear } => symlog::value(linear, u),
        }
    }

    /// Ticks inside the range, about `most` of them labelled, or half as many again on a log axis,
    /// where they are shorter and the decades cannot be thinned as finely.
    pub(super) fn ticks(&self, most: usize) -> Vec<Tick> {
        match self.scale {
            Scale::Linear => tick::linear(self.lo, self.hi, most),
            Scale::Log => tick::log(self.lo, self.hi, most + most / 2),
            Scale::SymLog { linear } => symlog::ticks(linear, self.lo, self.hi, most),
        }
    }
}

/// Numbers beyond 1e300, or on a log axis below its inverse, leave no room to widen a range.
fn coordinate(scale: Scale, value: f64) -> Option<f64> {
    match scale {
        Scale::Linear => (value.abs() <= 1e300).then_some(value),
        Scale::Log => (1e-300..=1e300).contains(&value).then(|| value.log10()),
        Scale::SymLog { linear } => {
            (value.abs() <= 1e300).then(|| symlog::coordinate(linear, value))
        }
    }
}

fn widened(scale: Scale, lo: f64, hi: f64, pad: f64) -> (f64, f64) {
    let size = lo.abs().max(hi.abs());
    let span = hi - lo;
    // Ticks of a narrower linear range would differ in digits that a label cannot show.
    let flat = match scale {
        Scale::Linear => span <= 1e-10 * size || span < 1e-290,
        Scale::Log | Scale::SymLog { .. } => span < 1e-6,
    };
    let by = match scale {
        _ if !flat => pad * span,
        Scale::Log | Scale::SymLog { .. } => 0.5,
        Scale::Linear if size < 1e-290 => 1.0,
        Scale::Linear => 0.1 * size,
    };
    let crosses = scale != Scale::Log && !flat && lo >= 0.0 && by > lo;
    (if crosses { 0.0 } else { lo - by }, hi + by)
}
