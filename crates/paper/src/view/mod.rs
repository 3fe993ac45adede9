//! Pictures and tables of a study's settings.

mod condition;
mod dose;
mod losses;
mod noise;
mod smoothness;
pub(super) mod turns;

use std::collections::BTreeSet;

use super::Arm;
use super::estimate::Estimate;
use super::evidence::Evidence;
use super::rates::{self, Search};
use super::setting::Setting;
use super::study::Study;
use windtunnel_figure::table::Table;
use windtunnel_figure::{Band, Color, Figure, Panel, Scale, Series};
use windtunnel_lab::chart::over_seeds;
use windtunnel_measure::metric::Metric;

/// The colours of figures, and three more for pictures of up to ten things.
const COLORS: [Color; 10] = [
    Color::CYCLE[0],
    Color::CYCLE[1],
    Color::CYCLE[2],
    Color::CYCLE[3],
    Color::CYCLE[4],
    Color::CYCLE[5],
    Color::CYCLE[6],
    Color(0x99, 0x99, 0x99),
    Color(0x99, 0x77, 0x00),
    Color(0x44, 0x22, 0x88),
];

/// What is drawn of the settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum View {
    /// Held-out loss over the steps, by mean and by median prompt.
    Losses,
    /// Noise of gradients at initialization against Gaussian noise.
    InitialNoise,
    /// Robust condition number over the steps.
    Condition,
    /// Its ratios beside published ones, as a table.
    Ratios,
    /// Directional smoothness over the steps.
    Directional,
    /// Smoothness against gradient norm.
    Generalized,
    /// Tails of the noise over the steps, by batch size.
    NoiseInTraining,
    /// The loss gap against a number of the setting, with its name and scale.
    Dose(&'static str, Scale),
    /// The loss gap against the heterogeneity of the Hessian's blocks.
    Blocks,
}

/// A picture of a study.
pub struct Picture {
    /// What is added to the study's name in the names of files.
    pub suffix: &'static str,
    /// What it shows.
    pub what: &'static str,
    /// The picture.
    pub figure: Figure,
}

impl Picture {
    /// The picture with the protocol in its caption: quick or not, and `spec`.
    fn new(
        evidence: &Evidence,
        (suffix, what): (&'static str, &'static str),
        mut figure: Figure,
        spec: &str,
    ) -> Picture {
        let quick = evidence.protocol.warning();
        figure.caption = format!("{quick}{} {spec}", figure.caption).trim_end().into();
        Picture { suffix, what, figure }
    }

    /// Loss against learning rate of every setting that was searched, if any was.
    pub(super) fn of_rates(
        study: &Study,
        evidence: &Evidence,
        searches: &[&Search],
    ) -> Option<Picture> {
        let figure = rates::figure(study.title, study.settings, searches)?;
        Some(Picture::new(evidence, ("-rates", "learning rates"), figure, ""))
    }
}

/// What a view has to show.
#[derive(Default)]
pub struct Shown {
    /// Pictures, the view's own first.
    pub pictures: Vec<Picture>,
    /// Tables.
    pub tables: Vec<Table>,
    /// What makes a number of them doubtful.
    pub warnings: Vec<String>,
}

impl View {
    /// Pictures, tables and warnings of a study.
    pub fn show(self, study: &Study, evidence: &Evidence) -> Shown {
        match self {
            View::Losses => losses::show(study, evidence),
            View::InitialNoise => noise::initial(study, evidence),
            View::Condition => condition::show(study, evidence),
            View::Ratios => condition::ratios(study, evidence),
            View::Directional => smoothness::directional(study, evidence),
            View::Generalized => smoothness::generalized(study, evidence),
            View::NoiseInTraining => noise::in_training(study, evidence),
            View::Dose(label, scale) => dose::show(study, evidence, label, scale),
            View::Blocks => dose::blocks(study, evidence),
        }
    }
}

/// Title of one of a study's pictures: the study's own if it shows nothing else.
fn title(study: &Study, what: &str) -> String {
    match study.views {
        [_] => study.title.into(),
        _ => format!("{}: {what}", study.title),
    }
}

/// A panel of one metric over the steps: a curve per optimizer.
fn panel(
    evidence: &Evidence,
    setting: &Setting,
    metric: &Metric,
    label: &str,
    scale: Scale,
) -> Panel {
    let curve = |group: &&windtunnel_lab::chart::Group| {
        over_seeds(group, metric, &group.name, group.color).ok()
    };
    let series: Vec<Series> = evidence.groups(setting).iter().filter_map(curve).collect();
    Panel {
        title: setting.title.into(),
        x_label: "step".into(),
        y_label: label.into(),
        y_scale: scale,
        series,
        ..Panel::default()
    }
}

/// Curve of estimates with the band of their intervals and gaps where there is no number.
fn estimated(name: &str, color: Color, x: Vec<f64>, estimates: &[Estimate]) -> Series {
    let (lo, hi) = estimates.iter().map(|e| (e.interval().lo, e.interval().hi)).unzip();
    let center = estimates.iter().map(Estimate::drawn).collect();
    Series { band: Some(Band { lo, hi }), ..Series::new(name, color, x, center) }
}

/// What curve, band and faint lines are.
fn seeds(evidence: &Evidence) -> String {
    format!(
        "Lines: mean over seeds 0 to {}. Bands: 95 % bootstrap interval of that mean. Faint: single \
         seeds.",
        evidence.protocol.seeds - 1
    )
}

/// The protocol of the settings, for captions.
fn spec(study: &Study, evidence: &Evidence) -> String {
    let lr = |setting: &Setting, arm: Arm| {
        let cell = evidence.cells(setting).find(|cell| cell.arm == arm);
        cell.map_or("–".into(), |cell| cell.spec.optimizer.rule.lr().to_string())
    };
    let rate = |setting: &Setting| {
        format!("{} {}/{}", setting.name, lr(setting, Arm::Sgdm), lr(setting, Arm::Adam))
    };
    let rates: Vec<String> = study.settings.iter().map(rate).collect();
    let first_cells = study.settings.iter().filter_map(|setting| evidence.cells(setting).next());
    let sizes: BTreeSet<usize> = first_cells.map(|cell| cell.spec.train.batch_size).collect();
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    let clips = study.settings.iter().filter_map(|setting| evidence.cells(setting).next());
    let clips = clips.map(|cell| cell.spec.optimizer.clip_norm);
    let clips: BTreeSet<String> =
        clips.map(|clip| clip.map_or("off".into(), |clip| clip.to_string())).collect();
    let clips: Vec<String> = clips.into_iter().collect();
    let steps: BTreeSet<u64> = study.settings.iter().map(|c| c.steps(&evidence.protocol)).collect();
    let steps: Vec<String> = steps.iter().map(u64::to_string).collect();
    format!(
        "{} steps of {} fresh prompts, gradient norm clipped at {}. SGDM: momentum 0.9. Adam: betas \
         (0.9, 0.9), eps 1e-8. Learning rates SGDM/Adam: {}.",
        steps.join(" or "),
        sizes.join(", "),
        clips.join(", "),
        rates.join(", ")
    )
}
