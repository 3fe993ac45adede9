//! Many specs into the store: cached, resumed, several at a time, interruptible.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use windtunnel_core::instrument::Instruments;
use windtunnel_core::lanes::{Isa, Real};
use windtunnel_core::model::Trained;
use windtunnel_core::parallel::queue;
use windtunnel_core::task::Form;
use windtunnel_core::train::{HeldOut, Observer, Outcome, Schedule, Scheduled, TrainLoss, Trainer};

use crate::exchange;
use crate::spec::{Document, NUMERICS_VERSION, Precision, RunSpec, run_id};
use crate::store::{self, Checkpoint, Lock, Record, Resume, Row, RunId, Store, Tensor, TensorData};

/// How to compute, none of which changes a result.
#[derive(Clone, Debug)]
pub struct Options {
    /// Runs at a time; with fewer runs than that, each gets several threads.
    pub jobs: usize,
    /// Instruction set.
    pub isa: Isa,
    /// Wall time between checkpoints of a run.
    pub checkpoint_every: Duration,
    /// Revision of the source that the program was built from.
    pub git_revision: String,
}

/// What is stored beside the numbers of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// How the run ended: `finished` or `diverged`.
    pub outcome: String,
    /// Updates made; for a diverged run the step at which it did.
    pub step: u64,
    /// Version of windtunnel.
    pub version: String,
    /// Version of its arithmetic.
    pub numerics: u32,
    /// Revision of its source.
    pub git_revision: String,
    /// Processor.
    pub cpu: String,
    /// Instruction set of the kernels.
    pub isa: String,
    /// Threads of this run.
    pub threads: usize,
    /// Computing time in seconds, over all sittings.
    pub wall_seconds: f64,
    /// End of the run, seconds since 1970.
    pub finished_at: u64,
}

impl Meta {
    /// Whether the run ended with non-finite numbers.
    pub fn diverged(&self) -> bool {
        self.outcome == "diverged"
    }
}

/// News of run `index` of a sweep.
#[derive(Clone, Debug)]
pub enum Event {
    /// Found in the store.
    Cached,
    /// Started at a step: 0, or where a checkpoint left it.
    Started {
        /// Updates already made.
        step: u64,
    },
    /// Going on.
    Step {
        /// Updates made.
        step: u64,
    },
    /// Another process computes it; waiting for that.
    Busy,
    /// Something odd that does not stop the run.
    Warning(String),
    /// Stored.
    Done {
        /// How it ended.
        meta: Box<Meta>,
    },
}

/// What became of one run.
#[derive(Clone, Debug)]
pub enum Status {
    /// In the store.
    Stored,
    /// Stopped at the user's wish; its checkpoint is in the store.
    Interrupted,
    /// Could not be computed or stored.
    Failed(String),
}

/// Computes what is missing of `specs` and returns the status of each.
///
/// Runs that another process holds are left to it, and waited for at the end.
pub fn sweep(
    store: &Store,
    specs: &[RunSpec],
    options: &Options,
    stop: &AtomicBool,
    news: &(dyn Fn(usize, Event) + Sync),
) -> Vec<Status> {
    let statuses: Vec<Mutex<Option<Status>>> = specs.iter().map(|_| Mutex::new(None)).collect();
    let attempt = |patience: Patience| {
        queue(options.jobs, specs, |index, spec| {
            let Ok(mut status) = statuses[index].lock() else { return };
            if status.is_none() {
                // More threads than shares of the batch would only wait.
                let threads = (options.jobs / specs.len()).min(spec.train.batch_size / 128).max(1);
                let job = Job { store, spec, options, stop, threads };
                *status = job.run(patience, &|event| news(index, event));
            }
        });
    };
    attempt(Patience::Skip);
    attempt(Patience::Wait);
    let status = |slot: Mutex<Option<Status>>| slot.into_inner().ok().flatten();
    statuses.into_iter().map(|slot| status(slot).unwrap_or(Status::Interrupted)).collect()
}

/// What a step costs beside that of other runs, roughly: products of all prompts and parameters,
/// three times as many with tokens.
pub fn step_cost(spec: &RunSpec) -> u64 {
    let model = &spec.model.transformer;
    let tokens = if model.form() == Form::Tokens { 3 } else { 1 };
    (tokens * spec.train.batch_size * model.params()) as u64
}

/// What to do about a run that another process computes.
#[derive(Clone, Copy, PartialEq)]
enum Patience {
    Skip,
    Wait,
}

const POLL: Duration = Duration::from_millis(200);
const REPORT_EVERY: Duration = Duration::from_millis(100);

struct Job<'a> {
    store: &'a Store,
    spec: &'a RunSpec,
    options: &'a Options,
    stop: &'a AtomicBool,
    threads: usize,
}

