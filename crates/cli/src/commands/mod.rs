//! One module per command.

pub mod eval;
mod folder;
pub mod init;
pub mod measure;
pub mod reproduce;
pub mod runs;
pub mod train;

use windtunnel_core::task::Covariates;
use windtunnel_lab::spec::{Precision, RunSpec, describe_model, run_id};
use windtunnel_lab::store::Row;

/// The metric that tables of runs show.
const LOSS: &str = "held_out_loss";

/// A run in half a line.
fn describe(spec: &RunSpec) -> String {
    let task = &spec.task.task;
    let covariates = match task.covariates() {
        Covariates::Gaussian(covariance) if covariance.dim().is_some() => "gaussian(Σ)".into(),
        Covariates::Gaussian(_) => "gaussian".into(),
        Covariates::Sphere => "sphere".into(),
        Covariates::GammaRadial { shape, scale } => {
            format!("gamma({}, {})", short(*shape), short(*scale))
        }
    };
    let noise = match task.noise_std() {
        0.0 => String::new(),
        std => format!(" noise={}", short(std)),
    };
    let model = describe_model(&spec.model.transformer);
    let rule = &spec.optimizer.rule;
    let precision = match spec.train.precision {
        Precision::F32 => "",
        Precision::F64 => " f64",
    };
    format!(
        "{covariates} d={} n={}{noise} L={}{model} {} lr={} B={}{precision}",
        task.dim(),
        task.context_len(),
        spec.model.transformer.depth,
        rule.name(),
        short(rule.lr()),
        spec.train.batch_size,
    )
}

/// A number as short as it reads back.
fn short(x: f64) -> String {
    if x == 0.0 || (1e-4..1e6).contains(&x.abs()) { x.to_string() } else { format!("{x:e}") }
}

/// A run as progress names it.
fn name(spec: &RunSpec) -> String {
    format!("{} {} seed {}", run_id(spec), describe(spec), spec.train.seed)
}

/// The last value of a metric. A diverged run has none, unless it was measured at that very step.
fn last(rows: &[Row], metric: &str, state: &str, step: u64) -> f64 {
    let row = rows.iter().rev().find(|row| row.metric == metric);
    row.filter(|row| state != "diverged" || row.step == step).map_or(f64::NAN, |row| row.value)
}
