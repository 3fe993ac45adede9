//! Held-out loss of SGDM and Adam, setting by setting.
//!
//! By the mean over the held-out prompts, as the paper does, and by their median, because single
//! prompts can carry the whole mean.

use windtunnel_train::baseline::FIT_PROMPTS;

use super::{Picture, Shown, panel, seeds, spec};
use crate::Arm;
use crate::claim::{gap_of, readings};
use crate::estimate::Estimate;
use crate::evidence::Evidence;
use crate::quantity::{LOSS, MEDIAN, Quantity, diverged, found};
use crate::reading::{Readings, ratio_of_means};
use crate::setting::Setting;
use crate::study::Study;
use windtunnel_figure::table::{Table, number};
use windtunnel_figure::{Color, Figure, Line, Panel, Rule, Scale};
use windtunnel_lab::chart::{FAR_BELOW, Member};
use windtunnel_measure::metric::Metric;

/// How the losses of the held-out prompts become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statistic {
    Mean,
    Median,
}

impl Statistic {
    fn metric(self) -> Metric {
        match self {
            Statistic::Mean => LOSS,
            Statistic::Median => MEDIAN,
        }
    }

    /// Indices of its conventions of the loss: at the last step, over the last tenth.
    fn conventions(self) -> [usize; 2] {
        match self {
            Statistic::Mean => [0, 1],
            Statistic::Median => [2, 3],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Statistic::Mean => "mean",
            Statistic::Median => "median",
        }
    }
}

/// Baselines that are drawn: what the model can be without being trained.
const THEORY: [(&str, Color); 2] = [("GD,", Color::CYCLE[2]), ("GD++,", Color::CYCLE[3])];
/// Share of the batch's loss above which one prompt decides the mean.
const DOMINANT: f64 = 0.5;
/// Losses above this multiple of the untrained loss are spikes that would flatten all else: they
/// leave a gap in the picture, and in nothing else.
const SPIKE: f64 = 100.0;

pub(super) fn show(study: &Study, evidence: &Evidence) -> Shown {
    let views = [("", Statistic::Mean), ("-median", Statistic::Median)];
    let pictures = views.map(|(suffix, statistic)| {
        let what = match statistic {
            Statistic::Mean => "means over prompts",
            Statistic::Median => "medians over prompts",
        };
        let figure = figure(study, evidence, statistic);
        Picture::new(evidence, (suffix, what), figure, &spec(study, evidence))
    });
    let verdicts = |statistic| {
        let of = |setting| Judged::new(evidence, setting, statistic);
        study.settings.iter().map(of).collect::<Vec<_>>()
    };
    let means = verdicts(Statistic::Mean);
    let dominated = |v: &Judged| {
        let share = v.top_share.filter(|share| *share > DOMINANT)?;
        Some(format!(
            "{}: a single prompt makes up {:.0} % of the held-out loss at the end of some run. \
             That mean says more about this prompt than about the optimizers, and another held-out \
             batch can turn the verdict; trust the median.",
            v.name,
            100.0 * share
        ))
    };
    let warnings = means.iter().filter_map(dominated);
    let warnings = warnings.collect();
    let tables = [
        Some(table(&means, Statistic::Mean)),
        Some(table(&verdicts(Statistic::Median), Statistic::Median)),
        agreement(study, evidence),
    ];
    Shown { pictures: pictures.into(), tables: tables.into_iter().flatten().collect(), warnings }
}

