//! Figures of the robust condition number: max |H_ii| / median |H_ii| of SGDM and Adam along their
//! trajectories. Claim B3, "smaller for adaptive methods".

use serde::Serialize;
use windtunnel_core::landscape::Convention;
use windtunnel_core::stats::mean;

use super::cohort::{Cell, Cohort, groups};
use super::contrast::{Contrast, Finding};
use super::{Arm, Protocol, Verdict};
use crate::chart::{Group, Member, over_seeds};
use crate::figure::{Figure, Panel, Scale};
use crate::store::{self, Store};
use crate::table::{Table, number};

const METRIC: &str = "robust_condition_number";
/// What every run measures.
pub const INSTRUMENTS: &str = "instruments.robust_condition=250";
/// Steps of the paper's table.
pub const TABLE_STEPS: [u64; 2] = [750, 1250];
/// Steps at which the verdict is asked for besides.
const OTHER_STEPS: [u64; 5] = [250, 2500, 5000, 7500, 10_000];

/// A figure of the robust condition number.
#[derive(Debug)]
pub struct ConditionFigure {
    /// Name on the command line and of files.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// Its panels.
    pub cohorts: &'static [Cohort],
    /// What is claimed of each, at the steps of the paper's table.
    pub claim: &'static str,
    /// Published ratios.
    pub published: &'static [Published],
}

/// A published ratio SGDM/Adam: mean and standard deviation over six seeds.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    /// Which cohort.
    pub cohort: usize,
    /// Where: the paper's table or the authors' notebook.
    pub source: &'static str,
    /// At which step.
    pub step: u64,
    /// Mean over seeds.
    pub mean: f64,
    /// Standard deviation over seeds.
    pub std: f64,
}

/// The result.
pub struct Conditioning {
    /// A panel per cohort.
    pub figure: Figure,
    /// Claim B3 per cohort, under every convention and at every step.
    pub findings: Vec<CohortFinding>,
    /// Ratios at the paper's steps beside what was published.
    pub ratios: Table,
}

/// The verdicts on one cohort.
#[derive(Clone, Debug, Serialize)]
pub struct CohortFinding {
    /// Name of the cohort.
    pub cohort: &'static str,
    /// The claim.
    pub finding: Finding,
}

/// Runs of the figure, read back: per cohort SGDM's and Adam's.
struct Runs {
    cohorts: Vec<[Group; 2]>,
}

/// Reads the runs from the store, draws and judges them.
///
/// # Errors
/// A run that is not in the store or cannot be read.
pub fn assemble(
    store: &Store,
    of: &ConditionFigure,
    protocol: &Protocol,
    cells: &[Cell],
) -> Result<Conditioning, store::Error> {
    let runs = Runs { cohorts: groups(store, of.cohorts, cells)? };
    Ok(Conditioning {
        figure: runs.figure(of, protocol),
        findings: runs.findings(of, protocol),
        ratios: runs.ratios(of, protocol),
    })
}

impl Runs {
    fn figure(&self, of: &ConditionFigure, protocol: &Protocol) -> Figure {
        let panel = |(groups, cohort): (&[Group; 2], &Cohort)| Panel {
            title: cohort.title.into(),
            x_label: "step".into(),
            y_label: "max |H_{ii}| / median |H_{ii}|".into(),
            y_scale: Scale::Log,
            series: groups
                .iter()
                .filter_map(|group| over_seeds(group, METRIC, &group.name, group.color))
                .collect(),
            ..Panel::default()
        };
        let warning = protocol.warning().map_or(String::new(), |w| format!("{w} "));
        Figure {
            title: of.title.into(),
            panels: self.cohorts.iter().zip(of.cohorts).map(panel).collect(),
            caption: format!(
                "{warning}Lines: mean over seeds 0 to {} of the robust condition number by the \
                 paper's convention: diagonal of the exact Hessian (double precision, 1000 fixed \
                 held-out prompts), lower median, dead parameters included; every 250 steps. Bands: \
                 95 % bootstrap interval of that mean. Faint: single seeds.",
                protocol.seeds - 1
            ),
        }
    }

    /// The metric of every seed at a step.
    fn values(&self, cohort: usize, arm: Arm, convention: Convention, step: u64) -> Vec<f64> {
        let metric = match convention == Convention::PAPER {
            true => METRIC.into(),
            false => format!("{METRIC}.{}", convention.name()),
        };
        let group = &self.cohorts[cohort][usize::from(arm == Arm::Adam)];
        let at = |member: &Member| {
            let mut rows = member.rows.iter();
            let row = rows.find(|row| row.step == step && row.metric == metric);
            row.map_or(f64::NAN, |row| row.value)
        };
        group.members.iter().map(at).collect()
    }

