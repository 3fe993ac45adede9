//! Published numbers beside ours: losses, and ratios of robust condition numbers.

use serde::Serialize;
use windtunnel_figure::table::number;
use windtunnel_measure::stats::{mean, std_dev};

use super::arm::Gap;
use super::evidence::Evidence;
use super::paired::observations;
use super::quantity::{LOSS, Quantity, Specification, TABLE_STEPS};
use super::setting::Setting;
use super::study::{PublishedLoss, Study};
use windtunnel_lab::inference::{Observations, lacks, reached};

/// Agreement with one published loss.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// Name of the setting.
    pub setting: &'static str,
    /// Name of the optimizer.
    pub optimizer: &'static str,
    /// Step of the reading.
    pub step: u64,
    /// Published mean over seeds.
    pub published: f64,
    /// Our mean at the same step.
    pub ours: Option<f64>,
    /// max(ours/published, published/ours).
    pub factor: Option<f64>,
    /// Reason why `ours` or `factor` is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Agreement {
    fn new(evidence: &Evidence, setting: &Setting, own: &PublishedLoss) -> Agreement {
        let &PublishedLoss { arm, step, loss: published, .. } = own;
        let steps = setting.steps(&evidence.protocol);
        let of_run = |member| reached(member, LOSS, step, steps);
        let observations = evidence.members(setting, arm).iter().map(of_run).collect();
        let (ours, reason) = match (Observations { of: arm.into(), observations }).mean() {
            Ok(ours) => (Some(ours), None),
            Err(reason) => (None, Some(reason)),
        };
        let factor = ours.map(|ours| (ours / published).max(published / ours));
        let factor = factor.filter(|factor| factor.is_finite());
        let reason = match (ours, factor) {
            (Some(_), None) => Some("the factor is beyond the largest double".into()),
            _ => reason,
        };
        Agreement { setting: setting.name, optimizer: arm, step, published, ours, factor, reason }
    }

    /// Text of the factor, or the reason why there is none.
    pub(super) fn factor_in_words(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or_default();
        self.factor.map_or_else(|| format!("not compared: {reason}"), in_words)
    }
}

/// Text of a factor to two decimals.
fn in_words(factor: f64) -> String {
    if factor < 1000.0 { format!("{factor:.2}") } else { number(factor) }
}

/// Agreement with the published losses of a study at steps that were run.
pub(super) fn agreement(study: &Study, evidence: &Evidence) -> Vec<Agreement> {
    let of = |own: &PublishedLoss| {
        let setting = study.setting(own.setting)?;
        let made = own.step <= setting.steps(&evidence.protocol);
        made.then(|| Agreement::new(evidence, setting, own))
    };
    study.published_losses.iter().filter_map(of).collect()
}

/// Sentence about the published losses of a setting beside ours; `None` if there are none.
pub(super) fn agreement_in_words(
    study: &Study,
    evidence: &Evidence,
    setting: &Setting,
) -> Option<String> {
    let mut agreement = agreement(study, evidence);
    agreement.retain(|a| a.setting == setting.name);
    let worst = agreement.iter().filter_map(|a| a.factor).reduce(f64::max);
    let within =
        worst.map(|worst| format!("losses within a factor of {worst:.2} of the authors' notebook"));
    let mut reasons: Vec<String> = Vec::new();
    for a in &agreement {
        let reason = a.reason.as_ref().map(|reason| format!("step {}: {reason}", a.step));
        reasons.extend(reason.filter(|reason| !reasons.contains(reason)));
    }
    let lines: Vec<String> = within.into_iter().chain(reasons).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// The published ratio of a quantity of two arms of a setting: of condition numbers at the first step
/// of the paper's table, of losses at the last step that both have; `None` if there is none.
pub(super) fn published_ratio(
    study: &Study,
    quantity: Quantity,
    setting: &Setting,
    gap: Gap,
) -> Option<f64> {
    let last = |arm: &str| {
        let own = study.published_losses.iter();
        let own = own.filter(|own| (own.setting, own.arm) == (setting.name, arm));
        own.max_by_key(|own| own.step)
    };
    match quantity {
        Quantity::RobustCondition => {
            let named = (setting.name, gap, TABLE_STEPS[0]);
            let own = study.published_ratios.iter();
            own.copied().find(|own| (own.setting, own.gap, own.step) == named).map(|own| own.mean)
        }
        Quantity::Loss => {
            let (above, below) = (last(gap.of)?, last(gap.over)?);
            (above.step == below.step).then(|| above.loss / below.loss)
        }
        _ => None,
    }
}

/// Published ratios of the robust condition numbers of two arms of a setting, beside ours; `None`
/// if there are none.
pub(super) fn ratios_in_words(
    study: &Study,
    evidence: &Evidence,
    setting: &Setting,
    gap: Gap,
) -> Option<String> {
    let line = |step: u64| {
        let own = study.published_ratios.iter();
        let own = own.filter(|p| (p.setting, p.gap, p.step) == (setting.name, gap, step));
        let theirs: Vec<String> =
            own.map(|p| format!("{} {} ({})", p.source, p.mean, p.std)).collect();
        let ours = condition_ratio(evidence, setting, gap, step)?;
        (!theirs.is_empty()).then(|| format!("step {step}: ours {ours}, {}", theirs.join(", ")))
    };
    let lines: Vec<String> = TABLE_STEPS.into_iter().filter_map(line).collect();
    (!lines.is_empty())
        .then(|| format!("mean (standard deviation) of ratios, {}", lines.join("; ")))
}

/// Text of the ratio of the robust condition numbers of two arms at a step, mean and standard
/// deviation over seeds as in the paper's table, or the reason why there is none; `None` if the
/// runs end before that step.
pub(super) fn condition_ratio(
    evidence: &Evidence,
    setting: &Setting,
    gap: Gap,
    step: u64,
) -> Option<String> {
    if step > setting.steps(&evidence.protocol) {
        return None;
    }
    let specification = Specification::condition(step);
    let [above, below] =
        [gap.of, gap.over].map(|arm| observations(evidence, setting, (arm, arm), &specification));
    let pairs = above.values().into_iter().zip(below.values());
    let ratios: Vec<f64> = pairs.map(|(a, b)| a / b).collect();
    let lack = lacks([&above, &below]);
    Some(match (lack.as_str(), ratios.as_slice()) {
        ("", []) => "not measured: there are no pairs".into(),
        ("", [only]) => format!("{} (one seed, no deviation)", number(*only)),
        ("", ratios) => format!("{} ({})", number(mean(ratios)), number(std_dev(ratios))),
        (lack, _) => format!("not measured: {lack}"),
    })
}
