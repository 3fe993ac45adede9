//! (L₀, L₁)-smoothness: smoothness against gradient norm, and the line through it.

use windtunnel_core::stats::{Interval, LogLine, log_line, log_line_through, spearman};

use super::{Group, Member};
use crate::figure::Color;
use crate::figure::{Figure, Line, Panel, Points, Rule, Scale};
use crate::table::{Table, number};

/// The three smoothnesses, by metric and by name.
const METRICS: [(&str, &str); 3] = [
    ("hessian_norm", "‖H‖_{2}"),
    ("path_smoothness", "path smoothness"),
    ("directional_smoothness", "u^{T}Hu along the step"),
];
/// Fewest points that a line is fitted through.
const FEWEST: usize = 10;

/// (step, ‖∇f‖, smoothness) wherever both were measured.
fn points(member: &Member, metric: &str) -> Vec<(u64, f64, f64)> {
    let norms = member.series("held_out_grad_norm");
    let both = norms.into_iter().filter_map(|(step, x)| Some((step, x, member.at(metric, step)?)));
    both.filter(|(_, x, y)| x.is_finite() && y.is_finite()).collect()
}

/// The line smoothness = L₀ + L₁‖∇f‖ with its rank correlation.
struct Fit {
    line: LogLine,
    correlation: (f64, Interval),
    points: usize,
}

fn fit(points: &[(u64, f64, f64)]) -> Option<Fit> {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|(_, x, y)| (*x, *y)).unzip();
    // Neighbours of a trajectory depend on each other over about the cube root of its length.
    let block = ((x.len() as f64).cbrt().ceil() as usize).max(1);
    (x.len() >= FEWEST).then(|| Fit {
        line: log_line(&x, &y, block),
        correlation: spearman(&x, &y),
        points: x.len(),
    })
}

/// Smoothness against gradient norm for one run, coloured by step; nothing without enough steps.
pub fn generalized(group: &Group, member: &Member) -> Option<Figure> {
    let panels: Vec<Panel> = METRICS.iter().filter_map(|m| generalized_panel(member, *m)).collect();
    (!panels.is_empty()).then(|| Figure {
        title: format!("Generalized smoothness: {}", group.name),
        panels,
        caption: format!(
            "Seed {}. Held-out loss, in double precision, at the steps of the colour bar; both \
             scales logarithmic, so values that are not positive are missing here: see the share of \
             negative steps. Line: L_{{0}} + L_{{1}}‖∇f‖ of least mean absolute error of the logarithm.",
            member.seed
        ),
    })
}

pub fn generalized_panel(member: &Member, (metric, name): (&str, &str)) -> Option<Panel> {
    let points = points(member, metric);
    if points.len() < FEWEST {
        return None;
    }
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|(_, x, y)| (*x, *y)).unzip();
    let (intercept, slope) = log_line_through(&x, &y);
    Some(Panel {
        title: name.into(),
        x_label: "‖∇f‖".into(),
        y_label: "smoothness".into(),
        x_scale: Scale::Log,
        y_scale: Scale::Log,
        shade_label: "step".into(),
        // Most of what happens happens early.
        shade_scale: Scale::SymLog { linear: 1.0 },
        points: vec![Points {
            name: String::new(),
            color: Color::BLACK,
            x,
            y,
            shade: Some(points.iter().map(|p| p.0 as f64).collect()),
        }],
        rules: vec![Rule {
            name: "fit".into(),
            color: Color::RED,
            line: Line::Slope { slope, intercept },
        }],
        ..Panel::default()
    })
}

/// L₀, L₁ and rank correlation of every run that was measured at enough steps.
pub fn generalized_fits(groups: &[Group]) -> Option<Table> {
    let mut rows = Vec::new();
    for group in groups {
        for member in &group.members {
            for (metric, _) in METRICS {
                let Some(fit) = fit(&points(member, metric)) else { continue };
                let with = |value: f64, interval: Interval| {
                    format!(
                        "{} ({} to {})",
                        number(value),
                        number(interval.lo),
                        number(interval.hi)
                    )
                };
                rows.push(vec![
                    group.name.clone(),
                    member.seed.to_string(),
                    metric.into(),
                    fit.points.to_string(),
                    with(fit.line.intercept, fit.line.intercept_interval),
                    with(fit.line.slope, fit.line.slope_interval),
                    with(fit.correlation.0, fit.correlation.1),
                ]);
            }
        }
    }
    let head = ["run", "seed", "smoothness", "steps", "L0", "L1", "rank correlation"];
    (!rows.is_empty()).then(|| {
        Table::new(
            "smoothness = L0 + L1 * gradient norm, least absolute error of the logarithm (95 % moving-block \
             bootstrap)",
            &head,
            rows,
        )
    })
}
