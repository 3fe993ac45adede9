//! Instruments while a run trains.

use crate::config::{ConfigError, TrainConfig};
use crate::observe::{
    Missing, Observer, Recorder, Shadow, TrajectoryPoint, held_out_batch, on_batch,
};
use crate::schedule::Schedule;
use windtunnel_math::lanes::Real;
use windtunnel_math::rng::Key;
use windtunnel_measure::instrument::{Instrument, NoisePlan, Readings, Snapshot, Updates};
use windtunnel_measure::landscape::Probe;
use windtunnel_model::{BatchObjective, Evaluator, TaskObjective};
use windtunnel_optim::Optimizer;

/// Instruments that measure on their schedules while a run trains.
pub struct Instruments {
    objective: BatchObjective,
    stochastic: TaskObjective,
    schedules: Vec<(Instrument, Schedule)>,
    plan: NoisePlan,
    /// Number of the held-out batch in the names of its rows, if it is a fresh one.
    number: Option<usize>,
}

impl Instruments {
    /// Instruments for a run of `config`: on the held-out batch of `batch_size` prompts at
    /// `seed`, and on fresh prompts at the same seed.
    ///
    /// # Errors
    /// A configuration that no run can be made of, an empty batch.
    pub fn new(
        config: &TrainConfig,
        (batch_size, seed): (usize, u64),
        schedules: Vec<(Instrument, Schedule)>,
        plan: NoisePlan,
    ) -> Result<Instruments, ConfigError> {
        Instruments::of(config, (batch_size, Key::held_out(seed)), seed, (schedules, plan), None)
    }

    /// Those of the instruments that read a held-out batch, on a fresh one: see
    /// [`HeldOut::fresh`](crate::HeldOut::fresh).
    ///
    /// # Errors
    /// As [`Instruments::new`].
    pub fn fresh(
        config: &TrainConfig,
        (batch_size, number): (usize, usize),
        mut schedules: Vec<(Instrument, Schedule)>,
        plan: NoisePlan,
    ) -> Result<Instruments, ConfigError> {
        schedules.retain(|(instrument, _)| instrument.reads_held_out());
        let key = Key::fresh_held_out(config.seed, number as u64);
        let batch = (batch_size, key);
        Instruments::of(config, batch, config.seed, (schedules, plan), Some(number))
    }

    fn of(
        config: &TrainConfig,
        (batch_size, key): (usize, Key),
        seed: u64,
        (schedules, plan): (Vec<(Instrument, Schedule)>, NoisePlan),
        number: Option<usize>,
    ) -> Result<Instruments, ConfigError> {
        let batch = held_out_batch(config, batch_size, key)?;
        let evaluator = || Evaluator::new(config.model, config.isa, config.threads);
        Ok(Instruments {
            objective: BatchObjective::new(evaluator(), batch),
            stochastic: TaskObjective::new(evaluator(), config.task.clone(), seed),
            schedules,
            plan,
            number,
        })
    }

    /// The snapshot at a point of the trajectory, in which nothing was measured yet.
    pub fn snapshot<T: Real>(&mut self, point: &TrajectoryPoint<'_, T>) -> Snapshot<'_> {
        let params = point.params.iter().map(|x| x.widen()).collect();
        let updates = updates_at(point);
        let probe = Probe::new(&mut self.objective, params);
        Snapshot::new(probe, &mut self.stochastic, Some(updates), self.plan.clone())
    }
}

/// The update of an optimizer at `point` and the optimizer after it. NaN where it has overflowed,
/// since Adam's step would then be 0, and where it failed, which ends the run right after.
fn update_at<T: Real>(
    point: &TrajectoryPoint<'_, T>,
    optimizer: &Optimizer<T>,
) -> (Vec<T>, Option<Optimizer<T>>) {
    let undefined = || vec![T::nan(); point.grad.len()];
    let Ok((update, after)) = point.update_of(optimizer) else { return (undefined(), None) };
    let finite = |values: &[T]| values.iter().all(|x| x.widen().is_finite());
    let overflowed = !after.state().all(|(_, values)| finite(values));
    (if overflowed { undefined() } else { update }, Some(after))
}

/// The updates that the optimizers of a run make at `point`.
fn updates_at<T: Real>(point: &TrajectoryPoint<'_, T>) -> Updates {
    let wide = |x: &[T]| x.iter().map(|x| x.widen()).collect::<Vec<f64>>();
    let (update, after) = update_at(point, point.optimizer);
    let grad = wide(point.grad);
    let stability = after.and_then(|after| after.stability(&grad));
    let other =
        |shadow: &Shadow<T>| (shadow.name.clone(), wide(&update_at(point, &shadow.optimizer).0));
    let others = point.shadows.iter().map(other).collect();
    Updates { grad, update: wide(&update), others, stability }
}

impl<T: Real> Observer<T> for Instruments {
    fn observe(&mut self, point: &TrajectoryPoint<'_, T>, record: &mut dyn Recorder) {
        let due: Vec<Instrument> = self
            .schedules
            .iter()
            .filter(|(_, schedule)| schedule.due(point.step, point.last))
            .map(|(instrument, _)| *instrument)
            .collect();
        if due.is_empty() {
            return;
        }
        let number = self.number;
        let mut readings = Readings::default();
        let mut snapshot = self.snapshot(point);
        for instrument in due {
            instrument.measure(&mut snapshot, &mut readings);
        }
        for (metric, value) in readings.iter() {
            record.record(point.step, on_batch(metric.clone(), number), value);
        }
        for (metric, reason) in readings.missing() {
            let name = on_batch(metric.clone(), number);
            record.missing(point.step, Missing::Metric(&name), reason);
        }
        for (instrument, reason) in readings.unmeasured() {
            record.missing(point.step, Missing::Instrument(instrument), reason);
        }
    }
}