impl Job<'_> {
    fn run(&self, patience: Patience, news: &dyn Fn(Event)) -> Option<Status> {
        match self.try_run(patience, news) {
            Ok(status) => status,
            Err(error) => Some(Status::Failed(error.to_string())),
        }
    }

    fn try_run(
        &self,
        patience: Patience,
        news: &dyn Fn(Event),
    ) -> Result<Option<Status>, store::Error> {
        let id = run_id(self.spec);
        let mut said = false;
        let _guard = loop {
            if let Some(finished) = self.store.finished(&id)? {
                if finished.spec_toml()? != self.spec.to_toml() {
                    return Ok(Some(Status::Failed(format!(
                        "the spec in {} is not the one it is named after: the folder is damaged; \
                         delete it and run again",
                        finished.folder().display()
                    ))));
                }
                news(Event::Cached);
                return Ok(Some(Status::Stored));
            }
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Some(Status::Interrupted));
            }
            match self.store.lock(&id)? {
                // Finished by its holder between the look above and now.
                Lock::Free(_) if self.store.finished(&id)?.is_some() => {}
                Lock::Free(guard) => break guard,
                Lock::Busy => {
                    if patience == Patience::Skip {
                        return Ok(None);
                    }
                    if !said {
                        said = true;
                        news(Event::Busy);
                    }
                    std::thread::sleep(POLL);
                }
            }
        };
        match self.spec.train.precision {
            Precision::F32 => self.train::<f32>(&id, news).map(Some),
            Precision::F64 => self.train::<f64>(&id, news).map(Some),
        }
    }

    fn train<T: Stored>(&self, id: &RunId, news: &dyn Fn(Event)) -> Result<Status, store::Error> {
        let started = Instant::now();
        let settings = self.spec.settings(self.options.isa, self.threads);
        let eval = &self.spec.eval;
        let mut held_out = HeldOut::<T>::new(&settings, eval.batch_size, eval.seed);
        let batch = (eval.batch_size, eval.seed);
        let measured = &self.spec.instruments;
        let mut instruments = (!measured.schedules.is_empty()).then(|| {
            Instruments::new(&settings, batch, measured.schedules.clone(), measured.plan.clone())
        });
        let mut trainer = Trainer::<T>::new(settings);
        let mut rows: Vec<Row> = Vec::new();
        let mut earlier = 0.0;
        match self.store.checkpoint(id)? {
            Resume::Fresh => {}
            Resume::Damaged(damage) => news(Event::Warning(damage.to_string())),
            Resume::From(checkpoint) => match take_up(&mut trainer, &checkpoint) {
                Ok(()) => {
                    rows = checkpoint.rows;
                    earlier = checkpoint.wall_seconds;
                }
                Err(reason) => news(Event::Warning(format!(
                    "the checkpoint of run {id} is of no use ({reason}): starting again"
                ))),
            },
        }
        news(Event::Started { step: trainer.step() });

        let (mut saved, mut reported) = (Instant::now(), Instant::now());
        let mut failure = None;
        let mut record = Rows(&mut rows);
        let mut train_loss = TrainLoss;
        let every = || Schedule::Every(eval.every);
        let mut observers = vec![
            Scheduled { schedule: every(), observer: &mut held_out as &mut dyn Observer<T> },
            Scheduled { schedule: every(), observer: &mut train_loss },
        ];
        // Each instrument has a schedule of its own.
        observers.extend(
            instruments.as_mut().map(|instruments| Scheduled {
                schedule: Schedule::Every(1),
                observer: instruments,
            }),
        );
        let outcome = trainer.run(&mut observers, &mut record, |trainer, rows| {
            let stop = self.stop.load(Ordering::Relaxed);
            if reported.elapsed() >= REPORT_EVERY {
                reported = Instant::now();
                news(Event::Step { step: trainer.step() });
            }
            if !stop && saved.elapsed() < self.options.checkpoint_every {
                return ControlFlow::Continue(());
            }
            saved = Instant::now();
            let wall = earlier + started.elapsed().as_secs_f64();
            let checkpoint = checkpoint(self.spec, trainer, rows.0, wall);
            if let Err(error) = self.store.save_checkpoint(id, &checkpoint) {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if let Some(error) = failure {
            return Err(error);
        }
        let (outcome, step) = match outcome {
            Outcome::Interrupted => return Ok(Status::Interrupted),
            Outcome::Finished => ("finished", trainer.step()),
            Outcome::Diverged { step } => ("diverged", step),
        };
        let meta = self.meta(outcome, step, earlier + started.elapsed().as_secs_f64());
        let numerics = ("windtunnel.numerics".into(), NUMERICS_VERSION.to_string());
        let record = Record {
            spec_toml: self.spec.to_toml(),
            meta: serde_json::to_value(&meta).unwrap_or_default(),
            labels: [numerics].into(),
            tensors: tensors(&trainer),
            rows,
        };
        self.store.finish(id, &record)?;
        news(Event::Done { meta: Box::new(meta) });
        Ok(Status::Stored)
    }

    fn meta(&self, outcome: &str, step: u64, wall_seconds: f64) -> Meta {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Meta {
            outcome: outcome.into(),
            step,
            version: env!("CARGO_PKG_VERSION").into(),
            numerics: NUMERICS_VERSION,
            git_revision: self.options.git_revision.clone(),
            cpu: cpu_name(),
            isa: self.options.isa.name().into(),
            threads: self.threads,
            wall_seconds,
            finished_at: since_1970.map_or(0, |d| d.as_secs()),
        }
    }
}

/// A spec that was read back from the store.
///
/// # Errors
/// Text that another version of windtunnel wrote and this one does not understand.
pub fn stored_spec(text: &str) -> Result<RunSpec, crate::spec::SpecError> {
    Document::parse("the stored spec", text)?.resolve()
}

struct Rows<'a>(&'a mut Vec<Row>);

impl windtunnel_core::train::Record for Rows<'_> {
    fn record(&mut self, step: u64, metric: &str, value: f64) {
        self.0.push(Row::new(step, metric, value));
    }
}

