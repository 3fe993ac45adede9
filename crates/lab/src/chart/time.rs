//! Metrics over steps.

use windtunnel_measure::landscape::{Convention, Curvature, Median, Parameters};
use windtunnel_measure::metric::{Metric, Percent};

use super::{Group, LINEAR, directions, over_seeds, scale_of};
use windtunnel_figure::{Color, Figure, Line, Panel, Rule, Series};

const STEP: &str = "step";

/// A panel of one metric, a curve per group; `None` if no group has it.
fn panel(groups: &[Group], metric: &Metric, title: &str) -> Option<Panel> {
    let curve = |group: &Group| over_seeds(group, metric, &group.name, group.color).ok();
    let series: Vec<Series> = groups.iter().filter_map(curve).collect();
    (!series.is_empty()).then(|| Panel {
        title: title.into(),
        x_label: STEP.into(),
        y_label: metric.entry().axis.into(),
        y_scale: scale_of(metric),
        series,
        ..Panel::default()
    })
}

fn figure(title: &str, panels: Vec<Option<Panel>>, caption: String) -> Option<Figure> {
    let panels: Vec<Panel> = panels.into_iter().flatten().collect();
    (!panels.is_empty()).then(|| Figure { title: title.into(), panels, caption })
}

/// The robust condition number in four conventions.
pub fn conditioning(groups: &[Group]) -> Option<Figure> {
    let titles = [
        (Curvature::Diagonal, Parameters::All, "|H_{ii}|, all parameters (the paper's)"),
        (Curvature::Diagonal, Parameters::Live, "|H_{ii}|, without unused parameters"),
        (Curvature::Eigenvalues, Parameters::All, "|λ|, all parameters"),
        (Curvature::Eigenvalues, Parameters::Live, "|λ|, without unused parameters"),
    ];
    let panels = titles.map(|(curvature, parameters, title)| {
        let convention = Convention { curvature, median: Median::Lower, parameters };
        panel(groups, &Metric::robust_condition_number(convention), title)
    });
    let caption = format!(
        "{} Robust condition number max|c| / median|c| (lower median, as torch.median) of the \
         Hessian of the held-out loss, in double precision. Unused: the last P, which the loss cannot \
         depend on.",
        Group::seeds(groups)
    );
    figure("Robust condition number", panels.into(), caption)
}

/// Directional smoothness, signed, along the step and along other directions.
pub fn smoothness(groups: &[Group]) -> Option<Figure> {
    let directions = directions(groups);
    let panel = |(metric, direction): &(Metric, String)| panel(groups, metric, direction);
    let panels = directions.iter().map(panel).collect();
    let caption = format!(
        "{} Second derivative of the held-out loss along unit vectors u; the scale is linear within \
         ±{LINEAR} and logarithmic beyond, and negative values are shown. Steps of an \
         optimizer by its name: what it would have done after the same gradients, where the run's \
         own is another.",
        Group::seeds(groups)
    );
    figure("Directional smoothness", panels, caption)
}

/// All eigenvalues over the steps of the first run of each group, or of a single step by rank.
pub fn spectrum(groups: &[Group]) -> Option<Figure> {
    let panels = groups.iter().map(spectrum_panel).collect();
    let seeds: Vec<String> = groups
        .iter()
        .filter_map(|group| Some(format!("{} seed {}", group.name, group.members.first()?.seed)))
        .collect();
    let caption = format!(
        "All eigenvalues of the Hessian of the held-out loss, one line for each rank; bold: \
         sharpness λ_{{max}}. Runs: {}. The scale is linear within ±{LINEAR}.",
        seeds.join("; ")
    );
    figure("Hessian spectrum", panels, caption)
}

