//! Looking through a store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use super::checkpoint::Resume;
use super::{CHECKPOINT, Error, RunId, Store, disk, finished};

/// A run in the store.
#[derive(Debug)]
pub struct Entry {
    /// Its name.
    pub id: RunId,
    /// How far it is.
    pub status: Status,
}

/// How far a run is.
#[derive(Debug)]
pub enum Status {
    /// Done.
    Finished {
        /// The resolved spec, in TOML.
        spec_toml: String,
        /// Everything known about the run besides its numbers.
        meta: serde_json::Value,
    },
    /// At work, or stopped and ready to resume.
    Partial {
        /// Number of steps done at the last checkpoint.
        step: u64,
        /// Seconds of work up to there.
        wall_seconds: f64,
        /// The resolved spec, in TOML.
        spec_toml: String,
    },
    /// Unreadable; the text says which file and why.
    Broken(String),
}

impl Store {
    /// All runs, sorted by id.
    ///
    /// Reads specs, metadata and checkpoints, not the files of rows and tensors: a run is broken
    /// here if one of those is missing, and damage inside them shows when they are read.
    ///
    /// # Errors
    /// If the folders themselves cannot be listed. A broken run is an entry, not an error.
    pub fn list(&self) -> Result<Vec<Entry>, Error> {
        let mut entries = BTreeMap::new();
        // Unfinished ones first: a run that is finished in between appears in both, never in none.
        for id in self.partial_ids()? {
            if let Some(status) = self.partial_status(&id) {
                entries.insert(id, status);
            }
        }
        for id in self.finished_ids()? {
            let status = self.finished_status(&id);
            entries.insert(id, status.unwrap_or_else(|e| Status::Broken(e.to_string())));
        }
        Ok(entries.into_iter().map(|(id, status)| Entry { id, status }).collect())
    }

    /// When a run was last written: the end of a finished one, the last checkpoint of another.
    pub fn modified(&self, id: &RunId) -> Option<SystemTime> {
        let finished = disk::modified(&self.finished_run(id).folder().join(finished::META));
        finished.or_else(|| disk::modified(&self.partial_path(id, CHECKPOINT)))
    }

    /// The one run, finished or not, whose id begins with `prefix`.
    ///
    /// # Errors
    /// If there is none or more than one.
    pub fn resolve(&self, prefix: &str) -> Result<RunId, Error> {
        let (prefix, store) = (prefix.to_owned(), self.root.clone());
        let mut ids: BTreeSet<RunId> = self.partial_ids()?.into_iter().collect();
        ids.extend(self.finished_ids()?);
        ids.retain(|id| id.as_str().starts_with(&prefix));
        match ids.len() {
            0 => Err(Error::UnknownPrefix { prefix, store }),
            1 => ids.pop_first().ok_or(Error::UnknownPrefix { prefix, store }),
            _ => {
                let candidates = ids.into_iter().collect();
                Err(Error::AmbiguousPrefix { prefix, candidates, store })
            }
        }
    }

    pub(super) fn finished_ids(&self) -> Result<Vec<RunId>, Error> {
        let names = disk::names(&self.runs())?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    fn partial_ids(&self) -> Result<Vec<RunId>, Error> {
        let names = disk::names(&self.partial())?;
        let id = |name: &String| name.strip_suffix(CHECKPOINT)?.parse().ok();
        Ok(names.iter().filter_map(id).collect())
    }

    fn finished_status(&self, id: &RunId) -> Result<Status, Error> {
        let run = self.finished_run(id);
        run.check_files()?;
        Ok(Status::Finished { spec_toml: run.spec_toml()?, meta: run.meta()? })
    }

    /// `None` if the run was finished in the meantime.
    fn partial_status(&self, id: &RunId) -> Option<Status> {
        match self.checkpoint(id) {
            Ok(Resume::Fresh) => None,
            Ok(Resume::From(checkpoint)) => Some(Status::Partial {
                step: checkpoint.step,
                wall_seconds: checkpoint.wall_seconds,
                spec_toml: checkpoint.spec_toml,
            }),
            Ok(Resume::Damaged(damage)) => Some(Status::Broken(damage.to_string())),
            Err(error) => Some(Status::Broken(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Checkpoint, Record};
    use super::*;

    #[test]
    fn a_prefix_finds_the_one_run_that_begins_so() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let ids = [0x00aa << 48, 0x00ab << 48, 0xff00 << 48].map(RunId::from);
        store.finish(&ids[0], &Record::default()).unwrap();
        store.save_checkpoint(&ids[1], &Checkpoint::default()).unwrap();
        store.finish(&ids[2], &Record::default()).unwrap();
        store.save_checkpoint(&ids[2], &Checkpoint::default()).unwrap();

        for (prefix, id) in [("00aa", 0), ("00ab", 1), ("f", 2), (ids[1].as_str(), 1)] {
            assert_eq!(store.resolve(prefix).unwrap(), ids[id]);
        }
        let error = store.resolve("00a").unwrap_err().to_string();
        assert!(error.contains(&format!("{}, {}", ids[0], ids[1])), "{error}");
        for prefix in ["1", "F", "../runs", "ff000000000000000"] {
            let error = store.resolve(prefix).unwrap_err();
            assert!(matches!(&error, Error::UnknownPrefix { prefix: p, .. } if p == prefix));
        }
    }
}
