//! Losses that need no training, on the held-out prompts of a run: reference lines of its loss.

use windtunnel_math::lanes::Isa;
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_measure::stats::{mean, quantile};
use windtunnel_model::Evaluator;
use windtunnel_model::task::{Batch, Prompts};
use windtunnel_train::baseline::{Free, NoScalars, Scalars, best_scalars, ridge};

use windtunnel_figure::table::number;
use windtunnel_runs::spec::RunSpec;

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// Name in tables and legends.
    pub name: String,
    /// Mean over the held-out prompts.
    pub mean: f64,
    /// Median over them.
    pub median: f64,
    /// The scalars of gradient descent and GD++.
    pub scalars: Option<Scalars>,
}

impl Baseline {
    fn of(name: impl Into<String>, losses: &[f64], scalars: Option<Scalars>) -> Baseline {
        let mut sorted = losses.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (mean, median) = (mean(losses), quantile(&sorted, 0.5));
        Baseline { name: name.into(), mean, median, scalars }
    }
}

/// The baselines of a spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Baselines {
    /// Those that there are.
    pub lines: Vec<Baseline>,
    /// Names of those that there are not, and why.
    pub missing: Vec<(String, NoScalars)>,
}

/// Which of them counts as theory: GD++ where the recursion holds, the best that is known of what
/// linear attention can be; else least squares.
pub fn theory(lines: &[Baseline]) -> Option<&Baseline> {
    let gd = lines.iter().rev().find(|line| line.name.starts_with("GD++"));
    gd.or_else(|| lines.iter().find(|line| line.name == "least squares"))
}

/// The baselines of a spec: prediction zero, least squares, the Bayes ridge where there is label
/// noise, and, where the recursion holds, gradient descent and GD++ of as many steps as the model
/// has layers.
pub fn baselines(spec: &RunSpec, isa: Isa, threads: usize) -> Baselines {
    let (task, model) = (&spec.task.task, &spec.model.transformer);
    let key = Key { seed: spec.eval.seed, purpose: Purpose::HeldOut, step: 0 };
    let batch: Batch<f64> = task.batch(model.form(), isa, key, spec.eval.batch_size);
    let batch = batch.moments();
    let target = |index: usize| batch.prompt(index)[batch.layout().rows() - 2];
    let zero: Vec<f64> = (0..batch.len()).map(|index| target(index).powi(2)).collect();
    let mut lines = vec![
        Baseline::of("prediction 0", &zero, None),
        Baseline::of("least squares", &ridge(&batch, 0.0), None),
    ];
    if task.noise_std() > 0.0 {
        let lambda = task.noise_std().powi(2) / task.context_len() as f64;
        let name = match (1e-3..1e6).contains(&lambda) {
            true => format!("ridge {lambda:.3} (Bayes)"),
            false => format!("ridge {} (Bayes)", number(lambda)),
        };
        lines.push(Baseline::of(name, &ridge(&batch, lambda), None));
    }
    let mut missing = Vec::new();
    for (free, name) in [(Free::Steps, "GD"), (Free::StepsAndTransforms, "GD++")] {
        let name = format!("{name}, {} steps", model.depth);
        match best_scalars(task, model.depth, free) {
            Ok(scalars) => {
                let mut evaluator = Evaluator::new(scalars.model(model.dim), isa, threads);
                let losses = evaluator.losses(&scalars.params(model.dim), &batch);
                lines.push(Baseline::of(name, &losses, Some(scalars)));
            }
            Err(reason) => missing.push((name, reason)),
        }
    }
    Baselines { lines, missing }
}
