//! Pictures and tables of recorded metrics, from rows alone where possible.
//!
//! Runs that differ in nothing but the seed are a [`Group`]: one curve with its band.

mod curve;
mod generalized;
mod groups;
mod held_out;
mod hessian;
mod noise;
mod tables;
mod time;

pub use curve::{meaning, over_seeds, over_seeds_and_batches};
pub use generalized::generalized_panel;
pub use generalized::{generalized, generalized_fits};
pub use groups::groups;
pub use held_out::FAR_BELOW;
pub use held_out::held_out;
pub use hessian::hessian;
pub use noise::{histogram, qq_of_gaussian};
pub use noise::{noise, noise_by_coordinate};
pub use tables::{condition_ratios, negative_steps};
pub use time::{
    conditioning, heterogeneity, losses, smoothness, spectrum, stability, update_geometry,
};

use std::collections::BTreeSet;

use windtunnel_figure::{Color, Scale};
use windtunnel_measure::metric::{self, Absent, Metric, Name};
use windtunnel_runs::store::{Row, RunId};

use crate::rows::Rows;

/// Size below which scales of metrics with both signs are linear.
pub const LINEAR: f64 = 1e-3;

/// The scale on which a metric is drawn.
pub fn scale_of(metric: &Metric) -> Scale {
    match metric.entry().scale {
        metric::Scale::Linear => Scale::Linear,
        metric::Scale::Log => Scale::Log,
        metric::Scale::SymLog => Scale::SymLog { linear: LINEAR },
    }
}

/// The rows of one run.
#[derive(Clone, Debug)]
pub struct Member {
    /// The run.
    pub run: RunId,
    /// Seed of the run.
    pub seed: u64,
    /// Recorded and measured rows.
    pub rows: Rows,
}

/// Runs that differ in nothing but the seed.
#[derive(Clone, Debug)]
pub struct Group {
    /// Name in legends.
    pub name: String,
    /// Colour of its curves.
    pub color: Color,
    /// The runs, by seed.
    pub members: Vec<Member>,
}

impl Group {
    /// Meaning of curve, band and faint lines, for captions.
    fn seeds(groups: &[Group]) -> String {
        match groups.iter().map(|group| group.members.len()).max() {
            Some(2..) => {
                let listed: Vec<String> = groups
                    .iter()
                    .map(|group| {
                        let seeds: Vec<String> =
                            group.members.iter().map(|m| m.seed.to_string()).collect();
                        format!("{} {}", group.name, seeds.join(", "))
                    })
                    .collect();
                format!("Seeds: {}. {}", listed.join("; "), meaning("these"))
            }
            _ => {
                let listed: Vec<String> = groups
                    .iter()
                    .flat_map(|group| {
                        let name = |m: &Member| format!("{} seed {}", group.name, m.seed);
                        group.members.iter().map(name).collect::<Vec<_>>()
                    })
                    .collect();
                format!("One run per line, no band: {}.", listed.join("; "))
            }
        }
    }
}

impl Member {
    /// The rows of a metric, in the order in which they were recorded; empty if it was not
    /// recorded.
    pub fn rows_of(&self, metric: impl Into<Name>) -> impl DoubleEndedIterator<Item = &Row> {
        self.rows.of(metric)
    }

    /// The value of a metric at a step; the latest where there are several.
    ///
    /// # Errors
    /// A metric that was not recorded, or not at that step.
    pub fn at(&self, metric: impl Into<Name>, step: u64) -> Result<f64, Absent> {
        let name = metric.into();
        self.value(&name, step).ok_or_else(|| match self.series(&name) {
            Ok(series) => Absent::at_step(name, step, series.into_iter().map(|(step, _)| step)),
            Err(absent) => absent,
        })
    }

    /// The steps at which a metric was recorded, ascending, with its values.
    ///
    /// # Errors
    /// A metric that was not recorded.
    pub fn series(&self, metric: impl Into<Name>) -> Result<Vec<(u64, f64)>, Absent> {
        let name = metric.into();
        let series = self.curve(&name);
        match series.is_empty() {
            true => Err(self.absent(name)),
            false => Ok(series),
        }
    }

    /// The error for a metric that was not recorded.
    fn absent(&self, name: Name) -> Absent {
        Absent::from_names(name, self.rows.iter().map(|row| row.metric.as_str()))
    }

    /// The value at a step, the latest if there are several; `None` if it was not recorded.
    pub fn value(&self, metric: impl Into<Name>, step: u64) -> Option<f64> {
        self.rows_of(metric).rev().find(|row| row.step == step).map(|row| row.value)
    }

    /// The values over steps of a metric; empty if it was not recorded.
    fn curve(&self, metric: impl Into<Name>) -> Vec<(u64, f64)> {
        let own = self.rows_of(metric);
        let mut curve: Vec<(u64, f64)> = own.map(|row| (row.step, row.value)).collect();
        curve.sort_by_key(|(step, _)| *step);
        curve.dedup_by_key(|(step, _)| *step);
        curve
    }
}

/// The directions along which directional smoothness was recorded, with their names: the step
/// taken, −g, and the steps of other optimizers by name.
fn directions(groups: &[Group]) -> Vec<(Metric, String)> {
    let members = groups.iter().flat_map(|group| &group.members);
    let names = members.flat_map(|member| member.rows.iter()).map(|row| row.metric.as_str());
    let names: BTreeSet<&str> = names.collect();
    let of = |name: &str| {
        let metric = name.parse::<Name>().ok()?.metric().clone();
        let direction = match &metric {
            Metric::DirectionalSmoothness => "step taken".into(),
            Metric::DirectionalSmoothnessNegGrad => "−g".into(),
            Metric::DirectionalSmoothnessFor(optimizer) => format!("step of {optimizer}"),
            _ => return None,
        };
        Some((metric, direction))
    };
    let mut found: Vec<(Metric, String)> = names.into_iter().filter_map(of).collect();
    let rank = |metric: &Metric| match metric {
        Metric::DirectionalSmoothness => 0,
        Metric::DirectionalSmoothnessNegGrad => 1,
        _ => 2,
    };
    found.sort_by_key(|(metric, _)| rank(metric));
    found
}
