//! The oracle of the trainer: the same mini-batch at other points, for optimizers that need more
//! than the gradient.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;
use std::sync::Arc;

use windtunnel_math::lanes::Isa;
use windtunnel_model::task::{Covariates, Task};
use windtunnel_model::{Attention, Trained, Transformer};
use windtunnel_optim::{
    Adam, Block, Config, Context, Error, Method, Parameter, Real, Scalar, ScaleByLearningRate, Sgd,
    State, Transform, Transforms, Values, register,
};
use windtunnel_train::{
    Observer, Recorder, Schedule, Scheduled, StopReason, TrainConfig, Trainer, TrajectoryPoint,
};

/// Compares the oracle with what the trainer gives of itself, and changes nothing.
struct Compare;

impl<T: Real> Transform<T> for Compare {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::empty().with_scratch(&[dim, dim, dim, dim])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [grad, product, ahead, behind] = state.vectors();
        let (params, loss) = (context.params, context.loss.unwrap());
        assert_eq!(context.blocks.last().unwrap().range.end, params.len());
        let oracle = context.oracle()?;
        assert_eq!(oracle.loss(params)?, loss, "the loss at the same point");
        assert_eq!(oracle.gradient(params, grad)?, loss);
        assert!(grad.iter().zip(&*update).all(|(a, b)| a == b), "the gradient at the same point");
        let slope = oracle.hvp(params, update, product)?;
        let dot =
            |a: &[T], b: &[T]| -> f64 { a.iter().zip(b).map(|(a, b)| a.widen() * b.widen()).sum() };
        let (single, norm2) = (T::epsilon().widen() > 1e-10, dot(update, update));
        // Products are in double precision; in single precision the gradient is known to rounding.
        let rounding = if single { 1e-4 } else { 1e-11 };
        assert!((slope / norm2 - 1.0).abs() < rounding, "{slope} for {norm2}");
        if !single {
            // Central differences of gradients, exact to h² and rounding.
            let h = 1e-5 / norm2.sqrt();
            let mut along = |sign: f64, out: &mut [T]| {
                let at = params.iter().zip(&*update);
                let at: Vec<T> = at.map(|(p, u)| *p + T::nearest(sign * h) * *u).collect();
                oracle.gradient(&at, out).unwrap();
            };
            along(1.0, ahead);
            along(-1.0, behind);
            let size = dot(product, product).sqrt();
            for ((a, b), p) in ahead.iter().zip(&*behind).zip(&*product) {
                let difference = (a.widen() - b.widen()) / (2.0 * h);
                assert!((difference - p.widen()).abs() < 1e-6 * size, "{difference}");
            }
        }
        Ok(())
    }
}

struct Compared;

impl Method for Compared {
    const NAME: &'static str = "compared";
    const SUMMARY: &'static str = "gradient descent that looks around";
    const PARAMETERS: &'static [Parameter] = &[];
    const LR: f64 = 0.02;

    fn transforms<T: Real>(_: &Values) -> Transforms<T> {
        vec![Arc::new(Compare), Arc::new(ScaleByLearningRate)]
    }
}

/// An optimizer that fails at its third step.
struct Failing;

impl<T: Real> Transform<T> for Failing {
    fn apply(
        &self,
        _: &mut [T],
        _: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        if context.step == 3 { Err("out of luck".into()) } else { Ok(()) }
    }
}

impl Method for Failing {
    const NAME: &'static str = "failing";
    const SUMMARY: &'static str = "gives up";
    const PARAMETERS: &'static [Parameter] = &[];
    const LR: f64 = 0.02;

    fn transforms<T: Real>(_: &Values) -> Transforms<T> {
        vec![Arc::new(Failing), Arc::new(ScaleByLearningRate)]
    }
}

fn settings(optimizer: Config, attention: Attention) -> TrainConfig {
    TrainConfig {
        task: Task::new(3, 8, Covariates::gaussian()).unwrap(),
        model: Transformer { attention, ..Transformer::linear(2, 3) },
        init_std: 0.3,
        optimizer,
        batch_size: 50,
        steps: 5,
        seed: 0,
        isa: Isa::detect(),
        threads: 1,
        shadows: Vec::new(),
    }
}

fn train<T: Trained + Scalar>(settings: TrainConfig) -> (StopReason, Vec<f64>) {
    let mut trainer = Trainer::<T>::new(settings).unwrap();
    let stopped =
        trainer.run(&mut [], &mut |_: u64, _: &str, _: f64| {}, |_, _| ControlFlow::Continue(()));
    (stopped, trainer.params().iter().map(|x| x.widen()).collect())
}

#[test]
fn the_oracle_is_the_mini_batch_of_the_step() {
    for attention in [Attention::Linear, Attention::Softmax] {
        let plain = Config::of::<Sgd>().with("momentum", 0.0).unwrap();
        for (looking, plain) in [
            (
                train::<f64>(settings(Config::new(register::<Compared>("1").unwrap()), attention)),
                train::<f64>(settings(plain.clone(), attention)),
            ),
            (
                train::<f32>(settings(Config::new(register::<Compared>("1").unwrap()), attention)),
                train::<f32>(settings(plain.clone(), attention)),
            ),
        ] {
            assert_eq!(looking.0, StopReason::Finished);
            assert_eq!(looking, plain, "looking around changes nothing");
        }
    }
}

#[test]
fn an_optimizer_that_fails_ends_the_run_with_its_reason() {
    let (stopped, params) =
        train::<f64>(settings(Config::new(register::<Failing>("1").unwrap()), Attention::Linear));
    assert_eq!(stopped, StopReason::Failed { step: 2, reason: "out of luck".into() });
    assert!(params.iter().all(|p| p.is_finite()));
    let shadows = vec![("failing".into(), Config::new(register::<Failing>("1").unwrap()))];
    let settings = settings(Config::of::<Adam>(), Attention::Linear);
    let (stopped, _) = train::<f32>(TrainConfig { shadows, ..settings });
    assert_eq!(stopped, StopReason::Failed { step: 2, reason: "out of luck".into() });
}

/// Observers that ask what an optimizer would do give it the same oracle.
struct Asked(u64);

impl Observer<f64> for Asked {
    fn observe(&mut self, point: &TrajectoryPoint<'_, f64>, _: &mut dyn Recorder) {
        let (update, after) = point.update_of(point.optimizer).unwrap();
        assert_eq!(after.steps(), point.step + 1);
        let expected: Vec<f64> = point.grad.iter().map(|g| 0.02 * g).collect();
        assert_eq!(update, expected);
        self.0 += 1;
    }
}

#[test]
fn observers_ask_optimizers_with_the_same_oracle() {
    let compared = settings(Config::new(register::<Compared>("1").unwrap()), Attention::Linear);
    let mut trainer = Trainer::new(compared).unwrap();
    let mut asked = Asked(0);
    trainer.run(
        &mut [Scheduled { schedule: Schedule::Every(1), observer: &mut asked }],
        &mut |_: u64, _: &str, _: f64| {},
        |_, _| ControlFlow::Continue(()),
    );
    assert_eq!(asked.0, 6);
}
