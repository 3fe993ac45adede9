//! Pictures of a study, and parts that several pictures share.

use windtunnel_figure::table::Table;
use windtunnel_figure::{Band, Color, Figure, Panel, Scale, Series};
use windtunnel_lab::chart::{Group, over_seeds_and_batches};
use windtunnel_measure::metric::Metric;

use crate::evidence::Evidence;
use crate::palette::color_of;
use crate::rates::{self, Search};
use crate::setting::Setting;
use crate::study::Study;
use windtunnel_lab::inference::{Estimate, HeldOutBatch};

/// A picture of a study.
pub struct Picture {
    /// Text after the study's name in file names.
    pub suffix: &'static str,
    /// Description in lists of files.
    pub what: &'static str,
    /// The picture.
    pub figure: Figure,
}

/// Pictures, tables and warnings of a view.
#[derive(Default)]
pub struct Shown {
    /// Pictures, the view's own first.
    pub pictures: Vec<Picture>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Reasons to doubt a number in them.
    pub warnings: Vec<String>,
}

impl Picture {
    /// A picture with the protocol in its caption: a warning if it is quick, and `spec`.
    pub(super) fn new(
        evidence: &Evidence,
        (suffix, what): (&'static str, &'static str),
        mut figure: Figure,
        spec: &str,
    ) -> Picture {
        let quick = evidence.protocol.warning();
        figure.caption = format!("{quick}{} {spec}", figure.caption).trim_end().into();
        Picture { suffix, what, figure }
    }

    /// Loss against learning rate of every setting with a search, if there is any.
    pub(crate) fn of_rates(
        study: &Study,
        evidence: &Evidence,
        searches: &[&Search],
    ) -> Option<Picture> {
        let figure = rates::figure(study.title, study.settings, searches)?;
        Some(Picture::new(evidence, ("-rates", "learning rates"), figure, ""))
    }
}

/// Sentence on panels that are on [`Evidence::primary_batch`].
pub(super) const BATCHES: &str = "A seed is the typical value on held-out batches of its own \
                                  (geometric mean, or median where the sign varies), as in the \
                                  verdicts; the paper reads one batch for all.";

/// Title of one of a study's pictures; the title of the study alone if it has a single view.
pub(super) fn title(study: &Study, what: &str) -> String {
    match study.views {
        [_] => study.title.into(),
        _ => format!("{}: {what}", study.title),
    }
}

/// A panel of one metric on some held-out prompts over the steps: a curve per arm, in the colours of
/// the study. A metric that reads no held-out prompts is on the fixed ones.
pub(super) fn panel(
    (study, evidence): (&Study, &Evidence),
    setting: &Setting,
    (metric, batch): (&Metric, HeldOutBatch),
    label: &str,
    scale: Scale,
) -> Panel {
    let names = batch.names(metric, evidence.fresh_batches(setting));
    let curve = |group: &&Group| {
        let color = color_of(study.settings, &group.name);
        over_seeds_and_batches(group, (metric, &names), &group.name, color).ok()
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

/// Curve of estimates with the band of their intervals, and gaps where there is no number.
pub(super) fn estimated(name: &str, color: Color, x: Vec<f64>, estimates: &[Estimate]) -> Series {
    let (lo, hi) = estimates.iter().map(|e| (e.interval().lo, e.interval().hi)).unzip();
    let center = estimates.iter().map(Estimate::drawn).collect();
    Series { band: Some(Band { lo, hi }), ..Series::new(name, color, x, center) }
}
