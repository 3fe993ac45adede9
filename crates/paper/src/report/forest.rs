//! Forest plot of claims: a table with a row for each, its effect and interval drawn on one axis.

use windtunnel_figure::table::escape;
use windtunnel_lab::inference::{Effect, Estimator, Tally, Verdict};
use windtunnel_measure::stats::Interval;

use crate::finding::Finding;
use crate::section::Section;

/// Size of the drawing of a row, in its own units.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 22.0;
/// Room left and right of the axis, for arrows.
const MARGIN: f64 = 8.0;
/// Decades of a ratio on both sides of no effect; what lies beyond ends in an arrow.
const DECADES: f64 = 1.5;

/// The claims of all sections, section by section, with links to them.
pub(super) fn html(sections: &[Section]) -> String {
    let group = |section: &Section| {
        let heading = format!(
            "<tr class=\"group\"><th colspan=\"5\" scope=\"rowgroup\"><a href=\"#{}\">{}</a></th></tr>\n",
            escape(section.name),
            escape(section.title)
        );
        let rows: String = section.findings.iter().map(|own| row(section, own)).collect();
        if rows.is_empty() { rows } else { format!("<tbody>{heading}{rows}</tbody>\n") }
    };
    let groups: String = sections.iter().map(group).collect();
    format!(
        "<div class=\"scroll\"><table class=\"forest\"><caption>{}</caption>\n<thead><tr>\
         <th scope=\"col\">claim</th><th scope=\"col\">{}</th><th scope=\"col\">effect (95 %)</th>\
         <th scope=\"col\">verdict</th><th scope=\"col\">all specifications</th></tr></thead>\n\
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
    let mark = |verdict: Verdict| {
        format!("{} {}", drawing(&shape(verdict, 8.0), 16.0, ""), verdict.text())
    };
    let marks: Vec<String> = Verdict::ALL.map(mark).into();
    format!(
        "{}; {} the paper's own statistic on its fixed batch; {} the published ratio. The bar at the \
         right counts all specifications (statistic, steps, held-out batch, protocol) by their \
         verdicts, in the same order.",
        marks.join(", "),
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
        "<tr class=\"{}{turned}\"><td><a href=\"#{}\">{}</a> <small>{}</small></td><td>{}</td>\
         <td>{}</td><td class=\"verdict\">{}</td><td>{}<br><small>{}</small></td></tr>\n",
        class(verdict),
        escape(section.name),
        escape(finding.text),
        escape(finding.claim),
        strip(finding, verdict),
        escape(&format!("{} = {text}", finding.what)),
        verdict.text(),
        bar(finding.tally()),
        escape(&finding.robustness())
    )
}

/// Class of a verdict.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Supported => "supported",
        Verdict::Contradicted => "contradicted",
        Verdict::NotDistinguishable => "open",
        Verdict::Barred => "barred",
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

/// Shares of the verdicts of all specifications, in the order of [`Verdict::ALL`].
fn bar(tally: Tally) -> String {
    let counts = [tally.supported, tally.contradicted, tally.open, tally.barred];
    let all = tally.total().max(1) as f64;
    let mut left = 0.0;
    let part = |(verdict, count): (Verdict, usize)| {
        let width = 120.0 * count as f64 / all;
        let x = left;
        left += width;
        let class = class(verdict);
        match count {
            0 => String::new(),
            _ => format!(
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"6\" width=\"{width:.1}\" height=\"9\"/>"
            ),
        }
    };
    let parts: String = Verdict::ALL.into_iter().zip(counts).map(part).collect();
    drawing(&format!("<g class=\"shares\">{parts}</g>"), 120.0, &tally.text())
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

    #[test]
    fn shares_fill_their_bar() {
        let tally = Tally { supported: 1, contradicted: 0, open: 2, barred: 1 };
        let drawn = bar(tally);
        assert!(!drawn.contains("\"contradicted\""), "{drawn}");
        for part in
            ["x=\"0.0\" y=\"6\" width=\"30.0\"", "x=\"30.0\" y=\"6\" width=\"60.0\"", "x=\"90.0\""]
        {
            assert!(drawn.contains(part), "{part}: {drawn}");
        }
        assert!(bar(Tally::default()).contains("none"));
    }
}
