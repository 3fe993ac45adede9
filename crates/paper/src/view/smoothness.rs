//! Directional smoothness over the steps, and against the gradient norm.

use super::caption::{seeds, spec};
use super::picture::{Picture, Shown, panel, title};
use crate::evidence::Evidence;
use crate::noise::DRAWN_SEED;
use crate::quantity::SMOOTHNESS;
use crate::setting::Setting;
use crate::study::Study;
use windtunnel_figure::{Figure, Panel, Scale};
use windtunnel_lab::chart::{Group, generalized_panel, negative_steps};

/// Within this the scale of directional smoothness is linear.
const LINEAR: f64 = 1e-3;

pub(super) fn directional(study: &Study, evidence: &Evidence) -> Shown {
    let scale = Scale::SymLog { linear: LINEAR };
    let panel = |setting| panel((study, evidence), setting, SMOOTHNESS, "u^{T}Hu", scale);
    let caption = format!(
        "{} Second derivative of the held-out loss along the unit step that the optimizer takes \
         there; linear within ±{LINEAR}, logarithmic beyond. Negative values, which a logarithmic \
         axis hides, are shown.",
        seeds(evidence)
    );
    let figure = Figure {
        title: title(study, "directional smoothness"),
        panels: study.settings.iter().map(panel).collect(),
        caption,
    };
    let files = ("-smoothness", "directional smoothness");
    let picture = Picture::new(evidence, files, figure, &spec(study, evidence));
    let named = |setting: &Setting| {
        let groups = evidence.groups(setting).into_iter().cloned();
        let name =
            |group: Group| Group { name: format!("{}, {}", setting.name, group.name), ..group };
        groups.map(name).collect::<Vec<_>>()
    };
    let groups: Vec<Group> = study.settings.iter().flat_map(named).collect();
    let tables = negative_steps(&groups).into_iter().collect();
    Shown { pictures: vec![picture], tables, ..Shown::default() }
}

pub(super) fn generalized(study: &Study, evidence: &Evidence) -> Shown {
    let arms = study.arms();
    let mut panels = Vec::new();
    for (metric, name) in [(SMOOTHNESS, "u^{T}Hu"), ("hessian_norm", "‖H‖_{2}")] {
        for setting in study.settings {
            for arm in setting.arms {
                let mut members = evidence.members(setting, arm.name).iter();
                let drawn = members.find(|member| member.seed == DRAWN_SEED);
                let panel = drawn.and_then(|member| generalized_panel(member, (metric, name)));
                let of = if arms.len() > 1 { format!("{}, ", arm.name) } else { String::new() };
                let title = format!("{}, {of}{name}", setting.title);
                panels.extend(panel.map(|own| Panel { title, y_label: name.into(), ..own }));
            }
        }
    }
    let caption = format!(
        "{}, seed {DRAWN_SEED}, held-out loss in double precision: upper row at every step, lower \
         row at every fiftieth. Both scales logarithmic, so values that are not positive are \
         missing. Line: L_{{0}} + L_{{1}}‖∇f‖ of least mean absolute error of the logarithm.",
        arms.join(", ")
    );
    let figure = Figure { title: study.title.into(), panels, caption };
    let named = ("", "smoothness against gradient norm");
    let picture = Picture::new(evidence, named, figure, &spec(study, evidence));
    Shown { pictures: vec![picture], ..Shown::default() }
}
