//! A metric over steps as a curve with its band.

use windtunnel_measure::metric::{Absent, Metric};
use windtunnel_measure::stats::{median, median_band};

use super::Group;
use windtunnel_figure::{Band, Color, MemberCurve, Series};

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
        columns.iter().map(|column| median(column)).collect(),
    );
    if curves.len() > 1 {
        series.band = median_band(&columns).map(|band| Band {
            lo: band.iter().map(|interval| interval.lo).collect(),
            hi: band.iter().map(|interval| interval.hi).collect(),
        });
        let member = |(member, k): (&super::Member, usize)| MemberCurve {
            name: format!("seed {}", member.seed),
            y: columns.iter().map(|column| column[k]).collect(),
        };
        series.members = group.members.iter().zip(0..).map(member).collect();
    }
    Ok(series)
}
