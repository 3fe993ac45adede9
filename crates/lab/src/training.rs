//! Training of one run into the store: cached, resumed, interruptible.

mod pace;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use windtunnel_math::lanes::Isa;
use windtunnel_measure::metric::{Name, Part};
use windtunnel_train::{ConfigError, Instruments, TrainConfig};
use windtunnel_train::{
    HeldOut, Missing, Observer, Schedule, Scheduled, StopReason, TrainLoss, Trainer,
};

use crate::cost;
use crate::progress::Event;
use pace::Pace;

use windtunnel_runs::spec::{MultiplyAdd, Precision, RunSpec, run_id_with};
use windtunnel_runs::store::{
    self, Damage, Guard, LiveRows, Lock, Record, Resume, Row, RunId, Store,
};
use windtunnel_runs::stored::{
    Meta, Outcome, Run, Stored, checkpoint, checkpoint_spec, object, restore, tensors,
};

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

/// Held-out batches, instruments on them, and the trainer of a run.
type Prepared<T> = (Vec<HeldOut<T>>, Vec<Instruments>, Trainer<T>);

/// Behaviour for a run that another process computes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Patience {
    /// Leave it to that process.
    Skip,
    /// Wait until it is done.
    Wait,
}

const POLL: Duration = Duration::from_millis(200);
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// A run to train.
pub(crate) struct Job<'a> {
    pub store: &'a Store,
    pub spec: &'a RunSpec,
    pub options: &'a Options,
    pub stop: &'a AtomicBool,
    pub threads: usize,
}

