//! The executor of one process: a queue that its threads share.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use windtunnel_math::parallel::queue;
use windtunnel_runs::spec::{MAX_MEMORY, MultiplyAdd, RunSpec, workspace_bytes};
use windtunnel_runs::store::{self, Store};

use crate::executor::Executor;
use crate::plan::{Plan, Work};
use crate::progress::{Event, Progress};
use crate::training::{Job, Options, Patience, Status};

/// Executor that computes in this process, several pieces at a time, the longest first.
///
/// Any number of processes may work on the same store. Runs that another one holds are left to it;
/// at the end this executor waits for them.
#[derive(Clone, Debug)]
pub struct LocalExecutor {
    store: Store,
    options: Options,
}

impl LocalExecutor {
    /// An executor with its results in `store`, which is created if it lacks something.
    pub fn new(store: Store, options: Options) -> LocalExecutor {
        LocalExecutor { store, options }
    }

    /// Creates the store and removes temporary files of killed processes, if it lacks a part of the
    /// plan. Otherwise the store stays unchanged and may be read-only.
    fn prepare(&self, plan: &Plan) -> Result<(), store::Error> {
        for work in &plan.work {
            let is_stored = match work {
                Work::Run(_) => work.is_stored(&self.store)?,
                // A piece that cannot be read reports the reason in its status.
                other => other.is_stored(&self.store).unwrap_or(false),
            };
            if !is_stored {
                return match Store::open(self.store.root()) {
                    Ok(store) => {
                        // A folder that cannot be tidied can still be used; else its user reports
                        // the reason.
                        let _ = store.tidy(Store::TIDY_AGE);
                        Ok(())
                    }
                    // Stored results can be shown; missing ones report why they cannot be computed.
                    Err(_) if self.store.ids().is_ok_and(|ids| !ids.is_empty()) => Ok(()),
                    Err(error) => Err(error),
                };
            }
        }
        Ok(())
    }

    /// Number of pieces of a plan that are computed at a time: no more than fit into the memory
    /// limit of one run.
    fn jobs(&self, plan: &Plan) -> usize {
        let fits = |spec: &RunSpec| (MAX_MEMORY / workspace_bytes(spec).max(1)).max(1);
        plan.runs().map(fits).fold(self.options.jobs, usize::min)
    }

    /// The status of a piece, which is computed unless it is stored, on up to `threads` threads;
    /// `None` if another process computes it and `patience` says to skip it.
    fn piece(
        &self,
        work: &Work,
        threads: usize,
        patience: Patience,
        stop: &AtomicBool,
        on_event: &dyn Fn(Event),
    ) -> Option<Status> {
        let LocalExecutor { store, options } = self;
        match work {
            Work::Run(spec) => {
                // More threads than shares of the batch would be idle.
                let threads = threads.min(spec.train.batch_size / 128).max(1);
                Job { store, spec, options, stop, threads }.run(patience, on_event)
            }
            _ if stop.load(Ordering::Relaxed) => Some(Status::Interrupted),
            Work::Noise(study) => {
                Some(kept(work, store, on_event, || study.obtain(store).map(drop)))
            }
            Work::Baselines(fit) => {
                Some(kept(work, store, on_event, || fit.obtain(store).map(drop)))
            }
        }
    }
}

impl Executor for LocalExecutor {
    fn store(&self) -> &Store {
        &self.store
    }

    fn multiply_add(&self) -> MultiplyAdd {
        MultiplyAdd::of(self.options.isa)
    }

    fn execute(
        &self,
        plan: &Plan,
        progress: &dyn Progress,
        stop: &AtomicBool,
    ) -> Result<Vec<Status>, store::Error> {
        self.prepare(plan)?;
        progress.begin(plan.batch());
        let statuses: Vec<Mutex<Option<Status>>> =
            plan.work.iter().map(|_| Mutex::new(None)).collect();
        let (jobs, order) = (self.jobs(plan), plan.longest_first());
        for patience in [Patience::Skip, Patience::Wait] {
            queue(jobs, &order, |_, &place| {
                let Ok(mut status) = statuses[place].lock() else { return };
                if status.is_none() {
                    let (work, threads) = (&plan.work[place], jobs / plan.len());
                    let on_event = |event| progress.event(place, &event);
                    *status = self.piece(work, threads, patience, stop, &on_event);
                }
            });
        }
        progress.end();
        let status = |slot: Mutex<Option<Status>>| slot.into_inner().ok().flatten();
        Ok(statuses.into_iter().map(|slot| status(slot).unwrap_or(Status::Interrupted)).collect())
    }
}

/// The status of work other than runs. `compute` stores its result if the store had none.
fn kept(
    work: &Work,
    store: &Store,
    on_event: &dyn Fn(Event),
    compute: impl FnOnce() -> Result<(), String>,
) -> Status {
    let made = match work.is_stored(store) {
        Ok(true) => Ok(Event::Cached),
        Ok(false) => compute().map(|()| Event::Computed),
        Err(error) => Err(error.to_string()),
    };
    match made {
        Ok(event) => {
            on_event(event);
            Status::Stored
        }
        Err(reason) => Status::Failed(reason),
    }
}
