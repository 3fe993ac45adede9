//! Figures of losses: held-out loss of SGDM and Adam, cohort by cohort, with the verdicts of claims
//! about them.
//!
//! Judged by the mean over the held-out prompts, as the paper does, and by their median, because
//! single prompts can carry the whole mean.

use serde::Serialize;
use windtunnel_core::baseline::FIT_PROMPTS;
use windtunnel_core::lanes::Isa;
use windtunnel_core::stats::{mean, paired_ratio};

use super::cohort::{Cell, Cohort, groups};
use super::contrast::{Contrast, Finding};
use super::{Arm, LOSS, MEDIAN, Protocol, Verdict};
use crate::baseline::{Baseline, baselines};
use crate::chart::{FAR_BELOW, Group, Member, over_seeds};
use crate::figure::{Color, Figure, Line, Panel, Rule, Scale, Series};
use crate::store::{self, Store};
use crate::table::{Table, number};

/// A figure of losses.
#[derive(Debug)]
pub struct LossFigure {
    /// Name on the command line and of files.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// Its panels.
    pub cohorts: &'static [Cohort],
    /// What is claimed of them.
    pub claims: &'static [Contrast],
    /// Published readings.
    pub readings: &'static [Reading],
}

/// A published mean over seeds of the first cohort's loss.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Optimizer.
    pub arm: Arm,
    /// Step.
    pub step: u64,
    /// Loss.
    pub loss: f64,
}

/// The loss of one run.
struct Curve {
    /// Steps and losses.
    points: Vec<(u64, f64)>,
    diverged: bool,
}

impl Curve {
    fn new(member: &Member, steps: u64, statistic: Statistic) -> Curve {
        let rows = member.rows.iter().filter(|row| row.metric == statistic.metric());
        let points: Vec<(u64, f64)> = rows.map(|row| (row.step, row.value)).collect();
        let diverged = points.last().is_none_or(|(step, _)| *step < steps);
        Curve { points, diverged }
    }

    /// Loss at a step for a verdict: a run that diverged before is infinitely bad.
    fn judged(&self, step: u64) -> f64 {
        let found = self.points.iter().find(|(s, _)| *s == step);
        let loss = found.map_or(f64::NAN, |(_, loss)| *loss);
        if self.diverged && !loss.is_finite() { f64::INFINITY } else { loss }
    }

    /// Geometric mean over the last tenth of training.
    fn late(&self, steps: u64) -> f64 {
        let late = self.points.iter().filter(|(step, _)| *step >= steps - steps / 10);
        let logs: Vec<f64> = late.map(|(_, loss)| loss.ln()).collect();
        if self.diverged { f64::INFINITY } else { mean(&logs).exp() }
    }
}

/// How the losses of the held-out prompts become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Statistic {
    /// Their mean, as in the paper.
    Mean,
    /// Their median, which no single prompt moves.
    Median,
}

impl Statistic {
    fn metric(self) -> &'static str {
        match self {
            Statistic::Mean => LOSS,
            Statistic::Median => MEDIAN,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Statistic::Mean => "mean",
            Statistic::Median => "median",
        }
    }
}

/// The verdict on one setting.
#[derive(Clone, Debug, Serialize)]
pub struct SettingVerdict {
    /// Name of the cohort.
    pub setting: String,
    /// Final held-out loss of SGDM, mean over seeds.
    pub sgdm: f64,
    /// The same for Adam.
    pub adam: f64,
    /// `sgdm / adam`.
    pub ratio: f64,
    /// 95 % paired bootstrap interval of the ratio, lower end.
    pub ratio_lo: f64,
    /// Its upper end.
    pub ratio_hi: f64,
    /// "Adam lower": yes, no, not distinguishable.
    pub adam_lower: String,
    /// Adam's over that of GD++ with as many steps as layers, the best that is known of this model.
    pub distance_to_theory: f64,
    /// Ratio of the means over the last tenth of training, a check against noise at one step.
    pub ratio_last_tenth: f64,
    /// Largest share of the batch's loss that one prompt has at the end, over all runs.
    pub top_share: f64,
    /// Runs that diverged.
    pub diverged: usize,
}

/// Agreement with one published reading.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// Optimizer.
    pub optimizer: &'static str,
    /// Step of the reading.
    pub step: u64,
    /// Published mean over seeds.
    pub published: f64,
    /// Ours at the same step.
    pub ours: f64,
    /// max(ours/published, published/ours).
    pub factor: f64,
}

/// The figure by one statistic.
pub struct View {
    /// The statistic.
    pub statistic: Statistic,
    /// Three panels.
    pub figure: Figure,
    /// One verdict per setting.
    pub verdicts: Vec<SettingVerdict>,
}

