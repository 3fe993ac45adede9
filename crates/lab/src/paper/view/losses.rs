//! Held-out loss of SGDM and Adam, cohort by cohort.
//!
//! By the mean over the held-out prompts, as the paper does, and by their median, because single
//! prompts can carry the whole mean.

use windtunnel_core::baseline::FIT_PROMPTS;
use windtunnel_core::stats::{Interval, mean, paired_ratio};

use super::{Picture, Shown, panel, seeds, spec};
use crate::chart::{FAR_BELOW, Member};
use crate::figure::{Color, Figure, Line, Panel, Rule, Scale};
use crate::paper::Arm;
use crate::paper::cohort::Cohort;
use crate::paper::evidence::Evidence;
use crate::paper::quantity::{LOSS, MEDIAN, at, diverged, loss};
use crate::paper::study::Study;
use crate::table::{Table, number};

/// How the losses of the held-out prompts become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statistic {
    Mean,
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
        let of = |cohort| Judged::new(evidence, cohort, statistic);
        study.cohorts.iter().map(of).collect::<Vec<_>>()
    };
    let means = verdicts(Statistic::Mean);
    let warnings = means.iter().filter(|v| v.top_share > DOMINANT).map(|v| {
        format!(
            "{}: a single prompt makes up {:.0} % of the held-out loss at the end of some run. \
             That mean says more about this prompt than about the optimizers, and another held-out \
             batch can turn the verdict; trust the median.",
            v.name,
            100.0 * v.top_share
        )
    });
    let warnings = warnings.collect();
    let tables = [
        Some(table(&means, Statistic::Mean)),
        Some(table(&verdicts(Statistic::Median), Statistic::Median)),
        agreement(study, evidence),
    ];
    Shown { pictures: pictures.into(), tables: tables.into_iter().flatten().collect(), warnings }
}

