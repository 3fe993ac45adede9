//! Grid of learning rates 1, 2, 5, 10, … with the losses at them.

use serde::{Deserialize, Serialize};
use windtunnel_measure::stats::mean;

/// Number of values before a grid grows.
const VALUES: i32 = 10;
/// Times that a grid may grow by a decade, three values.
const GROWTHS: usize = 2;

/// Grid with its losses, as it is cached in the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Grid {
    /// Ascending values m·10^e, m in {1, 2, 5}, as 3e + (0, 1, 2).
    rungs: std::ops::Range<i32>,
    growths: usize,
    /// Losses of every value, seed by seed, `None` if a run diverged; empty before they are known.
    pub(super) losses: Vec<Vec<Option<f64>>>,
    /// Values at which a run of full length diverged.
    pub(super) rejected: Vec<i32>,
    /// Whether a run of full length diverged at the last value that was left.
    pub(super) unstable: bool,
}

/// The learning rate of a rung.
pub(super) fn value(rung: i32) -> f64 {
    let mantissa = [1, 2, 5][rung.rem_euclid(3) as usize];
    // Parsed, so that the number is the one a user would write.
    format!("{mantissa}e{}", rung.div_euclid(3)).parse().unwrap_or(f64::NAN)
}

impl Grid {
    /// A grid of ten values from 10^`decade` on, without losses.
    pub(super) fn new(decade: i32) -> Grid {
        Grid {
            rungs: 3 * decade..3 * decade + VALUES,
            growths: 0,
            losses: Vec::new(),
            rejected: Vec::new(),
            unstable: false,
        }
    }

    /// Its values, ascending.
    pub(super) fn values(&self) -> Vec<f64> {
        self.rungs.clone().map(value).collect()
    }

    /// Sets the losses of every value, seed by seed.
    pub(super) fn judge(&mut self, losses: Vec<Vec<Option<f64>>>) {
        self.losses = losses;
    }

    /// Adds a decade if the best is at an edge; returns whether it added none, so that the best can
    /// be tried.
    pub(super) fn grow(&mut self) -> bool {
        let best = self.best();
        let (first, last) = (best == 0 || self.left() == 0, best + 1 == self.losses.len());
        // Beyond a rejected rate there are no better ones.
        let grows = self.may_grow() && (first || last && self.rejected.is_empty());
        if grows {
            self.growths += 1;
            match first {
                true => self.rungs.start -= 3,
                false => self.rungs.end += 3,
            }
        }
        !grows
    }

    /// Whether another value is left if the best is rejected.
    pub(super) fn has_others(&self) -> bool {
        self.left() > 1 || self.may_grow()
    }

    /// Rejects the best.
    pub(super) fn reject(&mut self) {
        self.rejected.push(self.best_rung());
    }

    /// Index of the best value that is not rejected.
    pub(super) fn best(&self) -> usize {
        let means = self.means().into_iter().enumerate().filter(|(k, _)| !self.is_rejected(*k));
        means.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(k, _)| k)
    }

    pub(super) fn best_rung(&self) -> i32 {
        self.rungs.start + self.best() as i32
    }

    /// Criteria of the values: geometric means over seeds, infinite if one diverged.
    pub(super) fn means(&self) -> Vec<f64> {
        let log = |loss: &Option<f64>| loss.map_or(f64::INFINITY, f64::ln);
        let of = |losses: &Vec<Option<f64>>| mean(&losses.iter().map(log).collect::<Vec<_>>());
        self.losses.iter().map(|losses| of(losses).exp()).collect()
    }

    /// Number of values that neither diverged in the search nor were rejected.
    fn left(&self) -> usize {
        let means = self.means().into_iter().enumerate();
        means.filter(|(k, mean)| mean.is_finite() && !self.is_rejected(*k)).count()
    }

    fn is_rejected(&self, k: usize) -> bool {
        self.rejected.contains(&(self.rungs.start + k as i32))
    }

    fn may_grow(&self) -> bool {
        self.growths < GROWTHS
    }
}
