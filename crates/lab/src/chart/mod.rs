//! Pictures and tables of what instruments found, from rows alone where rows have it.
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

pub use curve::over_seeds;
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

use windtunnel_figure::Color;
use windtunnel_runs::store::{Row, RunId};

/// The rows of one run.
#[derive(Clone, Debug)]
pub struct Member {
    /// The run.
    pub run: RunId,
    /// Its seed.
    pub seed: u64,
    /// What was recorded or measured.
    pub rows: Vec<Row>,
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
    /// What curve, band and faint lines are, for captions.
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
                format!(
                    "Lines: mean over seeds ({}). Bands: 95 % bootstrap interval of that mean. \
                     Faint: single seeds.",
                    listed.join("; ")
                )
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
    /// The value of a metric at a step; the latest where there are several.
    fn at(&self, metric: &str, step: u64) -> Option<f64> {
        let row = self.rows.iter().rev().find(|row| row.step == step && row.metric == metric);
        row.map(|row| row.value)
    }

    /// The steps at which a metric was measured, ascending, with its values.
    fn series(&self, metric: &str) -> Vec<(u64, f64)> {
        let own = self.rows.iter().filter(|row| row.metric == metric);
        let mut series: Vec<(u64, f64)> = own.map(|row| (row.step, row.value)).collect();
        series.sort_by_key(|(step, _)| *step);
        series.dedup_by_key(|(step, _)| *step);
        series
    }
}
