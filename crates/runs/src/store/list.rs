//! Search for runs in a store.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{CHECKPOINT, Error, LOCK, ROWS, RunId, Store, disk, finished};

impl Store {
    /// All runs, finished or not, sorted.
    ///
    /// # Errors
    /// If the folders cannot be listed.
    pub fn ids(&self) -> Result<Vec<RunId>, Error> {
        // Unfinished ones first: a run that is finished in between is in both, never in none.
        let mut ids: BTreeSet<RunId> = self.partial_ids(CHECKPOINT)?.into_iter().collect();
        ids.extend(self.finished_ids()?);
        Ok(ids.into_iter().collect())
    }

    /// Time at which a run was last written: the end of a finished one, the last checkpoint of
    /// another.
    pub fn modified(&self, id: &RunId) -> Option<SystemTime> {
        let finished = disk::modified(&self.finished_run(id).folder().join(finished::META));
        finished.or_else(|| disk::modified(&self.partial_path(id, CHECKPOINT)))
    }

    /// The one run, finished, stopped or just begun, whose id begins with `prefix`.
    ///
    /// # Errors
    /// If there is none or more than one.
    pub fn resolve(&self, prefix: &str) -> Result<RunId, Error> {
        let (prefix, store) = (prefix.to_owned(), self.root.clone());
        let mut ids: BTreeSet<RunId> = self.partial_ids(ROWS)?.into_iter().collect();
        ids.extend(self.ids()?);
        let mut ids: Vec<RunId> = ids.into_iter().collect();
        ids.retain(|id| id.as_str().starts_with(&prefix));
        match ids.len() {
            0 | 1 => ids.pop().ok_or(Error::UnknownPrefix { prefix, store }),
            _ => Err(Error::AmbiguousPrefix { prefix, candidates: ids, store }),
        }
    }

    fn finished_ids(&self) -> Result<Vec<RunId>, Error> {
        let names = disk::names(&self.runs())?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Runs that are finished and have a checkpoint, live rows or a lock file all the same.
    pub(super) fn stale_ids(&self) -> Result<BTreeSet<RunId>, Error> {
        let mut ids = BTreeSet::new();
        for id in [CHECKPOINT, ROWS, LOCK].map(|ending| self.partial_ids(ending)) {
            ids.extend(id?);
        }
        let finished: BTreeSet<RunId> = self.finished_ids()?.into_iter().collect();
        ids.retain(|id| finished.contains(id));
        Ok(ids)
    }

    /// Live rows of runs without a checkpoint, on which nobody has been at work for `age`: such a run
    /// starts again, and writes them again.
    pub(super) fn abandoned_rows(&self, age: Duration) -> Result<Vec<PathBuf>, Error> {
        let resumable = self.partial_ids(CHECKPOINT)?;
        let mut abandoned = Vec::new();
        for id in self.partial_ids(ROWS)? {
            if !resumable.contains(&id) && !self.is_at_work(&id)? {
                abandoned.push(self.partial_path(&id, ROWS));
            }
        }
        disk::untouched(&self.partial(), abandoned, age)
    }

    /// Runs that have a file of this ending.
    fn partial_ids(&self, ending: &str) -> Result<Vec<RunId>, Error> {
        let names = disk::names(&self.partial())?;
        let id = |name: &String| name.strip_suffix(ending)?.parse().ok();
        Ok(names.iter().filter_map(id).collect())
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
