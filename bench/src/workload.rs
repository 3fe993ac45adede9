//! Workloads: the calls that are timed.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;

use serde::Deserialize;
use windtunnel_math::lanes::{BLOCK, Isa};
use windtunnel_math::objective::Objective;
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_model::task::{Batch, Covariates, Prompts, Scratch, Stream, Task};
use windtunnel_model::{Attention, BatchObjective, Evaluator, Transformer};
use windtunnel_optim::{AdamW, Config};
use windtunnel_train::{TrainConfig, Trainer, Window};

/// Laws of the covariates, by the names of the peers.
pub const LAWS: [&str; 3] = ["gaussian", "sphere", "gamma_radial"];

/// A timed call: its kind, with the law and the size of its prompts.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq)]
pub struct Workload {
    case: Case,
    law: String,
    dim: usize,
    context_len: usize,
    depth: usize,
    batch: usize,
    #[serde(default)]
    attention: Phi,
    #[serde(default = "one")]
    threads: usize,
}

fn one() -> usize {
    1
}

/// Function that is applied to the attention scores.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Phi {
    #[default]
    Linear,
    Relu,
    Softmax,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Case {
    /// A training step: fresh prompts, gradient, clipping, AdamW; f32.
    Step,
    /// A training step of each of [`RUNS`] runs on the same prompts, in turns; f32.
    Turns,
    /// The fresh prompts of a step alone.
    Sample,
    /// Loss and gradient on stored prompts; f32.
    Gradient,
    /// One Hessian-vector product on stored prompts; f64.
    Hvp,
    /// The dense Hessian on stored prompts; f64.
    Hessian,
}

/// A workload with its data and workspaces.
pub struct Job(Box<dyn FnMut(usize)>);

impl Job {
    pub fn new(workload: &Workload, isa: Isa) -> Result<Job, String> {
        let Workload { case, dim, context_len, depth, batch, threads, .. } = *workload;
        let covariates = match workload.law.as_str() {
            "gaussian" => Covariates::gaussian(),
            "sphere" => Covariates::sphere(),
            "gamma_radial" => {
                Covariates::gamma_radial(0.1, 10.0).map_err(|error| error.to_string())?
            }
            law => return Err(format!("law is {law:?}; expected one of {}", LAWS.join(", "))),
        };
        if depth * batch * threads == 0 {
            return Err("depth, batch and threads must be positive".into());
        }
        let task = Task::new(dim, context_len, covariates).map_err(|error| error.to_string())?;
        let attention = match workload.attention {
            Phi::Linear => Attention::Linear,
            Phi::Relu => Attention::Relu,
            Phi::Softmax => Attention::Softmax,
        };
        let model = Transformer { attention, ..Transformer::linear(depth, dim) };
        let key = Key { seed: 0, purpose: Purpose::Train, step: 0 };
        let init = model.init(0, INIT_STD);
        Ok(Job(match case {
            Case::Step | Case::Turns => {
                let settings = TrainConfig {
                    task,
                    model,
                    init_std: INIT_STD,
                    optimizer: optimizer(),
                    batch_size: batch,
                    steps: u64::MAX,
                    seed: 0,
                    isa,
                    threads,
                    shadows: Vec::new(),
                };
                if case == Case::Step { training(settings) } else { turns(&settings) }
            }
            Case::Sample => {
                let mut scratch = Scratch::<f32>::default();
                Box::new(move |calls| {
                    for step in 0..calls as u64 {
                        let stream =
                            Stream::new(&task, model.form(), isa, Key { step, ..key }, batch);
                        for first in (0..batch.div_ceil(BLOCK)).step_by(8) {
                            let last = batch.div_ceil(BLOCK).min(first + 8);
                            black_box(stream.blocks(first..last, &mut scratch));
                        }
                    }
                })
            }
            Case::Gradient => {
                let prompts: Batch<f32> = task.batch(model.form(), isa, key, batch);
                let params: Vec<f32> = init.iter().map(|&x| x as f32).collect();
                let mut evaluator = Evaluator::new(model, isa, threads);
                let mut grad = vec![0.0; params.len()];
                Box::new(move |calls| {
                    for _ in 0..calls {
                        black_box(evaluator.gradient(black_box(&params), &prompts, &mut grad));
                    }
                })
            }
            Case::Hvp | Case::Hessian => {
                let evaluator = Evaluator::new(model, isa, threads);
                let mut objective =
                    BatchObjective::new(evaluator, task.batch(model.form(), isa, key, batch));
                let p = init.len();
                let mut out = vec![0.0; if case == Case::Hvp { p } else { p * p }];
                Box::new(move |calls| {
                    for _ in 0..calls {
                        let params = black_box(&init);
                        let done = match case {
                            Case::Hvp => objective.hvp(params, params, &mut out).map(drop),
                            _ => objective.hessian(params, &mut out),
                        };
                        assert!(done.is_ok(), "the loss of a batch can be evaluated");
                        black_box(&out);
                    }
                })
            }
        }))
    }

    pub fn seconds_per_call(&mut self, calls: usize) -> f64 {
        let start = Instant::now();
        self.0(calls);
        start.elapsed().as_secs_f64() / calls as f64
    }
}

const INIT_STD: f64 = 0.05;

/// The peers' recipe: the global norm clipped to 1, then AdamW without decay.
fn optimizer() -> Config {
    Config::of::<AdamW>().with_lr(0.02).with_clip_norm(Some(1.0))
}

/// Continues training where the last call stopped.
fn training(settings: TrainConfig) -> Box<dyn FnMut(usize)> {
    let mut trainer = Trainer::<f32>::new(settings).expect("settings of the benchmark");
    Box::new(move |calls| {
        let last = trainer.step() + calls as u64;
        train(&mut trainer, last);
    })
}

/// Runs of [`Case::Turns`].
const RUNS: usize = 8;

/// As [`training`], of runs with different learning rates that share their prompts.
fn turns(settings: &TrainConfig) -> Box<dyn FnMut(usize)> {
    let window = Window::new(settings).expect("settings of the benchmark");
    let run = |k: usize| {
        let optimizer = optimizer().with_lr(0.02 / (k + 1) as f64);
        let settings = TrainConfig { optimizer, ..settings.clone() };
        let mut trainer = Trainer::<f32>::new(settings).expect("settings of the benchmark");
        trainer.share(&window).expect("runs on the same prompts");
        trainer
    };
    let mut runs: Vec<Trainer<f32>> = (0..RUNS).map(run).collect();
    Box::new(move |calls| {
        let last = runs[0].step() + calls as u64;
        while runs[0].step() < last {
            let until = last.min(runs[0].step() + window.steps());
            runs.iter_mut().for_each(|trainer| train(trainer, until));
        }
    })
}

/// Trains up to a step.
fn train(trainer: &mut Trainer<f32>, until: u64) {
    let mut ignore = |_: u64, _: &str, _: f64| {};
    trainer.run(&mut [], &mut ignore, |trainer, _| match trainer.step() < until {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    });
}
