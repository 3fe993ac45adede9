//! Noise of gradients: at initialization, and over the steps.

use super::caption::{seeds, spec};
use super::picture::{Picture, Shown, panel, title};
use crate::evidence::Evidence;
use crate::noise::{DRAWN_SEED, InitialNoise, MissingReason, Statistic, Statistics};
use crate::quantity::tail_metric;
use crate::setting::Setting;
use crate::study::Study;
use windtunnel_figure::Color;
use windtunnel_figure::table::{Table, number, with_interval};
use windtunnel_figure::{Figure, Line, Panel, Rule, Scale};
use windtunnel_lab::chart::{histogram, qq_of_gaussian};
use windtunnel_lab::inference::HeldOutBatch;
use windtunnel_measure::instrument::POOR_REFERENCE;
use windtunnel_measure::stats::mean;

/// A setting with the noise of [`DRAWN_SEED`].
type Drawn<'a> = (&'a Setting, &'a InitialNoise);

pub(super) fn initial(study: &Study, evidence: &Evidence) -> Shown {
    let of = |setting: &'static Setting| -> Option<Drawn<'_>> {
        let mut noise = evidence.noise(setting).iter();
        noise.find(|noise| noise.seed == DRAWN_SEED).map(|noise| (setting, noise))
    };
    let (drawn, others): (Vec<Drawn<'_>>, Vec<Drawn<'_>>) =
        study.settings.iter().filter_map(of).partition(|(_, noise)| !noise.norms.is_empty());
    let pictures = [histograms(study, evidence, &drawn), quantiles(study, evidence, &drawn)];
    Shown {
        pictures: pictures.into_iter().flatten().collect(),
        tables: vec![table(study, evidence)],
        warnings: others.iter().map(why_not_drawn).collect(),
    }
}

fn why_not_drawn((setting, InitialNoise { overflowed, draws, .. }): &Drawn<'_>) -> String {
    format!(
        "{}: the noise of seed {DRAWN_SEED} is not drawn, because {overflowed} of {draws} gradients \
         or their norms overflow.",
        setting.name
    )
}

