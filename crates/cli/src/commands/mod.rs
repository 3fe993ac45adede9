//! One module per command.

pub mod eval;
pub mod init;
pub mod reproduce;
pub mod runs;
pub mod train;

use windtunnel_core::task::Covariates;
use windtunnel_lab::spec::{RunSpec, run_id};
use windtunnel_lab::store::Row;

/// A run in half a line.
fn describe(spec: &RunSpec) -> String {
    let task = &spec.task.task;
    let covariates = match task.covariates() {
        Covariates::Gaussian(_) => "gaussian".into(),
        Covariates::Sphere => "sphere".into(),
        Covariates::GammaRadial { shape, scale } => format!("gamma({shape}, {scale})"),
    };
    let rule = &spec.optimizer.rule;
    format!(
        "{covariates} d={} n={} L={} {} lr={}",
        task.dim(),
        task.context_len(),
        spec.model.depth,
        rule.name(),
        rule.lr()
    )
}

/// A run as progress names it.
fn name(spec: &RunSpec) -> String {
    format!("{} {} seed {}", run_id(spec), describe(spec), spec.train.seed)
}

/// The last value of a metric.
fn last(rows: &[Row], metric: &str) -> f64 {
    rows.iter().rev().find(|row| row.metric == metric).map_or(f64::NAN, |row| row.value)
}
