//! Progress of computations, for any listener.

use windtunnel_runs::stored::Meta;

/// Listener to computations.
///
/// A batch begins, sends events that number its items, from any thread, and ends; then the next may
/// begin. Every method has a default that does nothing.
pub trait Progress: Sync {
    /// Called before a batch with the cost, as in [`Work::cost`](crate::plan::Work::cost), of what is
    /// known to follow after it, so that the time of the whole can be told.
    fn later(&self, cost: u128) {
        let _ = cost;
    }

    /// Called when a batch begins.
    fn begin(&self, batch: Batch) {
        drop(batch);
    }

    /// Called for an event of an item of the batch.
    fn event(&self, item: usize, event: &Event) {
        let _ = (item, event);
    }

    /// Called when the batch ends, also after an interruption.
    fn end(&self) {}

    /// Called with the learning rate that the search `label` chose, or with the reason why it chose
    /// none.
    fn searched(&self, label: &str, found: Result<f64, &str>) {
        let _ = (label, found);
    }
}

/// Progress that ignores everything.
pub struct Silent;

impl Progress for Silent {}

/// Batch of computations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Kind of its items.
    pub kind: BatchKind,
    /// Name of the batch.
    pub title: String,
    /// Items, in the order of the numbers in events.
    pub items: Vec<Item>,
}

/// Common kind of the items of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchKind {
    /// Runs of training, and possibly other pieces of work.
    Runs,
    /// Pieces of work without steps.
    Pieces,
    /// The trajectory of one run that is computed again to be measured.
    Measurement,
}

/// Item of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Name for lists.
    pub name: String,
    /// Number of its steps; 1 if it has none.
    pub steps: u64,
    /// Relative cost of a step.
    pub step_cost: u64,
}

/// Event of an item of a batch.
#[derive(Clone, Debug)]
pub enum Event {
    /// The result was found in the store.
    Cached,
    /// The item starts at a step: 0, or that of a checkpoint.
    Started {
        /// Updates already made.
        step: u64,
    },
    /// The item has made a step.
    Step {
        /// Updates made.
        step: u64,
    },
    /// Another process computes the item, and this one waits for it.
    Busy,
    /// Unexpected event that does not stop the computation.
    Warning(String),
    /// A metric or an instrument without a number, reported once for each reason.
    Missing {
        /// Updates made.
        step: u64,
        /// The metric or instrument.
        what: String,
        /// The reason.
        reason: String,
    },
    /// A run that ended is stored.
    Done {
        /// Metadata of the run, with its end.
        meta: Box<Meta>,
    },
    /// The result of a piece without steps is stored.
    Computed,
}