/// The whole result.
pub struct Losses {
    /// The paper's figure: means over prompts.
    pub mean: View,
    /// The same by medians.
    pub median: View,
    /// The first cohort against published readings.
    pub agreement: Vec<Agreement>,
    /// The claims.
    pub findings: Vec<Finding>,
}

/// The runs of the figure, read back from the store.
struct Runs<'a> {
    of: &'a LossFigure,
    protocol: &'a Protocol,
    cells: &'a [Cell],
    /// The same with what they recorded: of every cohort SGDM's and Adam's.
    groups: Vec<[Group; 2]>,
    /// What needs no training, cohort by cohort.
    theory: Vec<Vec<Baseline>>,
}

/// Baselines that are drawn: what the model can be without being trained.
const THEORY: [(&str, Color); 2] = [("GD,", Color::CYCLE[2]), ("GD++,", Color::CYCLE[3])];

/// Reads the runs of the figure from the store, draws and judges them.
///
/// # Errors
/// A run that is not in the store or cannot be read.
pub fn assemble<'a>(
    store: &Store,
    of: &'a LossFigure,
    protocol: &'a Protocol,
    cells: &'a [Cell],
) -> Result<Losses, store::Error> {
    let groups = groups(store, of.cohorts, cells)?;
    let first = |cohort: usize| cells.iter().find(|cell| cell.cohort == cohort);
    let specs = (0..of.cohorts.len()).filter_map(first).map(|cell| &cell.spec);
    let theory = specs.map(|spec| baselines(spec, Isa::detect(), 1)).collect();
    let runs = Runs { of, protocol, cells, groups, theory };
    Ok(Losses {
        mean: runs.view(Statistic::Mean),
        median: runs.view(Statistic::Median),
        agreement: runs.agreement(),
        findings: runs.findings(),
    })
}

