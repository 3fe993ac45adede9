//! One axis: the range of numbers that it covers, and the place of a number along it.

use super::scale::Scale;
use super::symlog;
use super::tick::{self, Tick};

/// Farthest place, in lengths of the axis: farther ones are cut here, so that pixels do not
/// overflow.
const FARTHEST: f64 = 1e304;

/// A range of numbers on a scale, never empty.
pub(super) struct Axis {
    scale: Scale,
    /// Ends in the coordinate of the scale, as in [`Scale::coordinate`].
    lo: f64,
    hi: f64,
}

impl Axis {
    /// The axis over all of `values` that can be drawn, widened by the share `pad` at both ends.
    ///
    /// Values all alike are put in the middle; without any it covers 0..1, or 1..10. An axis
    /// that has zero is not padded across it.
    pub(super) fn new(scale: Scale, values: impl Iterator<Item = f64>, pad: f64) -> Self {
        let ends = values.filter_map(|v| scale.coordinate(v)).fold(None, |ends, u| {
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
        self.scale.admits(value)
    }

    /// Place of `value` along the axis, 0 and 1 being the ends; nothing if it cannot be drawn.
    pub(super) fn fraction(&self, value: f64) -> Option<f64> {
        // Ends differ: no 0/0. Halves: differences may be twice the largest number.
        let (lo, hi) = (self.lo / 2.0, self.hi / 2.0);
        let fraction = |u: f64| (u / 2.0 - lo) / (hi - lo);
        self.scale.coordinate(value).map(|u| fraction(u).clamp(-FARTHEST, FARTHEST))
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
        let span = self.hi - self.lo;
        let u = match span.is_finite() {
            true => self.lo + fraction * span,
            false => self.lo * (1.0 - fraction) + self.hi * fraction,
        };
        self.scale.value(u)
    }

    /// Ticks inside the range, about `most` of them labelled, or half as many again on a log axis,
    /// where they are shorter and the decades cannot be thinned as finely.
    pub(super) fn ticks(&self, most: usize) -> Vec<Tick> {
        match self.scale {
            _ if !self.scale.is_usable() => Vec::new(),
            Scale::Linear => tick::linear(self.lo, self.hi, most),
            Scale::Log => tick::log(self.lo, self.hi, most + most / 2),
            Scale::SymLog { linear } => symlog::ticks(linear, self.lo, self.hi, most),
        }
    }
}

fn widened(scale: Scale, lo: f64, hi: f64, pad: f64) -> (f64, f64) {
    let size = lo.abs().max(hi.abs());
    // Halves: the ends may be twice the largest number apart.
    let half = hi / 2.0 - lo / 2.0;
    // Ticks of a narrower linear range would differ in digits that a label cannot show.
    let flat = match scale {
        Scale::Linear => half <= 0.5e-10 * size || half < 0.5e-307,
        Scale::Log | Scale::SymLog { .. } => half < 0.5e-6,
    };
    let by = match scale {
        _ if !flat => 2.0 * (pad * half),
        Scale::Log | Scale::SymLog { .. } => 0.5,
        Scale::Linear if size < 1e-307 => 1.0,
        Scale::Linear => 0.1 * size,
    };
    let crosses = scale != Scale::Log && !flat && lo >= 0.0 && by > lo;
    (if crosses { 0.0 } else { (lo - by).max(f64::MIN) }, (hi + by).min(f64::MAX))
}
