//! A metric over steps as a curve with its band.

use windtunnel_measure::metric::{Absent, Metric};
use windtunnel_measure::stats::{mean, simultaneous_band};

use super::{Group, scale_of};
use windtunnel_figure::{Band, Color, MemberCurve, Scale, Series};

/// Meaning of line, band and faint lines for captions; `seeds` is their number.
pub fn meaning(seeds: &str) -> String {
    format!(
        "Lines: mean over {seeds} seeds, geometric where the scale of y is logarithmic. Bands: contain \
         the whole of that mean curve with 95 % (none for fewer than 6 seeds). Faint: single seeds."
    )
}

/// A metric of one group: mean over seeds, geometric where the metric has a logarithmic scale, its
/// simultaneous 95 % band where there are enough seeds (see [`simultaneous_band`]), single seeds
/// faint.
///
/// A seed that was not measured at some step makes a gap there.
///
/// # Errors
/// A metric that no seed recorded.
pub fn over_seeds(
    group: &Group,
    metric: &Metric,
    name: &str,
    color: Color,
) -> Result<Series, Absent> {
    let curves: Vec<_> = group.members.iter().map(|member| member.curve(metric)).collect();
    let mut steps: Vec<u64> = curves.iter().flatten().map(|(step, _)| *step).collect();
    steps.sort_unstable();
    steps.dedup();
    if steps.is_empty() {
        let rows = group.members.iter().flat_map(|member| member.rows.iter());
        return Err(Absent::from_names(metric.into(), rows.map(|row| row.metric.as_str())));
    }
    let value = |curve: &[(u64, f64)], step: u64| {
        let found = curve.binary_search_by_key(&step, |(step, _)| *step);
        found.map_or(f64::NAN, |at| curve[at].1)
    };
    let columns: Vec<Vec<f64>> =
        steps.iter().map(|&step| curves.iter().map(|curve| value(curve, step)).collect()).collect();
    let is_log = scale_of(metric) == Scale::Log && curves.len() > 1;
    let there = |x: f64| if is_log { x.ln() } else { x };
    let back = |x: f64| if is_log { x.exp() } else { x };
    let averaged: Vec<Vec<f64>> =
        columns.iter().map(|column| column.iter().map(|x| there(*x)).collect()).collect();
    let mut series = Series::new(
        name,
        color,
        steps.iter().map(|&step| step as f64).collect(),
        averaged.iter().map(|column| back(mean(column))).collect(),
    );
    if curves.len() > 1 {
        series.band = simultaneous_band(&averaged).map(|band| Band {
            lo: band.iter().map(|interval| back(interval.lo)).collect(),
            hi: band.iter().map(|interval| back(interval.hi)).collect(),
        });
        let member = |(member, k): (&super::Member, usize)| MemberCurve {
            name: format!("seed {}", member.seed),
            y: columns.iter().map(|column| column[k]).collect(),
        };
        series.members = group.members.iter().zip(0..).map(member).collect();
    }
    Ok(series)
}
