//! Instruments along a trajectory.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use windtunnel_math::lanes::Isa;
use windtunnel_math::linalg::norm;
use windtunnel_math::objective::Objective;
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_measure::instrument::{
    DENSE_LIMIT, Instrument, NoisePlan, Readings, Snapshot, Warning,
};
use windtunnel_measure::landscape::{Probe, Resampled};
use windtunnel_measure::metric::{Metric, Name};
use windtunnel_model::task::{Covariates, Form, Task};
use windtunnel_model::{BatchObjective, Evaluator, Transformer};
use windtunnel_optim::{Adam, AdamW, Block, Config, Optimizer, Sgd};
use windtunnel_train::Instruments;
use windtunnel_train::{
    Observer, Recorder, Schedule, Scheduled, StopReason, TrainConfig, Trainer, TrajectoryPoint,
};

const PLAN: NoisePlan =
    NoisePlan { batch_sizes: Vec::new(), draws: 100, reference: 10_000, prompts: 1000 };

fn adam() -> Config {
    Config::of::<Adam>().with_lr(0.02).with_clip_norm(Some(1.0))
}

fn sgd() -> Config {
    Config::of::<Sgd>().with_lr(0.02).with_clip_norm(Some(1.0))
}

fn settings(covariates: Covariates, steps: u64) -> TrainConfig {
    TrainConfig {
        task: Task::new(5, 20, covariates).unwrap(),
        model: Transformer::linear(3, 5),
        init_std: 0.05,
        optimizer: adam(),
        batch_size: 100,
        steps,
        seed: 0,
        isa: Isa::detect(),
        threads: 1,
        shadows: vec![("twin".into(), adam()), ("sgd".into(), sgd())],
    }
}

fn gaussian() -> Covariates {
    Covariates::gaussian()
}

/// The reading of that name.
fn get(readings: &Readings, name: &str) -> f64 {
    readings.get(name.parse::<Name>().unwrap()).unwrap()
}

type Rows = Vec<(u64, String, f64)>;

/// Trains to the end and returns what `observer` recorded.
fn rows(settings: &TrainConfig, schedule: Schedule, observer: &mut dyn Observer<f64>) -> Rows {
    let mut rows = Rows::new();
    let mut record = |step: u64, metric: &str, value: f64| rows.push((step, metric.into(), value));
    let mut trainer = Trainer::new(settings.clone()).unwrap();
    trainer.run(&mut [Scheduled { schedule, observer }], &mut record, |_, _| {
        ControlFlow::Continue(())
    });
    rows
}

#[test]
fn schedules_are_due_when_they_say() {
    let due = |schedule: Schedule, last: u64| -> Vec<u64> {
        (0..=last).filter(|&step| schedule.due(step, step == last)).collect()
    };
    assert_eq!(due(Schedule::Every(4), 10), [0, 4, 8, 10]);
    assert_eq!(due(Schedule::At(vec![0, 7]), 10), [0, 7]);
    assert_eq!(due(Schedule::PerDecade(1), 1200), [0, 1, 10, 100, 1000, 1200]);
    assert_eq!(
        due(Schedule::PerDecade(4), 1000),
        [0, 1, 2, 3, 6, 10, 18, 32, 56, 100, 178, 316, 562, 1000]
    );
    // More steps in a decade than there are: every one of them, then thinning out.
    let dense = due(Schedule::PerDecade(50), 300);
    assert!((0..=20).all(|step| dense.contains(&step)), "{dense:?}");
    let expected: Vec<u64> = (0..)
        .map(|i| 10_f64.powf(f64::from(i) / 50.0).round() as u64)
        .take_while(|&step| step <= 300)
        .collect();
    assert!(expected.iter().all(|step| dense.contains(step)));
    assert!(dense.iter().all(|step| *step == 0 || *step == 300 || expected.contains(step)));
}

/// Compares the twin among the shadows with the run's own optimizer, at every step.
#[derive(Default)]
struct Twins {
    seen: u64,
    apart: u64,
}

