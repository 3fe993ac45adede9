//! Directional smoothness over the steps, and against the gradient norm.

use super::{Picture, Shown, panel, seeds, spec, title};
use crate::Arm;
use crate::evidence::Evidence;
use crate::noise::DRAWN_SEED;
use crate::quantity::SMOOTHNESS;
use crate::study::Study;
use windtunnel_figure::Figure;
use windtunnel_lab::chart::{Group, LINEAR, generalized_panel, negative_steps, scale_of};
use windtunnel_measure::metric::Metric;

pub(super) fn directional(study: &Study, evidence: &Evidence) -> Shown {
    let (label, scale) = (SMOOTHNESS.entry().axis, scale_of(&SMOOTHNESS));
    let panel = |setting| panel(evidence, setting, &SMOOTHNESS, label, scale);
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
    let named = |setting: &crate::setting::Setting| {
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
    let mut panels = Vec::new();
    for (metric, name) in [(SMOOTHNESS, "u^{T}Hu"), (Metric::HessianNorm, "‖H‖_{2}")] {
        for setting in study.settings {
            let group = evidence.group(setting, Arm::Adam);
            let members = group.iter().flat_map(|group| &group.members);
            let drawn = members.into_iter().find(|member| member.seed == DRAWN_SEED);
            let panel = drawn.and_then(|member| generalized_panel(member, &metric, name));
            panels.extend(panel.map(|mut panel| {
                panel.title = format!("{}, {name}", setting.title);
                panel.y_label = name.into();
                panel
            }));
        }
    }
    let caption = format!(
        "Adam, seed {DRAWN_SEED}, held-out loss in double precision: upper row at every step, lower \
         row at every fiftieth. Both scales logarithmic, so values that are not positive are \
         missing. Line: L_{{0}} + L_{{1}}‖∇f‖ of least mean absolute error of the logarithm."
    );
    let figure = Figure { title: study.title.into(), panels, caption };
    let named = ("", "smoothness against gradient norm");
    let picture = Picture::new(evidence, named, figure, &spec(study, evidence));
    Shown { pictures: vec![picture], ..Shown::default() }
}