fn spectrum_panel(group: &Group) -> Option<Panel> {
    let member = group.members.first()?;
    let mut curves = Vec::new();
    while let Ok(curve) = member.series(Metric::Eigenvalue(curves.len())) {
        curves.push(curve);
    }
    let sharpest = curves.last()?;
    let values = |curve: &[(u64, f64)]| curve.iter().map(|(_, value)| *value).collect::<Vec<_>>();
    let eigenvalue = Metric::Eigenvalue(0);
    let base = Panel {
        title: group.name.clone(),
        y_label: eigenvalue.entry().axis.into(),
        y_scale: scale_of(&eigenvalue),
        ..Panel::default()
    };
    if sharpest.len() == 1 {
        let ranks = (0..curves.len()).map(|k| k as f64).collect();
        let sorted = curves.iter().map(|curve| curve[0].1).collect();
        let series = Series::new("", group.color, ranks, sorted);
        let x_label = format!("rank, at step {}", sharpest[0].0);
        return Some(Panel { x_label, series: vec![series], ..base });
    }
    let steps: Vec<f64> = sharpest.iter().map(|(step, _)| *step as f64).collect();
    let mut series = Series::new("", group.color, steps, values(sharpest));
    // A curve that lacks a step would not match the others.
    let at = |curve: &[(u64, f64)]| curve.iter().map(|(step, _)| *step).collect::<Vec<_>>();
    let whole = curves.iter().enumerate().filter(|(_, curve)| at(curve) == at(sharpest));
    series.members = whole
        .map(|(k, curve)| windtunnel_figure::MemberCurve {
            name: format!("rank {k}"),
            y: values(curve),
        })
        .collect();
    let note = match curves.len() - series.members.len() {
        0 => String::new(),
        n => format!(
            "{n} of {} ranks are left out: they were measured at other steps.",
            curves.len()
        ),
    };
    Some(Panel { x_label: STEP.into(), series: vec![series], note, ..base })
}

/// Sharpness against the threshold of stability, both for the step as it is clipped.
pub fn stability(groups: &[Group]) -> Option<Figure> {
    let mut panel = panel(groups, &Metric::StabilityRatio, "")?;
    panel.rules.push(Rule {
        name: "edge of stability".into(),
        color: Color(0x77, 0x77, 0x77),
        line: Line::Horizontal(1.0),
    });
    let caption = format!(
        "{} Largest eigenvalue of the held-out Hessian (preconditioned as the optimizer does) times the \
         clipping factor, over the largest value that is stable under the optimizer.",
        Group::seeds(groups)
    );
    figure("Stability", vec![Some(panel)], caption)
}

/// Distance between the spectra of blocks.
pub fn heterogeneity(groups: &[Group]) -> Option<Figure> {
    let panel = panel(groups, &Metric::JsDistance, "");
    let caption = format!(
        "{} Mean over pairs of used blocks of the distance (base 2, 0 to 1) between their \
         eigenvalue distributions over 200 common bins.",
        Group::seeds(groups)
    );
    figure("Block heterogeneity", vec![panel], caption)
}

/// Quantiles of the losses of single fresh prompts, a panel per group.
pub fn losses(groups: &[Group]) -> Option<Figure> {
    let lines = [
        (Metric::LossMax, "largest"),
        (Metric::LossQuantile(Percent::P99), "99 %"),
        (Metric::LossMean, "mean"),
        (Metric::LossQuantile(Percent::P75), "75 %"),
        (Metric::LossQuantile(Percent::P50), "median"),
        (Metric::LossQuantile(Percent::P25), "25 %"),
        (Metric::LossQuantile(Percent::P05), "5 %"),
    ];
    let of_group = |group: &Group| {
        let curve = |((metric, name), color): (&(Metric, &str), Color)| {
            over_seeds(group, metric, name, color).ok()
        };
        let series: Vec<Series> = lines.iter().zip(Color::CYCLE).filter_map(curve).collect();
        (!series.is_empty()).then(|| Panel {
            title: group.name.clone(),
            x_label: STEP.into(),
            y_label: Metric::LossMean.entry().axis.into(),
            y_scale: scale_of(&Metric::LossMean),
            series,
            ..Panel::default()
        })
    };
    let caption = format!(
        "{} Fresh prompts that no run trains on, the same at every step. Where the mean is far above \
         the 75 % line, few prompts decide it.",
        Group::seeds(groups)
    );
    figure("Losses of single prompts", groups.iter().map(of_group).collect(), caption)
}

/// Cosines of the update, and the decrease that the quadratic model predicts beside the realised
/// one.
pub fn update_geometry(groups: &[Group]) -> Option<Figure> {
    let panels = vec![
        panel(groups, &Metric::UpdateCosNegFullGrad, "step and −∇f (held-out)"),
        panel(groups, &Metric::UpdateCosNewton, "step and Newton step"),
        panel(groups, &Metric::PredictedDecrease, "predicted (quadratic model)"),
        panel(groups, &Metric::RealisedDecrease, "realised"),
    ];
    let caption = format!(
        "{} All on the held-out loss. Newton step: pseudo-inverse of the Hessian, which climbs along \
         negative curvature. The scale of decreases is linear within ±{LINEAR}.",
        Group::seeds(groups)
    );
    figure("Update geometry", panels, caption)
}
