//! The paper's Setting 1: three layers of linear attention learn linear regression in context.
//!
//! `cargo run --release -p windtunnel-train --example setting1`

use std::io::{self, Write};
use std::ops::ControlFlow;

use windtunnel_model::Transformer;
use windtunnel_model::task::{Covariates, Task};
use windtunnel_optim::{Adam, Config};
use windtunnel_train::{HeldOut, Schedule, Scheduled, TrainConfig, Trainer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let task = Task::new(5, 20, Covariates::gaussian())?;
    let adam = Config::of::<Adam>().with_lr(0.02).with_clip_norm(Some(0.1));
    let config =
        TrainConfig { steps: 2000, ..TrainConfig::new(task, Transformer::linear(3, 5), adam) };

    let mut held_out = HeldOut::new(&config, 1000, 99)?;
    let mut observers = [Scheduled { schedule: Schedule::Every(200), observer: &mut held_out }];
    let mut rows = Vec::new();
    let mut record =
        |step: u64, metric: &str, value: f64| rows.push((step, metric.to_string(), value));
    let mut trainer = Trainer::<f32>::new(config)?;
    let outcome = trainer.run(&mut observers, &mut record, |_, _| ControlFlow::Continue(()));

    let mut out = io::stdout().lock();
    for (step, metric, value) in rows {
        writeln!(out, "{step:>5} {metric:<20} {value:.4e}")?;
    }
    writeln!(out, "{outcome:?}")?;
    Ok(())
}
