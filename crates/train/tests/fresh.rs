//! Fresh held-out batches: of every run its own, read as the fixed one is, and changing nothing.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::ops::ControlFlow;

use windtunnel_math::linalg::norm;
use windtunnel_math::rng::Key;
use windtunnel_measure::instrument::{Instrument, NoisePlan};
use windtunnel_measure::landscape::{Median, Probe, robust_condition_number};
use windtunnel_measure::metric::{Metric, Name};
use windtunnel_measure::stats::{mean, median};
use windtunnel_model::task::{Covariates, Task};
use windtunnel_model::{BatchObjective, Evaluator, Transformer};
use windtunnel_optim::{Adam, Config};
use windtunnel_train::{
    HeldOut, Instruments, Schedule, Scheduled, TrainConfig, Trainer, TrajectoryPoint,
};
use windtunnel_train::{Observer, Recorder};

const BATCH: usize = 40;

fn config(seed: u64) -> TrainConfig {
    let task = Task::new(3, 6, Covariates::gaussian()).unwrap();
    let adam = Config::of::<Adam>().with_lr(0.02);
    let config = TrainConfig::new(task, Transformer::linear(2, 3), adam);
    TrainConfig { steps: 12, batch_size: 16, seed, ..config }
}

fn schedules() -> Vec<(Instrument, Schedule)> {
    let all =
        [Instrument::RobustCondition, Instrument::GeneralizedSmoothness, Instrument::LossTails];
    all.map(|instrument| (instrument, Schedule::Every(6))).into()
}

fn plan() -> NoisePlan {
    NoisePlan { batch_sizes: vec![4], draws: 4, reference: 40, prompts: 60 }
}

/// Keeps the parameters of every step.
struct Path(HashMap<u64, Vec<f64>>);

impl Observer<f64> for Path {
    fn observe(&mut self, point: &TrajectoryPoint<'_, f64>, _: &mut dyn Recorder) {
        self.0.insert(point.step, point.params.to_vec());
    }
}

type Rows = Vec<(u64, String, f64)>;

/// Rows, parameters along the path and final parameters of a run with so many fresh batches.
fn run(seed: u64, fresh: usize) -> (Rows, HashMap<u64, Vec<f64>>) {
    let config = config(seed);
    let mut held_out = vec![HeldOut::<f64>::new(&config, BATCH, 99).unwrap()];
    let mut instruments =
        vec![Instruments::new(&config, (BATCH, 99), schedules(), plan()).unwrap()];
    for number in 1..=fresh {
        held_out.push(HeldOut::fresh(&config, BATCH, number).unwrap());
        instruments
            .push(Instruments::fresh(&config, (BATCH, number), schedules(), plan()).unwrap());
    }
    let mut path = Path(HashMap::new());
    let mut rows = Rows::new();
    let mut record = |step: u64, metric: &str, value: f64| rows.push((step, metric.into(), value));
    let mut observers = vec![Scheduled {
        schedule: Schedule::Every(1),
        observer: &mut path as &mut dyn Observer<f64>,
    }];
    observers.extend(held_out.iter_mut().map(|observer| Scheduled {
        schedule: Schedule::Every(6),
        observer: observer as &mut dyn Observer<f64>,
    }));
    observers.extend(instruments.iter_mut().map(|observer| Scheduled {
        schedule: Schedule::Every(1),
        observer: observer as &mut dyn Observer<f64>,
    }));
    let mut trainer = Trainer::<f64>::new(config).unwrap();
    trainer.run(&mut observers, &mut record, |_, _| ControlFlow::Continue(()));
    drop(observers);
    (rows, path.0)
}

fn value(rows: &Rows, step: u64, name: impl Into<Name>) -> f64 {
    let name = name.into().to_string();
    let found = rows.iter().find(|row| row.0 == step && row.1 == name);
    found.unwrap_or_else(|| panic!("no {name} at {step}")).2
}

/// Losses, condition number and gradient norm of every fresh batch, from its prompts.
#[test]
fn rows_of_a_fresh_batch_are_those_of_its_prompts() {
    let (rows, path) = run(7, 2);
    let config = config(7);
    for number in [1, 2] {
        let key = Key::fresh_held_out(7, number as u64);
        let batch = config.task.batch(config.model.form(), config.isa, key, BATCH);
        let mut evaluator = Evaluator::<f64>::new(config.model, config.isa, 1);
        for step in [0, 6, 12] {
            let losses = evaluator.losses(&path[&step], &batch);
            let of = |metric: Metric| value(&rows, step, metric.on_batch(number));
            assert_eq!(of(Metric::HeldOutLoss), mean(&losses));
            assert_eq!(of(Metric::HeldOutMedian), median(&losses));
            let evaluator = Evaluator::new(config.model, config.isa, 1);
            let mut objective = BatchObjective::new(evaluator, batch.clone());
            let mut probe = Probe::new(&mut objective, path[&step].clone());
            let diagonal = probe.hessian().unwrap().diag();
            let expected = robust_condition_number(&diagonal, Median::Lower);
            assert_eq!(of(Metric::RobustConditionNumber), expected);
            assert_eq!(of(Metric::HeldOutGradNorm), norm(probe.gradient().unwrap().1));
        }
    }
}

#[test]
fn fresh_batches_change_nothing_and_every_run_has_its_own() {
    let (plain, path) = run(7, 0);
    let (rows, other) = run(7, 3);
    assert_eq!(path, other, "the trajectory");
    let is_fresh = |row: &&(u64, String, f64)| row.1.parse::<Name>().unwrap().batch().is_some();
    let fixed: Rows = rows.iter().filter(|row| !is_fresh(row)).cloned().collect();
    let sorted = |mut rows: Rows| {
        rows.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        rows
    };
    assert_eq!(sorted(plain), sorted(fixed));
    // Prompts that are drawn for every reading are no batch.
    assert!(!rows.iter().any(|row| row.1.starts_with("batch") && row.1.contains("loss.")));
    let mut first = Vec::new();
    for seed in [7, 8] {
        let (rows, _) = run(seed, 3);
        first.extend((1..=3).map(|k| value(&rows, 0, Metric::HeldOutLoss.on_batch(k)).to_bits()));
    }
    first.sort_unstable();
    first.dedup();
    assert_eq!(first.len(), 6, "two runs or two batches have the same prompts");
}
