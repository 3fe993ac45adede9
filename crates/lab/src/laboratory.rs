//! An executor with its progress and a way to stop it, for experiments.

use std::sync::atomic::{AtomicBool, Ordering};

use windtunnel_runs::spec::{MultiplyAdd, SpecError};
use windtunnel_runs::store::{self, Store};

use crate::executor::Executor;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::training::Status;

/// Executor with its progress and a way to stop it.
#[derive(Clone, Copy)]
pub struct Lab<'a> {
    /// Executor that computes plans.
    pub executor: &'a dyn Executor,
    /// Listener to their progress.
    pub progress: &'a dyn Progress,
    /// Flag that ends every computation when it is raised.
    pub stop: &'a AtomicBool,
}

/// Error that ends a whole experiment. The failure of a part is in the result of that part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be used.
    #[error(transparent)]
    Unusable(store::Error),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A spec does not resolve.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A run that the experiment needs failed.
    #[error("{0}")]
    Failed(String),
    /// The user asked to stop.
    #[error("interrupted; what is computed is stored")]
    Interrupted,
}

impl<'a> Lab<'a> {
    /// The store of the results.
    pub fn store(&self) -> &'a Store {
        self.executor.store()
    }

    /// Computes the pieces of a plan that the store lacks; returns the status of every piece,
    /// stored or failed.
    ///
    /// # Errors
    /// A store that cannot be used, an interruption, an executor of another arithmetic than this
    /// machine's: its runs would have ids that no experiment looks for.
    ///
    /// # Panics
    /// If the executor returns another number of statuses than the plan has pieces.
    pub fn execute(&self, plan: &Plan) -> Result<Vec<Status>, Error> {
        let (made, sought) = (self.executor.multiply_add(), MultiplyAdd::here());
        if made != sought {
            return Err(Error::Failed(format!(
                "the executor computes with the {} multiply-add, and experiments look for runs of this \
                 machine's, the {} one; run plans of it with Executor::execute",
                made.name(),
                sought.name()
            )));
        }
        let statuses =
            self.executor.execute(plan, self.progress, self.stop).map_err(Error::Unusable)?;
        self.go_on()?;
        assert_eq!(statuses.len(), plan.len(), "statuses and pieces of a plan");
        match statuses.contains(&Status::Interrupted) {
            true => Err(Error::Interrupted),
            false => Ok(statuses),
        }
    }

    /// Checks that nobody asked to stop.
    ///
    /// # Errors
    /// An interruption.
    pub fn go_on(&self) -> Result<(), Error> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }
}
