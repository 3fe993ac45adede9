//! One invocation of the program: the store, the machine, Ctrl-C, progress, and what became of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use windtunnel_lab::sweep::{Options, Status, step_cost, sweep};
use windtunnel_math::lanes::Isa;
use windtunnel_runs::spec::{RunSpec, run_id};
use windtunnel_runs::store::Store;

use crate::args::{CheckpointOptions, Global};
use crate::error::Error;
use crate::output;
use crate::progress::Progress;

/// The store, made where there is none.
///
/// # Errors
/// When there can be none: the user named another folder than was meant.
pub fn open(global: &Global) -> Result<Store, Error> {
    Store::open(&global.store).map_err(no_store)
}

/// The store as it is, which may be for reading only, or not there yet.
///
/// # Errors
/// When there can be none.
pub fn look(global: &Global) -> Result<Store, Error> {
    let store = Store::at(&global.store);
    store.ids().map_err(no_store)?;
    Ok(store)
}

fn no_store(error: windtunnel_runs::store::Error) -> Error {
    Error::Usage(format!("--store: {error}"))
}

/// The store for runs of `specs`: made, and rid of what killed processes left, where one of them is
/// missing; else as it is, which may be for reading only.
fn open_for(global: &Global, specs: &[RunSpec]) -> Result<Store, Error> {
    let store = Store::at(&global.store);
    for spec in specs {
        if store.finished(&run_id(spec)).map_err(no_store)?.is_none() {
            return match open(global) {
                Ok(store) => {
                    // A folder that cannot be tidied can be used, or whoever uses it says why not.
                    let _ = store.tidy(Store::TIDY_AGE);
                    Ok(store)
                }
                // What is finished can be shown; what is missing says why it cannot be made.
                Err(_) if store.ids().is_ok_and(|ids| !ids.is_empty()) => Ok(store),
                Err(error) => Err(error),
            };
        }
    }
    Ok(store)
}

/// Computes what is missing of `specs`; tells of each whether it is there or why it failed.
///
/// # Errors
/// When the user interrupted.
pub fn attempt(
    global: &Global,
    checkpoints: &CheckpointOptions,
    specs: &[RunSpec],
    names: &[String],
) -> Result<Vec<Status>, Error> {
    let store = open_for(global, specs)?;
    let options = Options {
        jobs: jobs(global),
        isa: Isa::detect(),
        checkpoint_every: Duration::from_secs_f64(checkpoints.checkpoint_seconds),
        git_revision: env!("WINDTUNNEL_GIT_REVISION").into(),
    };
    let stop = stop_on_signal()?;
    let steps: Vec<u64> = specs.iter().map(|spec| spec.train.steps).collect();
    let costs: Vec<u64> = specs.iter().map(step_cost).collect();
    let progress = Progress::new(names, &steps, &costs, global.quiet || global.json);
    let statuses = sweep(&store, specs, &options, &stop, &|index, event| {
        progress.tell(index, &event);
    });
    progress.finish();
    match statuses.iter().any(|status| matches!(status, Status::Interrupted)) {
        true => Err(Error::Interrupted),
        false => Ok(statuses),
    }
}

/// How long a signal waits for the end of the current steps and their checkpoints.
const GRACE: Duration = Duration::from_millis(800);

/// A flag that Ctrl-C and its like raise, the same at every call.
///
/// Who looks at it in time ends well. Else the program ends at once, in the middle of a step or an
/// instrument, with the same message and exit code: the store has no half-written state, and runs
/// are saved before whatever takes long.
pub fn stop_on_signal() -> Result<Arc<AtomicBool>, Error> {
    static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(stop) = STOP.get() {
        return Ok(Arc::clone(stop));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        flag.store(true, Ordering::Relaxed);
        std::thread::sleep(GRACE);
        if take_last_word() {
            output::end_line();
            output::say(&format!("error: {}", Error::Interrupted));
            std::process::exit(i32::from(Error::Interrupted.exit_code()));
        }
    };
    ctrlc::set_handler(handler).map_err(|e| Error::Failed(format!("cannot catch Ctrl-C: {e}")))?;
    Ok(Arc::clone(STOP.get_or_init(|| stop)))
}

/// Whether the caller is the first to ask, who says how the program ends.
pub fn take_last_word() -> bool {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    !TAKEN.swap(true, Ordering::Relaxed)
}

/// `--jobs`, by default all cores.
pub fn jobs(global: &Global) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    global.jobs.map_or_else(cores, usize::from)
}

/// Fails where a run did, with the reason of each.
pub fn judge(statuses: &[Status], names: &[String]) -> Result<(), Error> {
    let failures: Vec<String> = statuses
        .iter()
        .zip(names)
        .filter_map(|(status, name)| match status {
            Status::Failed(reason) => Some(format!("{name}: {reason}")),
            _ => None,
        })
        .collect();
    if !failures.is_empty() {
        let listed = failures.join("\n  ");
        let runs = if failures.len() == 1 { "run" } else { "runs" };
        return Err(Error::Failed(format!("{} {runs} failed:\n  {listed}", failures.len())));
    }
    Ok(())
}
