//! Metadata that are stored beside the numbers of a run.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use windtunnel_measure::metric::Metric;

use crate::spec::{MultiplyAdd, RunSpec};
use crate::store::Row;

/// Outcome of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All steps were made.
    Finished,
    /// The run ended with non-finite numbers.
    Diverged,
}

impl Outcome {
    /// `finished` or `diverged`.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Finished => "finished",
            Outcome::Diverged => "diverged",
        }
    }
}

/// Metadata that are stored beside the numbers of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Outcome of the run.
    pub outcome: Outcome,
    /// Updates made; for a diverged run the step at which it did.
    pub step: u64,
    /// Version of windtunnel.
    pub version: String,
    /// Version of its arithmetic.
    pub numerics: u32,
    /// Revision of its source.
    pub git_revision: String,
    /// Processor.
    pub cpu: String,
    /// Instruction set of the kernels.
    pub isa: String,
    /// Multiply-add of the instruction set; not recorded in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiply_add: Option<MultiplyAdd>,
    /// Threads of this run.
    pub threads: usize,
    /// Computing time in seconds, over all sessions.
    pub wall_seconds: f64,
    /// End of the run, seconds since 1970.
    pub finished_at: u64,
}

impl Meta {
    pub(super) fn read(meta: Map<String, Value>) -> Result<Meta, String> {
        serde_json::from_value(Value::Object(meta)).map_err(|error| error.to_string())
    }

    /// Multiply-add of the run, as far as it is known: in older runs by the instruction set, whose
    /// `baseline` fuses on `aarch64` only.
    pub fn made_with(&self) -> Option<MultiplyAdd> {
        self.multiply_add.or(match (self.isa.as_str(), self.cpu.as_str()) {
            ("avx512" | "avx2+fma", _) | ("baseline", "aarch64") => Some(MultiplyAdd::Fused),
            ("baseline", _) => Some(MultiplyAdd::Separate),
            _ => None,
        })
    }

    /// Multiply-add of runs of this id, whose hash includes it.
    pub(super) fn named_after(&self) -> MultiplyAdd {
        self.multiply_add.unwrap_or(MultiplyAdd::Fused)
    }

    /// Whether the run ended with non-finite numbers.
    pub fn diverged(&self) -> bool {
        self.outcome == Outcome::Diverged
    }

    /// Fails if no run of `spec` ends so.
    pub(super) fn check(&self, spec: &RunSpec) -> Result<(), String> {
        let (step, steps) = (self.step, spec.train.steps);
        let possible = match self.outcome {
            Outcome::Finished => step == steps,
            Outcome::Diverged => step <= steps,
        };
        match possible {
            true => Ok(()),
            false => {
                Err(format!("a run of {steps} steps is not {} at step {step}", self.outcome.name()))
            }
        }
    }

    /// Fails if a run of `spec` with these observations does not end so: observers see its end.
    pub(super) fn check_rows(&self, spec: &RunSpec, rows: &[Row]) -> Result<(), String> {
        let last = rows.iter().map(|row| row.step).max();
        let is_finite = |metric: Metric| {
            let name = metric.to_string();
            let mut now = rows.iter().filter(|row| row.step == self.step && row.metric == name);
            now.any(|row| row.value.is_finite())
        };
        let at_end = self.step == spec.train.steps;
        let possible = match self.outcome {
            Outcome::Finished => last == Some(self.step) && is_finite(Metric::TrainLoss),
            // Before the end an update may have done it, and there may be no row of that step.
            Outcome::Diverged if at_end => {
                !(is_finite(Metric::TrainLoss) && is_finite(Metric::GradNorm))
            }
            Outcome::Diverged => last.is_none_or(|last| last <= self.step),
        };
        match possible {
            true => Ok(()),
            false => Err(format!(
                "{} at step {} is not how the rows in metrics.parquet end",
                self.outcome.name(),
                self.step
            )),
        }
    }
}
