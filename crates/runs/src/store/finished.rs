//! The files of finished runs.

use std::path::{Path, PathBuf};

use super::digest::sha256;
use super::manifest::{self, Digests};
use super::metrics::{self, Metrics};
use super::{Checkpoint, Error, Record, RunId, disk, tensor};

/// The resolved spec, in TOML.
pub const SPEC: &str = "spec.toml";
/// Other metadata, in JSON.
pub const META: &str = "meta.json";
/// The rows, in Parquet.
pub const METRICS: &str = "metrics.parquet";
/// Final parameters and optimizer state, in safetensors.
pub const STATE: &str = "state.safetensors";

/// A finished run, whose folder exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedRun {
    id: RunId,
    folder: PathBuf,
}

/// Evidence that the files of a run are its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// `meta.json` names the run, seals itself and has the SHA-256 of every other file.
    Sealed,
    /// Written before there were hashes: neither the state nor `meta.json` names a run.
    Unsealed,
}

/// Contents of a run in the store.
#[derive(Clone, Debug, PartialEq)]
pub enum Contents {
    /// All contents of a finished run.
    Finished {
        /// Record of the run.
        record: Record,
        /// Evidence that its files are its own.
        binding: Binding,
    },
    /// The latest checkpoint of an unfinished run.
    Partial(Checkpoint),
}

impl FinishedRun {
    pub(super) fn new(id: RunId, folder: PathBuf) -> Self {
        FinishedRun { id, folder }
    }

    /// Id of the run.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Folder of the run, for other programs to read.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All contents, every file checked against the others.
    pub(super) fn contents(&self) -> Result<Contents, Error> {
        let (meta, digests) = self.decode(META, None, |b| manifest::decode(&self.id, b))?;
        let known = digests.as_ref();
        let spec_toml =
            self.decode(SPEC, known, |b| String::from_utf8(b.to_vec()).map_err(|e| e.to_string()))?;
        let Metrics { rows, labels } =
            self.decode(METRICS, known, |b| metrics::decode(&self.id, b.to_vec()))?;
        let (tensors, run) = self.decode(STATE, known, |b| self.state(b))?;
        let binding = match (known, run) {
            (Some(_), _) => Binding::Sealed,
            (None, None) => Binding::Unsealed,
            (None, Some(_)) => {
                let lost = "its checksum and the hashes of the other files are gone";
                return Err(Error::damaged(&self.folder.join(META))(lost.into()));
            }
        };
        let record = Record { spec_toml, meta, labels, rows, tensors };
        Ok(Contents::Finished { record, binding })
    }

    fn state(&self, bytes: &[u8]) -> Result<(Vec<super::Tensor>, Option<String>), String> {
        let (tensors, run) = tensor::decode(bytes)?;
        match run {
            Some(run) if run != self.id.as_str() => Err(format!("it belongs to run {run}")),
            run => Ok((tensors, run)),
        }
    }

    fn decode<T>(
        &self,
        name: &str,
        digests: Option<&Digests>,
        decode: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<T, Error> {
        let path = self.folder.join(name);
        let bytes = disk::read(&path)?.ok_or("the file is missing".to_owned());
        let checked = |bytes: Vec<u8>| {
            // A fault of the contents says more than a hash that differs.
            let decoded = decode(&bytes)?;
            match digests {
                Some(digests) if digests.get(name) != Some(&sha256(&bytes)) => {
                    Err(format!("it is not the file whose SHA-256 is in {META}"))
                }
                _ => Ok(decoded),
            }
        };
        bytes.and_then(checked).map_err(Error::damaged(&path))
    }
}

/// Writes the files of `record` into `folder`, durably.
pub(super) fn write(folder: &Path, id: &RunId, record: &Record) -> Result<(), Error> {
    let encoded = |name: &str, bytes: Result<Vec<u8>, String>| {
        bytes.map_err(Error::unstorable(&folder.join(name)))
    };
    let spec = record.spec_toml.as_bytes();
    let metrics = encoded(METRICS, metrics::encode(id, &record.rows, &record.labels))?;
    let state = encoded(STATE, tensor::encode(id, &record.tensors))?;
    let files = [(SPEC, spec), (METRICS, &*metrics), (STATE, &*state)];
    let meta = encoded(META, manifest::encode(id, &record.meta, &files))?;
    for (name, bytes) in files.into_iter().chain([(META, &*meta)]) {
        disk::write(&folder.join(name), bytes)?;
    }
    disk::sync_folder(folder)
}