fn figure(study: &Study, evidence: &Evidence, statistic: Statistic) -> Figure {
    let panel = |setting: &Setting| {
        let label = match statistic {
            Statistic::Mean => "held-out loss",
            Statistic::Median => "median held-out loss",
        };
        let mut panel = panel(evidence, setting, &statistic.metric(), label, Scale::Log);
        let spikes = cap(evidence, setting, &mut panel, statistic);
        (Panel { rules: rules(evidence, setting, statistic, &panel), ..panel }, spikes)
    };
    let (panels, spikes): (Vec<Panel>, Vec<bool>) = study.settings.iter().map(panel).unzip();
    let title = match statistic {
        Statistic::Mean => study.title.into(),
        Statistic::Median => format!("{}, by the median prompt", study.title),
    };
    let eval = study.settings.first().and_then(|setting| evidence.cells(setting).next());
    let eval = eval.map_or(String::new(), |cell| {
        let eval = &cell.spec.eval;
        format!(
            "Shown is the {} of the losses of {} fixed held-out prompts (eval seed {}), every {} \
             steps.",
            statistic.name(),
            eval.batch_size,
            eval.seed,
            eval.every
        )
    });
    let drawn = panels.iter().any(|panel| !panel.rules.is_empty());
    let dashed = match drawn {
        true => format!(
            " Dashed: gradient descent and GD++ in context on the same prompts, with as many steps \
             as layers and the best scalars found on {FIT_PROMPTS} others, where not far below the \
             curves."
        ),
        false => String::new(),
    };
    let spikes = match spikes.contains(&true) {
        true => format!(" Losses above {SPIKE} times the untrained one are beyond the picture."),
        false => String::new(),
    };
    let caption = format!("{} {eval}{dashed}{spikes}", seeds(evidence));
    Figure { title, panels, caption }
}

/// Takes spikes out of the picture; whether there were any.
fn cap(evidence: &Evidence, setting: &Setting, panel: &mut Panel, statistic: Statistic) -> bool {
    let groups = evidence.groups(setting);
    let members = groups.iter().flat_map(|group| &group.members);
    let first = members.filter_map(|member| found(member, &statistic.metric(), 0));
    let most = SPIKE * first.fold(0.0, f64::max);
    let cut = |values: &mut Vec<f64>| {
        let spikes = values.iter_mut().filter(|value| **value > most);
        spikes.map(|value| *value = f64::NAN).count()
    };
    let mut others = 0;
    for series in &mut panel.series {
        panel.cut += cut(&mut series.center);
        others += series.members.iter_mut().map(|member| cut(&mut member.y)).sum::<usize>();
        if let Some(band) = &mut series.band {
            others += cut(&mut band.hi) + cut(&mut band.lo);
        }
    }
    panel.cut + others > 0
}

/// Loss of a baseline by a statistic, or the reason why there is none.
fn theory(
    evidence: &Evidence,
    setting: &Setting,
    name: &str,
    statistic: Statistic,
) -> Result<f64, String> {
    let line = evidence.theory(setting).ok_or("not fitted")?.line(name)?;
    let loss = match statistic {
        Statistic::Mean => line.mean,
        Statistic::Median => line.median,
    };
    loss.ok_or_else(|| "beyond the range of doubles".into())
}

fn rules(evidence: &Evidence, setting: &Setting, statistic: Statistic, drawn: &Panel) -> Vec<Rule> {
    let losses = drawn.series.iter().flat_map(|series| &series.center).copied();
    let lowest = losses.filter(|loss| *loss > 0.0).fold(f64::INFINITY, f64::min);
    let rule = |(name, color): (&str, Color)| {
        let value = theory(evidence, setting, name, statistic).ok()?;
        if value < FAR_BELOW * lowest {
            return None;
        }
        let name = format!("{} in context", name.trim_end_matches(','));
        Some(Rule { name, color, line: Line::Horizontal(value) })
    };
    THEORY.into_iter().filter_map(rule).collect()
}

/// The end of the runs of one setting.
struct Judged {
    name: &'static str,
    sgdm: Readings,
    adam: Readings,
    /// SGDM/Adam at the last step and over the last tenth, as claims have it.
    gaps: [Estimate; 2],
    /// Loss of GD++ on the same prompts, or the reason why there is none.
    theory: Result<f64, String>,
    /// Largest share that one prompt has of a loss at the end; nothing where none was measured.
    top_share: Option<f64>,
    diverged: usize,
}

