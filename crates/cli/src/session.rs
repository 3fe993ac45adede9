//! One sitting of computing: the store, the machine, Ctrl-C, progress, and what became of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use windtunnel_core::lanes::Isa;
use windtunnel_lab::spec::RunSpec;
use windtunnel_lab::store::Store;
use windtunnel_lab::sweep::{Options, Status, step_cost, sweep};

use crate::args::{Global, Sitting};
use crate::error::Error;
use crate::progress::Progress;

/// Computes what is missing of `specs`.
///
/// # Errors
/// When a run failed, or the user interrupted: nothing is lost, and the message says how to go on.
pub fn compute(
    global: &Global,
    sitting: &Sitting,
    specs: &[RunSpec],
    names: &[String],
) -> Result<Store, Error> {
    let statuses = attempt(global, sitting, specs, names)?;
    judge(&statuses, names)?;
    open(global)
}

/// The store, made where there is none.
///
/// # Errors
/// When there can be none: the user named another folder than was meant.
pub fn open(global: &Global) -> Result<Store, Error> {
    Store::open(&global.store).map_err(|error| Error::Usage(format!("--store: {error}")))
}

/// Computes what is missing of `specs`; tells of each whether it is there or why it failed.
///
/// # Errors
/// When the user interrupted.
pub fn attempt(
    global: &Global,
    sitting: &Sitting,
    specs: &[RunSpec],
    names: &[String],
) -> Result<Vec<Status>, Error> {
    let store = open(global)?;
    // What a killed process left a day ago and more.
    store.sweep(Store::SWEEP_AGE)?;
    let options = Options {
        jobs: jobs(global),
        isa: Isa::detect(),
        checkpoint_every: Duration::from_secs_f64(sitting.checkpoint_seconds),
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
    match statuses.iter().filter(|s| matches!(s, Status::Interrupted)).count() {
        0 => Ok(statuses),
        left => Err(Error::Failed(format!(
            "interrupted with {left} of {} runs unfinished; {RESUME}",
            statuses.len()
        ))),
    }
}

const RESUME: &str = "nothing is lost: give the same command again to go on from the checkpoints";

/// The user stopped between runs.
pub fn interrupted() -> Error {
    Error::Failed(format!("interrupted; {RESUME}"))
}

/// A flag that Ctrl-C raises, the same at every call.
pub fn stop_on_signal() -> Result<Arc<AtomicBool>, Error> {
    static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(stop) = STOP.get() {
        return Ok(Arc::clone(stop));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            // Asked twice: leave at once. The store has no half-written state.
            std::process::exit(1);
        }
        eprintln!("\nstopping after the current step; once more to leave at once");
    };
    ctrlc::set_handler(handler).map_err(|e| Error::Failed(format!("cannot catch Ctrl-C: {e}")))?;
    Ok(Arc::clone(STOP.get_or_init(|| stop)))
}

/// `--jobs`, by default all cores.
pub fn jobs(global: &Global) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    global.jobs.map_or_else(cores, usize::from)
}

fn judge(statuses: &[Status], names: &[String]) -> Result<(), Error> {
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
        return Err(Error::Failed(format!("{} runs failed:\n  {listed}", failures.len())));
    }
    Ok(())
}
