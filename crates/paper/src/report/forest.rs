//! Forest plot of claims: a table with a row for each, its effect and interval drawn on one axis.

use windtunnel_figure::table::escape;
use windtunnel_lab::inference::{Effect, Estimator, Verdict};
use windtunnel_measure::stats::Interval;

use super::matrix::{self, class};
use crate::feature::{FEATURES, belongs};
use crate::finding::Finding;
use crate::section::Section;

/// Size of the drawing of a row, in its own units.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 22.0;
/// Room left and right of the axis, for arrows.
const MARGIN: f64 = 8.0;
/// Decades of a ratio on both sides of no effect; what lies beyond ends in an arrow.
const DECADES: f64 = 1.5;

/// The claims of all sections, feature by feature, with links to their sections.
pub(super) fn html(sections: &[Section]) -> String {
    let all: Vec<(&Section, &Finding)> = sections
        .iter()
        .flat_map(|section| section.findings.iter().map(move |own| (section, own)))
        .collect();
    let group = |feature| {
        let own = all.iter().filter(|(_, finding)| belongs(finding.claim, feature));
        let rows: String = own.map(|(section, finding)| row(section, finding)).collect();
        let heading = format!(
            "<tr class=\"group\"><th colspan=\"5\" scope=\"rowgroup\">{}</th></tr>\n",
            escape(feature.0)
        );
        if rows.is_empty() { rows } else { format!("<tbody>{heading}{rows}</tbody>\n") }
    };
    let groups: String = FEATURES.iter().map(group).collect();
    format!(
        "<div class=\"scroll\"><table class=\"forest\"><caption>{}</caption>\n<thead><tr>\
         <th scope=\"col\">claim</th><th scope=\"col\">{}</th><th scope=\"col\">effect (95 %)</th>\
         <th scope=\"col\">verdict</th><th scope=\"col\">other conventions</th></tr></thead>\n\
         {groups}</table></div>\n<p class=\"key\">{}</p>\n",
        escape(CAPTION),
        axis(),
        key()
    )
}

const CAPTION: &str = "Every claim: its primary effect with a 95 % interval, and the verdict, adjusted \
                       for all claims of its family. Right of the line the data are on the side of the \
                       claim, left of it against it; a claim of equality holds on the line.";

/// Meaning of the marks.
fn key() -> String {
    let meaning = |verdict| match verdict {
        Verdict::Supported => "the whole interval is on the side of the claim",
        Verdict::Contradicted => "all of it is on the other side",
        Verdict::NotDistinguishable => "it contains no effect",
        Verdict::Barred => "a mean of losses too heavy-tailed to settle",
    };
    let mark = |verdict: Verdict| {
        let mark = drawing(&shape(verdict, 8.0), 16.0, "");
        format!("{mark} {}: {}", verdict.text(), meaning(verdict))
    };
    let marks: Vec<String> = Verdict::ALL.map(mark).into();
    format!(
        "{}; {} the paper's own statistic on its fixed batch; {} the published ratio. In the matrix at \
         the right every cell is a specification in the colour of its verdict: columns are \
         statistics, held-out batches and protocols, rows are steps; the primary one has a thick \
         frame, the paper's own a dashed one.",
        marks.join("; "),
        drawing(&diamond(8.0), 16.0, ""),
        drawing(&tick(8.0), 16.0, "")
    )
}

fn row(section: &Section, finding: &Finding) -> String {
    let verdict = finding.verdict();
    let effect = finding.primary();
    let text = effect.map_or("not measured".into(), |effect| effect.estimate.text());
    let turned = if finding.flips() { " turned" } else { "" };
    format!(
        "<tr class=\"{}{turned}\"><td><a href=\"#{}\">{}</a></td><td>{}</td>\
         <td>{}</td><td class=\"verdict\">{}</td><td>{}<small>{}</small></td></tr>\n",
        class(verdict),
        escape(section.name),
        escape(finding.text),
        strip(finding, verdict),
        escape(&format!("{} = {text}", finding.what)),
        verdict.text(),
        matrix::html(finding),
        alike(finding)
    )
}

/// How many of the specifications have the verdict of the finding, in words.
fn alike(finding: &Finding) -> String {
    let verdict = finding.verdict();
    let same = finding.effects.iter().filter(|effect| effect.verdict() == verdict).count();
    match finding.effects.len() {
        0 => String::new(),
        1 => "one only".into(),
        all => format!("{same} of {all} the same"),
    }
}

/// Place of a number on the axis of its kind, in units of the drawing; infinite ones are at its ends.
fn place(effect: &Effect, value: f64) -> f64 {
    let fraction = match effect.estimate.estimator() {
        Estimator::GeometricMean | Estimator::Median => value.log10() / DECADES,
        Estimator::Mean | Estimator::RankCorrelation => value,
    };
    column(fraction.clamp(-1.0, 1.0))
}

/// Column of a fraction of the axis, from −1 to 1.
fn column(fraction: f64) -> f64 {
    WIDTH / 2.0 + fraction * (WIDTH / 2.0 - MARGIN)
}

