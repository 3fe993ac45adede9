//! Specification curves: the effect of a claim under every specification, in ascending order, so that
//! a reader sees at once whether the choice decides the verdict.

use super::caption::spec;
use super::picture::Picture;
use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::study::Study;
use windtunnel_figure::{Band, Color, Figure, Line, Panel, Points, Rule, Scale, Series};
use windtunnel_lab::inference::{Effect, Estimator, Verdict};

const GREY: Color = Color(0xaa, 0xaa, 0xaa);
/// The verdicts with their colours.
const VERDICTS: [(Verdict, Color); 4] = [
    (Verdict::Supported, Color(0x1b, 0x7f, 0x3b)),
    (Verdict::Contradicted, Color(0xc0, 0x39, 0x2b)),
    (Verdict::NotDistinguishable, Color(0x77, 0x77, 0x77)),
    (Verdict::Barred, Color(0xd9, 0xa4, 0x41)),
];

/// The specification curves of all claims; `None` if no claim has several specifications.
pub(crate) fn specifications(
    study: &Study,
    evidence: &Evidence,
    findings: &[Finding],
) -> Option<Picture> {
    let panels: Vec<Panel> =
        findings.iter().filter(|finding| finding.effects.len() > 2).map(panel).collect();
    if panels.is_empty() {
        return None;
    }
    let caption = "Every claim under every specification (statistic, steps, held-out batch, protocol), in \
                   ascending order of the effect over paired seeds; grey: 95 % intervals, each alone. \
                   The colour is the verdict of that interval; \"no verdict\": a mean over prompts that \
                   does not settle."
        .into();
    let title = format!("{}: all specifications", study.title);
    let named = ("-specifications", "every claim under every specification");
    let figure = Figure { title, panels, caption };
    Some(Picture::new(evidence, named, figure, &spec(study, evidence)))
}

/// Name of the effect by the paper's own statistic.
const PAPER: &str = "the paper's own";

fn panel(finding: &Finding) -> Panel {
    let mut effects: Vec<(&Effect, &str)> = finding.effects.iter().map(|e| (e, "")).collect();
    let marks = ["primary", if finding.second_is_of_paper { PAPER } else { "" }];
    for (effect, name) in effects.iter_mut().zip(marks) {
        effect.1 = name;
    }
    effects.retain(|(effect, _)| effect.estimate.value().is_some());
    effects.sort_by(|(a, _), (b, _)| a.estimate.drawn().total_cmp(&b.estimate.drawn()));
    let places: Vec<f64> = (1..=effects.len()).map(|place| place as f64).collect();
    let dots = |chosen: &dyn Fn(&Effect, &str) -> bool, name: &str, color| {
        let own = places.iter().zip(&effects).filter(|(_, (effect, mark))| chosen(effect, mark));
        let (x, y) = own.map(|(place, (effect, _))| (*place, effect.estimate.drawn())).unzip();
        Points { name: name.into(), color, x, y, shade: None }
    };
    let mut points: Vec<Points> = VERDICTS
        .iter()
        .map(|(verdict, color)| {
            dots(
                &|effect, mark| mark.is_empty() && effect.verdict() == *verdict,
                verdict.text(),
                *color,
            )
        })
        .collect();
    points.push(dots(&|_, mark| mark == PAPER, PAPER, Color(0x1f, 0x5f, 0xbf)));
    points.push(dots(&|_, mark| mark == "primary", "primary", Color::BLACK));
    points.retain(|points| !points.x.is_empty());
    let (lo, hi) =
        effects.iter().map(|(e, _)| (e.estimate.interval().lo, e.estimate.interval().hi)).unzip();
    let center = effects.iter().map(|(effect, _)| effect.estimate.drawn()).collect();
    let is_ratio = effects.iter().all(|(effect, _)| {
        matches!(effect.estimate.estimator(), Estimator::GeometricMean | Estimator::Median)
    });
    Panel {
        title: finding.text.into(),
        x_label: "specification, ascending".into(),
        y_label: finding.what.into(),
        y_scale: if is_ratio { Scale::Log } else { Scale::Linear },
        series: vec![Series {
            band: Some(Band { lo, hi }),
            ..Series::new("", GREY, places.clone(), center)
        }],
        points,
        rules: vec![Rule {
            name: "no effect".into(),
            color: GREY,
            line: Line::Horizontal(if is_ratio { 1.0 } else { 0.0 }),
        }],
        ..Panel::default()
    }
}
