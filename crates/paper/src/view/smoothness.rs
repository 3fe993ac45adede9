//! Directional smoothness over the steps, and against the gradient norm.

use std::collections::BTreeSet;

use super::caption::{seeds, spec};
use super::picture::{BATCHES, Picture, Shown, panel, title};
use crate::evidence::Evidence;
use crate::noise::DRAWN_SEED;
use crate::quantity::SMOOTHNESS;
use crate::setting::Setting;
use crate::study::Study;
use windtunnel_figure::{Figure, Panel};
use windtunnel_lab::chart::{Group, LINEAR, Member, generalized_panel, negative_steps, scale_of};
use windtunnel_measure::metric::Metric;

pub(super) fn directional(study: &Study, evidence: &Evidence) -> Shown {
    let (label, scale) = (SMOOTHNESS.entry().axis, scale_of(&SMOOTHNESS));
    let panel = |setting: &Setting| {
        let on = (&SMOOTHNESS, evidence.primary_batch(setting));
        panel((study, evidence), setting, on, label, scale)
    };
    let caption = format!(
        "{} Second derivative of the held-out loss along the unit step that the optimizer takes \
         there; linear within ±{LINEAR}, logarithmic beyond. Negative values, which a logarithmic \
         axis hides, are shown. {BATCHES}",
        seeds(study, evidence)
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
    let mut intervals = Vec::new();
    for (metric, name) in [(SMOOTHNESS, "u^{T}Hu"), (Metric::HessianNorm, "‖H‖_{2}")] {
        let mut every = BTreeSet::new();
        for setting in study.settings {
            for arm in setting.arms {
                let mut members = evidence.members(setting, arm.name).iter();
                let drawn = members.find(|member| member.seed == DRAWN_SEED);
                every.extend(drawn.and_then(|member| interval(member, &metric)));
                let panel = drawn.and_then(|member| generalized_panel(member, &metric, name));
                let of = if arms.len() > 1 { format!("{}, ", arm.name) } else { String::new() };
                let title = format!("{}, {of}{name}", setting.title);
                panels.extend(panel.map(|own| Panel { title, y_label: name.into(), ..own }));
            }
        }
        intervals.push(format!("{name} {}", in_words(&every)));
    }
    let caption = format!(
        "{}, seed {DRAWN_SEED}, held-out loss in double precision: {}. Both scales logarithmic, so \
         values that are not positive are missing. Line: L_{{0}} + L_{{1}}‖∇f‖ of least mean \
         absolute error of the logarithm.",
        arms.join(", "),
        intervals.join(", ")
    );
    let figure = Figure { title: study.title.into(), panels, caption };
    let named = ("", "smoothness against gradient norm");
    let picture = Picture::new(evidence, named, figure, &spec(study, evidence));
    Shown { pictures: vec![picture], ..Shown::default() }
}

/// Steps between the first two values of a metric.
fn interval(member: &Member, metric: &Metric) -> Option<u64> {
    let mut steps = member.rows_of(metric).map(|row| row.step);
    let (first, second) = (steps.next()?, steps.next()?);
    second.checked_sub(first)
}

/// Text of the intervals at which a metric was measured.
fn in_words(every: &BTreeSet<u64>) -> String {
    let words: Vec<String> = every
        .iter()
        .map(|steps| match steps {
            1 => "at every step".into(),
            steps => format!("every {steps} steps"),
        })
        .collect();
    if words.is_empty() { "not measured".into() } else { words.join(" or ") }
}
