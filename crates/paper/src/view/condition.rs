//! The robust condition number of SGDM and Adam along their trajectories.

use super::{Picture, Shown, panel, seeds, spec, title};
use crate::evidence::Evidence;
use crate::quantity::{CONDITION, TABLE_STEPS};
use crate::study::Study;
use windtunnel_figure::table::{Table, number};
use windtunnel_figure::{Figure, Scale};

pub(super) fn show(study: &Study, evidence: &Evidence) -> Shown {
    let panel = |setting| {
        panel(evidence, setting, &CONDITION, "max |H_{ii}| / median |H_{ii}|", Scale::Log)
    };
    let caption = format!(
        "{} Robust condition number by the paper's convention: diagonal of the exact Hessian (double \
         precision, fixed held-out prompts), lower median, unused parameters included.",
        seeds(evidence)
    );
    let figure = Figure {
        title: title(study, "robust condition number"),
        panels: study.settings.iter().map(panel).collect(),
        caption,
    };
    let named = ("-condition", "robust condition number");
    let picture = Picture::new(evidence, named, figure, &spec(study, evidence));
    Shown { pictures: vec![picture], ..ratios(study, evidence) }
}

/// Ratios at the steps of the paper's table beside what was published.
pub(super) fn ratios(study: &Study, evidence: &Evidence) -> Shown {
    let mut rows = Vec::new();
    for (k, setting) in study.settings.iter().enumerate() {
        for step in TABLE_STEPS {
            let Some(ours) = evidence.condition_ratio(setting, step) else { continue };
            let published = |source: &str| {
                let mut own = study.published.iter();
                let own = own.find(|p| (p.setting, p.source, p.step) == (k, source, step));
                own.map_or("–".into(), |p| format!("{} ({})", number(p.mean), number(p.std)))
            };
            let (paper, notebook) = (published("paper"), published("notebook"));
            rows.push(vec![setting.name.into(), step.to_string(), ours, paper, notebook]);
        }
    }
    let head = ["", "step", "ours", "the paper's table", "the authors' notebook"];
    let title =
        "Ratio SGDM/Adam of the robust condition number, mean (standard deviation) over seeds";
    let tables = if rows.is_empty() { Vec::new() } else { vec![Table::new(title, &head, rows)] };
    Shown { tables, ..Shown::default() }
}
