//! Noise of gradients: at initialization, and over the steps.

use super::{Picture, Shown, panel, seeds, spec, title};
use crate::chart::{histogram, qq_of_gaussian};
use crate::figure::Color;
use crate::figure::{Figure, Line, Panel, Rule, Scale};
use crate::paper::cohort::Cohort;
use crate::paper::evidence::Evidence;
use crate::paper::noise::{DRAWN_SEED, InitialNoise};
use crate::paper::quantity::tail_metric;
use crate::paper::study::Study;
use crate::table::{Table, number};
use windtunnel_core::instrument::POOR_REFERENCE;
use windtunnel_core::stats::mean;

pub(super) fn initial(study: &Study, evidence: &Evidence) -> Shown {
    let drawn = |cohort: &'static Cohort| {
        let mut noise = evidence.noise(cohort).iter();
        noise.find(|noise| noise.seed == DRAWN_SEED).map(|noise| (cohort, noise))
    };
    let overflowed = |(cohort, noise): &(&Cohort, &InitialNoise)| {
        let InitialNoise { overflowed, draws, .. } = noise;
        format!(
            "{}: the noise of seed {DRAWN_SEED} is not drawn, because {overflowed} of {draws} \
             gradients or their squares overflow.",
            cohort.name
        )
    };
    let (drawn, none): (Vec<(&Cohort, &InitialNoise)>, Vec<_>) =
        study.cohorts.iter().filter_map(drawn).partition(|(_, noise)| !noise.norms.is_empty());
    let titled = |(cohort, panel): (&Cohort, Panel)| Panel { title: cohort.title.into(), ..panel };
    let histograms = drawn.iter().map(|(c, n)| titled((c, histogram(&n.norms, &n.gaussian))));
    let known = drawn.iter().filter(|(_, noise)| !noise.gaussian.is_empty());
    let quantiles = known.map(|(c, n)| titled((c, qq_of_gaussian(&n.norms, &n.gaussian))));
    let sizes = drawn.iter().map(|(cohort, noise)| {
        let InitialNoise { draws, batch_size, reference, .. } = noise;
        format!("{}: {draws} mini-batches of {batch_size} against {reference} prompts", cohort.name)
    });
    let sizes = format!(
        "Seed {DRAWN_SEED}, initial parameters, fresh prompts, double precision. {}.",
        sizes.collect::<Vec<_>>().join("; ")
    );
    let gaussian = "Gaussian noise: of the same covariance. Its norm is skewed too, so the histogram \
                    alone says nothing of the tail";
    let picture = |suffix, what, title: String, panels: Vec<Panel>, caption: String| {
        let figure = Figure { title, panels, caption };
        let drawn = !figure.panels.is_empty();
        drawn.then(|| Picture::new(evidence, (suffix, what), figure, ""))
    };
    let histogram = picture(
        "-noise",
        "histogram of the noise",
        title(study, "noise at initialization"),
        histograms.collect(),
        format!("Shares of ‖g − ∇f‖ per bin. {gaussian}. {sizes}"),
    );
    let quantiles = picture(
        "-noise-qq",
        "quantiles of the noise",
        format!("{}: quantiles", title(study, "noise at initialization")),
        quantiles.collect(),
        format!(
            "Quantiles of ‖g − ∇f‖ against those of Gaussian noise of the same covariance, and the \
             farthest draws: above the line the tail is heavier. {sizes}"
        ),
    );
    let pictures = histogram.into_iter().chain(quantiles).collect();
    let warnings = none.iter().map(overflowed).collect();
    Shown { pictures, tables: vec![table(study, evidence)], warnings }
}

/// Mean over seeds of every statistic, with its range.
fn table(study: &Study, evidence: &Evidence) -> Table {
    type Statistic = (&'static str, fn(&InitialNoise) -> Option<f64>);
    let statistics: [Statistic; 7] = [
        ("rms", |n| n.rms),
        ("kurtosis of the norm", |n| n.kurtosis),
        ("… of Gaussian noise", |n| n.gaussian_kurtosis),
        ("99.9 % over Gaussian", |n| n.q999),
        ("largest over Gaussian", |n| n.largest),
        ("kurtosis, median coordinate", |n| n.coordinate_kurtosis),
        ("B = 1: 99.9 % over Gaussian", |n| n.single),
    ];
    let row = |cohort: &Cohort| {
        let noise = evidence.noise(cohort);
        let cell = |(_, read): &Statistic| with_range(noise, *read);
        std::iter::once(cohort.name.into()).chain(statistics.iter().map(cell)).collect()
    };
    let head: Vec<&str> = std::iter::once("").chain(statistics.iter().map(|s| s.0)).collect();
    let title = "Noise of mini-batch gradients at initialization: mean (range) over seeds";
    Table::new(title, &head, study.cohorts.iter().map(row).collect())
}

/// Mean and range over seeds, or why there is none.
fn with_range(noise: &[InitialNoise], read: fn(&InitialNoise) -> Option<f64>) -> String {
    let values: Vec<f64> = noise.iter().filter_map(read).collect();
    if let Some(lacking) = noise.iter().find(|noise| read(noise).is_none()) {
        let count = noise.len() - values.len();
        let whose = match values.is_empty() {
            true => String::new(),
            false => format!(" in {count} of {} seeds", noise.len()),
        };
        return format!("none: the noise {}{whose}", lacking.lack());
    }
    match values.as_slice() {
        [] => "none: not measured".into(),
        [only] => format!("{} (one seed, no range)", number(*only)),
        values => {
            let lo = values.iter().copied().fold(f64::INFINITY, f64::min);
            let hi = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            format!("{} ({} to {})", number(mean(values)), number(lo), number(hi))
        }
    }
}

/// Mini-batch sizes of the noise over the steps.
const BATCHES: [usize; 3] = [1, 10, 1000];

pub(super) fn in_training(study: &Study, evidence: &Evidence) -> Shown {
    let mut panels = Vec::new();
    let first = study.cohorts.iter().find_map(|cohort| evidence.cells(cohort).next());
    let draws = first.map_or(0, |cell| cell.spec.instruments.plan.draws);
    let label = format!("largest of {draws}, over Gaussian noise's");
    for cohort in study.cohorts {
        for size in BATCHES {
            let metric = tail_metric(size);
            let mut panel = panel(evidence, cohort, &metric, &label, Scale::Log);
            if panel.series.is_empty() {
                continue;
            }
            panel.title = format!("{}, B = {size}", cohort.title);
            // Powers of ten are the steps, and 0.
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
        seeds(evidence),
        100.0 * POOR_REFERENCE
    );
    let figure = Figure { title: study.title.into(), panels, caption };
    let named = ("", "tails of the noise over the steps");
    let picture = Picture::new(evidence, named, figure, &spec(study, evidence));
    Shown { pictures: vec![picture], ..Shown::default() }
}
