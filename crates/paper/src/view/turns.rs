//! Effects over the steps, convention by convention, of claims whose verdict depends on the
//! convention.

use super::caption::spec;
use super::picture::{Picture, estimated};
use crate::claim::{Claim, Term};
use crate::effect::Finding;
use crate::estimate::Estimate;
use crate::evidence::Evidence;
use crate::palette::COLORS;
use crate::reading::{Ratios, Reading, Readings};
use crate::study::Study;
use windtunnel_figure::{Color, Figure, Line, Panel, Rule, Scale, Series};
use windtunnel_measure::metric::Metric;

/// Largest number of panels of one picture.
const MOST: usize = 6;

/// The effects over the steps of every claim whose verdict depends on the convention; `None` if all
/// are robust, or concern a quantity without steps.
pub(crate) fn turning(study: &Study, evidence: &Evidence, findings: &[Finding]) -> Option<Picture> {
    let turning = study.claims.iter().zip(findings).filter(|(_, finding)| !finding.is_robust());
    let drawn = |(claim, _)| Some((claim, panel(study, evidence, claim)?));
    let (claims, panels): (Vec<&Claim>, Vec<Panel>) = turning.filter_map(drawn).take(MOST).unzip();
    if panels.is_empty() {
        return None;
    }
    let claims: Vec<String> =
        claims.iter().map(|claim| format!("{}: {}.", claim.id, claim.text)).collect();
    let caption = format!(
        "Effects over the steps of claims whose verdict depends on the convention, above 1 where the \
         claim holds (claims of equality: 1 within a tenth): geometric mean over paired seeds 0 to {}, with its 95 % bootstrap interval for \
         the paper's convention. {}",
        evidence.protocol.seeds - 1,
        claims.join(" ")
    );
    let title = format!("{}: where the verdict turns", study.title);
    let figure = Figure { title, panels, caption };
    let named = ("-turns", "where the verdict turns");
    Some(Picture::new(evidence, named, figure, &spec(study, evidence)))
}

fn panel(study: &Study, evidence: &Evidence, claim: &Claim) -> Option<Panel> {
    let (quantity, contrast) = claim.contrast()?;
    let terms: Vec<Term> = contrast.terms().into_iter().flatten().collect();
    let curves = quantity.curves();
    let series =
        curves.iter().zip(COLORS).enumerate().filter_map(|(k, ((name, metric), color))| {
            curve((study, evidence), &terms, (name, metric), (color, k == 0))
        });
    // The paper's convention is drawn on top.
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
    (study, evidence): (&Study, &Evidence),
    terms: &[Term],
    (name, metric): (&str, &Metric),
    (color, band): (Color, bool),
) -> Option<Series> {
    let &(first, _) = terms.first()?;
    let member = evidence.members(study.setting(first.setting)?, first.arm).first()?;
    let steps: Vec<u64> = member.rows_of(metric).map(|row| row.step).collect();
    let estimates: Option<Vec<Estimate>> =
        steps.iter().map(|&step| at_step(study, evidence, terms, (metric, step))).collect();
    let x = steps.iter().map(|&step| step as f64).collect();
    let series = estimated(name, color, x, &estimates?);
    let series = if band { series } else { Series { band: None, ..series } };
    (!steps.is_empty()).then_some(series)
}

/// Effect of a metric at a step, without a number if a run has none, so that a whole curve is of
/// the same pairs. `None` if the study lacks a setting.
fn at_step(
    study: &Study,
    evidence: &Evidence,
    terms: &[Term],
    (metric, step): (&Metric, u64),
) -> Option<Estimate> {
    let of = |&(runs, power): &Term| {
        let members = evidence.members(study.setting(runs.setting)?, runs.arm).iter();
        let readings = members.map(|m| Reading::of(m.value(metric, step))).collect();
        Some((Readings { of: runs.arm.into(), readings }, power))
    };
    let ratios = Ratios::of(&terms.iter().map(of).collect::<Option<Vec<_>>>()?);
    Some(match ratios.logs.iter().all(|log| log.is_finite()) {
        true => Estimate::of_ratios(&ratios),
        false => Estimate::of_ratios(&Ratios { logs: Vec::new(), ..ratios }),
    })
}
