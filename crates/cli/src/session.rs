//! One invocation of the program: its store, executor, Ctrl-C, progress and status.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use windtunnel_lab::laboratory::Lab;
use windtunnel_lab::local::LocalExecutor;
use windtunnel_lab::training::{Options, Status};
use windtunnel_math::lanes::Isa;
use windtunnel_runs::store::Store;

use crate::args::{CheckpointOptions, Global};
use crate::error::Error;
use crate::output;
use crate::progress::Terminal;

/// The store as it is, which may be read-only or not exist yet.
///
/// # Errors
/// If there can be no store at this path.
fn look(global: &Global) -> Result<Store, Error> {
    let store = Store::at(&global.store);
    store.ids().map_err(Error::no_store)?;
    Ok(store)
}

/// Session of a command: its store, executor, progress and signals.
pub struct Session {
    local: LocalExecutor,
    terminal: Terminal,
    stop: Arc<AtomicBool>,
}

impl Session {
    /// The session of a command.
    ///
    /// # Errors
    /// A store that cannot be used, signals that cannot be caught.
    pub fn new(global: &Global, checkpoints: &CheckpointOptions) -> Result<Session, Error> {
        let options = Options {
            jobs: jobs(global),
            isa: Isa::detect(),
            checkpoint_every: Duration::from_secs_f64(checkpoints.checkpoint_seconds),
            git_revision: env!("WINDTUNNEL_GIT_REVISION").into(),
        };
        Ok(Session {
            local: LocalExecutor::new(look(global)?, options),
            terminal: Terminal::new(global.quiet || global.json),
            stop: stop_on_signal()?,
        })
    }

    /// The laboratory that experiments compute in.
    pub fn lab(&self) -> Lab<'_> {
        Lab { executor: &self.local, progress: &self.terminal, stop: &self.stop }
    }
}

/// Time that the program has after a signal to finish the current steps and their checkpoints.
const GRACE: Duration = Duration::from_millis(800);

/// A flag that Ctrl-C and similar signals raise, the same at every call.
///
/// Code that reads the flag in time ends cleanly. Otherwise the program ends at once, in the middle
/// of a step or an instrument, with the same message and exit code: the store has no half-written
/// state, and runs are saved before long steps.
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

/// Whether the caller is the first one. The first caller decides how the program ends.
pub fn take_last_word() -> bool {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    !TAKEN.swap(true, Ordering::Relaxed)
}

/// Number of jobs: `--jobs`, by default all cores.
pub fn jobs(global: &Global) -> usize {
    global.jobs.map_or_else(|| Options::default().jobs, usize::from)
}

/// Fails if a run failed, with the reason of each.
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
