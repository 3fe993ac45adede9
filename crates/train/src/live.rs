//! Instruments while a run trains.

use crate::{Missing, Observer, Recorder, Schedule, TrainConfig, TrajectoryPoint};
use windtunnel_math::lanes::Real;
use windtunnel_math::linalg::norm;
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_measure::instrument::{
    Context, Dynamics, Instrument, NoisePlan, Readings, Updates, Warning,
};
use windtunnel_measure::landscape::Probe;
use windtunnel_measure::landscape::{
    adam_threshold, gradient_descent_threshold, heavy_ball_threshold, nesterov_threshold,
};
use windtunnel_model::{BatchObjective, Evaluator, TaskObjective};
use windtunnel_optim::{Atom, Optimizer};

/// Instruments on their schedules.
pub struct Instruments {
    objective: BatchObjective,
    stochastic: TaskObjective,
    atoms: Vec<Atom>,
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
        let key = Key { seed, purpose: Purpose::HeldOut, step: 0 };
        let batch = settings.task.batch(settings.model.form(), settings.isa, key, batch_size);
        Instruments {
            objective: BatchObjective::new(evaluator(), batch),
            stochastic: TaskObjective::new(evaluator(), settings.task.clone(), seed),
            atoms: settings.optimizer.clone(),
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
        let updates = updates_at(view, &self.atoms);
        let probe = Probe::new(&mut self.objective, params);
        Context::new(probe, &mut self.stochastic, Some(updates), self.plan.clone())
    }
}

/// The update of an optimizer at `view` and the optimizer after it; NaN where that has overflowed,
/// since Adam's step would then be 0.
fn update_at<T: Real>(
    view: &TrajectoryPoint<'_, T>,
    optimizer: &Optimizer<T>,
) -> (Vec<T>, Optimizer<T>) {
    let (mut update, after) = view.update_of(optimizer);
    let finite = |values: &[T]| values.iter().all(|x| x.widen().is_finite());
    if !after.buffers().all(|(_, values)| finite(values)) {
        update.fill(T::nan());
    }
    (update, after)
}

/// Those of a list of atoms after `steps` steps at mini-batch gradient `grad`, where Adam's
/// second moment is `second_moment`; `None` for lists that are none of SGD, momentum and Adam.
pub fn dynamics_of(
    atoms: &[Atom],
    steps: u64,
    grad: &[f64],
    second_moment: Option<&[f64]>,
) -> Option<Dynamics> {
    let lr = atoms.iter().find_map(|atom| match atom {
        Atom::ScaleByLr { lr } => Some(*lr),
        _ => None,
    })?;
    let mut dynamics = Dynamics {
        threshold: gradient_descent_threshold(lr),
        preconditioner: None,
        clip_factor: 1.0,
    };
    for atom in atoms {
        match *atom {
            Atom::ClipByGlobalNorm { max_norm } => {
                let factor = max_norm / norm(grad);
                // Not `min`, which would turn NaN into 1.
                dynamics.clip_factor = if factor > 1.0 { 1.0 } else { factor };
            }
            Atom::Trace { momentum, dampening, nesterov } => {
                // Dampening scales what enters the buffer, as a smaller rate would.
                let lr = lr * (1.0 - dampening);
                dynamics.threshold = match nesterov {
                    true => nesterov_threshold(lr, momentum),
                    false => heavy_ball_threshold(lr, momentum),
                };
            }
            Atom::ScaleByAdam { beta1, beta2, eps, .. } => {
                dynamics.threshold = adam_threshold(lr, beta1);
                let t = steps as f64;
                let (first, second) = (1.0 - beta1.powf(t), 1.0 - beta2.powf(t));
                let entry = |v: &f64| first * ((v / second).sqrt() + eps);
                dynamics.preconditioner = Some(second_moment?.iter().map(entry).collect());
            }
            Atom::AddDecayedWeights { .. } | Atom::ScaleByLr { .. } => {}
        }
    }
    Some(dynamics)
}

/// What the optimizers of a run do at `view`; `atoms` are those of its own optimizer.
pub fn updates_at<T: Real>(
    view: &TrajectoryPoint<'_, T>,
    atoms: &[windtunnel_optim::Atom],
) -> Updates {
    let wide = |x: &[T]| x.iter().map(|x| x.widen()).collect::<Vec<f64>>();
    let (update, after) = update_at(view, view.optimizer);
    let grad = wide(view.grad);
    let moment = |suffix: &str| {
        after.buffers().find(|(name, _)| name.ends_with(suffix)).map(|(_, values)| wide(values))
    };
    let second = moment(".max_exp_avg_sq").or_else(|| moment(".exp_avg_sq"));
    let finite = |v: f64| if v.is_finite() { v } else { f64::NAN };
    let second = second.map(|values| values.into_iter().map(finite).collect::<Vec<_>>());
    let dynamics = dynamics_of(atoms, after.steps(), &grad, second.as_deref());
    let other = |shadow: &crate::Shadow<T>| {
        (shadow.name.clone(), wide(&update_at(view, &shadow.optimizer).0))
    };
    let others = view.shadows.iter().map(other).collect();
    Updates { grad, update: wide(&update), others, dynamics }
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
        for warning in readings.warnings() {
            if let Warning::Unavailable { instrument, reason } = warning {
                record.missing(view.step, Missing::Instrument(instrument), reason);
            }
        }
    }
}
