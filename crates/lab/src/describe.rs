//! Short descriptions of runs, for tables, legends and progress.

use windtunnel_model::task::family::Value;
use windtunnel_model::task::{Labels, Size, Task, WStar};
use windtunnel_optim::{LearningRate, RateSchedule};
use windtunnel_runs::spec::{Precision, RunSpec, describe_model, run_id};

/// Short description that tells a run from others: data, model, optimizer, learning rate with its
/// schedule, batch size.
pub fn describe(spec: &RunSpec) -> String {
    let task = spec.task.task();
    let covariates = covariates(task);
    let noise = match task.noise_std() {
        0.0 => String::new(),
        std => format!(" noise={}", short(std)),
    };
    let model = describe_model(&spec.model.transformer);
    let labels = labels(task);
    let rule = &spec.optimizer;
    let schedule = schedule(rule.rate());
    let precision = match spec.train.precision {
        Precision::F32 => "",
        Precision::F64 => " f64",
    };
    format!(
        "{covariates} d={} n={}{noise}{labels} L={}{model} {} lr={}{schedule} B={}{precision}",
        task.dim(),
        task.context_len(),
        spec.model.transformer.depth,
        rule.name(),
        short(rule.lr()),
        spec.train.batch_size,
    )
}

/// Differences from a constant learning rate.
fn schedule(rate: LearningRate) -> String {
    let mut text = String::new();
    match rate.schedule() {
        RateSchedule::Constant => {}
        RateSchedule::Cosine { .. } => text += " cosine",
        RateSchedule::InverseSquareRoot => text += " 1/sqrt(t)",
        RateSchedule::StableThenDecay { share, .. } => text += &format!(" decay={}", short(share)),
        RateSchedule::Steps { size, factor } => {
            text += &format!(" x{} every {size}", short(factor))
        }
    }
    if rate.warmup() > 0 {
        text += &format!(" warmup={}", rate.warmup());
    }
    text
}

/// Name of a run in lists: its id, its description and its seed.
pub fn name(spec: &RunSpec) -> String {
    format!("{} {} seed {}", run_id(spec), describe(spec), spec.train.seed)
}

/// A number with as few digits as it can be read back from.
pub fn short(x: f64) -> String {
    if x == 0.0 || (1e-4..1e6).contains(&x.abs()) { x.to_string() } else { format!("{x:e}") }
}

/// The family with its parameters, then the settings that differ from the defaults.
fn covariates(task: &Task) -> String {
    let law = task.covariates();
    let name = law.family().name().trim_end_matches("_radial");
    let values: Vec<String> = law.family().values().iter().map(parameter).collect();
    let mut text = match values.as_slice() {
        [] => name.into(),
        values => format!("{name}({})", values.join(", ")),
    };
    if law.covariance().dim().is_some() {
        text += "(Σ)";
    }
    if law.size() == Size::SecondMoment {
        text += " match";
    }
    text
}

fn parameter(value: &Value) -> String {
    match value {
        Value::Number(x) => short(*x),
        Value::List(list) => list.iter().map(|x| short(*x)).collect::<Vec<_>>().join("/"),
    }
}

/// Differences from y = ⟨w⋆, x⟩ with w⋆ ~ N(0, I).
fn labels(task: &Task) -> String {
    let mut text = String::new();
    if task.w_star() == WStar::InverseCovariance {
        text += " w*~Σ⁻¹";
    }
    if task.distractors() > 0 {
        text += &format!(" distractors={}", task.distractors());
    }
    if let Labels::Mlp(net) = task.labels() {
        text += &format!(" mlp({}, seed {})", net.hidden(), net.seed());
    }
    text
}