/// Histograms of the norms; `None` if no setting has any.
fn histograms(study: &Study, evidence: &Evidence, drawn: &[Drawn<'_>]) -> Option<Picture> {
    let panels = drawn.iter().map(|own| panel_of(own, histogram)).collect();
    let title = title(study, "noise at initialization");
    let caption = format!(
        "Shares of ‖g − ∇f‖ per bin. Gaussian noise: of the same covariance. Its norm is skewed too, \
         so the histogram alone says nothing of the tail. {}",
        sizes(drawn)
    );
    picture(evidence, ("-noise", "histogram of the noise"), Figure { title, panels, caption })
}

/// Quantiles of the norms against those of Gaussian noise; `None` if no setting has any.
fn quantiles(study: &Study, evidence: &Evidence, drawn: &[Drawn<'_>]) -> Option<Picture> {
    let known = drawn.iter().filter(|(_, noise)| !noise.gaussian.is_empty());
    let panels = known.map(|own| panel_of(own, qq_of_gaussian)).collect();
    let title = format!("{}: quantiles", title(study, "noise at initialization"));
    let caption = format!(
        "Quantiles of ‖g − ∇f‖ against those of Gaussian noise of the same covariance, and the \
         farthest draws: above the line the tail is heavier. {}",
        sizes(drawn)
    );
    picture(evidence, ("-noise-qq", "quantiles of the noise"), Figure { title, panels, caption })
}

fn panel_of((setting, noise): &Drawn<'_>, draw: fn(&[f64], &[f64]) -> Panel) -> Panel {
    Panel { title: setting.title.into(), ..draw(&noise.norms, &noise.gaussian) }
}

fn picture(
    evidence: &Evidence,
    named: (&'static str, &'static str),
    figure: Figure,
) -> Option<Picture> {
    (!figure.panels.is_empty()).then(|| Picture::new(evidence, named, figure, ""))
}

/// Sizes of the samples in a sentence, for captions.
fn sizes(drawn: &[Drawn<'_>]) -> String {
    let size = |(setting, noise): &Drawn<'_>| {
        let InitialNoise { draws, batch_size, reference, .. } = noise;
        format!(
            "{}: {draws} mini-batches of {batch_size} against {reference} prompts",
            setting.name
        )
    };
    format!(
        "Seed {DRAWN_SEED}, initial parameters, fresh prompts, double precision. {}.",
        drawn.iter().map(size).collect::<Vec<_>>().join("; ")
    )
}

/// Mean over seeds of every statistic, with its range.
fn table(study: &Study, evidence: &Evidence) -> Table {
    type Column = (&'static str, fn(&Statistics) -> Statistic);
    let columns: [Column; 7] = [
        ("rms", |n| n.rms),
        ("kurtosis of the norm", |n| n.kurtosis),
        ("… of Gaussian noise", |n| n.gaussian_kurtosis),
        ("99.9 % over Gaussian", |n| n.q999),
        ("largest over Gaussian", |n| n.largest),
        ("kurtosis, median coordinate", |n| n.coordinate_kurtosis),
        ("B = 1: 99.9 % over Gaussian", |n| n.single),
    ];
    let row = |setting: &Setting| {
        let noise = evidence.noise(setting);
        let cell = |(_, read): &Column| {
            with_range(&noise.iter().map(|noise| read(&noise.statistics)).collect::<Vec<_>>())
        };
        std::iter::once(setting.name.into()).chain(columns.iter().map(cell)).collect()
    };
    let head: Vec<&str> = std::iter::once("").chain(columns.iter().map(|s| s.0)).collect();
    let title = "Noise of mini-batch gradients at initialization: mean (range) over seeds";
    Table::new(title, &head, study.settings.iter().map(row).collect())
}

/// Mean and range over seeds, or the reasons why some of them are missing.
fn with_range(seeds: &[Statistic]) -> String {
    let values: Vec<f64> = seeds.iter().filter_map(|seed| seed.ok()).collect();
    if values.len() < seeds.len() {
        return format!("none: {}", reasons(seeds));
    }
    match values.as_slice() {
        [] => "none: not measured".into(),
        [only] => format!("{} (one seed, no range)", number(*only)),
        values => {
            let lo = values.iter().copied().fold(f64::INFINITY, f64::min);
            let hi = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            with_interval(mean(values), lo, hi)
        }
    }
}

/// Reasons why seeds have no value, with the number of seeds unless all have the same reason.
fn reasons(seeds: &[Statistic]) -> String {
    let all: Vec<MissingReason> = seeds.iter().filter_map(|seed| seed.err()).collect();
    let mut kinds: Vec<MissingReason> = Vec::new();
    for missing in &all {
        if !kinds.contains(missing) {
            kinds.push(*missing);
        }
    }
    let sentence = |kind: &MissingReason| {
        let count = all.iter().filter(|missing| *missing == kind).count();
        match count == seeds.len() {
            true => format!("the noise {}", kind.text()),
            false => format!("the noise {} in {count} of {} seeds", kind.text(), seeds.len()),
        }
    };
    kinds.iter().map(sentence).collect::<Vec<_>>().join("; ")
}

/// Mini-batch sizes of the noise over the steps.
const BATCHES: [usize; 3] = [1, 10, 1000];

pub(super) fn in_training(study: &Study, evidence: &Evidence) -> Shown {
    let mut panels = Vec::new();
    let first = study.settings.iter().find_map(|setting| evidence.cells(setting).next());
    let draws = first.map_or(0, |cell| cell.spec.instruments.plan.draws);
    let label = format!("largest of {draws}, over Gaussian noise's");
    for setting in study.settings {
        for size in BATCHES {
            let metric = tail_metric(size);
            let mut panel = panel(
                (study, evidence),
                setting,
                (&metric, HeldOutBatch::Fixed),
                &label,
                Scale::Log,
            );
            if panel.series.is_empty() {
                continue;
            }
            panel.title = format!("{}, B = {size}", setting.title);
            // The steps are powers of ten, and 0.
            panel.x_scale = Scale::SymLog { linear: 1.0 };
            let grey = Color(0x77, 0x77, 0x77);
            let line = Line::Horizontal(1.0);
            panel.rules = vec![Rule { name: "Gaussian noise".into(), color: grey, line }];
            panels.push(panel);
        }
    }
    let caption = format!(
        "{} Largest ‖g − ∇f‖ of {draws} mini-batches of B fresh prompts along the trajectory, in units \
         of the largest that Gaussian noise of the same covariance has; at steps 0, 1, 10, 100, …. \
         Readings of which the reference gradient's own error is more than {:.0} % of the noise are \
         left out, and with a seed its step's mean.",
        seeds(study, evidence),
        100.0 * POOR_REFERENCE
    );
    let figure = Figure { title: study.title.into(), panels, caption };
    let named = ("", "tails of the noise over the steps");
    let picture = Picture::new(evidence, named, figure, &spec(study, evidence));
    Shown { pictures: vec![picture], ..Shown::default() }
}
