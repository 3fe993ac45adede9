//! Executors: whoever computes plans.

use std::sync::atomic::AtomicBool;

use windtunnel_runs::store::{self, Store};

use crate::plan::Plan;
use crate::progress::Progress;
use crate::training::Status;

/// Whoever brings the results of plans into a store: threads, other processes, other machines.
pub trait Executor {
    /// The store that has the results afterwards.
    fn store(&self) -> &Store;

    /// Computes what the store lacks of a plan; returns what became of every piece, in their order.
    ///
    /// Tells `progress` of the [`batch`](Plan::batch) of the plan, and of each piece by its place.
    /// Ends soon after `stop` is raised, with the status of what is not stored.
    ///
    /// # Errors
    /// A store that is of no use at all. What a single piece fails for is its status.
    fn execute(
        &self,
        plan: &Plan,
        progress: &dyn Progress,
        stop: &AtomicBool,
    ) -> Result<Vec<Status>, store::Error>;
}
