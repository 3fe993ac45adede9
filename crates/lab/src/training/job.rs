//! A run to train: what is asked, and whether there is anything to do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use windtunnel_math::lanes::Isa;
use windtunnel_runs::spec::{MultiplyAdd, RunSpec, run_id_with};
use windtunnel_runs::store::{self, Guard, Lock, RunId, Store};
use windtunnel_runs::stored::{Meta, Outcome, Run};

use crate::progress::Event;

/// Options of the computation, none of which changes a result.
#[derive(Clone, Debug)]
pub struct Options {
    /// Number of runs at a time; with fewer runs than that, each gets several threads.
    pub jobs: usize,
    /// Instruction set.
    pub isa: Isa,
    /// Wall time between checkpoints of a run.
    pub checkpoint_every: Duration,
    /// Revision of the source that the program was built from.
    pub git_revision: String,
}

impl Default for Options {
    /// All cores with the widest instructions, and checkpoints every two seconds.
    fn default() -> Options {
        Options {
            jobs: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            isa: Isa::detect(),
            checkpoint_every: Duration::from_secs(2),
            git_revision: String::new(),
        }
    }
}

/// Status of a piece of work after it was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The result is in the store.
    Stored,
    /// The user stopped the work; a run's checkpoint is in the store.
    Interrupted,
    /// The result could not be computed or stored.
    Failed(String),
}

/// Behaviour for a run that another process computes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Patience {
    /// Leave it to that process.
    Skip,
    /// Wait until it is done.
    Wait,
}

const POLL: Duration = Duration::from_millis(200);

/// A run to train.
pub(crate) struct Job<'a> {
    pub store: &'a Store,
    pub spec: &'a RunSpec,
    pub options: &'a Options,
    pub stop: &'a AtomicBool,
    pub threads: usize,
    /// Listener to the events of the run.
    pub on_event: Box<dyn Fn(Event) + 'a>,
}

/// State of a run that was to be trained.
pub(super) enum Opened {
    /// It needs no training here: its status, or none if another process computes it.
    Ended(Option<Status>),
    /// This process holds it.
    Free(RunId, Guard),
}

impl Job<'_> {
    /// The run, ready to be trained by this process, unless there is nothing to do.
    pub(super) fn open(&self, patience: Patience) -> Result<Opened, store::Error> {
        let id = run_id_with(MultiplyAdd::of(self.options.isa), self.spec);
        let mut said = false;
        let guard = loop {
            if self.store.finished(&id)?.is_some() {
                Run::finished(self.store, &id)?;
                (self.on_event)(Event::Cached);
                return Ok(Opened::Ended(Some(Status::Stored)));
            }
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Opened::Ended(Some(Status::Interrupted)));
            }
            match self.store.lock(&id)? {
                // Its holder finished it since the check above.
                Lock::Free(_) if self.store.finished(&id)?.is_some() => {}
                Lock::Free(guard) => break guard,
                Lock::Busy => {
                    if patience == Patience::Skip {
                        return Ok(Opened::Ended(None));
                    }
                    if !said {
                        said = true;
                        (self.on_event)(Event::Busy);
                    }
                    std::thread::sleep(POLL);
                }
            }
        };
        Ok(Opened::Free(id, guard))
    }

    /// Metadata of the run at its end.
    pub(super) fn meta(&self, outcome: Outcome, step: u64, wall_seconds: f64) -> Meta {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Meta {
            outcome,
            step,
            version: env!("CARGO_PKG_VERSION").into(),
            numerics: self.spec.numerics(),
            git_revision: self.options.git_revision.clone(),
            cpu: cpu_name(),
            isa: self.options.isa.name().into(),
            multiply_add: Some(MultiplyAdd::of(self.options.isa)),
            threads: self.threads,
            wall_seconds,
            finished_at: since_1970.map_or(0, |d| d.as_secs()),
        }
    }
}

/// A reason without its numbers.
pub fn kind(reason: &str) -> String {
    reason.replace(|c: char| c.is_ascii_digit(), "")
}

fn cpu_name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let name = model.and_then(|rest| rest.split_once(':')).map(|(_, name)| name.trim().to_string());
    name.unwrap_or_else(|| std::env::consts::ARCH.into())
}
