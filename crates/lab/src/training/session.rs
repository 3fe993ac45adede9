//! A run in progress: its trainer with observers, rows and checkpoints, trained in turns.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use windtunnel_measure::metric::{Name, Part};
use windtunnel_runs::store::{self, Damage, Guard, LiveRows, Record, Resume, Row, RunId};
use windtunnel_runs::stored::{
    Outcome, Stored, checkpoint, checkpoint_spec, object, restore, tensors,
};
use windtunnel_train::{
    ConfigError, HeldOut, Instruments, Missing, Observer, Schedule, Scheduled, StopReason,
    TrainConfig, TrainLoss, Trainer, Window,
};

use super::job::{Job, Status, kind};
use super::pace::Pace;
use crate::cost;
use crate::progress::Event;

const REPORT_EVERY: Duration = Duration::from_millis(100);

/// A run in progress, whose lock this process holds.
pub(super) struct Session<'a, T> {
    job: &'a Job<'a>,
    id: RunId,
    _guard: Guard,
    held_out: Vec<HeldOut<T>>,
    instruments: Vec<Instruments>,
    trainer: Trainer<T>,
    record: Rows<'a>,
    pace: Pace,
    /// Seconds of work before this session.
    earlier: f64,
    /// Time of this session's turns.
    spent: Duration,
    reported: Instant,
}

/// Reason why a session could not begin.
pub(super) enum Refused {
    /// The settings do not make a run.
    Config(ConfigError),
    /// The store failed.
    Store(store::Error),
}

