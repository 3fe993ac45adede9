//! Dose-response pictures: loss gaps against a number of the setting.

use super::caption::spec;
use super::picture::{Picture, Shown, estimated};
use crate::arm::Gap;
use crate::claim::Coordinate;
use crate::evidence::Evidence;
use crate::paired::{coordinates, gap_of, primary};
use crate::palette::COLORS;
use crate::quantity::{LOSS, MEDIAN, Quantity, Specification};
use crate::setting::Setting;
use crate::study::Study;
use windtunnel_figure::table::Table;
use windtunnel_figure::{Color, Figure, Line, MemberCurve, Panel, Points, Rule, Scale, Series};
use windtunnel_lab::inference::Estimate;
use windtunnel_lab::inference::{Ratios, When};
use windtunnel_measure::metric::Metric;

/// Conventions in the picture: the mean and the median prompt over the last tenth of training,
/// which is smoother than the last step.
const DRAWN: [(&str, Metric, Color); 2] =
    [("mean prompt", LOSS, Color::CYCLE[2]), ("median prompt", MEDIAN, Color::CYCLE[4])];

/// A setting with its ratios by every convention of [`DRAWN`], pairs with a diverged run left out.
struct Dose {
    setting: &'static Setting,
    ratios: [Ratios; 2],
}

impl Dose {
    /// Settings of a study that have a dose and both arms, in ascending order.
    fn all(study: &Study, evidence: &Evidence, gap: Gap) -> Vec<Dose> {
        let wanted = |setting: &&Setting| !setting.dose.is_nan() && setting.has(gap);
        let mut settings: Vec<&Setting> = study.settings.iter().filter(wanted).collect();
        settings.sort_by(|a, b| a.dose.total_cmp(&b.dose));
        let new = |setting| {
            let batch = evidence.primary_batch(setting);
            let ratios = |(_, metric, _)| {
                let late = Specification::loss(metric, When::LAST_TENTH, batch);
                gap_of(evidence, setting, gap, &late).finite()
            };
            Dose { setting, ratios: DRAWN.map(ratios) }
        };
        settings.into_iter().map(new).collect()
    }

    fn row(&self) -> Vec<String> {
        let [mean, median] = self.ratios.each_ref().map(Estimate::of_ratios);
        vec![
            self.setting.title.to_string(),
            self.setting.dose.to_string(),
            mean.text(),
            median.text(),
            format!("{} and {}", mean.units(), median.units()),
        ]
    }
}

pub(super) fn show(study: &Study, evidence: &Evidence, label: &str, scale: Scale) -> Shown {
    let (mut panels, mut tables) = (Vec::new(), Vec::new());
    for &gap in study.gaps {
        let doses = Dose::all(study, evidence, gap);
        panels.extend(DRAWN.iter().enumerate().map(|(k, (name, ..))| Panel {
            title: format!("by the {name}"),
            x_label: label.into(),
            y_label: ratio_label(gap),
            x_scale: scale,
            y_scale: Scale::Log,
            series: vec![series(&doses, k)],
            rules: vec![equality()],
            ..Panel::default()
        }));
        tables.push(table(label, gap, &doses));
    }
    let figure = Figure {
        title: format!("{}: dose and response", study.title),
        panels,
        caption: caption(label),
    };
    let named = ("-dose", "the gap against the dose");
    Shown { pictures: picture(study, evidence, named, figure), tables, ..Shown::default() }
}

/// The picture of a figure; `None` if the study has no gaps.
fn picture(
    study: &Study,
    evidence: &Evidence,
    named: (&'static str, &'static str),
    figure: Figure,
) -> Vec<Picture> {
    match figure.panels.is_empty() {
        true => Vec::new(),
        false => vec![Picture::new(evidence, named, figure, &spec(study, evidence))],
    }
}

fn ratio_label(gap: Gap) -> String {
    format!("loss of {} / loss of {}", gap.of, gap.over)
}

/// Curve of the gap over the dose by a convention of [`DRAWN`], with single seeds.
fn series(doses: &[Dose], drawn: usize) -> Series {
    let ratios: Vec<&Ratios> = doses.iter().map(|dose| &dose.ratios[drawn]).collect();
    let estimates: Vec<Estimate> = ratios.iter().map(|own| Estimate::of_ratios(own)).collect();
    let member = |seed: usize| {
        let of = |own: &&Ratios| own.logs.get(seed).map_or(f64::NAN, |log| log.exp());
        MemberCurve { name: format!("seed {seed}"), y: ratios.iter().map(of).collect() }
    };
    let seeds = ratios.iter().map(|own| own.logs.len()).max().unwrap_or(0);
    let (name, _, color) = DRAWN[drawn].clone();
    let x = doses.iter().map(|dose| dose.setting.dose).collect();
    Series { members: (0..seeds).map(member).collect(), ..estimated(name, color, x, &estimates) }
}

fn equality() -> Rule {
    let line = Line::Horizontal(1.0);
    Rule { name: "no gap".into(), color: Color(0x77, 0x77, 0x77), line }
}

fn caption(label: &str) -> String {
    format!(
        "Ratio of held-out losses (geometric mean over the last tenth of training and fresh held-out \
         batches), against {label}. Lines: geometric mean over paired seeds. Bands: 95 % Student \
         interval of it, each dose alone. Faint: single seeds. Pairs with a diverged run are left \
         out."
    )
}

fn table(label: &str, gap: Gap, doses: &[Dose]) -> Table {
    let [mean, median] = DRAWN.map(|(name, ..)| format!("{}, {name}", gap.name()));
    let head = ["", label, &mean, &median, "pairs"];
    let title = "The gap over the last tenth of training: geometric mean (95 %) over paired seeds of \
                 which no run diverged";
    Table::new(title, &head, doses.iter().map(Dose::row).collect())
}

pub(super) fn blocks(study: &Study, evidence: &Evidence) -> Shown {
    let points = |(k, setting): (usize, &Setting), gap: Gap| {
        // A picture reports the number of points without a value itself.
        let numbers = |coordinate| -> Vec<f64> {
            let choose = |quantity| primary(evidence, setting, quantity);
            let all = coordinates(evidence, setting, coordinate, choose).into_iter();
            all.map(|number| number.unwrap_or(f64::NAN)).collect()
        };
        let gaps = numbers(Coordinate::Gap(Quantity::Loss, gap));
        Points {
            name: setting.name.into(),
            color: COLORS[k % COLORS.len()],
            x: numbers(Coordinate::Heterogeneity),
            y: gaps.into_iter().map(f64::exp).collect(),
            shade: None,
        }
    };
    let panel = |&gap: &Gap| {
        let own = study.settings.iter().enumerate().filter(|(_, setting)| setting.has(gap));
        Panel {
            x_label: "Jensen–Shannon distance of the blocks at initialization".into(),
            y_label: ratio_label(gap),
            y_scale: Scale::Log,
            points: own.map(|own| points(own, gap)).collect(),
            rules: vec![equality()],
            ..Panel::default()
        }
    };
    let figure = Figure {
        title: study.title.into(),
        panels: study.gaps.iter().map(panel).collect(),
        caption: (
            "A dot for every seed of every setting: mean distance between the spectra of the \
             Hessian's blocks (P and Q of each layer, without the unused P) at initialization, and the \
             ratio of held-out losses at the last step. No band: these are the points themselves; \
             where a run diverged there is none."
        )
        .into(),
    };
    let named = ("", "the gap against block heterogeneity");
    Shown { pictures: picture(study, evidence, named, figure), ..Shown::default() }
}