impl Observer<f64> for Twins {
    fn observe(&mut self, point: &TrajectoryPoint<'_, f64>, _: &mut dyn Recorder) {
        let own = point.update_of(point.optimizer).unwrap().0;
        let [twin, other] = point.shadows else { panic!("two shadows") };
        assert_eq!(point.update_of(&twin.optimizer).unwrap().0, own, "step {}", point.step);
        self.apart += u64::from(point.update_of(&other.optimizer).unwrap().0 != own);
        self.seen += 1;
    }
}

#[test]
fn a_shadow_with_the_same_optimizer_makes_the_same_updates() {
    let mut twins = Twins::default();
    rows(&settings(gaussian(), 30), Schedule::Every(1), &mut twins);
    assert_eq!((twins.seen, twins.apart), (31, 31));
}

#[test]
fn shadows_move_nothing_and_resume_with_the_same_bits() {
    let with = settings(gaussian(), 40);
    let without = TrainConfig { shadows: Vec::new(), ..with.clone() };
    let train = |trainer: &mut Trainer<f64>, until: u64| {
        trainer.run(&mut [], &mut |_: u64, _: &str, _: f64| {}, |trainer, _| {
            match trainer.step() < until {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
    };
    let mut whole = Trainer::<f64>::new(with.clone()).unwrap();
    let mut plain = Trainer::<f64>::new(without).unwrap();
    train(&mut whole, 41);
    train(&mut plain, 41);
    assert_eq!(whole.params(), plain.params());

    let mut first = Trainer::<f64>::new(with.clone()).unwrap();
    train(&mut first, 17);
    let saved: Vec<(String, Vec<f64>)> =
        first.state().map(|(name, values)| (name, values.to_vec())).collect();
    let state: Vec<(&str, &[f64])> =
        saved.iter().map(|(name, values)| (name.as_str(), values.as_slice())).collect();
    let names: Vec<&str> = state.iter().map(|(name, _)| *name).collect();
    for prefix in ["optimizer.", "shadow.twin.", "shadow.sgd."] {
        assert!(names.iter().any(|name| name.starts_with(prefix)), "{names:?}");
    }
    let mut second = Trainer::<f64>::new(with).unwrap();
    second.restore(17, first.params(), &state).unwrap();
    train(&mut second, 41);
    assert_eq!(second.params(), whole.params());
    let ends = |trainer: &Trainer<f64>| -> Vec<Vec<f64>> {
        trainer.state().map(|(_, values)| values.to_vec()).collect()
    };
    assert_eq!(ends(&second), ends(&whole));
    let missing: Vec<_> = state.iter().copied().filter(|(n, _)| !n.starts_with("shadow")).collect();
    let params = first.params().to_vec();
    let before = (second.step(), second.params().to_vec(), ends(&second));
    assert!(second.restore(17, &params, &missing).is_err(), "a shadow without state");
    let after = (second.step(), second.params().to_vec(), ends(&second));
    assert_eq!(before, after, "a refused state changed something");
}

#[test]
fn stability_follows_from_the_optimizer() {
    let grad = [3.0, 4.0];
    // At step `steps`, with Adam's second moment as it would be without clipping.
    let stability = |config: &Config, steps: u64, second_moment: &[f64]| {
        let mut optimizer = Optimizer::<f64>::new(config, &Block::whole(2));
        let names: Vec<String> = optimizer.state().map(|(name, _)| name.to_string()).collect();
        let state: Vec<(&str, &[f64])> =
            names.iter().map(|name| (name.as_str(), second_moment)).collect();
        optimizer.restore(steps, &state).unwrap();
        optimizer.stability(&grad)
    };
    let momentum = stability(&sgd(), 5, &[0.0; 2]).unwrap();
    assert!((momentum.threshold - 3.8 / 0.02).abs() < 1e-12 * 190.0);
    assert_eq!((momentum.clip_factor, &momentum.preconditioner), (0.2, &None));
    let adam = stability(&adam(), 1, &[0.9, 1.6]).unwrap();
    assert!((adam.threshold - 38.0 / 0.02).abs() < 1e-12 * 1900.0);
    // First step: v = (1 − β₂)g², v̂ = g², D = (1 − β₁)(|g| + ε).
    let d = adam.preconditioner.unwrap();
    assert!((d[0] - 0.1 * (3.0 + 1e-8)).abs() < 1e-15 && (d[1] - 0.1 * (4.0 + 1e-8)).abs() < 1e-15);
    // With a running maximum that is what divides; decoupled decay changes no threshold.
    let adamw = Config::of::<AdamW>().with("weight_decay", 0.1).unwrap().with_lr(0.02);
    let adamw = stability(&adamw.with("amsgrad", true).unwrap(), 1, &[0.9, 1.6]).unwrap();
    assert_eq!((adamw.threshold, adamw.preconditioner), (adam.threshold, Some(d)));
    assert_eq!(stability(&sgd(), 0, &[0.0; 2]), None, "no step was made");
}

/// A second moment that has overflowed gives no threshold but NaN, never 0.
#[test]
fn overflowed_moments_give_no_preconditioner() {
    let mut optimizer = Optimizer::<f32>::new(&adam(), &Block::whole(1));
    let state: [(&str, &[f32]); 2] = [("2.exp_avg", &[1.0]), ("2.exp_avg_sq", &[f32::INFINITY])];
    optimizer.restore(3, &state).unwrap();
    assert!(optimizer.stability(&[1.0]).unwrap().preconditioner.unwrap()[0].is_nan());
}

#[test]
fn instruments_agree_with_each_other_along_a_run() {
    let settings = settings(gaussian(), 60);
    let all = |instrument: &Instrument| *instrument != Instrument::Noise;
    let schedules: Vec<(Instrument, Schedule)> =
        Instrument::ALL.into_iter().filter(all).map(|i| (i, Schedule::Every(30))).collect();
    let mut instruments = Instruments::new(&settings, (500, 99), schedules, PLAN).unwrap();
    let rows = rows(&settings, Schedule::Every(1), &mut instruments);
    for step in [0, 30, 60] {
        let value = |metric: &str| {
            let mut found = rows.iter().filter(|row| row.0 == step && row.1 == metric);
            let (first, second) = (found.next(), found.next());
            assert!(second.is_none(), "{metric} twice at {step}");
            first.unwrap_or_else(|| panic!("no {metric} at {step}")).2
        };
        let eigenvalues: f64 = (0..150).map(|k| value(&format!("eigenvalue.{k}"))).sum();
        // Rounding of 150 eigenvalues.
        let slack = 1e-13 * value("hessian_norm") * 150.0;
        assert!((eigenvalues - value("trace")).abs() < slack);
        assert_eq!(value("eigenvalue.149"), value("sharpness"));
        let blocks = ["p1", "q1", "p2", "q2", "q3"];
        let traces: f64 = blocks.iter().map(|b| value(&format!("trace.{b}"))).sum();
        assert!((traces - value("trace")).abs() < slack);
        for direction in ["", ".neg_grad", ".twin", ".sgd"] {
            let along = value(&format!("directional_smoothness{direction}"));
            let (lo, hi) = (value("lambda_min") - slack, value("sharpness") + slack);
            assert!((lo..=hi).contains(&along), "{direction}: {along}");
        }
        assert_eq!(value("directional_smoothness"), value("directional_smoothness.twin"));
        // A path is at most as steep as the Hessian along it, which changes little in a step.
        assert!(value("path_smoothness") < 1.5 * value("hessian_norm"));
        let d = value("js_distance");
        assert!((0.0..=1.0).contains(&d));
        assert!(
            value("robust_condition_number") >= value("robust_condition_number.diag.lower.live")
        );
        assert!((-1.0..=1.0).contains(&value("update_cos_newton")));
        assert!(value("lanczos.sharpness.residual") < 1e-6);
        let error = (value("hutchinson.trace") - value("trace")).abs();
        assert!(error < 4.5 * value("hutchinson.trace.se"), "{error}");
        assert!(value("loss.q05") < value("loss.q50") && value("loss.q50") < value("loss.max"));
    }
    assert!(rows.iter().all(|row| [0, 30, 60].contains(&row.0)));
    assert!(rows.iter().all(|row| !row.1.starts_with("sharpness.p3")), "the last P is unused");
}

/// Readings at zero parameters, on held-out prompts of a task.
fn at_zero(covariates: Covariates, with: &[Instrument], plan: NoisePlan) -> Readings {
    let settings = settings(covariates, 0);
    let zero = TrainConfig { init_std: 0.0, ..settings };
    let mut station = Station { with, readings: Readings::default(), inner: None };
    station.inner = Some(Instruments::new(&zero, (500, 99), Vec::new(), plan).unwrap());
    rows(&zero, Schedule::At(vec![0]), &mut station);
    station.readings
}

struct Station<'a> {
    with: &'a [Instrument],
    readings: Readings,
    inner: Option<Instruments>,
}

impl Observer<f64> for Station<'_> {
    fn observe(&mut self, point: &TrajectoryPoint<'_, f64>, _: &mut dyn Recorder) {
        let mut snapshot = self.inner.as_mut().unwrap().snapshot(point);
        for instrument in self.with {
            instrument.measure(&mut snapshot, &mut self.readings);
        }
    }
}

/// Facts, §6.2: with B = 1000 the tail at initialization is heavy in Setting 3 only (skewness 4.5,
/// kurtosis 46, against 0.4 and 0.3).
#[test]
fn noise_at_initialization_is_heavy_tailed_for_heavy_tailed_covariates_only() {
    let plan = NoisePlan { batch_sizes: vec![1000], draws: 1500, reference: 100_000, ..PLAN };
    let noise = |law| at_zero(law, &[Instrument::Noise], plan.clone());
    let light = noise(gaussian());
    let heavy = noise(Covariates::gamma_radial(0.1, 10.0).unwrap());
    let of = |readings: &Readings, name: &str| get(readings, &format!("grad_noise.b1000.{name}"));
    assert!((of(&light, "rms") / 1.940 - 1.0).abs() < 0.03);
    // Standard error of the skewness of 1500 values of a nearly normal law: √(6/1500) = 0.06.
    assert!((of(&light, "skewness") - 0.41).abs() < 4.5 * 0.08, "{}", of(&light, "skewness"));
    assert!(of(&heavy, "skewness") > 2.0 && of(&heavy, "kurtosis") > 8.0);
    assert!(of(&light, "tail_index.lo") > 4.0 && of(&heavy, "tail_index.hi") < 6.0);
    assert!((0.8..1.4).contains(&of(&light, "gaussian_ratio.q999")));
    assert!(of(&heavy, "gaussian_ratio.q999") > 1.5);
    assert!(of(&light, "stable_index") > 1.8);
    assert!(light.warnings().is_empty(), "{:?}", light.warnings());
}

#[test]
fn a_poor_reference_is_warned_of() {
    let plan = NoisePlan { batch_sizes: vec![1000], draws: 20, reference: 1000, ..PLAN };
    let readings = at_zero(gaussian(), &[Instrument::Noise], plan);
    let [Warning::Reference { rms, error }] = readings.warnings() else {
        panic!("{:?}", readings.warnings());
    };
    // As many prompts in the reference as in a mini-batch: the same error.
    assert!((error / rms - 1.0).abs() < 0.5, "{error} {rms}");
}

#[test]
fn parameters_without_an_optimizer_are_measured_as_far_as_that_goes() {
    let task = Task::new(5, 20, gaussian()).unwrap();
    let model = Transformer::linear(2, 5);
    let key = Key { seed: 1, purpose: Purpose::HeldOut, step: 0 };
    let batch = task.batch(Form::Moments, Isa::detect(), key, 300);
    let mut objective = BatchObjective::new(Evaluator::new(model, Isa::detect(), 1), batch);
    let params = model.init(0, 0.1);
    let gradients = objective.prompt_gradients(&params);
    let single = norm(&gradients.grads[..100]);
    let mut population = Resampled::new(gradients, objective.blocks(), 0);
    let reference = population.reference();
    let plan = NoisePlan { batch_sizes: vec![1, 10], ..PLAN };
    let probe = Probe::new(&mut objective, params);
    let mut snapshot = Snapshot::new(probe, &mut population, None, plan);
    snapshot.reference = Some(reference);
    let mut readings = Readings::default();
    for instrument in Instrument::ALL {
        instrument.measure(&mut snapshot, &mut readings);
    }
    assert!(readings.get(Metric::DirectionalSmoothness).is_err());
    assert!(get(&readings, "directional_smoothness.neg_grad") > 0.0);
    let ratio = get(&readings, "grad_noise.b1.rms") / get(&readings, "grad_noise.b10.rms");
    // √10, known from 100 draws to a few per cent each; single gradients are heavy-tailed.
    assert!((ratio / 10_f64.sqrt() - 1.0).abs() < 0.3, "{ratio}");
    assert!(single > 0.0);
    let unavailable: Vec<Instrument> = readings
        .warnings()
        .iter()
        .filter_map(|warning| match warning {
            Warning::Unavailable { instrument, .. } => Some(*instrument),
            _ => None,
        })
        .collect();
    assert_eq!(unavailable, [Instrument::Stability, Instrument::UpdateGeometry]);
}

/// Beyond the dense limit Lanczos replaces the dense Hessian, and agrees with it.
#[test]
fn stability_of_large_models_is_that_of_the_dense_hessian() {
    struct Dense {
        inner: Instruments,
        readings: Readings,
        exact: f64,
    }
    impl Observer<f64> for Dense {
        fn observe(&mut self, point: &TrajectoryPoint<'_, f64>, _: &mut dyn Recorder) {
            let mut snapshot = self.inner.snapshot(point);
            Instrument::Stability.measure(&mut snapshot, &mut self.readings);
            Instrument::Heterogeneity.measure(&mut snapshot, &mut self.readings);
            let updates = snapshot.updates.clone().unwrap();
            let diagonal = updates.stability.unwrap().preconditioner.unwrap();
            let hessian = snapshot.probe.hessian().unwrap();
            self.exact = *hessian.preconditioned(&diagonal).eigenvalues().unwrap().last().unwrap();
        }
    }
    let settings = TrainConfig {
        task: Task::new(17, 20, gaussian()).unwrap(),
        model: Transformer::linear(2, 17),
        shadows: Vec::new(),
        ..settings(gaussian(), 20)
    };
    assert!(settings.model.params() > DENSE_LIMIT);
    let inner = Instruments::new(&settings, (32, 99), Vec::new(), PLAN).unwrap();
    let mut dense = Dense { inner, readings: Readings::default(), exact: f64::NAN };
    rows(&settings, Schedule::At(vec![20]), &mut dense);
    let found = dense.readings.get(Metric::PreconditionedSharpness).unwrap();
    // 60 steps of Lanczos: the extreme eigenvalue to its residual.
    assert!((found / dense.exact - 1.0).abs() < 1e-6, "{found} for {}", dense.exact);
    assert!(matches!(dense.readings.warnings(), [Warning::Unavailable { .. }]));
}

/// The gradient is finite, its square is not: Adam would divide by infinity ever after.
#[test]
fn an_optimizer_that_overflows_has_diverged() {
    let optimizer = Config::pytorch::<Adam>().with_lr(0.02);
    let settings =
        TrainConfig { optimizer, init_std: 1.0, shadows: Vec::new(), ..settings(gaussian(), 20) };
    let stopped = |settings: &TrainConfig, double: bool| {
        let mut record = |_: u64, _: &str, _: f64| {};
        let go_on = ControlFlow::Continue(());
        match double {
            true => {
                Trainer::<f64>::new(settings.clone())
                    .unwrap()
                    .run(&mut [], &mut record, |_, _| go_on)
            }
            false => {
                Trainer::<f32>::new(settings.clone())
                    .unwrap()
                    .run(&mut [], &mut record, |_, _| go_on)
            }
        }
    };
    assert_eq!(stopped(&settings, false), StopReason::Diverged { step: 0 });
    assert_eq!(stopped(&settings, true), StopReason::Finished);
    let clipped = TrainConfig { optimizer: adam(), ..settings };
    assert_eq!(stopped(&clipped, false), StopReason::Finished);
}