impl Runs<'_> {
    fn curves(&self, cohort: usize, arm: Arm, statistic: Statistic) -> Vec<Curve> {
        let members = &self.groups[cohort][usize::from(arm == Arm::Adam)].members;
        members.iter().map(|member| Curve::new(member, self.protocol.steps, statistic)).collect()
    }

    /// A baseline of a setting by a statistic.
    fn theory(&self, setting: usize, name: &str, statistic: Statistic) -> Option<f64> {
        let line = self.theory.get(setting)?.iter().find(|line| line.name.starts_with(name))?;
        Some(match statistic {
            Statistic::Mean => line.mean,
            Statistic::Median => line.median,
        })
    }

    fn rules(&self, setting: usize, statistic: Statistic, drawn: &[Series]) -> Vec<Rule> {
        let losses = drawn.iter().flat_map(|series| &series.center).copied();
        let lowest = losses.filter(|loss| *loss > 0.0).fold(f64::INFINITY, f64::min);
        let rule = |(name, color): (&str, Color)| {
            let value = self.theory(setting, name, statistic)?;
            if value < FAR_BELOW * lowest {
                return None;
            }
            let name = format!("{} in context", name.trim_end_matches(','));
            Some(Rule { name, color, line: Line::Horizontal(value) })
        };
        THEORY.into_iter().filter_map(rule).collect()
    }

    fn view(&self, statistic: Statistic) -> View {
        let cohorts = self.of.cohorts.iter().enumerate();
        let panel = |(k, cohort): (usize, &Cohort)| {
            let curve =
                |group: &Group| over_seeds(group, statistic.metric(), &group.name, group.color);
            let series: Vec<Series> = self.groups[k].iter().filter_map(curve).collect();
            Panel {
                title: cohort.title.into(),
                x_label: "step".into(),
                y_label: match statistic {
                    Statistic::Mean => "held-out loss".into(),
                    Statistic::Median => "median held-out loss".into(),
                },
                x_scale: Scale::Linear,
                y_scale: Scale::Log,
                rules: self.rules(k, statistic, &series),
                series,
                ..Panel::default()
            }
        };
        let title = match statistic {
            Statistic::Mean => self.of.title.into(),
            Statistic::Median => format!("{}, by the median prompt", self.of.title),
        };
        View {
            statistic,
            figure: Figure {
                title,
                panels: cohorts.clone().map(panel).collect(),
                caption: self.caption(statistic),
            },
            verdicts: cohorts.map(|(k, cohort)| self.verdict(k, cohort, statistic)).collect(),
        }
    }

    /// The claims, by the mean over prompts at the last step and under the other conventions.
    fn findings(&self) -> Vec<Finding> {
        let steps = self.protocol.steps;
        let at = |statistic: Statistic, late: bool| {
            move |cohort: usize, arm: Arm| -> Vec<f64> {
                let curves = self.curves(cohort, arm, statistic);
                curves.iter().map(|c| if late { c.late(steps) } else { c.judged(steps) }).collect()
            }
        };
        let conventions = [
            ("mean prompt, last step", Statistic::Mean, false),
            ("mean prompt, last tenth", Statistic::Mean, true),
            ("median prompt, last step", Statistic::Median, false),
            ("median prompt, last tenth", Statistic::Median, true),
        ];
        let finding = |claim: &Contrast| Finding {
            claim: claim.claim,
            text: claim.text,
            what: claim.effect,
            effects: conventions
                .into_iter()
                .map(|(name, statistic, late)| claim.effect(name, at(statistic, late)))
                .collect(),
        };
        self.of.claims.iter().map(finding).collect()
    }

    fn verdict(&self, k: usize, cohort: &Cohort, statistic: Statistic) -> SettingVerdict {
        let [sgdm, adam] = Arm::ALL.map(|arm| self.curves(k, arm, statistic));
        let steps = self.protocol.steps;
        let (a, b) = (judged(&sgdm, steps), judged(&adam, steps));
        let (ratio, interval) = paired_ratio(&a, &b);
        let tail = |curves: &[Curve]| -> f64 {
            let late = |curve: &Curve| -> Vec<f64> {
                let late = curve.points.iter().filter(|(step, _)| *step >= steps - steps / 10);
                late.map(|(step, _)| curve.judged(*step)).collect()
            };
            mean(&curves.iter().flat_map(late).collect::<Vec<_>>())
        };
        let shares = self.groups[k].iter().flat_map(|group| &group.members);
        let shares = shares.filter_map(|member| {
            let last = member.rows.iter().rev().find(|row| row.metric == "held_out_top_share");
            last.map(|row| row.value)
        });
        SettingVerdict {
            setting: cohort.name.into(),
            sgdm: mean(&a),
            adam: mean(&b),
            ratio,
            ratio_lo: interval.lo,
            ratio_hi: interval.hi,
            adam_lower: Verdict::above_one(interval).text().into(),
            distance_to_theory: mean(&b) / self.theory(k, "GD++", statistic).unwrap_or(f64::NAN),
            ratio_last_tenth: tail(&sgdm) / tail(&adam),
            top_share: shares.fold(0.0, f64::max),
            diverged: sgdm.iter().chain(&adam).filter(|c| c.diverged).count(),
        }
    }

    fn agreement(&self) -> Vec<Agreement> {
        let reading = |&Reading { arm, step, loss: published }: &Reading| {
            let ours = mean(&judged(&self.curves(0, arm, Statistic::Mean), step));
            let factor = (ours / published).max(published / ours);
            Agreement { optimizer: arm.name(), step, published, ours, factor }
        };
        let made = self.of.readings.iter().filter(|reading| reading.step <= self.protocol.steps);
        made.map(reading).collect()
    }

    fn caption(&self, statistic: Statistic) -> String {
        let rate = |(k, cohort): (usize, &Cohort)| {
            let lr = |arm| {
                let first = self.cells.iter().find(|cell| cell.cohort == k && cell.arm == arm);
                first.map_or(f64::NAN, |cell| cell.spec.optimizer.rule.lr())
            };
            format!("{} {}/{}", cohort.name, lr(Arm::Sgdm), lr(Arm::Adam))
        };
        let rates: Vec<String> = self.of.cohorts.iter().enumerate().map(rate).collect();
        let Some(cell) = self.cells.first() else { return String::new() };
        let (train, eval) = (cell.spec.train.batch_size, &cell.spec.eval);
        let warning = self.protocol.warning().map_or(String::new(), |w| format!("{w} "));
        format!(
            "{warning}Lines: mean over seeds 0 to {} of the {} loss of {} fixed held-out prompts \
             (eval seed {}), every {} steps. Bands: 95 % bootstrap interval of that mean. Faint: \
             single seeds. {} steps of {train} fresh prompts, {}, gradient norm clipped. SGDM: \
             momentum 0.9. Adam: betas (0.9, 0.9), eps 1e-8. Learning rates SGDM/Adam: {}. Dashed: \
             gradient descent and GD++ in context on the same prompts, with as many steps as \
             layers and the best scalars found on {FIT_PROMPTS} others, where that is defined and not \
             far below the curves.",
            self.protocol.seeds - 1,
            statistic.name(),
            eval.batch_size,
            eval.seed,
            eval.every,
            self.protocol.steps,
            cell.spec.train.precision.name(),
            rates.join(", "),
        )
    }
}

fn judged(curves: &[Curve], step: u64) -> Vec<f64> {
    curves.iter().map(|curve| curve.judged(step)).collect()
}

