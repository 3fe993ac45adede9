//! A metric over steps as a curve with its band.

use windtunnel_measure::metric::{Absent, Metric};
use windtunnel_measure::stats::{Interval, mean, mean_interval};

use super::Group;
use windtunnel_figure::{Band, Color, Member, Series};

/// A metric of one group: mean over seeds, 95 % bootstrap band where there are two or more, single
/// seeds faint.
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
    let mut series = Series::new(
        name,
        color,
        steps.iter().map(|&step| step as f64).collect(),
        columns.iter().map(|column| mean(column)).collect(),
    );
    if curves.len() > 1 {
        let intervals: Vec<Interval> = columns.iter().map(|column| mean_interval(column)).collect();
        series.band = Some(Band {
            lo: intervals.iter().map(|interval| interval.lo).collect(),
            hi: intervals.iter().map(|interval| interval.hi).collect(),
        });
        let member = |(member, k): (&super::Member, usize)| Member {
            name: format!("seed {}", member.seed),
            y: columns.iter().map(|column| column[k]).collect(),
        };
        series.members = group.members.iter().zip(0..).map(member).collect();
    }
    Ok(series)
}
