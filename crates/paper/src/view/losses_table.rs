//! Tables of the losses at the end of training.

use crate::arm::Gap;
use crate::evidence::Evidence;
use crate::paired::{gap_of, observations};
use crate::published;
use crate::quantity::{LOSS, MEDIAN, Specification};
use crate::setting::Setting;
use crate::study::Study;
use windtunnel_figure::table::{Table, number};
use windtunnel_lab::baseline::BaselineKind;
use windtunnel_lab::chart::Member;
use windtunnel_lab::inference::Estimate;
use windtunnel_lab::inference::{HeldOutBatch, Observations, When, diverged, ratio_of_means};
use windtunnel_measure::metric::Metric;

/// Statistic that makes one number of the losses of the held-out prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statistic {
    Mean,
    Median,
}

impl Statistic {
    pub(super) fn metric(self) -> Metric {
        match self {
            Statistic::Mean => LOSS,
            Statistic::Median => MEDIAN,
        }
    }

    /// Specifications on the fixed batch: at the last step, over the last tenth.
    fn specifications(self) -> [Specification; 2] {
        let (metric, fixed) = (self.metric(), HeldOutBatch::Fixed);
        [When::Last, When::LAST_TENTH].map(|when| Specification::loss(metric.clone(), when, fixed))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Statistic::Mean => "mean",
            Statistic::Median => "median",
        }
    }
}

/// Loss of a baseline by a statistic, or the reason why there is none.
pub(super) fn theory(
    evidence: &Evidence,
    setting: &Setting,
    kind: BaselineKind,
    statistic: Statistic,
) -> Result<f64, String> {
    let line = evidence.theory(setting).ok_or("not fitted")?.line(kind)?;
    let loss = match statistic {
        Statistic::Mean => line.mean,
        Statistic::Median => line.median,
    };
    loss.ok_or_else(|| "beyond the range of doubles".into())
}

/// Losses at the end of the runs of one setting.
pub(super) struct Judged {
    pub(super) name: &'static str,
    /// Losses of every arm of the study; `None` if the setting lacks it.
    losses: Vec<Option<Observations>>,
    /// Comparisons of the study's gaps; `None` if the setting lacks an arm.
    gaps: Vec<Option<Compared>>,
    /// Loss of GD++ on the same prompts, or the reason why there is none.
    theory: Result<f64, String>,
    /// Largest share that one prompt has in a loss at the end; `None` if it was not measured.
    pub(super) top_share: Option<f64>,
    diverged: usize,
}

/// Losses of two arms in one setting.
struct Compared {
    /// Ratios at the last step and over the last tenth, as in the claims.
    ratios: [Estimate; 2],
    ratio_of_means: Result<f64, String>,
}

impl Judged {
    pub(super) fn new(
        study: &Study,
        evidence: &Evidence,
        setting: &Setting,
        statistic: Statistic,
    ) -> Judged {
        let steps = setting.steps(&evidence.protocol);
        let specifications = statistic.specifications();
        let last = &specifications[0];
        let of = |arm: &str| observations(evidence, setting, (arm, arm), last);
        let members = || setting.arms.iter().flat_map(|arm| evidence.members(setting, arm.name));
        let share = |m: &Member| {
            let last = m.rows_of(Metric::HeldOutTopShare).next_back()?;
            (0.0..=1.0).contains(&last.value).then_some(last.value)
        };
        let compared = |gap: &Gap| {
            let ratios = |own| Estimate::of_ratios(&gap_of(evidence, setting, *gap, own));
            setting.has(*gap).then(|| Compared {
                ratios: specifications.each_ref().map(ratios),
                ratio_of_means: ratio_of_means(&of(gap.of), &of(gap.over)),
            })
        };
        let arms = study.arms().into_iter();
        Judged {
            name: setting.name,
            losses: arms.map(|arm| setting.arm(arm).map(|_| of(arm))).collect(),
            gaps: study.gaps.iter().map(compared).collect(),
            theory: theory(evidence, setting, BaselineKind::GdPlusPlus, statistic),
            top_share: members().filter_map(share).reduce(f64::max),
            diverged: members().filter(|member| diverged(member, steps)).count(),
        }
    }

    /// Text of an arm's loss over that of GD++, or the reason why there is none.
    fn distance_to_theory(&self, losses: &Observations) -> String {
        match (&self.theory, losses.mean()) {
            (Err(reason), _) => format!("none: {reason}"),
            (Ok(_), Err(lack)) => format!("none: {lack}"),
            (Ok(0.0), Ok(_)) => "none: GD++ is 0".into(),
            (Ok(theory), Ok(loss)) => number(loss / theory),
        }
    }

