//! Where verdicts turn: effects over the steps, convention by convention.

use windtunnel_core::stats::{mean, mean_interval};

use super::{COLORS, Picture, spec};
use crate::figure::{Band, Color, Figure, Line, Panel, Rule, Scale, Series};
use crate::paper::claim::{Claim, Term, logs};
use crate::paper::cohort::Cohort;
use crate::paper::effect::Finding;
use crate::paper::evidence::Evidence;
use crate::paper::quantity::at;
use crate::paper::study::Study;

/// Panels of one picture.
const MOST: usize = 6;

/// The effects over the steps of every claim whose verdict depends on the convention; nothing
/// where all are robust, or are about something without steps.
pub(in crate::paper) fn picture(
    study: &Study,
    evidence: &Evidence,
    findings: &[Finding],
) -> Option<Picture> {
    let turning = study.claims.iter().zip(findings).filter(|(_, finding)| !finding.is_robust());
    let panels: Vec<Panel> =
        turning.filter_map(|(claim, _)| panel(study, evidence, claim)).take(MOST).collect();
    if panels.is_empty() {
        return None;
    }
    let caption = format!(
        "Effects over the steps of claims whose verdict depends on the convention, above 1 where the \
         claim holds (claims of equality: 1 within a tenth): geometric mean over paired seeds 0 to {}, with its 95 % bootstrap interval for \
         the paper's convention.",
        evidence.protocol.seeds - 1
    );
    let title = format!("{}: where the verdict turns", study.title);
    let figure = Figure { title, panels, caption };
    let named = ("-turns", "where the verdict turns");
    Some(Picture::new(evidence, named, figure, &spec(study, evidence)))
}

fn panel(study: &Study, evidence: &Evidence, claim: &Claim) -> Option<Panel> {
    let (quantity, terms) = claim.contrast()?;
    let curves = quantity.curves();
    let series =
        curves.iter().zip(COLORS).enumerate().filter_map(|(k, ((name, metric), color))| {
            curve(evidence, study.cohorts, terms, (name, metric), (color, k == 0))
        });
    // The paper's convention on top.
    let mut series: Vec<Series> = series.collect();
    series.reverse();
    (!series.is_empty()).then(|| Panel {
        title: format!("{}: {}", claim.id, claim.what),
        x_label: "step".into(),
        y_label: "effect".into(),
        y_scale: Scale::Log,
        series,
        rules: vec![Rule {
            name: "no effect".into(),
            color: Color(0x77, 0x77, 0x77),
            line: Line::Horizontal(1.0),
        }],
        ..Panel::default()
    })
}

/// The effect of a metric at every step that all runs have.
fn curve(
    evidence: &Evidence,
    cohorts: &[Cohort],
    terms: &[Term],
    (name, metric): (&str, &str),
    (color, band): (Color, bool),
) -> Option<Series> {
    let &(first, arm, _) = terms.first()?;
    let rows = &evidence.group(&cohorts[first], arm)?.members.first()?.rows;
    let steps: Vec<u64> =
        rows.iter().filter(|row| row.metric == metric).map(|row| row.step).collect();
    let at_step = |step: u64| -> Vec<f64> {
        let of = |&(cohort, arm, power): &Term| {
            let members =
                evidence.group(&cohorts[cohort], arm).map_or(&[][..], |group| &group.members);
            (members.iter().map(|m| at(m, metric, step)).collect(), power)
        };
        logs(&terms.iter().map(of).collect::<Vec<_>>())
    };
    let columns: Vec<Vec<f64>> = steps.iter().map(|&step| at_step(step)).collect();
    let x = steps.iter().map(|&step| step as f64).collect();
    let center = columns.iter().map(|logs| mean(logs).exp()).collect();
    let mut series = Series::new(name, color, x, center);
    if band {
        let intervals: Vec<_> = columns.iter().map(|logs| mean_interval(logs)).collect();
        series.band = Some(Band {
            lo: intervals.iter().map(|i| i.lo.exp()).collect(),
            hi: intervals.iter().map(|i| i.hi.exp()).collect(),
        });
    }
    (!steps.is_empty()).then_some(series)
}
