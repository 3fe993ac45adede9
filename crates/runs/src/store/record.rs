//! Records of runs: everything that a finished run leaves in the store.

use std::collections::BTreeMap;

use super::Tensor;

/// One observation: the value of a metric after a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Training step; at most `i64::MAX`, the range of the column.
    pub step: u64,
    /// Name of the metric, such as `loss`.
    pub metric: String,
    /// The value, stored bit for bit: NaN with its payload and the infinities are outcomes too.
    pub value: f64,
}

impl Row {
    /// The observation `value` of `metric` at `step`.
    pub fn new(step: u64, metric: impl Into<String>, value: f64) -> Self {
        Row { step, metric: metric.into(), value }
    }
}

/// All contents of a finished run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The resolved spec, in TOML.
    pub spec_toml: String,
    /// Everything known about the run besides its numbers.
    pub meta: serde_json::Map<String, serde_json::Value>,
    /// Key-value metadata of the metrics file, such as `windtunnel.numerics`.
    pub labels: BTreeMap<String, String>,
    /// Observations, in the order in which they were made.
    pub rows: Vec<Row>,
    /// Final parameters and optimizer state; read back sorted by name.
    pub tensors: Vec<Tensor>,
}