    /// Cells of the table; `near` are the indices of the arms that are compared with GD++.
    fn row(&self, near: &[usize]) -> Vec<String> {
        let mut row = vec![self.name.into()];
        row.extend(self.losses.iter().map(|own| or_dash(own.as_ref(), |own| cell(own.mean()))));
        for own in &self.gaps {
            row.push(or_dash(own.as_ref(), |own| own.ratios[0].text()));
            row.push(or_dash(own.as_ref(), |own| cell(own.ratio_of_means.clone())));
            row.push(or_dash(own.as_ref(), |own| own.ratios[1].text()));
        }
        let distance = |own: &Observations| self.distance_to_theory(own);
        row.extend(near.iter().map(|k| or_dash(self.losses[*k].as_ref(), distance)));
        row.push(self.diverged.to_string());
        row
    }
}

fn cell(found: Result<f64, String>) -> String {
    found.map_or_else(|lack| lack, number)
}

/// Text of a value; a dash if the setting lacks the arm.
fn or_dash<T>(own: Option<&T>, text: impl Fn(&T) -> String) -> String {
    own.map_or("–".into(), text)
}

/// Indices of the arms that are compared with GD++: those below the line of a gap, or all if there
/// is no gap.
fn near(study: &Study, arms: &[&str]) -> Vec<usize> {
    let below = |arm: &str| study.gaps.iter().any(|gap| gap.over == arm);
    (0..arms.len()).filter(|k| study.gaps.is_empty() || below(arms[*k])).collect()
}

/// Table of the losses at the end of training, a row for every setting.
pub(super) fn table(study: &Study, judged: &[Judged], statistic: Statistic) -> Table {
    let mean = statistic == Statistic::Mean;
    let arms = study.arms();
    let near = near(study, &arms);
    let rows = judged.iter().map(|v| {
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        let share = mean.then(|| v.top_share.map_or("not measured".into(), percent));
        v.row(&near).into_iter().chain(share).collect()
    });
    let over = match statistic {
        Statistic::Mean => "mean over prompts and seeds",
        Statistic::Median => "median over prompts, mean over seeds",
    };
    let title = format!("Held-out loss at the last step, {over}{}", remarks(study, mean));
    let head = head(study, &arms, &near, mean);
    Table::new(&title, &head.iter().map(String::as_str).collect::<Vec<_>>(), rows.collect())
}

fn head(study: &Study, arms: &[&str], near: &[usize], mean: bool) -> Vec<String> {
    let mut head = vec!["setting".into()];
    head.extend(arms.iter().map(|arm| (*arm).to_string()));
    for gap in study.gaps {
        let name = gap.name();
        let alone = study.gaps.len() == 1;
        head.push(format!("{name} (95 %)"));
        head.push(if alone { "ratio of means".into() } else { format!("{name}, ratio of means") });
        head.push(format!("{name}, last 10 % (95 %)"));
    }
    head.extend(near.iter().map(|k| format!("{}/GD++, ratio of means", arms[*k])));
    head.push("diverged".into());
    head.extend(mean.then(|| "worst prompt".into()));
    head
}

/// Meaning of columns in parentheses, with a leading space; empty if no column needs one.
fn remarks(study: &Study, mean: bool) -> String {
    let mut remarks = Vec::new();
    if !study.gaps.is_empty() {
        let gaps: Vec<String> = study.gaps.iter().map(|gap| gap.name()).collect();
        remarks.push(format!(
            "{}: as in the claims, geometric mean over paired seeds, or median and range of the \
             pairs where a run diverged; last 10 %: of training",
            gaps.join(", ")
        ));
    }
    if mean {
        let worst = "worst prompt: largest share that one prompt has of the loss, over all runs";
        remarks.push(worst.into());
    }
    if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join("; ")) }
}

/// Agreement with the published losses; `None` if there are none.
pub(super) fn agreement(study: &Study, evidence: &Evidence) -> Option<Table> {
    let agreement = published::agreement(study, evidence);
    let head = ["setting", "optimizer", "step", "published", "ours", "within a factor of"];
    let rows = agreement.iter().map(|a| {
        vec![
            a.setting.into(),
            a.optimizer.into(),
            a.step.to_string(),
            number(a.published),
            a.ours.map_or("not measured".into(), number),
            a.factor_in_words(),
        ]
    });
    let title = "Against the authors' notebooks, means over seeds of the loss";
    (!agreement.is_empty()).then(|| Table::new(title, &head, rows.collect()))
}