impl Job<'_> {
    /// The status of the run; `None` if another process computes it and `patience` says to skip it.
    pub fn run(&self, patience: Patience, on_event: &dyn Fn(Event)) -> Option<Status> {
        match self.try_run(patience, on_event) {
            Ok(status) => status,
            Err(error) => Some(Status::Failed(error.to_string())),
        }
    }

    fn try_run(
        &self,
        patience: Patience,
        on_event: &dyn Fn(Event),
    ) -> Result<Option<Status>, store::Error> {
        let id = run_id_with(MultiplyAdd::of(self.options.isa), self.spec);
        let mut said = false;
        let guard = loop {
            if self.store.finished(&id)?.is_some() {
                Run::finished(self.store, &id)?;
                on_event(Event::Cached);
                return Ok(Some(Status::Stored));
            }
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Some(Status::Interrupted));
            }
            match self.store.lock(&id)? {
                // Its holder finished it since the check above.
                Lock::Free(_) if self.store.finished(&id)?.is_some() => {}
                Lock::Free(guard) => break guard,
                Lock::Busy => {
                    if patience == Patience::Skip {
                        return Ok(None);
                    }
                    if !said {
                        said = true;
                        on_event(Event::Busy);
                    }
                    std::thread::sleep(POLL);
                }
            }
        };
        match self.spec.train.precision {
            Precision::F32 => self.train::<f32>(&id, &guard, on_event).map(Some),
            Precision::F64 => self.train::<f64>(&id, &guard, on_event).map(Some),
        }
    }

    /// The held-out batches, the instruments on them, the fixed batch first, and the trainer.
    fn prepare<T: Stored>(&self, config: TrainConfig) -> Result<Prepared<T>, ConfigError> {
        let (eval, measured) = (&self.spec.eval, &self.spec.instruments);
        let mut held_out = vec![HeldOut::new(&config, eval.batch_size, eval.seed)?];
        let mut instruments = Vec::new();
        let read = || (measured.schedules.clone(), measured.plan.clone());
        if !measured.schedules.is_empty() {
            let (schedules, plan) = read();
            let batch = (eval.batch_size, eval.seed);
            instruments.push(Instruments::new(&config, batch, schedules, plan)?);
        }
        for number in 1..=eval.fresh_batches {
            held_out.push(HeldOut::fresh(&config, eval.batch_size, number)?);
            let (schedules, plan) = read();
            let fresh = (eval.batch_size, number);
            if schedules.iter().any(|(instrument, _)| instrument.reads_held_out()) {
                instruments.push(Instruments::fresh(&config, fresh, schedules, plan)?);
            }
        }
        Ok((held_out, instruments, Trainer::new(config)?))
    }

    fn train<T: Stored>(
        &self,
        id: &RunId,
        guard: &Guard,
        on_event: &dyn Fn(Event),
    ) -> Result<Status, store::Error> {
        let started = Instant::now();
        let config = self.spec.train_config(self.options.isa, self.threads);
        let eval = &self.spec.eval;
        let (mut held_out, mut instruments, mut trainer) = match self.prepare::<T>(config) {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Status::Failed(error.to_string())),
        };
        let (mut rows, earlier) = self.resume(id, &mut trainer, on_event)?;
        if let Some(said) = cost::warning(self.spec, trainer.step(), self.options.isa, self.threads)
        {
            on_event(Event::Warning(said));
        }
        on_event(Event::Started { step: trainer.step() });

        let mut pace = Pace::new(self.spec, self.options.checkpoint_every, trainer.step());
        let session = Instant::now();
        let mut reported = session;
        let mut failure = None;
        let live = self.store.live_rows(id, guard, &rows).unwrap_or_else(|error| {
            on_event(Event::Warning(unfollowed(&error)));
            None
        });
        let live = RefCell::new(live);
        let mut record = Rows { rows: &mut rows, live, missing: BTreeSet::new(), on_event };
        let mut train_loss = TrainLoss;
        let every = || Schedule::Every(eval.every);
        let mut observers: Vec<Scheduled<'_, T>> = held_out
            .iter_mut()
            .map(|held_out| Scheduled { schedule: every(), observer: held_out as _ })
            .collect();
        // Behind the fixed batch, as ever: the order is that of the stored rows.
        observers.insert(1, Scheduled { schedule: every(), observer: &mut train_loss });
        // Each instrument has a schedule of its own.
        observers.extend(instruments.iter_mut().map(|instruments| Scheduled {
            schedule: Schedule::Every(1),
            observer: instruments as &mut dyn Observer<T>,
        }));
        let outcome = trainer.run(&mut observers, &mut record, |trainer, rows| {
            let stop = self.stop.load(Ordering::Relaxed);
            if reported.elapsed() >= REPORT_EVERY {
                reported = Instant::now();
                on_event(Event::Step { step: trainer.step() });
                rows.show();
            }
            let began = session.elapsed();
            if !pace.is_due(trainer.step(), began) && !stop {
                return ControlFlow::Continue(());
            }
            rows.show();
            let wall = earlier + started.elapsed().as_secs_f64();
            let checkpoint = checkpoint(self.spec, trainer, rows.rows, wall);
            if let Err(error) = self.store.save_checkpoint(id, &checkpoint) {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            pace.saved(trainer.step(), began, session.elapsed());
            if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if let Some(error) = failure {
            return Err(error);
        }
        let (outcome, step) = match outcome {
            StopReason::Interrupted => return Ok(Status::Interrupted),
            StopReason::Finished => (Outcome::Finished, trainer.step()),
            StopReason::Diverged { step } => (Outcome::Diverged, step),
            StopReason::Failed { step, reason } => {
                let name = self.spec.optimizer.name();
                return Ok(Status::Failed(format!("`{name}` failed at step {step}: {reason}")));
            }
        };
        let meta = self.meta(outcome, step, earlier + started.elapsed().as_secs_f64());
        let numerics = ("windtunnel.numerics".into(), self.spec.numerics().to_string());
        let record = Record {
            spec_toml: self.spec.to_toml(),
            meta: object(&meta),
            labels: [numerics].into(),
            tensors: tensors(&trainer),
            rows,
        };
        self.store.finish(id, &record)?;
        on_event(Event::Done { meta: Box::new(meta) });
        Ok(Status::Stored)
    }

    /// Restores a trainer from the latest checkpoint; returns the rows and the seconds of work up
    /// to there.
    fn resume<T: Stored>(
        &self,
        id: &RunId,
        trainer: &mut Trainer<T>,
        on_event: &dyn Fn(Event),
    ) -> Result<(Vec<Row>, f64), store::Error> {
        let checkpoint = match self.store.checkpoint(id)? {
            Resume::Fresh => return Ok((Vec::new(), 0.0)),
            Resume::Damaged(damage) => Err(damage),
            Resume::From(checkpoint) => checkpoint_spec(id, &checkpoint)
                .and_then(|_| restore(trainer, &checkpoint))
                .map(|()| checkpoint)
                .map_err(|reason| Damage { path: self.store.checkpoint_path(id), reason }),
        };
        Ok(match checkpoint {
            Ok(checkpoint) => (checkpoint.rows, checkpoint.wall_seconds),
            Err(damage) => {
                on_event(Event::Warning(damage.to_string()));
                // A failed restore may have changed a part. A config that made a trainer makes
                // another.
                if let Ok(fresh) = Trainer::new(trainer.config().clone()) {
                    *trainer = fresh;
                }
                (Vec::new(), 0.0)
            }
        })
    }

    fn meta(&self, outcome: Outcome, step: u64, wall_seconds: f64) -> Meta {
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

struct Rows<'a> {
    rows: &'a mut Vec<Row>,
    /// The same rows for other processes, if they can be written.
    live: RefCell<Option<LiveRows>>,
    /// Reasons that were given in this invocation, without their numbers.
    missing: BTreeSet<String>,
    on_event: &'a dyn Fn(Event),
}

impl Rows<'_> {
    /// Shows the rows so far to other processes. If that fails, it costs a warning and no result.
    fn show(&self) {
        let flushed = self.live.borrow_mut().as_mut().map(LiveRows::flush);
        if let Some(Err(error)) = flushed {
            self.live.replace(None);
            (self.on_event)(Event::Warning(unfollowed(&error)));
        }
    }
}

fn unfollowed(error: &store::Error) -> String {
    format!("others see its rows only when it is finished: {error}")
}

impl windtunnel_train::Recorder for Rows<'_> {
    fn record(&mut self, step: u64, metric: Name, value: f64) {
        let row = Row::new(step, metric, value);
        if let Some(live) = self.live.get_mut() {
            live.push(&row);
        }
        self.rows.push(row);
    }

    /// Emits one event per reason and invocation. An open end of an interval is no missing number.
    fn missing(&mut self, step: u64, what: Missing<'_>, reason: &str) {
        let is_end = matches!(what, Missing::Metric(name) if name.part().is_some_and(Part::is_end));
        if !is_end && self.missing.insert(kind(reason)) {
            let (what, reason) = (what.to_string(), reason.to_string());
            (self.on_event)(Event::Missing { step, what, reason });
        }
    }
}

fn cpu_name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let name = model.and_then(|rest| rest.split_once(':')).map(|(_, name)| name.trim().to_string());
    name.unwrap_or_else(|| std::env::consts::ARCH.into())
}