/// Share of the batch's loss above which one prompt decides the mean.
const DOMINANT: f64 = 0.5;

/// What a reader should know before the picture.
pub fn summary(protocol: &Protocol, result: &Losses) -> Vec<String> {
    let claims = result.findings.iter().map(|finding| {
        let Finding { claim, text, what, effects } = finding;
        let verdicts = match (effects.first(), finding.is_robust()) {
            (Some(first), true) => format!("{} under every convention", first.verdict),
            (Some(first), false) => {
                let others = effects[1..].iter().filter(|e| e.verdict != first.verdict);
                let others: Vec<String> =
                    others.map(|e| format!("{} by {}", e.verdict, e.convention)).collect();
                format!("{} by {}, but {}", first.verdict, first.convention, others.join(", "))
            }
            (None, _) => String::new(),
        };
        let effect = effects.first().map_or(String::new(), |e| {
            format!("{} = {} ({} to {})", what, number(e.effect), number(e.lo), number(e.hi))
        });
        format!("{claim}: {text} {verdicts}. {effect}.")
    });
    let intervals = match protocol.seeds {
        0..=4 => {
            "Intervals are 95 % bootstrap over seeds; with so few they are hardly more than the range: \
             nothing to publish."
        }
        _ => "Intervals are 95 % bootstrap over seeds; with six they are somewhat too short.",
    };
    let warnings = result.mean.verdicts.iter().filter(|v| v.top_share > DOMINANT).map(|v| {
        format!(
            "{}: a single prompt makes up {:.0} % of the held-out loss at the end of some run. \
             That mean says more about this prompt than about the optimizers, and another held-out \
             batch can turn the verdict; trust the median.",
            v.setting,
            100.0 * v.top_share
        )
    });
    let claims = claims.chain([intervals.into()]);
    protocol.warning().into_iter().chain(claims).chain(warnings).collect()
}

impl View {
    /// The verdicts as a table.
    pub fn table(&self) -> Table {
        let mean = self.statistic == Statistic::Mean;
        let mut head = vec!["setting", "SGDM", "Adam", "SGDM/Adam", "95 % interval", "Adam lower"];
        head.extend(["Adam/GD++", "ratio, last 10 %", "diverged"]);
        if mean {
            head.push("worst prompt");
        }
        let rows = self.verdicts.iter().map(|v| {
            let mut row = vec![
                v.setting.clone(),
                number(v.sgdm),
                number(v.adam),
                number(v.ratio),
                format!("{} to {}", number(v.ratio_lo), number(v.ratio_hi)),
                v.adam_lower.clone(),
                if v.distance_to_theory.is_nan() {
                    "–".into()
                } else {
                    number(v.distance_to_theory)
                },
                number(v.ratio_last_tenth),
                v.diverged.to_string(),
            ];
            if mean {
                row.push(format!("{:.0} %", 100.0 * v.top_share));
            }
            row
        });
        let title = match self.statistic {
            Statistic::Mean => {
                "Held-out loss at the last step, mean over prompts (last 10 %: of training; worst \
                 prompt: largest share that one prompt has of the loss, over all runs)"
            }
            Statistic::Median => "Held-out loss at the last step, median over prompts",
        };
        Table::new(title, &head, rows.collect())
    }
}

impl Losses {
    /// The claims under every convention as a table; none where nothing is claimed.
    pub fn findings_table(&self) -> Option<Table> {
        let head = ["claim", "above 1 if it holds", "convention", "effect", "95 %", "verdict"];
        let rows = self.findings.iter().flat_map(|finding| {
            finding.effects.iter().map(|effect| {
                vec![
                    finding.claim.into(),
                    finding.what.into(),
                    effect.convention.clone(),
                    number(effect.effect),
                    format!("{} to {}", number(effect.lo), number(effect.hi)),
                    effect.verdict_with_seeds(),
                ]
            })
        });
        let title = "Claims, by geometric means over seeds that are paired (bootstrap over seeds)";
        (!self.findings.is_empty()).then(|| Table::new(title, &head, rows.collect()))
    }

    /// Agreement with the published readings as a table; none where there are none.
    pub fn agreement_table(&self) -> Option<Table> {
        let head = ["optimizer", "step", "published", "ours", "within a factor of"];
        let rows = self.agreement.iter().map(|a| {
            vec![
                a.optimizer.into(),
                a.step.to_string(),
                number(a.published),
                number(a.ours),
                format!("{:.2}", a.factor),
            ]
        });
        let title = "Against the authors' notebooks, means over seeds of the first panel's loss";
        (!self.agreement.is_empty()).then(|| Table::new(title, &head, rows.collect()))
    }
}