    fn findings(&self, of: &ConditionFigure, protocol: &Protocol) -> Vec<CohortFinding> {
        const RATIO: Contrast = Contrast {
            claim: "B3",
            text: "",
            effect: "R(SGDM)/R(Adam)",
            terms: &[(0, Arm::Sgdm, 1), (0, Arm::Adam, -1)],
        };
        let made = |step: &u64| *step <= protocol.steps;
        let finding = |(k, cohort): (usize, &Cohort)| {
            let effect = |convention: Convention, step: u64| {
                let name = format!("step {step}, {}", convention.name());
                RATIO.effect(&name, |_, arm| self.values(k, arm, convention, step))
            };
            let paper = TABLE_STEPS.into_iter().chain(OTHER_STEPS).filter(made);
            let paper = paper.map(|step| effect(Convention::PAPER, step));
            let others = TABLE_STEPS.into_iter().filter(made).flat_map(|step| {
                let others = Convention::all().filter(|c| *c != Convention::PAPER);
                others.map(move |convention| (convention, step))
            });
            let others = others.map(|(convention, step)| effect(convention, step));
            let effects = paper.chain(others).collect();
            CohortFinding {
                cohort: cohort.name,
                finding: Finding { claim: "B3", text: of.claim, what: RATIO.effect, effects },
            }
        };
        of.cohorts.iter().enumerate().map(finding).collect()
    }

    fn ratios(&self, of: &ConditionFigure, protocol: &Protocol) -> Table {
        let mut rows = Vec::new();
        for (k, cohort) in of.cohorts.iter().enumerate() {
            for step in TABLE_STEPS.into_iter().filter(|step| *step <= protocol.steps) {
                let [a, b] = Arm::ALL.map(|arm| self.values(k, arm, Convention::PAPER, step));
                let ratios: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a / b).collect();
                let center = mean(&ratios);
                let squares: f64 = ratios.iter().map(|r| (r - center).powi(2)).sum();
                let std = (squares / (ratios.len() as f64 - 1.0)).sqrt();
                let published = |source: &str| {
                    let mut own = of.published.iter();
                    let own = own.find(|p| (p.cohort, p.source, p.step) == (k, source, step));
                    own.map_or("–".into(), |p| format!("{} ({})", number(p.mean), number(p.std)))
                };
                rows.push(vec![
                    cohort.name.into(),
                    step.to_string(),
                    format!("{} ({})", number(center), number(std)),
                    published("paper"),
                    published("notebook"),
                ]);
            }
        }
        let head = ["", "step", "ours", "the paper's table", "the authors' notebook"];
        let title =
            "Ratio SGDM/Adam of the robust condition number, mean (standard deviation) over seeds";
        Table::new(title, &head, rows)
    }
}

impl Conditioning {
    /// The verdicts at every step and under every convention.
    pub fn findings_table(&self) -> Table {
        let rows = self.findings.iter().flat_map(|of| {
            of.finding.effects.iter().map(|effect| {
                vec![
                    of.cohort.into(),
                    effect.convention.clone(),
                    number(effect.effect),
                    format!("{} to {}", number(effect.lo), number(effect.hi)),
                    effect.verdict_with_seeds(),
                ]
            })
        });
        let head = ["", "step, convention", "R(SGDM)/R(Adam)", "95 %", "verdict"];
        let title = "Claim B3: geometric means over paired seeds (bootstrap over seeds)";
        Table::new(title, &head, rows.collect())
    }

    /// What a reader should know before the picture.
    pub fn summary(&self, of: &ConditionFigure, protocol: &Protocol) -> Vec<String> {
        let line = |found: &CohortFinding| {
            let count = |verdict: Verdict| {
                let effects = found.finding.effects.iter();
                effects.filter(|e| e.verdict == verdict.of_claim()).count()
            };
            let total = found.finding.effects.len();
            let first = found.finding.effects.first();
            let first =
                first.map_or(String::new(), |e| format!("{} ({})", e.verdict, e.convention));
            format!(
                "{}: {first}. Of {total} combinations of step and convention the claim is supported \
                 in {}, contradicted in {}.",
                found.cohort,
                count(Verdict::Yes),
                count(Verdict::No)
            )
        };
        let lines = self.findings.iter().map(line);
        protocol.warning().into_iter().chain([of.claim.to_string()]).chain(lines).collect()
    }
}
