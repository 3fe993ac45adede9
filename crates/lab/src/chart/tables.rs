//! Tables of ratios between optimizers and of shares of negative steps.

use windtunnel_measure::landscape::Convention;
use windtunnel_measure::metric::Metric;
use windtunnel_measure::stats::Location;

use super::{Group, Member, directions};
use windtunnel_figure::table::{Table, number};

/// Ratios of the robust condition number between two groups at `steps`, seed by seed, in every
/// convention.
///
/// The mean over seeds of the ratio is the statistic of Ahn et al. The geometric mean does not
/// prefer one order of the two over the other. `None` if no seed and step have both.
pub fn condition_ratios(a: &Group, b: &Group, steps: &[u64]) -> Option<Table> {
    let mut rows = Vec::new();
    for convention in Convention::all() {
        let metric = Metric::robust_condition_number(convention);
        for &step in steps {
            let ratios = ratios(a, b, &metric, step);
            if ratios.is_empty() {
                continue;
            }
            let names = [convention.name(), step.to_string(), ratios.len().to_string()];
            rows.push(names.into_iter().chain(ratio_cells(&ratios)).collect());
        }
    }
    let head = ["convention", "step", "seeds", "mean ratio", "95 %", "geometric mean", "95 %"];
    let title = format!(
        "Robust condition number, {} / {}, seed by seed (Student's intervals over seeds; diag.lower.all is the \
         paper's convention)",
        a.name, b.name
    );
    (!rows.is_empty()).then(|| Table::new(&title, &head, rows))
}

/// Mean and geometric mean of ratios, each with its interval, or the reason if a ratio is not
/// finite or not above zero.
fn ratio_cells(ratios: &[f64]) -> [String; 4] {
    let unusable = ratios.iter().filter(|ratio| !(**ratio > 0.0 && ratio.is_finite())).count();
    if unusable > 0 {
        let reason = format!("none: {unusable} of {} ratios not finite or zero", ratios.len());
        return [reason, String::new(), String::new(), String::new()];
    }
    let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
    let (arithmetic, geometric) = (Location::mean(ratios), Location::mean(&logs));
    let span = |lo: f64, hi: f64| match lo.is_nan() || hi.is_nan() {
        true => "one seed".into(),
        false => format!("{} to {}", number(lo), number(hi)),
    };
    [
        number(arithmetic.value),
        span(arithmetic.interval.lo, arithmetic.interval.hi),
        number(geometric.value.exp()),
        span(geometric.interval.lo.exp(), geometric.interval.hi.exp()),
    ]
}

/// Members of two groups with the same seed.
fn pairs<'a>(a: &'a Group, b: &'a Group) -> impl Iterator<Item = (&'a Member, &'a Member)> {
    let other = |member: &'a Member| b.members.iter().find(|other| other.seed == member.seed);
    a.members.iter().filter_map(move |member| Some((member, other(member)?)))
}

fn ratios(a: &Group, b: &Group, metric: &Metric, step: u64) -> Vec<f64> {
    let ratio = |(a, b): (&Member, &Member)| Some(a.value(metric, step)? / b.value(metric, step)?);
    pairs(a, b).filter_map(ratio).collect()
}

/// Share of measured steps along which the loss bends downwards.
pub fn negative_steps(groups: &[Group]) -> Option<Table> {
    let directions = directions(groups);
    let mut rows = Vec::new();
    for group in groups {
        for member in &group.members {
            for (metric, direction) in &directions {
                let series = member.curve(metric);
                let values: Vec<f64> = series.into_iter().map(|(_, value)| value).collect();
                if !values.is_empty() {
                    let names = [group.name.clone(), member.seed.to_string(), direction.clone()];
                    rows.push(names.into_iter().chain([negative_cell(&values)]).collect());
                }
            }
        }
    }
    let head = ["run", "seed", "direction", "negative steps"];
    (!rows.is_empty()).then(|| Table::new("Directional smoothness below zero", &head, rows))
}

/// Number of values below zero, in words. Values that are not numbers are not counted; the text
/// says how many.
fn negative_cell(values: &[f64]) -> String {
    let numbers: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    let negative = numbers.iter().filter(|value| **value < 0.0).count();
    let share = 100.0 * negative as f64 / numbers.len() as f64;
    let counted = format!("{negative} of {} ({share:.1} %)", numbers.len());
    match values.len() - numbers.len() {
        0 => counted,
        n if numbers.is_empty() => format!("none: not a number at all {n} steps"),
        n => format!("{counted}; {n} not a number, left out"),
    }
}
