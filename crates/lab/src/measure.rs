//! Instruments on stored runs.
//!
//! The store has the last state of a run. Earlier steps are computed again from the spec, which
//! gives the same bits at some fifty microseconds a step; a comparison with the stored last state
//! proves it.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use windtunnel_math::lanes::{Isa, Real};
use windtunnel_math::objective::Block;
use windtunnel_measure::instrument::{Instrument, NoisePlan, Readings};
use windtunnel_measure::landscape::{Hessian, NoiseSample};
use windtunnel_train::Instruments;
use windtunnel_train::{
    ConfigError, Observer, Recorder, Schedule, Scheduled, StopReason, TrainConfig, Trainer,
    TrajectoryPoint,
};

use crate::cost;
use crate::progress::{Batch, BatchKind, Event, Item, Progress};
use windtunnel_runs::spec::{
    InstrumentsSpec, MAX_MEMORY, MultiplyAdd, Precision, RunSpec, noise_memory,
};
use windtunnel_runs::store::{self, Checkpoint};
use windtunnel_runs::stored::{Run, Stage, Stored, restore};

/// Instruments that are used unless others are asked for: all that take less than a second.
pub const DEFAULT: [Instrument; 7] = [
    Instrument::Spectrum,
    Instrument::RobustCondition,
    Instrument::DirectionalSmoothness,
    Instrument::GeneralizedSmoothness,
    Instrument::Stability,
    Instrument::Heterogeneity,
    Instrument::UpdateGeometry,
];

/// Request for instruments at steps of a trajectory.
#[derive(Clone, Debug)]
pub struct Request {
    /// Steps of the trajectory, in any order; if empty, only the stored state is measured.
    pub at: Vec<u64>,
    /// Instruments.
    pub instruments: Vec<Instrument>,
    /// Sizes of the noise instruments.
    pub plan: NoisePlan,
    /// Instruction set.
    pub isa: Isa,
    /// Threads.
    pub threads: usize,
}

/// Measurement at one step of a trajectory.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// Updates made before.
    pub step: u64,
    /// The numbers.
    pub readings: Readings,
    /// The Hessian, if an instrument needed it.
    pub hessian: Option<Hessian>,
    /// The sampled noise, if an instrument needed it.
    pub noise: Vec<NoiseSample>,
    /// The parts of the parameter vector.
    pub blocks: Vec<Block>,
}

impl Request {
    /// Refuses noise that would not fit into memory.
    fn check_memory(&self, spec: &RunSpec) -> Result<(), Error> {
        let noise = self.instruments.contains(&Instrument::Noise);
        let sizes = noise_memory(&self.plan, spec.model.transformer.params());
        let asked = [("draws", self.plan.draws), ("reference", self.plan.reference)];
        for ((size, value), bytes) in asked.into_iter().zip(sizes) {
            if noise && bytes > MAX_MEMORY {
                return Err(Error::Memory { size, value, bytes });
            }
        }
        Ok(())
    }

    /// A warning about a measurement that takes more than an hour.
    fn warning(&self, run: &Run) -> Option<String> {
        let at = if self.at.is_empty() { vec![run.step()] } else { self.at.clone() };
        // The stored state is the starting point, unless an earlier step is requested.
        let stored = !run.diverged() && at.iter().all(|step| *step >= run.step());
        let last = at.last().copied().unwrap_or(0);
        let at = Schedule::At(at);
        let instruments = InstrumentsSpec {
            schedules: self.instruments.iter().map(|i| (*i, at.clone())).collect(),
            plan: self.plan.clone(),
        };
        let job = run.spec.with(|spec| {
            spec.instruments = instruments;
            spec.train.steps = last.max(1);
            spec.eval.every = spec.train.steps;
        });
        let job = job.ok()?;
        let from = if stored { run.step() } else { 0 };
        cost::warning(&job, from, self.isa, self.threads)
    }
}