/// Scalars that the store holds.
pub(crate) trait Stored: Trained + Real {
    fn data(values: &[Self]) -> TensorData;
    fn values(data: &TensorData) -> Option<&[Self]>;
}

impl Stored for f32 {
    fn data(values: &[f32]) -> TensorData {
        TensorData::F32(values.to_vec())
    }
    fn values(data: &TensorData) -> Option<&[f32]> {
        match data {
            TensorData::F32(values) => Some(values),
            TensorData::F64(_) => None,
        }
    }
}

impl Stored for f64 {
    fn data(values: &[f64]) -> TensorData {
        TensorData::F64(values.to_vec())
    }
    fn values(data: &TensorData) -> Option<&[f64]> {
        match data {
            TensorData::F64(values) => Some(values),
            TensorData::F32(_) => None,
        }
    }
}

/// Matrices as `params` in their shape and the encoder's tensors under PyTorch's names; buffers of
/// the optimizer as `optimizer.…` and of shadows as `shadow.…`, flat where there is an encoder.
fn tensors<T: Stored>(trainer: &Trainer<T>) -> Vec<Tensor> {
    let model = trainer.settings().model;
    let flat = if model.encoder.is_some() { vec![model.params()] } else { model.shape() };
    let buffers = trainer.buffers();
    let buffers = buffers.map(|(name, values)| Tensor::new(name, flat.clone(), T::data(values)));
    let mut rest = trainer.params();
    let params = exchange::tensors(&model).into_iter().map(|(name, shape)| {
        let (values, after) = rest.split_at(shape.iter().product());
        rest = after;
        Tensor::new(name, shape, T::data(values))
    });
    params.chain(buffers).collect()
}

fn checkpoint<T: Stored>(
    spec: &RunSpec,
    trainer: &Trainer<T>,
    rows: &[Row],
    wall_seconds: f64,
) -> Checkpoint {
    Checkpoint {
        step: trainer.step(),
        wall_seconds,
        spec_toml: spec.to_toml(),
        tensors: tensors(trainer),
        rows: rows.to_vec(),
    }
}

/// Puts a trainer where a checkpoint left another.
pub(crate) fn take_up<T: Stored>(
    trainer: &mut Trainer<T>,
    checkpoint: &Checkpoint,
) -> Result<(), String> {
    let mut params = Vec::new();
    let mut buffers = Vec::new();
    let names: Vec<String> =
        exchange::tensors(&trainer.settings().model).into_iter().map(|p| p.0).collect();
    let found = |name: &str| checkpoint.tensors.iter().any(|tensor| tensor.name() == name);
    if let Some(missing) = names.iter().find(|name| !found(name)) {
        return Err(format!("it has no tensor {missing}"));
    }
    // Tensors are stored by name; parameters have an order.
    let mut ordered: Vec<&Tensor> = checkpoint.tensors.iter().collect();
    ordered.sort_by_key(|tensor| names.iter().position(|name| name == tensor.name()));
    for tensor in ordered {
        let other = || format!("tensor {} has another precision", tensor.name());
        let values = T::values(tensor.data()).ok_or_else(other)?;
        match names.iter().any(|name| name == tensor.name()) {
            true => params.extend_from_slice(values),
            false => buffers.push((tensor.name(), values)),
        }
    }
    trainer.restore(checkpoint.step, &params, &buffers).map_err(|error| error.to_string())
}

fn cpu_name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let name = model.and_then(|rest| rest.split_once(':')).map(|(_, name)| name.trim().to_string());
    name.unwrap_or_else(|| std::env::consts::ARCH.into())
}
