//! Sentences of captions, from the specs of the runs.

use std::collections::BTreeSet;

use toml::{Table, Value};
use windtunnel_runs::spec::RunSpec;

use crate::evidence::Evidence;
use crate::setting::Setting;
use crate::study::Study;
use windtunnel_lab::chart::meaning;

/// Meaning of curve, band and faint lines.
pub(super) fn seeds(study: &Study, evidence: &Evidence) -> String {
    let counts = study.settings.iter().map(|setting| setting.seeds(&evidence.protocol));
    let counts: BTreeSet<u64> = counts.collect();
    meaning(&listed(counts, " or "))
}

/// Protocol of the settings: steps, batch sizes, clipping, hyper-parameters of every arm, learning
/// rates.
pub(super) fn spec(study: &Study, evidence: &Evidence) -> String {
    let arms = study.arms();
    let runs: Vec<Run> =
        study.settings.iter().flat_map(|setting| Run::of(evidence, setting)).collect();
    let sizes: BTreeSet<usize> = runs.iter().map(|run| run.batch_size).collect();
    let steps: BTreeSet<u64> = study.settings.iter().map(|c| c.steps(&evidence.protocol)).collect();
    let several = if arms.len() > 1 { format!(" {}", arms.join("/")) } else { String::new() };
    format!(
        "{} steps of {} fresh prompts, gradient norm clipped at {}. {}Learning rates{several}: {}.",
        listed(steps, " or "),
        listed(sizes, ", "),
        clipping(&arms, &runs),
        arms.iter().map(|arm| hyper_parameters(arm, &runs)).collect::<String>(),
        listed(study.settings.iter().map(|setting| rates(setting, &arms, &runs)), ", ")
    )
}

/// Texts of several values in one line.
fn listed<T: ToString>(all: impl IntoIterator<Item = T>, between: &str) -> String {
    all.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join(between)
}

/// Thresholds of clipping: all that occur if the arms of a setting share one, else listed by arm.
fn clipping(arms: &[&str], runs: &[Run]) -> String {
    let of = |chosen: &dyn Fn(&Run) -> bool| {
        let own = runs.iter().filter(|run| chosen(run));
        own.map(|run| run.clip.as_str()).collect::<BTreeSet<&str>>()
    };
    let shared = |run: &Run| of(&|other| other.setting == run.setting).len() == 1;
    if runs.iter().all(shared) {
        return listed(of(&|_| true), ", ");
    }
    let with =
        |arm: &&str| format!("{} with {arm}", listed(of(&|run: &Run| run.arm == *arm), " or "));
    listed(arms.iter().map(with), ", ")
}

/// Hyper-parameters of an arm as a sentence with a trailing space; empty if it was not run.
fn hyper_parameters(arm: &str, runs: &[Run]) -> String {
    let own = runs.iter().filter(|run| run.arm == arm);
    let different: BTreeSet<&str> = own.map(|run| run.hyper_parameters.as_str()).collect();
    match different.is_empty() {
        true => String::new(),
        false => format!("{arm}: {}. ", listed(different, " or ")),
    }
}

/// Learning rates of a setting, arm by arm.
fn rates(setting: &Setting, arms: &[&str], runs: &[Run]) -> String {
    let rate = |arm: &&str| {
        let run = runs.iter().find(|run| (run.setting, run.arm) == (setting.name, *arm));
        run.map_or("–", |run| run.lr.as_str())
    };
    format!("{} {}", setting.name, listed(arms.iter().map(rate), "/"))
}

/// Facts about the runs of an arm of a setting, from their resolved spec.
struct Run {
    setting: &'static str,
    arm: &'static str,
    batch_size: usize,
    lr: String,
    /// Threshold of clipping, or "off".
    clip: String,
    /// The other hyper-parameters, without those that are zero or switched off.
    hyper_parameters: String,
}

impl Run {
    /// The runs of a setting, one for all seeds of an arm.
    fn of(evidence: &Evidence, setting: &Setting) -> Vec<Run> {
        let first = |arm: &'static str| {
            let cell = evidence.cells(setting).find(|cell| cell.arm.name == arm)?;
            let optimizer = optimizer(&cell.spec);
            let text = |key: &str| optimizer.get(key).map_or("off".into(), plain);
            Some(Run {
                setting: setting.name,
                arm,
                batch_size: cell.spec.train.batch_size,
                lr: text("lr"),
                clip: text("clip_norm"),
                hyper_parameters: in_words(&optimizer),
            })
        };
        setting.arms.iter().filter_map(|arm| first(arm.name)).collect()
    }
}

/// The optimizer section of the resolved spec.
fn optimizer(spec: &RunSpec) -> Table {
    let mut spec = spec.to_toml().parse::<Table>().unwrap_or_default();
    match spec.remove("optimizer") {
        Some(Value::Table(optimizer)) => optimizer,
        _ => Table::new(),
    }
}

/// Hyper-parameters besides learning rate and clipping, averages of gradients first.
fn in_words(optimizer: &Table) -> String {
    let (mut averages, mut others) = (Vec::new(), Vec::new());
    for (key, value) in optimizer {
        match (key.as_str(), value) {
            ("name" | "lr" | "clip_norm", _) => {}
            (_, Value::Float(0.0) | Value::Integer(0) | Value::Boolean(false)) => {}
            ("momentum" | "betas", _) => averages.push(format!("{key} {}", short(value))),
            (_, Value::Boolean(true)) => others.push(key.clone()),
            _ => others.push(format!("{} {}", key.replace('_', " "), short(value))),
        }
    }
    averages.extend(others);
    match averages.is_empty() {
        true => "no momentum".into(),
        false => averages.join(", "),
    }
}

/// Text of a value with all its digits.
fn plain(value: &Value) -> String {
    match value {
        Value::Float(x) => x.to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Text of a value, with a power of ten if that is shorter.
fn short(value: &Value) -> String {
    match value {
        Value::Float(x) if *x != 0.0 && !(1e-4..1e6).contains(&x.abs()) => format!("{x:e}"),
        Value::Array(values) => format!("({})", listed(values.iter().map(short), ", ")),
        other => plain(other),
    }
}