/// Error returned when a run cannot be measured as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A step that the run never reached.
    #[error("step {step} is beyond step {last}, where the run {how}; there are steps 0 to {most}")]
    Beyond {
        /// The step.
        step: u64,
        /// The last step of the run.
        last: u64,
        /// How it came to an end there, as "ended" or "diverged".
        how: &'static str,
        /// The last step that can be measured.
        most: u64,
    },
    /// The request needs more memory than a run may take.
    #[error(
        "{size} = {value}: its noise would take {} GiB of memory, more than {}; lower it or the \
         number of mini-batch sizes",
        bytes >> 30,
        MAX_MEMORY >> 30
    )]
    Memory {
        /// Name of the size of the request: "draws" or "reference".
        size: &'static str,
        /// Its value.
        value: usize,
        /// Bytes that it would take.
        bytes: usize,
    },
    /// The stored state cannot be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The run cannot be set up.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The stored state cannot be used.
    #[error("the stored state is of no use: {0}")]
    State(String),
    /// This instruction set cannot reproduce the stored trajectory.
    #[error(
        "the run was made with {} multiply-add, but this machine's is {}: computed again, its steps \
         would have other numbers; {}train it again here",
        made.name(),
        here.name(),
        if *has_state { stored_state_alone() } else { String::new() }
    )]
    OtherMultiplyAdd {
        /// Fused or separate multiply-add of the run.
        made: MultiplyAdd,
        /// Fused or separate multiply-add of this instruction set.
        here: MultiplyAdd,
        /// Whether the run has a stored state, which can be measured without a trajectory.
        has_state: bool,
    },
    /// The recomputed trajectory differs from the stored one.
    #[error(
        "computed again, the run has other parameters at step {step} than are stored: another \
         version made it, or other software of the machine; measure its stored state alone \
         (without steps), or train it again"
    )]
    Changed {
        /// The step of the comparison.
        step: u64,
    },
    /// The optimizer failed at a step at which it did not fail when the run was stored.
    #[error("computed again, the optimizer failed at step {step}: {reason}")]
    Optimizer {
        /// The step.
        step: u64,
        /// The reason.
        reason: String,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Advice to measure without a trajectory, the first of two remedies.
fn stored_state_alone() -> String {
    let others = Instrument::ALL.into_iter().filter(|instrument| instrument.needs_shadows());
    let others: Vec<String> = others.map(|i| i.name().replace('_', "-")).collect();
    format!("measure its stored state alone (without steps and {}), or ", others.join(", "))
}

/// Measures a stored run; tells `progress` of every step.
///
/// # Errors
/// Steps that the run never reached or that cannot be recomputed here, a state that does not fit,
/// an interruption.
pub fn measure(
    run: &Run,
    request: &Request,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<Vec<Measurement>, Error> {
    let (state, diverged) = (&run.state()?, run.diverged());
    let most = if diverged { state.step.saturating_sub(1) } else { state.step };
    let mut at = if request.at.is_empty() { vec![most] } else { request.at.clone() };
    at.sort_unstable();
    if let Some(&step) = at.iter().find(|&&step| step > most) {
        let how = match run.stage {
            Stage::Partial { .. } => "stopped; train it again to go on",
            Stage::Ended(_) if diverged => "diverged",
            Stage::Ended(_) => "ended",
        };
        return Err(Error::Beyond { step, last: state.step, how, most });
    }
    request.check_memory(&run.spec)?;
    let length = at.last().copied().unwrap_or(state.step);
    let job = Job { run, state: (!diverged).then_some(state), request, at };
    let id = run.id.to_string();
    let item = Item { name: id.clone(), steps: length, step_cost: 1 };
    progress.begin(Batch { kind: BatchKind::Measurement, title: id.clone(), items: vec![item] });
    if let Some(said) = request.warning(run) {
        progress.event(0, &Event::Warning(format!("run {id}: {said}")));
    }
    let found = match run.spec.train.precision {
        Precision::F32 => job.run::<f32>(stop, progress),
        Precision::F64 => job.run::<f64>(stop, progress),
    };
    progress.end();
    found
}

struct Job<'a> {
    run: &'a Run,
    state: Option<&'a Checkpoint>,
    request: &'a Request,
    at: Vec<u64>,
}

impl Job<'_> {
    fn config(&self) -> TrainConfig {
        let Request { isa, threads, instruments, .. } = self.request;
        let shadows = instruments.iter().any(|instrument| instrument.needs_shadows());
        TrainConfig {
            steps: self.at.iter().copied().max().unwrap_or(0),
            shadows: if shadows { self.run.spec.shadows() } else { Vec::new() },
            ..self.run.spec.train_config(*isa, *threads)
        }
    }

    fn run<T: Stored>(
        &self,
        stop: &AtomicBool,
        progress: &dyn Progress,
    ) -> Result<Vec<Measurement>, Error> {
        let config = self.config();
        let eval = &self.run.spec.eval;
        let batch = (eval.batch_size, eval.seed);
        let plan = self.request.plan.clone();
        let instruments = Instruments::new(&config, batch, Vec::new(), plan)?;
        let mut station =
            Station { instruments, with: &self.request.instruments, found: Vec::new() };
        let mut trainer = self.trainer::<T>(config)?;
        let stopped = trainer.run(
            &mut [Scheduled { schedule: Schedule::At(self.at.clone()), observer: &mut station }],
            &mut |_: u64, _: &str, _: f64| {},
            |trainer, _| {
                progress.event(0, &Event::Step { step: trainer.step() });
                match stop.load(Ordering::Relaxed) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            },
        );
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        if let StopReason::Failed { step, reason } = stopped {
            return Err(Error::Optimizer { step, reason });
        }
        self.compare(&trainer)?;
        Ok(station.found)
    }

    /// A trainer at the stored state if no earlier step is requested, else at step 0.
    fn trainer<T: Stored>(&self, config: TrainConfig) -> Result<Trainer<T>, Error> {
        let is_first = |state: &&Checkpoint| self.at.iter().all(|&step| step >= state.step);
        if let Some(state) = self.state.filter(is_first) {
            let mut trainer = Trainer::new(config.clone())?;
            match restore(&mut trainer, state) {
                Ok(()) => return Ok(trainer),
                // The state of other optimizers is stored only if they ran during training.
                Err(_) if !config.shadows.is_empty() => {}
                Err(reason) => return Err(Error::State(reason)),
            }
        }
        let here = MultiplyAdd::of(self.request.isa);
        match self.run.multiply_add.filter(|made| *made != here) {
            Some(made) => {
                Err(Error::OtherMultiplyAdd { made, here, has_state: self.state.is_some() })
            }
            None => Ok(Trainer::new(config)?),
        }
    }

    /// Checks that the stored state equals the state of a trajectory that reached its step.
    fn compare<T: Stored>(&self, trainer: &Trainer<T>) -> Result<(), Error> {
        let Some(state) = self.state.filter(|state| state.step == trainer.step()) else {
            return Ok(());
        };
        let mut stored = Trainer::<T>::new(TrainConfig { shadows: Vec::new(), ..self.config() })?;
        restore(&mut stored, state).map_err(Error::State)?;
        if stored.params() == trainer.params() {
            Ok(())
        } else {
            Err(Error::Changed { step: state.step })
        }
    }
}

/// Observer that applies instruments at points of the trajectory.
struct Station<'a> {
    instruments: Instruments,
    with: &'a [Instrument],
    found: Vec<Measurement>,
}

impl<T: Real> Observer<T> for Station<'_> {
    fn observe(&mut self, point: &TrajectoryPoint<'_, T>, _: &mut dyn Recorder) {
        let mut readings = Readings::default();
        let mut snapshot = self.instruments.snapshot(point);
        for instrument in self.with {
            instrument.measure(&mut snapshot, &mut readings);
        }
        let blocks = snapshot.probe.blocks().to_vec();
        let (noise, hessian) = (snapshot.noise, snapshot.probe.into_hessian());
        self.found.push(Measurement { step: point.step, readings, hessian, noise, blocks });
    }
}
