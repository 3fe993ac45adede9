//! A trainer over sources of gradients that are not Transformers, and settings that are refused.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use windtunnel_math::objective::Block;
use windtunnel_measure::instrument::NoisePlan;
use windtunnel_model::Transformer;
use windtunnel_model::task::{Covariates, Task};
use windtunnel_optim::{Adam, Config, Error, Sgd};
use windtunnel_train::{
    ConfigError, HeldOut, Instruments, Source, StopReason, TrainConfig, Trainer,
};

/// ½ Σ i θᵢ², i from 1, that fails at one step.
struct Quadratic {
    dim: usize,
    fails_at: u64,
}

impl Source<f64> for Quadratic {
    fn blocks(&self) -> Vec<Block> {
        Block::whole(self.dim)
    }
    fn gradient(&mut self, step: u64, params: &[f64], grad: &mut [f64]) -> Result<f64, Error> {
        if step == self.fails_at {
            return Err("the line is dead".into());
        }
        let mut loss = 0.0;
        for (i, (g, p)) in grad.iter_mut().zip(params).enumerate() {
            *g = (i + 1) as f64 * p;
            loss += 0.5 * *g * p;
        }
        Ok(loss)
    }
}

fn sgd(lr: f64) -> Config {
    Config::of::<Sgd>().with("momentum", 0.0).unwrap().with_lr(lr).with_clip_norm(None)
}

fn run(trainer: &mut Trainer<f64, Quadratic>) -> StopReason {
    trainer.run(&mut [], &mut |_: u64, _: &str, _: f64| {}, |_, _| ControlFlow::Continue(()))
}

/// θᵢ after k steps is (1 − iη)ᵏ θᵢ; with η = ½ the second coordinate is 0 at once, without rounding.
#[test]
fn a_function_of_ones_own_is_trained() {
    let source = Quadratic { dim: 2, fails_at: u64::MAX };
    let mut trainer = Trainer::over(source, &sgd(0.5), vec![1.0, 1.0], 10).unwrap();
    assert_eq!(run(&mut trainer), StopReason::Finished);
    assert_eq!((trainer.params(), trainer.step()), (&[0.5_f64.powi(10), 0.0][..], 10));
    // Beyond 2/λ it grows without bound: a divergence, no failure.
    let source = Quadratic { dim: 1, fails_at: u64::MAX };
    let mut trainer = Trainer::over(source, &sgd(1e200), vec![1.0], 10).unwrap();
    assert!(matches!(run(&mut trainer), StopReason::Diverged { .. }));
}

#[test]
fn its_failure_ends_the_run_with_the_reason() {
    for fails_at in 0..4 {
        let source = Quadratic { dim: 3, fails_at };
        let mut trainer = Trainer::over(source, &sgd(0.1), vec![1.0; 3], 3).unwrap();
        let reason = "the line is dead".into();
        assert_eq!(run(&mut trainer), StopReason::Failed { step: fails_at, reason });
        assert_eq!(trainer.step(), fails_at);
    }
}

#[test]
fn it_goes_on_where_it_stopped_with_the_same_bits() {
    let make = |steps| {
        let source = Quadratic { dim: 3, fails_at: u64::MAX };
        let adam = Config::of::<Adam>().with_lr(0.1);
        Trainer::over(source, &adam, vec![1.0, -2.0, 0.5], steps).unwrap()
    };
    let (mut whole, mut first, mut second) = (make(20), make(7), make(20));
    for trainer in [&mut whole, &mut first] {
        assert_eq!(run(trainer), StopReason::Finished);
    }
    let state: Vec<(String, Vec<f64>)> =
        first.state().map(|(name, values)| (name, values.to_vec())).collect();
    let state: Vec<(&str, &[f64])> =
        state.iter().map(|(name, values)| (name.as_str(), values.as_slice())).collect();
    second.restore(first.step(), first.params(), &state).unwrap();
    assert_eq!(run(&mut second), StopReason::Finished);
    assert_eq!(whole.params(), second.params());
}

