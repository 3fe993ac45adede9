//! Held-out loss of every arm, setting by setting.
//!
//! Both the mean over the held-out prompts, as in the paper, and their median are shown, because a
//! single prompt can dominate the mean.

use windtunnel_train::baseline::FIT_PROMPTS;

use super::caption::{seeds, spec};
use super::losses_table::{Judged, Statistic, agreement, table, theory};
use super::picture::{Picture, Shown, panel};
use crate::evidence::Evidence;
use crate::palette::COLORS;
use crate::setting::Setting;
use crate::study::Study;
use windtunnel_figure::{Color, Figure, Line, Panel, Rule, Scale, Series};
use windtunnel_lab::baseline::BaselineKind;
use windtunnel_lab::chart::FAR_BELOW;
use windtunnel_lab::inference::HeldOutBatch;

/// Baselines in the picture: losses of the model without training.
const THEORY: [BaselineKind; 2] = [BaselineKind::GradientDescent, BaselineKind::GdPlusPlus];
/// Share of the batch's loss above which one prompt dominates the mean.
const DOMINANT: f64 = 0.5;
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
        let of = |setting| Judged::new(study, evidence, setting, statistic);
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
    let warnings = means.iter().filter_map(dominated).collect();
    let tables = [
        Some(table(study, &means, Statistic::Mean)),
        Some(table(study, &verdicts(Statistic::Median), Statistic::Median)),
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
        let on = (&statistic.metric(), HeldOutBatch::Fixed);
        let panel = panel((study, evidence), setting, on, label, Scale::Log);
        let rules = rules((study, evidence), setting, statistic, &panel);
        Panel { rules, y_most: Some(most(&panel)), ..panel }
    };
    let panels: Vec<Panel> = study.settings.iter().map(panel).collect();
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
    let caption = format!("{} {eval}{dashed}", seeds(study, evidence));
    Figure { title, panels, caption }
}

/// Largest loss that the picture has room for: the largest of the median curves and of the untrained
/// losses. What is above it is a spike of few runs, which would flatten everything else.
fn most(panel: &Panel) -> f64 {
    let of = |series: &Series| {
        let untrained = series.members.iter().filter_map(|member| member.y.first());
        series.center.iter().chain(untrained).copied().collect::<Vec<_>>()
    };
    let all = panel.series.iter().flat_map(of).filter(|loss| loss.is_finite());
    all.fold(0.0, f64::max)
}

/// Dashed lines of baselines, in colours that no arm uses.
fn rules(
    (study, evidence): (&Study, &Evidence),
    setting: &Setting,
    statistic: Statistic,
    drawn: &Panel,
) -> Vec<Rule> {
    let losses = drawn.series.iter().flat_map(|series| &series.center).copied();
    let lowest = losses.filter(|loss| *loss > 0.0).fold(f64::INFINITY, f64::min);
    let colors = COLORS.iter().cycle().skip(study.arms().len());
    let rule = |(kind, color): (BaselineKind, &Color)| {
        let value = theory(evidence, setting, kind, statistic).ok()?;
        if value < FAR_BELOW * lowest {
            return None;
        }
        let name = format!("{} in context", kind.name());
        Some(Rule { name, color: *color, line: Line::Horizontal(value) })
    };
    THEORY.into_iter().zip(colors).filter_map(rule).collect()
}
