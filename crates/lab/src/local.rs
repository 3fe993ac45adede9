//! The executor of one process: a queue that its threads share.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use windtunnel_math::parallel::queue;
use windtunnel_runs::spec::{MAX_MEMORY, MultiplyAdd, RunSpec, workspace_bytes};
use windtunnel_runs::store::{self, Store};

use crate::executor::Executor;
use crate::plan::{Plan, Work};
use crate::progress::{Event, Progress};
use crate::training::{Job, Options, Patience, Status, train};

/// Most runs that take turns on one thread: their parameters and prompts share a cache.
const MOST_TURNS: usize = 8;
/// Groups of runs that every thread has at least, so that none is idle at the end.
const GROUPS: usize = 3;

/// Executor that computes in this process, several pieces at a time, the longest first. Runs that read
/// the same prompts take turns on one thread and draw them once, with the bits of runs alone.
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

    /// Number of runs on the same prompts that take turns on one thread: as many as leave a few
    /// groups to every thread, and fit into the memory limit.
    fn turns(&self, plan: &Plan, jobs: usize) -> usize {
        let fits = |spec: &RunSpec| MAX_MEMORY / jobs / workspace_bytes(spec).max(1);
        let most = plan.runs().map(fits).fold(MOST_TURNS, usize::min);
        (plan.runs().count() / (GROUPS * jobs)).clamp(1, most.max(1))
    }

    /// The statuses of a group of pieces, which are computed unless they are stored, on up to
    /// `threads` threads; `None` if another process computes one and `patience` says to skip it.
    fn pieces(
        &self,
        (plan, places): (&Plan, &[usize]),
        threads: usize,
        patience: Patience,
        stop: &AtomicBool,
        progress: &dyn Progress,
    ) -> Vec<Option<Status>> {
        let LocalExecutor { store, options } = self;
        let mut jobs = Vec::new();
        let mut others = Vec::new();
        for &place in places {
            let work = &plan.work[place];
            let on_event = move |event| progress.event(place, &event);
            let obtained =
                |compute: &dyn Fn() -> Result<(), String>| match stop.load(Ordering::Relaxed) {
                    true => Status::Interrupted,
                    false => kept(work, store, &on_event, compute),
                };
            match work {
                Work::Run(spec) => {
                    // More threads than shares of the batch would be idle.
                    let threads = threads.min(spec.train.batch_size / 128).max(1);
                    let on_event = Box::new(on_event);
                    jobs.push(Job { store, spec, options, stop, threads, on_event });
                }
                Work::Noise(study) => {
                    others.push(Some(obtained(&|| study.obtain(store).map(drop))));
                }
                Work::Baselines(fit) => {
                    others.push(Some(obtained(&|| fit.obtain(store).map(drop))));
                }
            }
        }
        // A group has runs or one other piece.
        if jobs.is_empty() { others } else { train(&jobs, patience) }
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
        let jobs = self.jobs(plan);
        let groups = plan.cohorts(self.turns(plan, jobs));
        // One at a time the second time: who waits for another process must hold nothing that it
        // could be waiting for.
        let rest: Vec<Vec<usize>> = plan.longest_first().into_iter().map(|k| vec![k]).collect();
        for (groups, patience) in [(groups, Patience::Skip), (rest, Patience::Wait)] {
            queue(jobs, &groups, |_, group| {
                let is_open = |place: &usize| statuses[*place].lock().is_ok_and(|s| s.is_none());
                let open: Vec<usize> = group.iter().copied().filter(is_open).collect();
                let threads = jobs / groups.len();
                let ended = self.pieces((plan, &open), threads, patience, stop, progress);
                for (&place, status) in open.iter().zip(ended) {
                    if let Ok(mut slot) = statuses[place].lock() {
                        *slot = status;
                    }
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
