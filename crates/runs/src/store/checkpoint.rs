//! Checkpoints of unfinished runs.
//!
//! One sealed safetensors file. Tensors: `state/NAME` for each tensor of the run and `rows/step`,
//! `rows/metric`, `rows/value` for the rows. Metadata: `run`, `step`, `wall_seconds`, `spec_toml`
//! and `metrics`, the JSON list that `rows/metric` indexes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Display};
use std::path::PathBuf;
use std::str::FromStr;

use safetensors::Dtype;

use super::blob::{self, Blob, Metadata};
use super::{Row, RunId, Tensor};

/// Checkpoint of an unfinished run: everything that it needs to go on as if it had never stopped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// Number of steps done.
    pub step: u64,
    /// Seconds of work so far.
    pub wall_seconds: f64,
    /// The resolved spec, in TOML.
    pub spec_toml: String,
    /// All observations so far, in the order in which they were made.
    pub rows: Vec<Row>,
    /// Parameters and optimizer state; read back sorted by name.
    pub tensors: Vec<Tensor>,
}

/// Starting point of a run, as far as the store knows.
#[derive(Debug)]
pub enum Resume {
    /// At step 0: there is no checkpoint.
    Fresh,
    /// After the last checkpoint.
    From(Checkpoint),
    /// At step 0: there is a checkpoint, but it is not what was written.
    Damaged(Damage),
}

/// Warning: a checkpoint cannot be used, so its run starts again; the next one replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The checkpoint.
    pub path: PathBuf,
    /// Description of the damage.
    pub reason: String,
}

impl Resume {
    /// The checkpoint, if there is one that can be used.
    pub fn checkpoint(self) -> Option<Checkpoint> {
        match self {
            Resume::From(checkpoint) => Some(checkpoint),
            Resume::Fresh | Resume::Damaged(_) => None,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damage { path, reason } = self;
        let path = path.display();
        write!(
            f,
            "checkpoint `{path}` is damaged ({reason}): its run starts again when it is trained"
        )
    }
}

const STATE: &str = "state/";

/// The bytes of the file.
pub(super) fn encode(id: &RunId, checkpoint: &Checkpoint) -> Result<Vec<u8>, String> {
    let mut metrics = Interner::default();
    let indices: Vec<u32> = checkpoint.rows.iter().map(|row| metrics.index(&row.metric)).collect();
    let metadata = [
        ("run", id.to_string()),
        ("step", checkpoint.step.to_string()),
        // `{}` writes the shortest digits that read back as the same number.
        ("wall_seconds", checkpoint.wall_seconds.to_string()),
        ("spec_toml", checkpoint.spec_toml.clone()),
        ("metrics", serde_json::json!(metrics.names).to_string()),
    ];
    let mut blobs = row_blobs(&checkpoint.rows, &indices);
    let state = checkpoint.tensors.iter().map(|t| (format!("{STATE}{}", t.name()), t.to_blob()));
    blobs.extend(state);
    blob::pack(blobs, metadata.map(|(key, value)| (key.to_owned(), value)).into())
}

/// The checkpoint of `id` in the bytes of a file.
pub(super) fn decode(id: &RunId, bytes: &[u8]) -> Result<Checkpoint, String> {
    let (blobs, metadata) = blob::unpack(bytes)?;
    let run = field(&metadata, "run")?;
    if run != id.as_str() {
        return Err(format!("it belongs to run {run}"));
    }
    Ok(Checkpoint {
        step: number(&metadata, "step")?,
        wall_seconds: number(&metadata, "wall_seconds")?,
        spec_toml: field(&metadata, "spec_toml")?.to_owned(),
        rows: rows(&blobs, field(&metadata, "metrics")?)?,
        tensors: tensors(&blobs)?,
    })
}

/// Numbers metric names in the order of their first appearance.
#[derive(Default)]
struct Interner<'a> {
    names: Vec<&'a str>,
    indices: HashMap<&'a str, u32>,
}

impl<'a> Interner<'a> {
    fn index(&mut self, name: &'a str) -> u32 {
        let Interner { names, indices } = self;
        *indices.entry(name).or_insert_with(|| {
            names.push(name);
            names.len() as u32 - 1
        })
    }
}

fn row_blobs(rows: &[Row], metrics: &[u32]) -> Vec<(String, Blob)> {
    let shape = [rows.len()];
    let steps: Vec<u64> = rows.iter().map(|row| row.step).collect();
    let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
    vec![
        ("rows/step".into(), Blob::new(Dtype::U64, &shape, &steps, u64::to_le_bytes)),
        ("rows/metric".into(), Blob::new(Dtype::U32, &shape, metrics, u32::to_le_bytes)),
        ("rows/value".into(), Blob::new(Dtype::F64, &shape, &values, f64::to_le_bytes)),
    ]
}

fn rows(blobs: &BTreeMap<String, Blob>, metrics: &str) -> Result<Vec<Row>, String> {
    let names: Vec<String> = serde_json::from_str(metrics).map_err(|e| e.to_string())?;
    let column = |name: &str| blobs.get(name).ok_or(format!("`{name}` is missing"));
    let steps = column("rows/step")?.elements(u64::from_le_bytes);
    let metrics = column("rows/metric")?.elements(u32::from_le_bytes);
    let values = column("rows/value")?.elements(f64::from_le_bytes);
    if steps.len() != metrics.len() || steps.len() != values.len() {
        return Err("the columns of rows differ in length".into());
    }
    let row = |((step, metric), value)| {
        let name = names.get(metric as usize).ok_or(format!("metric {metric} has no name"))?;
        Ok(Row::new(step, name, value))
    };
    steps.into_iter().zip(metrics).zip(values).map(row).collect()
}

fn tensors(blobs: &BTreeMap<String, Blob>) -> Result<Vec<Tensor>, String> {
    let state = blobs.iter().filter_map(|(name, blob)| Some((name.strip_prefix(STATE)?, blob)));
    state.map(|(name, blob)| Tensor::from_blob(name, blob)).collect()
}

fn field<'a>(metadata: &'a Metadata, key: &str) -> Result<&'a str, String> {
    metadata.get(key).map(String::as_str).ok_or(format!("`{key}` is missing"))
}

fn number<T: FromStr<Err: Display>>(metadata: &Metadata, key: &str) -> Result<T, String> {
    field(metadata, key)?.parse().map_err(|e| format!("`{key}`: {e}"))
}