/// The interval as a line, with arrows where it goes on, and the effect as the mark of its verdict.
fn strip(finding: &Finding, verdict: Verdict) -> String {
    let Some(effect) = finding.primary() else { return String::new() };
    let paper = finding.of_paper();
    let middle = HEIGHT / 2.0;
    let (first, last) = (column(-1.0), column(1.0));
    let mut marks = format!("<path class=\"zero\" d=\"M{0:.1} 0V{HEIGHT}\"/>", column(0.0));
    let value = effect.estimate.drawn();
    if value.is_nan() {
        return drawing(&marks, WIDTH, "no number");
    }
    let Interval { lo, hi } = effect.estimate.interval();
    // NaN where there is no interval, infinite where it has no end.
    let (lo, hi) = (place(effect, lo), place(effect, hi));
    if lo <= hi {
        marks += &format!("<path class=\"interval\" d=\"M{lo:.1} {middle}H{hi:.1}\"/>");
    }
    let arrow = |at: f64, length: f64| {
        format!("<path class=\"arrow\" d=\"M{at:.1} {middle}m0 -4l{length} 4l{} 4Z\"/>", -length)
    };
    if lo <= first {
        marks += &arrow(first, -6.0);
    }
    if hi >= last {
        marks += &arrow(last, 6.0);
    }
    if let Some(published) = finding.published {
        marks += &tick(place(effect, published));
    }
    if let Some(own) = paper.filter(|own| !own.estimate.drawn().is_nan()) {
        marks += &diamond(place(own, own.estimate.drawn()));
    }
    marks += &shape(verdict, place(effect, value));
    drawing(&marks, WIDTH, &format!("{}, {}", effect.estimate.text(), verdict.text()))
}

/// The mark of a verdict, told apart by shape as well as by colour.
fn shape(verdict: Verdict, x: f64) -> String {
    let y = HEIGHT / 2.0;
    let mark = match verdict {
        Verdict::Supported | Verdict::NotDistinguishable => {
            format!("<circle cx=\"{x:.1}\" cy=\"{y}\" r=\"4.5\"/>")
        }
        Verdict::Contradicted => {
            format!("<rect x=\"{:.1}\" y=\"{}\" width=\"8.5\" height=\"8.5\"/>", x - 4.25, y - 4.25)
        }
        Verdict::Barred => format!("<path d=\"M{:.1} {}l8 8m0 -8l-8 8\"/>", x - 4.0, y - 4.0),
    };
    format!("<g class=\"mark {}\">{mark}</g>", class(verdict))
}

/// The mark of the paper's own statistic.
fn diamond(x: f64) -> String {
    let y = HEIGHT / 2.0;
    format!("<path class=\"papers\" d=\"M{x:.1} {:.1}l4.5 4.5l-4.5 4.5l-4.5 -4.5Z\"/>", y - 4.5)
}

/// The mark of a published number.
fn tick(x: f64) -> String {
    format!("<path class=\"published\" d=\"M{x:.1} 2V{}\"/>", HEIGHT - 2.0)
}

/// Labels of the axis above the rows: ratios, and correlations below them.
fn axis() -> String {
    let label = |fraction: f64, text: &str, y: f64| {
        format!("<text x=\"{:.1}\" y=\"{y}\">{text}</text>", column(fraction))
    };
    let ratios = [(-1.0 / DECADES, "0.1"), (0.0, "1"), (1.0 / DECADES, "10")];
    let correlations = [(-1.0, "−1"), (0.0, "0"), (1.0, "1")];
    let labels: String = ratios.map(|(at, text)| label(at, text, 9.0)).concat();
    let below: String = correlations.map(|(at, text)| label(at, text, 20.0)).concat();
    let text = "ratios from 0.03 to 32 on a logarithmic axis, correlations from −1 to 1";
    drawing(&(labels + &below), WIDTH, text)
}

/// A drawing so wide; with a description it is a picture of its own, without one it is decoration.
fn drawing(marks: &str, width: f64, description: &str) -> String {
    let role = match description {
        "" => "aria-hidden=\"true\"".to_string(),
        text => format!("role=\"img\" aria-label=\"{}\"", escape(text)),
    };
    format!(
        "<svg viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{HEIGHT}\" {role}>{marks}</svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_lab::inference::Ratios;

    fn ratio(logs: &[f64]) -> Effect {
        Effect::of_ratios("", &Ratios::of_logs(logs))
    }

    fn drawn(effects: &[Effect]) -> String {
        let finding = Finding::new(("", ""), ("", ""), effects.to_vec());
        strip(&finding, finding.verdict())
    }

    #[test]
    fn an_effect_is_drawn_at_its_place_with_the_mark_of_its_verdict() {
        let up = ratio(&[2.1, 2.3, 2.5]);
        let single = drawn(std::slice::from_ref(&up));
        // ln 10 = 2.30 is a decade, of the one and a half between the middle and the end.
        let middle = column(1.0 / DECADES);
        assert!((place(&up, 10.0) - middle).abs() < 1e-9);
        assert!(single.contains("mark supported") && !single.contains("arrow"), "{single}");
        assert!(single.contains(&format!("{}, supported", up.estimate.text())), "{single}");
        let both = drawn(&[up.clone(), ratio(&[0.0, 0.1])]);
        assert!(both.contains("papers") && !single.contains("papers"), "{both}");
        // Correlations have an axis of their own with the same middle.
        let mean = Effect::of_values("", &[0.5, 0.6, 0.4], String::new());
        assert!((place(&mean, 0.0) - place(&up, 1.0)).abs() < 1e-9);
        assert!((place(&mean, 1.0) - column(1.0)).abs() < 1e-9);
    }

    #[test]
    fn what_is_beyond_the_axis_ends_in_an_arrow() {
        assert_eq!(drawn(&[ratio(&[9.0, 10.0, 11.0])]).matches("arrow").count(), 1);
        assert_eq!(drawn(&[ratio(&[-9.0, 11.0, 1.0])]).matches("arrow").count(), 2);
        assert!(drawn(&[Effect::of_values("", &[], "nothing ran".into())]).contains("no number"));
        // One pair has a number without an interval, which is not one without ends.
        let single = drawn(&[ratio(&[1.0])]);
        assert!(single.contains("mark open"), "{single}");
        assert!(!single.contains("arrow") && !single.contains("class=\"interval\""), "{single}");
        assert_eq!(drawn(&[]), "");
    }
}
