//! Following a run while another process trains it.

use super::Run;
use crate::store::{Error, NewRows, Row, RunId, Store, Tail};

/// Reader of the rows of a run, as they are made and to the end.
///
/// Needs no write access. What it returns, from the last [`restarted`](Followed::restarted) on, are
/// the first rows of the run in their order, and once it is finished exactly those that are stored.
#[derive(Debug)]
pub struct Follower {
    store: Store,
    tail: Tail,
    id: RunId,
}

/// Rows and state of a run, returned by [`Follower::poll`].
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    /// The rows that are new, in the order in which they were made.
    pub rows: Vec<Row>,
    /// Whether earlier rows no longer count: `rows` begin again at the first of the run. A run that
    /// resumes makes the same rows again and does not restart; this is for files that were
    /// damaged or replaced.
    pub restarted: bool,
    /// Activity of the run.
    pub activity: Activity,
}

/// Whether more rows of a run are to be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// A process is at work on it.
    Running,
    /// No process is at work on it: it has not begun, or waits to be resumed.
    Stopped,
    /// The run is stored, and all its rows were returned.
    Finished,
}

impl Follower {
    /// A follower from the first row of the run `id`, which need not have begun.
    pub fn new(store: &Store, id: &RunId) -> Follower {
        Follower { store: store.clone(), tail: store.tail(id), id: id.clone() }
    }

    /// The rows since the last call.
    ///
    /// # Errors
    /// If a file cannot be read, or the finished run cannot be loaded.
    ///
    /// # Cost
    /// Linear in the new rows, and in all rows when the run is finished. The time between two calls
    /// is the caller's to choose; a writer shows its rows a few times a second.
    pub fn poll(&mut self) -> Result<Followed, Error> {
        let mut new = NewRows::default();
        let activity = self.look(&mut new)?;
        let NewRows { rows, restarted } = new;
        Ok(Followed { rows, restarted, activity })
    }

    fn look(&mut self, new: &mut NewRows) -> Result<Activity, Error> {
        if self.store.finished(&self.id)?.is_none() {
            self.tail.read(new)?;
            if self.store.is_at_work(&self.id)? {
                return Ok(Activity::Running);
            }
            // A run is published before its lock is released: this look misses no end.
            if self.store.finished(&self.id)?.is_none() {
                return Ok(Activity::Stopped);
            }
        }
        self.tail.finish(&Run::load(&self.store, &self.id)?.rows, new);
        Ok(Activity::Finished)
    }
}
