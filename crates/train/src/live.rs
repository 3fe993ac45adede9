//! Instruments while a run trains.

use crate::config::TrainConfig;
use crate::observe::{Missing, Observer, Recorder, Shadow, TrajectoryPoint};
use crate::schedule::Schedule;
use windtunnel_math::lanes::Real;
use windtunnel_math::rng::Key;
use windtunnel_measure::instrument::{Context, Instrument, NoisePlan, Readings, Updates};
use windtunnel_measure::landscape::Probe;
use windtunnel_model::{BatchObjective, Evaluator, TaskObjective};
use windtunnel_optim::Optimizer;

/// Instruments that measure on their schedules while a run trains.
pub struct Instruments {
    objective: BatchObjective,
    stochastic: TaskObjective,
    schedules: Vec<(Instrument, Schedule)>,
    plan: NoisePlan,
}

impl Instruments {
    /// Instruments for a run of `settings`: on the held-out batch of `batch_size` prompts at
    /// `seed`, and on fresh prompts at the same seed.
    pub fn new(
        settings: &TrainConfig,
        (batch_size, seed): (usize, u64),
        schedules: Vec<(Instrument, Schedule)>,
        plan: NoisePlan,
    ) -> Instruments {
        let evaluator = || Evaluator::new(settings.model, settings.isa, settings.threads);
        let key = Key::held_out(seed);
        let batch = settings.task.batch(settings.model.form(), settings.isa, key, batch_size);
        Instruments {
            objective: BatchObjective::new(evaluator(), batch),
            stochastic: TaskObjective::new(evaluator(), settings.task.clone(), seed),
            schedules,
            plan,
        }
    }

    /// Whether any instrument measures at `step`.
    pub fn due(&self, step: u64, last: bool) -> bool {
        self.schedules.iter().any(|(_, schedule)| schedule.due(step, last))
    }

    /// The context at a point of the trajectory, in which nothing was measured yet.
    pub fn context<T: Real>(&mut self, view: &TrajectoryPoint<'_, T>) -> Context<'_> {
        let params = view.params.iter().map(|x| x.widen()).collect();
        let updates = updates_at(view);
        let probe = Probe::new(&mut self.objective, params);
        Context::new(probe, &mut self.stochastic, Some(updates), self.plan.clone())
    }
}

/// The update of an optimizer at `view` and the optimizer after it. NaN where it has overflowed,
/// since Adam's step would then be 0, and where it failed, which ends the run right after.
fn update_at<T: Real>(
    view: &TrajectoryPoint<'_, T>,
    optimizer: &Optimizer<T>,
) -> (Vec<T>, Option<Optimizer<T>>) {
    let undefined = || vec![T::nan(); view.grad.len()];
    let Ok((update, after)) = view.update_of(optimizer) else { return (undefined(), None) };
    let finite = |values: &[T]| values.iter().all(|x| x.widen().is_finite());
    let overflowed = !after.state().all(|(_, values)| finite(values));
    (if overflowed { undefined() } else { update }, Some(after))
}

/// The updates that the optimizers of a run make at `view`.
pub fn updates_at<T: Real>(view: &TrajectoryPoint<'_, T>) -> Updates {
    let wide = |x: &[T]| x.iter().map(|x| x.widen()).collect::<Vec<f64>>();
    let (update, after) = update_at(view, view.optimizer);
    let grad = wide(view.grad);
    let stability = after.and_then(|after| after.stability(&grad));
    let other =
        |shadow: &Shadow<T>| (shadow.name.clone(), wide(&update_at(view, &shadow.optimizer).0));
    let others = view.shadows.iter().map(other).collect();
    Updates { grad, update: wide(&update), others, stability }
}

impl<T: Real> Observer<T> for Instruments {
    fn observe(&mut self, view: &TrajectoryPoint<'_, T>, record: &mut dyn Recorder) {
        let due: Vec<Instrument> = self
            .schedules
            .iter()
            .filter(|(_, schedule)| schedule.due(view.step, view.last))
            .map(|(instrument, _)| *instrument)
            .collect();
        if due.is_empty() {
            return;
        }
        let mut readings = Readings::default();
        let mut context = self.context(view);
        for instrument in due {
            instrument.measure(&mut context, &mut readings);
        }
        for (metric, value) in readings.iter() {
            record.record(view.step, metric.clone(), value);
        }
        for (metric, reason) in readings.missing() {
            record.missing(view.step, Missing::Metric(metric), reason);
        }
        for (instrument, reason) in readings.unmeasured() {
            record.missing(view.step, Missing::Instrument(instrument), reason);
        }
    }
}
