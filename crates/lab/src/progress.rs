//! Progress of what is computed, for whoever wants to show it.

use windtunnel_runs::stored::Meta;

/// Listener to computations.
///
/// A batch of them begins, sends events that number its items, from any thread, and ends; then the
/// next may begin. Everything has a default that does nothing.
pub trait Progress: Sync {
    /// Takes the beginning of a batch.
    fn begin(&self, batch: Batch) {
        drop(batch);
    }

    /// Takes an event of an item of the batch.
    fn event(&self, item: usize, event: &Event) {
        let _ = (item, event);
    }

    /// Takes the end of the batch, also where it was interrupted.
    fn end(&self) {}

    /// Takes the learning rate that the search `label` chose, or why it chose none.
    fn searched(&self, label: &str, found: Result<f64, &str>) {
        let _ = (label, found);
    }
}

/// Progress that nobody listens to.
pub struct Silent;

impl Progress for Silent {}

/// Batch of computations of which progress tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Kind of its items.
    pub kind: Kind,
    /// Name of it all.
    pub title: String,
    /// Its items, as events number them.
    pub items: Vec<Item>,
}

/// Kind of a batch: what its items have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Runs of training, and maybe other pieces of work.
    Runs,
    /// Pieces of work without steps.
    Pieces,
    /// The trajectory of one run that is computed again to be measured.
    Measurement,
}

/// Item of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Name to show.
    pub name: String,
    /// Number of its steps, 1 where it has none.
    pub steps: u64,
    /// Relative cost of a step.
    pub step_cost: u64,
}

/// Event of an item of a batch.
#[derive(Clone, Debug)]
pub enum Event {
    /// Found in the store.
    Cached,
    /// Started at a step: 0, or where a checkpoint left it.
    Started {
        /// Updates already made.
        step: u64,
    },
    /// Going on.
    Step {
        /// Updates made.
        step: u64,
    },
    /// Another process computes it; waiting for that.
    Busy,
    /// Something odd that does not stop the computation.
    Warning(String),
    /// A metric or an instrument without a number, the first for this reason.
    Missing {
        /// Updates made.
        step: u64,
        /// The metric or instrument.
        what: String,
        /// Why.
        reason: String,
    },
    /// A run that ended is stored.
    Done {
        /// How it ended.
        meta: Box<Meta>,
    },
    /// The result of a piece without steps is stored.
    Computed,
}
