//! Matrix of the verdicts of all specifications of a claim: a column for each convention, a row for
//! each choice of steps.

use windtunnel_figure::table::escape;
use windtunnel_lab::inference::{Effect, Verdict};

use crate::finding::Finding;

/// Largest width and height of all cells, and largest side of one, in pixels.
const WIDTH: f64 = 168.0;
const HEIGHT: f64 = 36.0;
const SIDE: f64 = 9.0;
/// Room for the frames of cells at the edge.
const MARGIN: f64 = 1.0;

/// The matrix as a drawing; empty for a claim with a single specification. The cell of the primary
/// effect has a thick frame, that of the paper's own statistic a dashed one.
pub(super) fn html(finding: &Finding) -> String {
    if finding.effects.len() < 2 {
        return String::new();
    }
    let columns = distinct(finding.effects.iter().map(Effect::convention));
    let rows = distinct(finding.effects.iter().map(|effect| effect.steps.clone()));
    let side = (WIDTH / columns.len() as f64).min(SIDE);
    let high = (HEIGHT / rows.len() as f64).min(SIDE);
    let place = |effect: &Effect| {
        let index = |all: &[String], own: &String| all.iter().position(|other| other == own);
        let column = index(&columns, &effect.convention()).unwrap_or(0);
        let row = index(&rows, &effect.steps).unwrap_or(0);
        (MARGIN + side * column as f64, MARGIN + high * row as f64)
    };
    let rectangle = |(x, y): (f64, f64), class: &str, content: &str| {
        format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{side:.1}\" \
             height=\"{high:.1}\">{content}</rect>"
        )
    };
    let cell = |effect: &Effect| {
        let title = format!(
            "{}: {}, {}",
            effect.specification,
            effect.estimate.text(),
            effect.verdict().text()
        );
        let title = format!("<title>{}</title>", escape(&title));
        rectangle(place(effect), class(effect.verdict()), &title)
    };
    let cells: String = finding.effects.iter().map(cell).collect();
    let frame = |effect: Option<&Effect>, class: &str| {
        effect.map_or(String::new(), |effect| rectangle(place(effect), class, ""))
    };
    let frames = frame(finding.of_paper(), "own") + &frame(finding.primary(), "primary");
    let (width, height) =
        (2.0 * MARGIN + side * columns.len() as f64, 2.0 * MARGIN + high * rows.len() as f64);
    format!(
        "<svg class=\"matrix\" viewBox=\"0 0 {width:.1} {height}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{}\">{cells}{frames}</svg>",
        escape(&finding.tally().text())
    )
}

/// Class of a verdict.
pub(super) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Supported => "supported",
        Verdict::Contradicted => "contradicted",
        Verdict::NotDistinguishable => "open",
        Verdict::Barred => "barred",
    }
}

/// Texts in the order in which they first occur, each once.
fn distinct(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for text in all {
        if !distinct.contains(&text) {
            distinct.push(text);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_lab::inference::Ratios;

    #[test]
    fn every_specification_has_a_cell_and_two_are_framed() {
        let effect = |name: &str, steps: &str, logs: &[f64]| {
            Effect::of_ratios(name, &Ratios::of_logs(logs)).at(steps)
        };
        let (up, down) = ([1.0, 1.1, 1.05], [-1.0, -1.1, -1.05]);
        let effects = vec![
            effect("median, last step, fresh", "last step", &up),
            effect("mean, last step, fixed", "last step", &down),
            effect("median, first step, fresh", "first step", &up),
            effect("mean, first step, fixed", "first step", &up)
                .barred("it does not settle".into()),
        ];
        let finding = Finding::new(("", ""), ("", ""), effects.clone());
        let html = html(&finding);
        assert_eq!(html.matches("<title>").count(), 4);
        for (class, count) in [("supported", 2), ("contradicted", 1), ("barred", 1), ("own", 1)] {
            assert_eq!(html.matches(&format!("class=\"{class}\"")).count(), count, "{class}");
        }
        // Two conventions beside each other, two choices of steps below each other.
        assert!(html.contains("viewBox=\"0 0 20.0 20\""), "{html}");
        assert!(html.contains("class=\"primary\" x=\"1.0\" y=\"1.0\""), "{html}");
        assert!(html.contains("class=\"own\" x=\"10.0\" y=\"1.0\""), "{html}");
        let one = Finding::new(("", ""), ("", ""), effects[..1].to_vec());
        assert_eq!(super::html(&one), "");
    }
}
