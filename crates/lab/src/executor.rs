//! Executors, which compute plans.

use std::sync::atomic::AtomicBool;

use windtunnel_runs::spec::MultiplyAdd;
use windtunnel_runs::store::{self, Store};

use crate::plan::Plan;
use crate::progress::Progress;
use crate::training::Status;

/// Computes plans and puts the results into a store: in threads, in other processes or on other
/// machines.
pub trait Executor {
    /// The store that has the results afterwards.
    fn store(&self) -> &Store;

    /// Multiply-add of the machines that compute, which is part of the ids of runs.
    fn multiply_add(&self) -> MultiplyAdd {
        MultiplyAdd::here()
    }

    /// Computes the pieces of a plan that the store lacks; returns the status of every piece, in
    /// their order.
    ///
    /// Tells `progress` of the [`batch`](Plan::batch) of the plan, and of each piece by its index.
    /// Ends soon after `stop` is raised, with the status of the pieces that are not stored.
    ///
    /// # Errors
    /// A store that cannot be used at all. The failure of a single piece is its status.
    fn execute(
        &self,
        plan: &Plan,
        progress: &dyn Progress,
        stop: &AtomicBool,
    ) -> Result<Vec<Status>, store::Error>;
}
