//! Reading finished runs.

use std::path::{Path, PathBuf};

use super::{Error, Metrics, Record, RunId, Tensor, disk, metrics, tensor};

pub(super) const SPEC: &str = "spec.toml";
pub(super) const META: &str = "meta.json";
pub(super) const METRICS: &str = "metrics.parquet";
pub(super) const STATE: &str = "state.safetensors";

/// A run whose folder is there; each method reads one of its files.
///
/// # Errors
/// Every method fails if its file cannot be read or is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedRun {
    id: RunId,
    folder: PathBuf,
}

impl FinishedRun {
    pub(super) fn new(id: RunId, folder: PathBuf) -> Self {
        FinishedRun { id, folder }
    }

    /// Its name.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Its folder, for other programs to read.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The resolved spec, in TOML.
    pub fn spec_toml(&self) -> Result<String, Error> {
        self.decode(SPEC, |bytes| String::from_utf8(bytes).map_err(|e| e.to_string()))
    }

    /// Everything known about the run besides its numbers.
    pub fn meta(&self) -> Result<serde_json::Value, Error> {
        self.decode(META, |bytes| serde_json::from_slice(&bytes).map_err(|e| e.to_string()))
    }

    /// All observations.
    pub fn metrics(&self) -> Result<Metrics, Error> {
        self.decode(METRICS, |bytes| metrics::decode(&self.id, bytes))
    }

    /// Final parameters and optimizer state, sorted by name.
    pub fn tensors(&self) -> Result<Vec<Tensor>, Error> {
        self.decode(STATE, |bytes| tensor::decode(&bytes))
    }

    /// Everything.
    pub fn record(&self) -> Result<Record, Error> {
        let Metrics { rows, labels } = self.metrics()?;
        let (spec_toml, meta, tensors) = (self.spec_toml()?, self.meta()?, self.tensors()?);
        Ok(Record { spec_toml, meta, labels, rows, tensors })
    }

    /// Fails if a file is missing; cheaper than reading them all.
    pub(super) fn check_files(&self) -> Result<(), Error> {
        for name in [SPEC, META, METRICS, STATE] {
            let path = self.folder.join(name);
            if !path.is_file() {
                return Err(Error::damaged(&path)("the file is missing".into()));
            }
        }
        Ok(())
    }

    fn decode<T>(
        &self,
        name: &str,
        decode: impl FnOnce(Vec<u8>) -> Result<T, String>,
    ) -> Result<T, Error> {
        let path = self.folder.join(name);
        let bytes = disk::read(&path)?.ok_or("the file is missing".to_owned());
        bytes.and_then(decode).map_err(Error::damaged(&path))
    }
}

/// Writes the files of `record` into `folder`, durably.
pub(super) fn write(folder: &Path, id: &RunId, record: &Record) -> Result<(), Error> {
    let encoded = |name: &str, bytes: Result<Vec<u8>, String>| {
        let path = folder.join(name);
        disk::write(&path, &bytes.map_err(Error::unstorable(&path))?)
    };
    encoded(SPEC, Ok(record.spec_toml.clone().into_bytes()))?;
    encoded(META, Ok(format!("{:#}\n", record.meta).into_bytes()))?;
    encoded(METRICS, metrics::encode(id, &record.rows, &record.labels))?;
    encoded(STATE, tensor::encode(&record.tensors))?;
    disk::sync_folder(folder)
}
