//! The robust condition number of every arm along its trajectories.

use super::caption::{seeds, spec};
use super::picture::{BATCHES, Picture, Shown, panel, title};
use crate::arm::Gap;
use crate::evidence::Evidence;
use crate::published::condition_ratio;
use crate::quantity::{CONDITION, TABLE_STEPS};
use crate::setting::Setting;
use crate::study::Study;
use windtunnel_figure::table::{Table, number};
use windtunnel_figure::{Figure, Scale};

pub(super) fn show(study: &Study, evidence: &Evidence) -> Shown {
    let label = "max |H_{ii}| / median |H_{ii}|";
    let panel = |setting: &Setting| {
        let on = (&CONDITION, evidence.primary_batch(setting));
        panel((study, evidence), setting, on, label, Scale::Log)
    };
    let caption = format!(
        "{} Robust condition number by the paper's convention: diagonal of the exact Hessian (double \
         precision), lower median, unused parameters included. {BATCHES}",
        seeds(study, evidence)
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

/// Ratios at the steps of the paper's table beside the published ones, a table for every gap.
pub(super) fn ratios(study: &Study, evidence: &Evidence) -> Shown {
    let tables = study.gaps.iter().filter_map(|gap| table(study, evidence, *gap));
    Shown { tables: tables.collect(), ..Shown::default() }
}

fn table(study: &Study, evidence: &Evidence, gap: Gap) -> Option<Table> {
    let row = |setting: &Setting, step: u64| {
        let ours = condition_ratio(evidence, setting, gap, step)?;
        let published = |source: &str| {
            let mut own = study.published_ratios.iter().filter(|p| p.gap == gap);
            let own = own.find(|p| (p.setting, p.source, p.step) == (setting.name, source, step));
            own.map_or("–".into(), |p| format!("{} ({})", number(p.mean), number(p.std)))
        };
        let (paper, notebook) = (published("paper"), published("notebook"));
        Some(vec![setting.name.into(), step.to_string(), ours, paper, notebook])
    };
    let settings = study.settings.iter().filter(|setting| setting.has(gap));
    let rows = settings.flat_map(|setting| TABLE_STEPS.map(|step| row(setting, step)));
    let rows: Vec<Vec<String>> = rows.flatten().collect();
    let head = ["", "step", "ours", "the paper's table", "the authors' notebook"];
    let title = format!(
        "Ratio {} of the robust condition number, mean (standard deviation) over seeds",
        gap.name()
    );
    (!rows.is_empty()).then(|| Table::new(&title, &head, rows))
}
