//! The held-out loss, by which runs are compared, beside baselines that need no training.

use super::{Group, over_seeds, scale_of};
use crate::baseline::Baseline;
use windtunnel_figure::{Color, Figure, Line, Panel, Rule, Series};
use windtunnel_measure::metric::Metric;

/// Factor below the lowest loss at which a reference line is left out, because it would squeeze the
/// curves.
pub const FAR_BELOW: f64 = 1e-6;

/// Held-out loss over steps, mean and median over the prompts, with the losses of baselines on the
/// same prompts as dashed lines; `None` if no run has any.
pub fn held_out(groups: &[Group], lines: &[Baseline]) -> Option<Figure> {
    let panels = [
        (Metric::HeldOutLoss, "mean over prompts", (|line| line.mean) as fn(&Baseline) -> f64),
        (Metric::HeldOutMedian, "median over prompts", |line| line.median),
    ];
    let panel = |(metric, title, of): (Metric, &str, fn(&Baseline) -> f64)| {
        let curve = |group: &Group| over_seeds(group, &metric, &group.name, group.color).ok();
        let series: Vec<Series> = groups.iter().filter_map(curve).collect();
        let losses = series.iter().flat_map(|series| &series.center).copied();
        let positive = losses.filter(|loss| *loss > 0.0 && loss.is_finite());
        let floor = FAR_BELOW * positive.reduce(f64::min).unwrap_or(0.0);
        let colors = Color::CYCLE.iter().skip(2).chain(&Color::CYCLE);
        let rule = |(line, color): (&Baseline, &Color)| {
            let value = of(line);
            let line =
                Rule { name: line.name.clone(), color: *color, line: Line::Horizontal(value) };
            // The picture itself reports values that are not finite.
            (value > floor || !value.is_finite()).then_some(line)
        };
        let rules = lines.iter().zip(colors).filter_map(rule).collect();
        (!series.is_empty()).then(|| Panel {
            title: title.into(),
            x_label: "step".into(),
            y_label: metric.entry().axis.into(),
            y_scale: scale_of(&metric),
            rules,
            series,
            ..Panel::default()
        })
    };
    let panels: Vec<Panel> = panels.into_iter().filter_map(panel).collect();
    (!panels.is_empty()).then(|| Figure {
        title: "Held-out loss beside baselines in context".into(),
        panels,
        caption: format!(
            "{} Dashed: losses on the same prompts that need no training; lines more than {:e} times \
             below every curve are left out.",
            Group::seeds(groups),
            1.0 / FAR_BELOW
        ),
    })
}
