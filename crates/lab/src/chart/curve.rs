//! A metric over steps as a curve with its band.

use windtunnel_measure::metric::{Absent, Metric, Name};
use windtunnel_measure::stats::{mean, median, median_band};

use super::{Group, Member, scale_of};
use windtunnel_figure::{Band, Color, MemberCurve, Scale, Series};

/// Meaning of line, band and faint lines for captions; `seeds` is their number.
pub fn meaning(seeds: &str) -> String {
    format!(
        "Lines: median over {seeds} seeds. Bands: contain the whole of that median curve with 95 %, \
         where there are seeds enough for one. Faint: single seeds."
    )
}

/// A metric of one group: median over seeds, which no spike of a single run moves, its 95 % band
/// where there are enough seeds (see [`median_band`]), single seeds faint.
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
    over_seeds_and_batches(group, (metric, &[metric.into()]), name, color)
}

/// As [`over_seeds`], each seed by its typical value on held-out batches, for which the metric has
/// these `names`: the geometric mean where its scale is logarithmic, else the median.
///
/// # Errors
/// A metric that no seed recorded on all of them.
pub fn over_seeds_and_batches(
    group: &Group,
    (metric, names): (&Metric, &[Name]),
    name: &str,
    color: Color,
) -> Result<Series, Absent> {
    let is_log = scale_of(metric) == Scale::Log;
    let curves: Vec<_> = group.members.iter().map(|member| pooled(member, names, is_log)).collect();
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
        columns.iter().map(|column| center(column)).collect(),
    );
    if curves.len() > 1 {
        series.band = median_band(&columns).map(|band| Band {
            lo: band.iter().map(|interval| interval.lo).collect(),
            hi: band.iter().map(|interval| interval.hi).collect(),
        });
        let member = |(member, k): (&Member, usize)| MemberCurve {
            name: format!("seed {}", member.seed),
            y: columns.iter().map(|column| column[k]).collect(),
        };
        series.members = group.members.iter().zip(0..).map(member).collect();
    }
    Ok(series)
}

/// Median of the seeds, NaN if one is missing.
fn center(column: &[f64]) -> f64 {
    if column.iter().any(|x| x.is_nan()) { f64::NAN } else { median(column) }
}

/// Typical values over several names of a metric, at the steps where all of them were recorded.
fn pooled(member: &Member, names: &[Name], is_log: bool) -> Vec<(u64, f64)> {
    let curves: Vec<_> = names.iter().map(|name| member.curve(name)).collect();
    let [first, others @ ..] = curves.as_slice() else { return Vec::new() };
    let value = |curve: &Vec<(u64, f64)>, step: u64| {
        let found = curve.binary_search_by_key(&step, |(step, _)| *step);
        found.ok().map(|at| curve[at].1)
    };
    let at = |&(step, own): &(u64, f64)| {
        let all: Option<Vec<f64>> = others.iter().map(|curve| value(curve, step)).collect();
        let all = [vec![own], all?].concat();
        Some((
            step,
            match is_log && all.len() > 1 {
                true => mean(&all.iter().map(|x| x.ln()).collect::<Vec<_>>()).exp(),
                false => median(&all),
            },
        ))
    };
    first.iter().filter_map(at).collect()
}