impl Judged {
    fn new(evidence: &Evidence, setting: &Setting, statistic: Statistic) -> Judged {
        let steps = setting.steps(&evidence.protocol);
        let last = Quantity::Loss.conventions(steps).swap_remove(statistic.conventions()[0]);
        let of = |arm: Arm| readings(evidence, setting, (arm.name(), arm), &last);
        let gap = |k| Estimate::of_ratios(&gap_of(evidence, setting, Quantity::Loss, k));
        let [sgdm, adam] = Arm::ALL.map(of);
        let members = || Arm::ALL.into_iter().flat_map(|arm| evidence.members(setting, arm));
        let share = |m: &Member| {
            let last = m.rows_of(Metric::HeldOutTopShare).next_back()?;
            (0.0..=1.0).contains(&last.value).then_some(last.value)
        };
        Judged {
            name: setting.name,
            gaps: statistic.conventions().map(gap),
            theory: theory(evidence, setting, "GD++", statistic),
            top_share: members().filter_map(share).reduce(f64::max),
            diverged: members().filter(|member| diverged(member, steps)).count(),
            sgdm,
            adam,
        }
    }

    /// Text of Adam's loss over that of GD++, or the reason why there is none.
    fn distance_to_theory(&self) -> String {
        match (&self.theory, self.adam.mean()) {
            (Err(reason), _) => format!("none: {reason}"),
            (Ok(_), Err(lack)) => format!("none: {lack}"),
            (Ok(0.0), Ok(_)) => "none: GD++ is 0".into(),
            (Ok(theory), Ok(adam)) => number(adam / theory),
        }
    }

    fn row(&self) -> Vec<String> {
        let cell = |found: Result<f64, String>| found.map_or_else(|lack| lack, number);
        vec![
            self.name.into(),
            cell(self.sgdm.mean()),
            cell(self.adam.mean()),
            self.gaps[0].text(),
            cell(ratio_of_means(&self.sgdm, &self.adam)),
            self.gaps[1].text(),
            self.distance_to_theory(),
            self.diverged.to_string(),
        ]
    }
}

fn table(judged: &[Judged], statistic: Statistic) -> Table {
    let mean = statistic == Statistic::Mean;
    let mut head = vec!["setting", "SGDM", "Adam", "SGDM/Adam (95 %)", "ratio of means"];
    head.extend(["SGDM/Adam, last 10 % (95 %)", "Adam/GD++, ratio of means", "diverged"]);
    if mean {
        head.push("worst prompt");
    }
    let rows = judged.iter().map(|v| {
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        let share = mean.then(|| v.top_share.map_or("not measured".into(), percent));
        v.row().into_iter().chain(share).collect()
    });
    let (over, worst) = match statistic {
        Statistic::Mean => (
            "mean over prompts and seeds",
            "; worst prompt: largest share that one prompt has of the loss, over all runs",
        ),
        Statistic::Median => ("median over prompts, mean over seeds", ""),
    };
    let title = format!(
        "Held-out loss at the last step, {over} (SGDM/Adam: as in the claims, geometric mean over paired \
         seeds, or median and range of the pairs where a run diverged; last 10 %: of training{worst})"
    );
    Table::new(&title, &head, rows.collect())
}

/// Agreement with the published readings; none where there are none.
fn agreement(study: &Study, evidence: &Evidence) -> Option<Table> {
    let agreement = study.agreement(evidence);
    let head = ["optimizer", "step", "published", "ours", "within a factor of"];
    let rows = agreement.iter().map(|a| {
        vec![
            a.optimizer.into(),
            a.step.to_string(),
            number(a.published),
            a.ours.map_or("not measured".into(), number),
            a.factor_in_words(),
        ]
    });
    let title = "Against the authors' notebooks, means over seeds of the first panel's loss";
    (!agreement.is_empty()).then(|| Table::new(title, &head, rows.collect()))
}
