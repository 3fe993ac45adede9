//! Losses that need no training, on the held-out prompts of a run: reference lines of its loss.

use windtunnel_math::lanes::Isa;
use windtunnel_math::rng::Key;
use windtunnel_measure::stats::{mean, quantile};
use windtunnel_model::Evaluator;
use windtunnel_model::task::{Batch, Prompts};
use windtunnel_train::baseline::{Free, NoScalars, Scalars, best_scalars, ridge};

use crate::describe::name;
use crate::ending::{LOSS, MEDIAN, last};
use windtunnel_figure::table::number;
use windtunnel_runs::spec::RunSpec;
use windtunnel_runs::stored::Run;

/// Baselines that tables and pictures look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaselineKind {
    /// Least squares without regularization.
    LeastSquares,
    /// Gradient descent in context.
    GradientDescent,
    /// Gradient descent in context with transformed covariates (von Oswald et al. 2023).
    GdPlusPlus,
}

impl BaselineKind {
    /// Name in tables and legends, without the number of steps.
    pub fn name(self) -> &'static str {
        match self {
            BaselineKind::LeastSquares => "least squares",
            BaselineKind::GradientDescent => "GD",
            BaselineKind::GdPlusPlus => "GD++",
        }
    }

    /// Whether a line of this name is of this kind; the name may end with a number of steps.
    pub fn is_of(self, name: &str) -> bool {
        name.split(", ").next() == Some(self.name())
    }
}

/// Losses of one baseline.
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

/// Baselines of a spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Baselines {
    /// Baselines that are defined.
    pub lines: Vec<Baseline>,
    /// Names of the others, each with the reason why it is not defined.
    pub missing: Vec<(String, NoScalars)>,
}

/// The baseline that counts as theory: GD++ if the recursion holds, the best known solution that
/// linear attention can represent; else least squares.
pub fn theory(lines: &[Baseline]) -> Option<&Baseline> {
    let find = |kind: BaselineKind| lines.iter().find(|line| kind.is_of(&line.name));
    find(BaselineKind::GdPlusPlus).or_else(|| find(BaselineKind::LeastSquares))
}

/// The baselines of a spec: prediction zero and least squares; the Bayes ridge if there is label
/// noise; and, if the recursion holds, gradient descent and GD++ of as many steps as the model has
/// layers.
pub fn baselines(spec: &RunSpec, isa: Isa, threads: usize) -> Baselines {
    let (task, model) = (spec.task.task(), &spec.model.transformer);
    let key = Key::held_out(spec.eval.seed);
    let batch: Batch<f64> = task.batch(model.form(), isa, key, spec.eval.batch_size);
    let batch = batch.moments();
    let target = |index: usize| batch.prompt(index)[batch.layout().rows() - 2];
    let zero: Vec<f64> = (0..batch.len()).map(|index| target(index).powi(2)).collect();
    let mut lines = vec![
        Baseline::of("prediction 0", &zero, None),
        Baseline::of(BaselineKind::LeastSquares.name(), &ridge(&batch, 0.0), None),
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
    for (free, kind) in [
        (Free::Steps, BaselineKind::GradientDescent),
        (Free::StepsAndTransforms, BaselineKind::GdPlusPlus),
    ] {
        let name = format!("{}, {} steps", kind.name(), model.depth);
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

/// Whether runs of two specs have the same baselines: the same prompts, as many layers.
pub fn share_baselines(a: &RunSpec, b: &RunSpec) -> bool {
    let (one, other) = (&a.model.transformer, &b.model.transformer);
    let same = one.depth == other.depth && one.form() == other.form();
    same && a.task == b.task && a.eval == b.eval
}

/// Losses on the held-out prompts beside those of the theory.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Name of the baseline, or of the run.
    pub name: String,
    /// Mean over the held-out prompts.
    pub mean: f64,
    /// Median over them.
    pub median: f64,
    /// Mean and median over those of [`theory`].
    pub distance_to_theory: [f64; 2],
    /// Reason why one of the numbers is not finite.
    pub reason: Option<String>,
    /// The scalars of gradient descent and GD++.
    pub scalars: Option<Scalars>,
}

impl Compared {
    fn new(name: String, losses: [f64; 2], theory: [f64; 2], reason: Option<String>) -> Compared {
        let [mean, median] = losses;
        let distance_to_theory = [mean / theory[0], median / theory[1]];
        let reason = match losses.iter().all(|loss| loss.is_finite()) {
            true if distance_to_theory.iter().all(|ratio| ratio.is_finite()) => None,
            true => Some("the loss of the theory is zero or not finite".into()),
            false => reason.or(Some("the loss is not finite".into())),
        };
        Compared { name, mean, median, distance_to_theory, reason, scalars: None }
    }
}

/// The baselines, those that are not defined, and the last losses of runs that share them, in this
/// order.
pub fn compare(found: &Baselines, runs: &[Run]) -> Vec<Compared> {
    let theory = theory(&found.lines).map_or([f64::NAN; 2], |line| [line.mean, line.median]);
    let line = |line: &Baseline| Compared {
        scalars: line.scalars.clone(),
        ..Compared::new(line.name.clone(), [line.mean, line.median], theory, None)
    };
    let missing = |(name, reason): &(String, NoScalars)| {
        Compared::new(name.clone(), [f64::NAN; 2], theory, Some(reason.to_string()))
    };
    let of_run = |run: &Run| {
        let [(mean, reason), (median, _)] = [LOSS, MEDIAN].map(|metric| last(run, &metric));
        Compared::new(name(&run.spec), [mean, median], theory, reason)
    };
    let known = found.lines.iter().map(line).chain(found.missing.iter().map(missing));
    known.chain(runs.iter().map(of_run)).collect()
}