impl<'a, T: Stored> Session<'a, T> {
    /// The run of a job at its latest checkpoint, one of `turns` runs that take turns.
    pub(super) fn new(
        job: &'a Job<'a>,
        (id, guard): (RunId, Guard),
        turns: u32,
    ) -> Result<Session<'a, T>, Refused> {
        let on_event = &*job.on_event;
        let began = Instant::now();
        let config = job.spec.train_config(job.options.isa, job.threads);
        let (held_out, instruments) = observers(job, &config).map_err(Refused::Config)?;
        let mut trainer = Trainer::new(config).map_err(Refused::Config)?;
        let resumed = resume(job, &id, &mut trainer);
        let (rows, earlier) = resumed.map_err(Refused::Store)?;
        if let Some(said) = cost::warning(job.spec, trainer.step(), job.options.isa, job.threads) {
            on_event(Event::Warning(said));
        }
        on_event(Event::Started { step: trainer.step() });
        // Those who take turns save as often together as one alone.
        let pace = Pace::new(job.spec, job.options.checkpoint_every / turns, trainer.step());
        let live = job.store.live_rows(&id, &guard, &rows).unwrap_or_else(|error| {
            on_event(Event::Warning(unfollowed(&error)));
            None
        });
        let live = RefCell::new(live);
        Ok(Session {
            job,
            id,
            _guard: guard,
            held_out,
            instruments,
            trainer,
            record: Rows { rows, live, missing: BTreeSet::new(), on_event },
            pace,
            earlier,
            spent: began.elapsed(),
            reported: Instant::now(),
        })
    }

    /// The run.
    pub(super) fn trainer(&mut self) -> &mut Trainer<T> {
        &mut self.trainer
    }

    /// Trains up to a step; returns the status if the run is over, or interrupted.
    ///
    /// # Errors
    /// A checkpoint or a result that cannot be written.
    pub(super) fn turn(&mut self, until: u64) -> Result<Option<Status>, store::Error> {
        let Session { job, id, held_out, instruments, trainer, record, pace, .. } = self;
        let (began, before) = (Instant::now(), self.spent);
        let (mut is_over, mut failure) = (false, None);
        let train_loss = &mut TrainLoss;
        let every = || Schedule::Every(job.spec.eval.every);
        let mut observers: Vec<Scheduled<'_, T>> = held_out
            .iter_mut()
            .map(|held_out| Scheduled { schedule: every(), observer: held_out as _ })
            .collect();
        // Behind the fixed batch, as ever: the order is that of the stored rows.
        observers.insert(1, Scheduled { schedule: every(), observer: train_loss });
        // Each instrument has a schedule of its own.
        observers.extend(instruments.iter_mut().map(|instruments| Scheduled {
            schedule: Schedule::Every(1),
            observer: instruments as &mut dyn Observer<T>,
        }));
        let outcome = trainer.run(&mut observers, record, |trainer, rows| {
            if trainer.step() >= until {
                is_over = true;
                return ControlFlow::Break(());
            }
            let stop = job.stop.load(Ordering::Relaxed);
            if self.reported.elapsed() >= REPORT_EVERY {
                self.reported = Instant::now();
                (rows.on_event)(Event::Step { step: trainer.step() });
                rows.show();
            }
            let now = before + began.elapsed();
            if !pace.is_due(trainer.step(), now) && !stop {
                return ControlFlow::Continue(());
            }
            rows.show();
            let wall = self.earlier + now.as_secs_f64();
            let checkpoint = checkpoint(job.spec, trainer, &rows.rows, wall);
            if let Err(error) = job.store.save_checkpoint(id, &checkpoint) {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            pace.saved(trainer.step(), now, before + began.elapsed());
            if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        self.spent += began.elapsed();
        match (failure, outcome) {
            (Some(error), _) => Err(error),
            (None, StopReason::Interrupted) if is_over => Ok(None),
            (None, StopReason::Interrupted) => Ok(Some(Status::Interrupted)),
            (None, StopReason::Finished) => self.finish(Outcome::Finished, self.trainer.step()),
            (None, StopReason::Diverged { step }) => self.finish(Outcome::Diverged, step),
            (None, StopReason::Failed { step, reason }) => {
                let name = self.job.spec.optimizer.name();
                Ok(Some(Status::Failed(format!("`{name}` failed at step {step}: {reason}"))))
            }
        }
    }

    /// Stores the run.
    fn finish(&mut self, outcome: Outcome, step: u64) -> Result<Option<Status>, store::Error> {
        let job = self.job;
        let meta = job.meta(outcome, step, self.earlier + self.spent.as_secs_f64());
        let numerics = ("windtunnel.numerics".into(), job.spec.numerics().to_string());
        let record = Record {
            spec_toml: job.spec.to_toml(),
            meta: object(&meta),
            labels: [numerics].into(),
            tensors: tensors(&self.trainer),
            rows: std::mem::take(&mut self.record.rows),
        };
        job.store.finish(&self.id, &record)?;
        (self.record.on_event)(Event::Done { meta: Box::new(meta) });
        Ok(Some(Status::Stored))
    }
}

/// The held-out batches, and the instruments on them, the fixed batch first.
type Observers<T> = (Vec<HeldOut<T>>, Vec<Instruments>);

fn observers<T: Stored>(job: &Job, config: &TrainConfig) -> Result<Observers<T>, ConfigError> {
    let (eval, measured) = (&job.spec.eval, &job.spec.instruments);
    let mut held_out = vec![HeldOut::new(config, eval.batch_size, eval.seed)?];
    let mut instruments = Vec::new();
    let read = || (measured.schedules.clone(), measured.plan.clone());
    if !measured.schedules.is_empty() {
        let (schedules, plan) = read();
        let batch = (eval.batch_size, eval.seed);
        instruments.push(Instruments::new(config, batch, schedules, plan)?);
    }
    for number in 1..=eval.fresh_batches {
        held_out.push(HeldOut::fresh(config, eval.batch_size, number)?);
        let (schedules, plan) = read();
        let fresh = (eval.batch_size, number);
        if schedules.iter().any(|(instrument, _)| instrument.reads_held_out()) {
            instruments.push(Instruments::fresh(config, fresh, schedules, plan)?);
        }
    }
    Ok((held_out, instruments))
}

/// Restores a trainer from the latest checkpoint; returns the rows and the seconds of work up to
/// there.
fn resume<T: Stored>(
    job: &Job,
    id: &RunId,
    trainer: &mut Trainer<T>,
) -> Result<(Vec<Row>, f64), store::Error> {
    let checkpoint = match job.store.checkpoint(id)? {
        Resume::Fresh => return Ok((Vec::new(), 0.0)),
        Resume::Damaged(damage) => Err(damage),
        Resume::From(checkpoint) => checkpoint_spec(id, &checkpoint)
            .and_then(|_| restore(trainer, &checkpoint))
            .map(|()| checkpoint)
            .map_err(|reason| Damage { path: job.store.checkpoint_path(id), reason }),
    };
    Ok(match checkpoint {
        Ok(checkpoint) => (checkpoint.rows, checkpoint.wall_seconds),
        Err(damage) => {
            (job.on_event)(Event::Warning(damage.to_string()));
            // A failed restore may have changed a part. A config that made a trainer makes
            // another.
            if let Ok(fresh) = Trainer::new(trainer.config().clone()) {
                *trainer = fresh;
            }
            (Vec::new(), 0.0)
        }
    })
}

struct Rows<'a> {
    rows: Vec<Row>,
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

/// Trains sessions in turns until each is over; `end` gets the status of each by its place. Sessions
/// on the same prompts share them.
pub(super) fn train<T: Stored>(
    mut sessions: Vec<(usize, Session<'_, T>)>,
    mut end: impl FnMut(usize, Status),
) {
    let mut window = None;
    if let [(_, first), _, ..] = sessions.as_mut_slice() {
        window = Window::new(first.trainer().config()).ok();
    }
    if let Some(window) = &window {
        // One that is on other prompts draws its own.
        sessions.iter_mut().for_each(|(_, session)| drop(session.trainer().share(window)));
    }
    let turn = window.as_ref().map_or(u64::MAX, Window::steps);
    let first = sessions.iter_mut().map(|(_, session)| session.trainer().step()).min();
    let mut until = first.unwrap_or(0);
    while !sessions.is_empty() {
        until = until.saturating_add(turn);
        sessions.retain_mut(|(place, session)| {
            let ended = session.turn(until);
            match ended.unwrap_or_else(|error| Some(Status::Failed(error.to_string()))) {
                Some(status) => end(*place, status),
                None => return true,
            }
            false
        });
    }
}
