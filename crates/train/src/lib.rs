//! Training small Transformers, or anything else that has a gradient, under instruments.
//!
//! The paper's Setting 1 (Ahn et al., ICLR 2024): three layers of linear attention learn linear
//! regression in context, on fresh prompts every step.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use windtunnel_model::Transformer;
//! use windtunnel_model::task::{Covariates, Task};
//! use windtunnel_optim::{Adam, Config};
//! use windtunnel_train::{HeldOut, StopReason, Schedule, Scheduled, TrainConfig, Trainer};
//!
//! let task = Task::new(5, 20, Covariates::gaussian())?;
//! let adam = Config::of::<Adam>().with_lr(0.02).with_clip_norm(Some(0.1));
//! let config = TrainConfig { steps: 100, ..TrainConfig::new(task, Transformer::linear(3, 5), adam) };
//!
//! let mut held_out = HeldOut::new(&config, 1000, 99)?;
//! let mut observers = [Scheduled { schedule: Schedule::Every(50), observer: &mut held_out }];
//! let mut losses = Vec::new();
//! let mut record = |step: u64, metric: &str, value: f64| losses.push((step, metric.to_string(), value));
//! let mut trainer = Trainer::<f32>::new(config)?;
//! let stopped = trainer.run(&mut observers, &mut record, |_, _| ControlFlow::Continue(()));
//! assert_eq!(stopped, StopReason::Finished);
//! # assert!(losses.len() == 9 && losses[6].2 < losses[0].2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Trainer`] runs over any [`Source`] of gradients; [`TaskSource`] is that of prompts. Observers read
//! the trajectory and change nothing: [`TrainLoss`], [`HeldOut`], and all [`Instruments`] of
//! `windtunnel-measure`, live. Runs on the same prompts may share them in a [`Window`]. [`baseline`]
//! has losses that need no training.

pub mod baseline;
mod config;
mod live;
mod observe;
mod schedule;
mod source;
mod trainer;
mod window;

pub use config::{ConfigError, TrainConfig};
pub use live::Instruments;
pub use observe::{
    HeldOut, Missing, Observer, Recorder, Scheduled, Shadow, TrainLoss, TrajectoryPoint,
};
pub use schedule::Schedule;
pub use source::{Source, TaskSource};
pub use trainer::{SHADOW, StopReason, Trainer};
pub use window::Window;
