//! The store of runs: a folder that any number of processes and machines may share.
//!
//! ```text
//! STORE/runs/ID/spec.toml            finished runs: the resolved spec,
//! STORE/runs/ID/meta.json            what else is known, and the hashes of the other files,
//! STORE/runs/ID/metrics.parquet      rows (run, step, metric, value),
//! STORE/runs/ID/state.safetensors    final parameters and optimizer state
//! STORE/partial/ID.ckpt              the latest checkpoint of an unfinished run
//! STORE/partial/ID.rows              the rows of a run at work, for others to follow
//! STORE/partial/ID.lock              held while a process is at work on the run
//! STORE/partial/*.tmp                being written, or left behind by a process that died
//! STORE/kept/HASH                    cached results: what the API calls the cache; the folder
//!                                    keeps its first name for the stores that have it
//! ```
//!
//! There is no half-written state. The folder of a finished run appears by one rename and is
//! never modified; a checkpoint is replaced by one rename. A process that is killed loses the
//! work since its last checkpoint and nothing else.
//!
//! There is no need for locks either. A run is a pure function of what its id is a hash of, so
//! two processes at work on the same run write the same contents, and whoever finishes second
//! finds the folder and discards its own. The lock only saves that second process the work.

mod blob;
mod cache;
mod checkpoint;
mod digest;
pub mod disk;
mod error;
mod finished;
mod list;
mod live;
mod lock;
mod manifest;
mod metrics;
mod process;
mod record;
mod seal;
mod tensor;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use crate::spec::RunId;
pub use checkpoint::{Checkpoint, Damage, Resume};
pub use error::Error;
pub use finished::{Binding, Contents, FinishedRun, META, METRICS, SPEC, STATE};
pub use live::LiveRows;
pub(crate) use live::{NewRows, Tail};
pub use lock::{Guard, Lock};
pub use record::{Record, Row};
pub use tensor::{Tensor, TensorData};

const CHECKPOINT: &str = ".ckpt";
const LOCK: &str = ".lock";
const ROWS: &str = ".rows";

/// A folder of runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
}

/// Outcome of publishing a finished run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// This call published it.
    Published,
    /// Another process published it before; this call changed nothing.
    AlreadyThere,
}

impl Store {
    /// Age of temporary files from which [`tidy`](Self::tidy) may take them for abandoned: writing
    /// one takes seconds, a day is longer than any suspended laptop or stalled file server needs.
    pub const TIDY_AGE: Duration = Duration::from_hours(24);