fn figure(study: &Study, evidence: &Evidence, statistic: Statistic) -> Figure {
    let panel = |cohort: &Cohort| {
        let label = match statistic {
            Statistic::Mean => "held-out loss",
            Statistic::Median => "median held-out loss",
        };
        let mut panel = panel(evidence, cohort, statistic.metric(), label, Scale::Log);
        let spikes = cap(evidence, cohort, &mut panel, statistic);
        (Panel { rules: rules(evidence, cohort, statistic, &panel), ..panel }, spikes)
    };
    let (panels, spikes): (Vec<Panel>, Vec<bool>) = study.cohorts.iter().map(panel).unzip();
    let title = match statistic {
        Statistic::Mean => study.title.into(),
        Statistic::Median => format!("{}, by the median prompt", study.title),
    };
    let eval = study.cohorts.first().and_then(|cohort| evidence.cells(cohort).next());
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
fn cap(evidence: &Evidence, cohort: &Cohort, panel: &mut Panel, statistic: Statistic) -> bool {
    let groups = evidence.groups(cohort);
    let members = groups.iter().flat_map(|group| &group.members);
    let first = members.map(|member| at(member, statistic.metric(), 0));
    let most = SPIKE * first.fold(0.0, f64::max);
    let mut any = false;
    let mut cut = |values: &mut Vec<f64>| {
        for value in values.iter_mut().filter(|value| **value > most) {
            any = true;
            *value = f64::NAN;
        }
    };
    for series in &mut panel.series {
        cut(&mut series.center);
        series.members.iter_mut().for_each(|member| cut(&mut member.y));
        if let Some(band) = &mut series.band {
            cut(&mut band.hi);
            cut(&mut band.lo);
        }
    }
    any
}

/// A baseline by a statistic.
fn theory(evidence: &Evidence, cohort: &Cohort, name: &str, statistic: Statistic) -> Option<f64> {
    let line = evidence.theory(cohort).iter().find(|line| line.name.starts_with(name))?;
    Some(match statistic {
        Statistic::Mean => line.mean,
        Statistic::Median => line.median,
    })
}

fn rules(evidence: &Evidence, cohort: &Cohort, statistic: Statistic, drawn: &Panel) -> Vec<Rule> {
    let losses = drawn.series.iter().flat_map(|series| &series.center).copied();
    let lowest = losses.filter(|loss| *loss > 0.0).fold(f64::INFINITY, f64::min);
    let rule = |(name, color): (&str, Color)| {
        let value = theory(evidence, cohort, name, statistic)?;
        if value < FAR_BELOW * lowest {
            return None;
        }
        let name = format!("{} in context", name.trim_end_matches(','));
        Some(Rule { name, color, line: Line::Horizontal(value) })
    };
    THEORY.into_iter().filter_map(rule).collect()
}

/// The end of the runs of one cohort.
struct Judged {
    name: &'static str,
    sgdm: f64,
    adam: f64,
    ratio: f64,
    interval: Interval,
    distance_to_theory: f64,
    last_tenth: f64,
    top_share: f64,
    diverged: usize,
}

impl Judged {
    fn new(evidence: &Evidence, cohort: &Cohort, statistic: Statistic) -> Judged {
        let steps = cohort.steps(&evidence.protocol);
        let members = |arm| evidence.group(cohort, arm).map_or(&[][..], |group| &group.members);
        let [a, b] = Arm::ALL.map(members);
        let of = |members: &[Member], late: bool| -> Vec<f64> {
            members.iter().map(|m| loss(m, statistic.metric(), steps, late)).collect()
        };
        let (sgdm, adam) = (of(a, false), of(b, false));
        let (ratio, interval) = paired_ratio(&sgdm, &adam);
        let share = |m: &Member| {
            let last = m.rows.iter().rev().find(|row| row.metric == "held_out_top_share");
            last.map_or(0.0, |row| row.value)
        };
        let all = || a.iter().chain(b);
        Judged {
            name: cohort.name,
            sgdm: mean(&sgdm),
            adam: mean(&adam),
            ratio,
            interval,
            distance_to_theory: mean(&adam)
                / theory(evidence, cohort, "GD++", statistic).unwrap_or(f64::NAN),
            last_tenth: mean(&of(a, true)) / mean(&of(b, true)),
            top_share: all().map(share).fold(0.0, f64::max),
            diverged: all().filter(|member| diverged(member, steps)).count(),
        }
    }
}

fn table(judged: &[Judged], statistic: Statistic) -> Table {
    let mean = statistic == Statistic::Mean;
    let mut head = vec!["setting", "SGDM", "Adam", "SGDM/Adam", "95 % interval"];
    head.extend(["Adam/GD++", "ratio, last 10 %", "diverged"]);
    if mean {
        head.push("worst prompt");
    }
    let rows = judged.iter().map(|v| {
        let distance = v.distance_to_theory;
        let mut row = vec![
            v.name.into(),
            number(v.sgdm),
            number(v.adam),
            number(v.ratio),
            format!("{} to {}", number(v.interval.lo), number(v.interval.hi)),
            if distance.is_nan() { "–".into() } else { number(distance) },
            number(v.last_tenth),
            v.diverged.to_string(),
        ];
        if mean {
            row.push(format!("{:.0} %", 100.0 * v.top_share));
        }
        row
    });
    let title = match statistic {
        Statistic::Mean => {
            "Held-out loss at the last step, mean over prompts and seeds (last 10 %: of training; \
             worst prompt: largest share that one prompt has of the loss, over all runs)"
        }
        Statistic::Median => "Held-out loss at the last step, median over prompts, mean over seeds",
    };
    Table::new(title, &head, rows.collect())
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
            number(a.ours),
            format!("{:.2}", a.factor),
        ]
    });
    let title = "Against the authors' notebooks, means over seeds of the first panel's loss";
    (!agreement.is_empty()).then(|| Table::new(title, &head, rows.collect()))
}