#[test]
fn parameters_are_as_many_as_the_source_has() {
    for (dim, given) in [(3, 2), (0, 1), (2, 0)] {
        let source = Quadratic { dim, fails_at: 0 };
        let Err(error) = Trainer::over(source, &sgd(0.1), vec![1.0; given], 1) else {
            panic!("{given} parameters for {dim}")
        };
        let expected = format!(
            "number of parameters = {given}: expected {dim} of them, as many as the source of \
             gradients has"
        );
        assert_eq!(error.to_string(), expected);
    }
}

/// Blocks that leave gaps, overlap or run backwards.
#[test]
fn blocks_divide_the_parameters() {
    struct Divided(Vec<Block>);
    impl Source<f64> for Divided {
        fn blocks(&self) -> Vec<Block> {
            self.0.clone()
        }
        fn gradient(&mut self, _: u64, _: &[f64], _: &mut [f64]) -> Result<f64, Error> {
            Ok(0.0)
        }
    }
    let block = |range| Block { name: "w".into(), range, shape: None, unused: false };
    let over = |blocks: Vec<_>| Trainer::over(Divided(blocks), &sgd(0.1), vec![0.0; 4], 1);
    assert!(over(vec![block(0..1), block(1..4)]).is_ok());
    for wrong in [vec![block(1..4)], vec![block(0..1), block(2..4)], vec![block(0..3), block(2..4)]]
    {
        let Err(error) = over(wrong) else { panic!("blocks with gaps were taken") };
        assert_eq!((error.field, error.value.as_str()), ("block of parameters", "w"));
    }
}

#[test]
fn settings_of_which_no_run_can_be_made_are_refused() {
    let task = Task::new(3, 4, Covariates::gaussian()).unwrap();
    let good = TrainConfig::new(task, Transformer::linear(2, 3), Config::of::<Adam>());
    assert_eq!(good.check(), Ok(()));
    let model = good.model;
    let cases = [
        ("model.depth", TrainConfig { model: Transformer { depth: 0, ..model }, ..good.clone() }),
        ("model.dim", TrainConfig { model: Transformer { dim: 0, ..model }, ..good.clone() }),
        ("model.dim", TrainConfig { model: Transformer { dim: 4, ..model }, ..good.clone() }),
        ("model.heads", TrainConfig { model: Transformer { heads: 0, ..model }, ..good.clone() }),
        ("batch_size", TrainConfig { batch_size: 0, ..good.clone() }),
        ("threads", TrainConfig { threads: 0, ..good.clone() }),
        ("init_std", TrainConfig { init_std: f64::NAN, ..good.clone() }),
        ("init_std", TrainConfig { init_std: f64::INFINITY, ..good.clone() }),
        ("init_std", TrainConfig { init_std: -1.0, ..good.clone() }),
    ];
    for (field, config) in cases {
        let Err(ConfigError { field: found, value, .. }) = Trainer::<f32>::new(config).map(drop)
        else {
            panic!("{field} was not refused")
        };
        assert_eq!(found, field, "{value}");
    }
}

/// Readers of a run refuse what the run itself would refuse.
#[test]
fn observers_need_a_configuration_that_a_run_can_be_made_of() {
    let task = Task::new(3, 6, Covariates::gaussian()).unwrap();
    let adam = Config::of::<Adam>().with_lr(0.1);
    let fits = TrainConfig::new(task.clone(), Transformer::linear(1, 3), adam.clone());
    let other = TrainConfig::new(task, Transformer::linear(1, 4), adam);
    let plan = || NoisePlan { batch_sizes: vec![1], draws: 2, reference: 2, prompts: 1 };
    for (config, batch, allowed) in [(&other, 10, "that of the task"), (&fits, 0, "1 prompt")] {
        let refused = [
            HeldOut::<f64>::new(config, batch, 0).err().unwrap(),
            HeldOut::<f64>::fresh(config, batch, 1).err().unwrap(),
            Instruments::new(config, (batch, 0), Vec::new(), plan()).err().unwrap(),
            Instruments::fresh(config, (batch, 1), Vec::new(), plan()).err().unwrap(),
        ];
        assert!(refused.iter().all(|error| error.allowed.contains(allowed)), "{refused:?}");
    }
    assert!(HeldOut::<f64>::new(&fits, 10, 0).is_ok());
}