    /// The store in `root`, made if it is not there.
    ///
    /// # Errors
    /// If the folders cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let store = Store::at(root);
        for folder in [store.runs(), store.partial(), store.cache_folder()] {
            disk::make_folder(&folder)?;
        }
        Ok(store)
    }

    /// The store in `root`, as it is: for reading, which needs no folder that can be written.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Store { root: root.into() }
    }

    /// Whether there is a store in its folder.
    ///
    /// # Errors
    /// If the file system cannot tell, as without the permission to look.
    pub fn is_there(&self) -> Result<bool, Error> {
        disk::is_folder(&self.runs())
    }

    /// Folder of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The run `id`, if it is finished.
    ///
    /// # Errors
    /// If the file system cannot tell.
    pub fn finished(&self, id: &RunId) -> Result<Option<FinishedRun>, Error> {
        let run = self.finished_run(id);
        Ok(disk::is_folder(run.folder())?.then_some(run))
    }

    /// Everything about the finished run `id`.
    ///
    /// # Errors
    /// If it is not finished, or one of its files is unreadable, damaged or another run's.
    pub fn run(&self, id: &RunId) -> Result<Record, Error> {
        match self.load(id)? {
            Contents::Finished { record, .. } => Ok(record),
            Contents::Partial(_) => Err(self.not_finished(id)),
        }
    }

    /// Everything about the run `id`, from its folder or else its latest checkpoint.
    ///
    /// # Errors
    /// If there is neither, or a file is unreadable, damaged or another run's.
    pub fn load(&self, id: &RunId) -> Result<Contents, Error> {
        if let Some(finished) = self.finished(id)? {
            return finished.contents();
        }
        match self.checkpoint(id)? {
            Resume::From(checkpoint) => Ok(Contents::Partial(checkpoint)),
            Resume::Damaged(damage) => Err(Error::Checkpoint(damage)),
            // Finished in between, and its checkpoint removed.
            Resume::Fresh => self.finished(id)?.ok_or_else(|| self.not_finished(id))?.contents(),
        }
    }

    /// The error that `id` has not ended.
    pub fn not_finished(&self, id: &RunId) -> Error {
        Error::NotFinished { id: id.clone(), store: self.root.clone() }
    }

    /// Asks to be the only one at work on `id`. Look for a finished run and a checkpoint *after*
    /// this: the previous owner may have left either.
    ///
    /// # Errors
    /// If the store cannot be written to. A file system without locks is not an error.
    pub fn lock(&self, id: &RunId) -> Result<Lock, Error> {
        lock::acquire(&self.partial_path(id, LOCK))
    }

    /// Whether a process is at work on `id`. Looking shares the lock for a moment; on a file system
    /// without locks, every run that was ever begun seems to be worked on.
    ///
    /// # Errors
    /// If the lock file cannot be opened.
    pub(crate) fn is_at_work(&self, id: &RunId) -> Result<bool, Error> {
        lock::is_held(&self.partial_path(id, LOCK))
    }

    /// Starting point of the run `id`.
    ///
    /// # Errors
    /// If there is a checkpoint that cannot be read. A damaged one is a warning, not an error.
    pub fn checkpoint(&self, id: &RunId) -> Result<Resume, Error> {
        let path = self.checkpoint_path(id);
        let Some(bytes) = disk::read(&path)? else { return Ok(Resume::Fresh) };
        Ok(match checkpoint::decode(id, &bytes) {
            Ok(checkpoint) => Resume::From(checkpoint),
            Err(reason) => Resume::Damaged(Damage { path, reason }),
        })
    }

    /// Replaces the checkpoint of `id`, durably.
    ///
    /// # Errors
    /// If it cannot be written, or two tensors have the same name.
    ///
    /// # Cost
    /// Linear in all rows and tensors so far, plus the time the disk takes to flush.
    pub fn save_checkpoint(&self, id: &RunId, checkpoint: &Checkpoint) -> Result<(), Error> {
        let path = self.checkpoint_path(id);
        let bytes = checkpoint::encode(id, checkpoint).map_err(Error::unstorable(&path))?;
        disk::replace(&self.partial(), &format!("{id}{CHECKPOINT}"), &bytes)
    }

    /// Publishes the run `id`, durably, and then removes its checkpoint, live rows and lock file.
    ///
    /// # Errors
    /// If it cannot be written, or the record does not fit the file formats: two tensors of the
    /// same name, a step above `i64::MAX`.
    pub fn finish(&self, id: &RunId, record: &Record) -> Result<Finish, Error> {
        let finish = match self.finished(id)? {
            Some(_) => Finish::AlreadyThere,
            None => self.publish(id, record)?,
        };
        disk::sync_folder(&self.runs())?;
        self.forget_partial(id)?;
        Ok(finish)
    }

    /// Removes what dead processes left behind: temporary files and folders of processes of this
    /// machine that are gone, others untouched for `age` ([`TIDY_AGE`](Self::TIDY_AGE) unless there
    /// is a reason), checkpoints, live rows and locks of finished runs, live rows of runs that were
    /// given up before their first checkpoint. Returns the number of files and folders removed.
    ///
    /// A live process whose files are swept all the same gets an error; it damages nothing.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn tidy(&self, age: Duration) -> Result<usize, Error> {
        let mut swept =
            disk::sweep(&self.partial(), age)? + disk::sweep(&self.cache_folder(), age)?;
        for id in self.stale_ids()? {
            swept += self.forget_partial(&id)?;
        }
        for path in self.abandoned_rows(age)? {
            swept += usize::from(disk::remove(&path)?);
        }
        Ok(swept)
    }

    fn publish(&self, id: &RunId, record: &Record) -> Result<Finish, Error> {
        let temporary = disk::Temporary::folder(&self.partial(), id.as_str())?;
        finished::write(temporary.path(), id, record)?;
        match temporary.rename(self.finished_run(id).folder()) {
            Ok(()) => Ok(Finish::Published),
            Err(error) => match self.finished(id)? {
                Some(_) => Ok(Finish::AlreadyThere),
                None => Err(error),
            },
        }
    }

    /// Removes checkpoint, live rows and lock file of a finished run; returns their number.
    ///
    /// This is safe while another process holds that lock: a process that makes a new lock file
    /// finds the run finished.
    fn forget_partial(&self, id: &RunId) -> Result<usize, Error> {
        let checkpoint = disk::remove(&self.checkpoint_path(id))?;
        // Live rows that stay do no harm: those of a finished run are not read.
        let rows = disk::remove(&self.partial_path(id, ROWS)).unwrap_or(false);
        let lock = disk::remove(&self.partial_path(id, LOCK))?;
        Ok([checkpoint, rows, lock].into_iter().map(usize::from).sum())
    }

    /// Folder of the files of run `id`, once it is finished.
    pub fn run_folder(&self, id: &RunId) -> PathBuf {
        self.runs().join(id.as_str())
    }

    /// Path of the checkpoint of run `id`, if it has one.
    pub fn checkpoint_path(&self, id: &RunId) -> PathBuf {
        self.partial_path(id, CHECKPOINT)
    }

    fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    fn partial(&self) -> PathBuf {
        self.root.join("partial")
    }

    fn partial_path(&self, id: &RunId, ending: &str) -> PathBuf {
        self.partial().join(format!("{id}{ending}"))
    }

    fn finished_run(&self, id: &RunId) -> FinishedRun {
        FinishedRun::new(id.clone(), self.run_folder(id))
    }
}
