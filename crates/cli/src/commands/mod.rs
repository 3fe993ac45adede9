//! One module per command.

pub mod baselines;
pub mod eval;
mod folder;
mod groups;
pub mod init;
pub mod list;
pub mod measure;
pub mod metrics;
pub mod reproduce;
pub mod runs;
pub mod train;

use windtunnel_measure::metric::{Absent, Metric};
use windtunnel_model::task::family::Value;
use windtunnel_model::task::{Labels, Size, Task, WStar};
use windtunnel_runs::spec::{Precision, RunSpec, describe_model, run_id};
use windtunnel_runs::stored::Run;

/// The metric that tables of runs show.
const LOSS: Metric = Metric::HeldOutLoss;

/// Its median over prompts.
const MEDIAN: Metric = Metric::HeldOutMedian;

/// A run in half a line.
fn describe(spec: &RunSpec) -> String {
    let task = &spec.task.task;
    let covariates = covariates(task);
    let noise = match task.noise_std() {
        0.0 => String::new(),
        std => format!(" noise={}", short(std)),
    };
    let model = describe_model(&spec.model.transformer);
    let labels = labels(task);
    let rule = &spec.optimizer.rule;
    let precision = match spec.train.precision {
        Precision::F32 => "",
        Precision::F64 => " f64",
    };
    format!(
        "{covariates} d={} n={}{noise}{labels} L={}{model} {} lr={} B={}{precision}",
        task.dim(),
        task.context_len(),
        spec.model.transformer.depth,
        rule.name(),
        short(rule.lr()),
        spec.train.batch_size,
    )
}

/// The family with its parameters, then what is not the default.
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

/// What differs from y = ⟨w⋆, x⟩ with w⋆ ~ N(0, I).
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

/// A number as short as it reads back.
fn short(x: f64) -> String {
    if x == 0.0 || (1e-4..1e6).contains(&x.abs()) { x.to_string() } else { format!("{x:e}") }
}

/// A run as progress names it.
fn name(spec: &RunSpec) -> String {
    format!("{} {} seed {}", run_id(spec), describe(spec), spec.train.seed)
}

/// The last value of a metric, and the reason where it is not a finite number. A diverged run has
/// none, unless it was measured at that very step.
fn last(run: &Run, metric: Metric) -> (f64, Option<String>) {
    let name = metric.to_string();
    let row = run.rows.iter().rev().find(|row| row.metric == name);
    let row = row.filter(|row| !run.diverged() || row.step == run.step());
    let value = row.map_or(f64::NAN, |row| row.value);
    let reason = match row {
        _ if value.is_finite() => return (value, None),
        _ if run.diverged() => format!("the run diverged at step {}", run.step()),
        None => {
            let recorded = run.rows.iter().map(|row| row.metric.as_str());
            Absent::from_names(metric.into(), recorded).to_string()
        }
        Some(_) if value.is_nan() => "it is not a number".into(),
        Some(_) => "it exceeds the largest number of the run's precision".into(),
    };
    (value, Some(reason))
}
