//! (L₀, L₁)-smoothness: smoothness against gradient norm, and the line through it.

use std::collections::BTreeMap;

use windtunnel_measure::metric::Metric;
use windtunnel_measure::stats::{Interval, LogLine, log_line, log_line_through, spearman};

use super::{Group, Member};
use windtunnel_figure::Color;
use windtunnel_figure::table::{Table, number, with_interval};
use windtunnel_figure::{Figure, Line, Panel, Points, Rule, Scale};

/// The three smoothnesses, by metric and by name.
const METRICS: [(Metric, &str); 3] = [
    (Metric::HessianNorm, "‖H‖_{2}"),
    (Metric::PathSmoothness, "path smoothness"),
    (Metric::DirectionalSmoothness, "u^{T}Hu along the step"),
];
/// Fewest points that a line is fitted through.
const FEWEST: usize = 10;

/// Steps at which gradient norm and smoothness were both measured.
struct Measured {
    /// (step, ‖∇f‖, smoothness), finite.
    points: Vec<(u64, f64, f64)>,
    /// Number of steps at which one of the two is not finite.
    not_finite: usize,
}

impl Measured {
    fn of(member: &Member, metric: &Metric) -> Self {
        let smoothness: BTreeMap<u64, f64> = member.curve(metric).into_iter().collect();
        let norms = member.curve(Metric::HeldOutGradNorm).into_iter();
        let both = norms.filter_map(|(step, x)| Some((step, x, *smoothness.get(&step)?)));
        let (points, others): (Vec<_>, Vec<_>) =
            both.partition(|(_, x, y)| x.is_finite() && y.is_finite());
        Self { points, not_finite: others.len() }
    }

    fn steps(&self) -> usize {
        self.points.len() + self.not_finite
    }

    fn coordinates(&self) -> (Vec<f64>, Vec<f64>) {
        self.points.iter().map(|(_, x, y)| (*x, *y)).unzip()
    }

    /// Points that a line of logarithms can be fitted through.
    fn positive(&self) -> usize {
        self.points.iter().filter(|(_, x, y)| *x > 0.0 && *y > 0.0).count()
    }

    /// A sentence on the steps that are left out; empty if all are used.
    fn note(&self) -> String {
        let (steps, few) = (self.steps(), self.points.len() < FEWEST);
        match self.not_finite {
            0 => String::new(),
            n if few => format!("{n} of {steps} steps are not finite, and a line takes {FEWEST}."),
            n => format!("{n} of {steps} steps are left out because they are not finite."),
        }
    }
}

/// The line smoothness = L₀ + L₁‖∇f‖ with its rank correlation.
struct Fit {
    line: LogLine,
    correlation: (f64, Interval),
}

fn fit(measured: &Measured) -> Option<Fit> {
    let (x, y) = measured.coordinates();
    // Neighbours of a trajectory depend on each other over about the cube root of its length.
    let block = ((x.len() as f64).cbrt().ceil() as usize).max(1);
    (x.len() >= FEWEST)
        .then(|| Fit { line: log_line(&x, &y, block), correlation: spearman(&x, &y) })
}

/// Smoothness against gradient norm for one run, coloured by step; `None` without enough steps.
pub fn generalized(group: &Group, member: &Member) -> Option<Figure> {
    let panels: Vec<Panel> =
        METRICS.iter().filter_map(|(m, name)| generalized_panel(member, m, name)).collect();
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

/// One smoothness against the gradient norm; `None` if it was not measured at enough steps.
pub fn generalized_panel(member: &Member, metric: &Metric, name: &str) -> Option<Panel> {
    let measured = Measured::of(member, metric);
    if measured.steps() < FEWEST {
        return None;
    }
    let panel = Panel { note: measured.note(), ..panel(name) };
    if measured.points.len() < FEWEST {
        return Some(panel);
    }
    let (x, y) = measured.coordinates();
    let (intercept, slope) = log_line_through(&x, &y);
    let shade = measured.points.iter().map(|p| p.0 as f64).collect();
    let (name, color, line) = ("fit".into(), Color::RED, Line::Slope { slope, intercept });
    Some(Panel {
        points: vec![Points { name: String::new(), color: Color::BLACK, x, y, shade: Some(shade) }],
        rules: vec![Rule { name, color, line }],
        ..panel
    })
}

fn panel(name: &str) -> Panel {
    Panel {
        title: name.into(),
        x_label: Metric::HeldOutGradNorm.entry().axis.into(),
        y_label: "smoothness".into(),
        x_scale: Scale::Log,
        y_scale: Scale::Log,
        shade_label: "step".into(),
        // Most changes happen in the first steps.
        shade_scale: Scale::SymLog { linear: 1.0 },
        ..Panel::default()
    }
}

/// L₀, L₁ and rank correlation of every run that was measured at enough steps.
///
/// A cell without a number contains the reason.
pub fn generalized_fits(groups: &[Group]) -> Option<Table> {
    let mut rows = Vec::new();
    for group in groups {
        for member in &group.members {
            for (metric, _) in METRICS {
                let measured = Measured::of(member, &metric);
                if measured.steps() < FEWEST {
                    continue;
                }
                let names = [group.name.clone(), member.seed.to_string(), metric.to_string()];
                rows.push(names.into_iter().chain(fit_cells(&measured)).collect());
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

/// Steps, L₀, L₁ and rank correlation.
fn fit_cells(measured: &Measured) -> [String; 4] {
    let Measured { points, not_finite } = measured;
    let mut left_out = Vec::new();
    if *not_finite > 0 {
        left_out.push(format!("{not_finite} not finite, left out"));
    }
    if measured.positive() < points.len() {
        let n = points.len() - measured.positive();
        left_out.push(format!("{n} not above zero, not in the line"));
    }
    let steps = match left_out.as_slice() {
        [] => points.len().to_string(),
        reasons => format!("{} ({})", points.len(), reasons.join("; ")),
    };
    let Some(Fit { line, correlation: (correlation, interval) }) = fit(measured) else {
        let none = format!("none: fewer than {FEWEST} finite steps");
        return [steps, none.clone(), none.clone(), none];
    };
    let no_line = "none: fewer than 2 steps above zero";
    let no_rank = "none: one of the two never changes";
    [
        steps,
        estimate(line.intercept, line.intercept_interval, no_line),
        estimate(line.slope, line.slope_interval, no_line),
        estimate(correlation, interval, no_rank),
    ]
}

/// Text of a value with its interval, or the reason why there is none.
fn estimate(value: f64, Interval { lo, hi }: Interval, reason: &str) -> String {
    match (value.is_nan(), lo.is_nan()) {
        (true, _) => reason.into(),
        (false, true) => format!("{} (no interval: a resample has none)", number(value)),
        (false, false) => with_interval(value, lo, hi),
    }
}
