//! Whatever a run or an instrument records is in the catalogue of metrics, as the catalogue says, and
//! everything in the catalogue is recorded.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use windtunnel_math::lanes::Isa;
use windtunnel_math::objective::{Block, Objective, ObjectiveError, SampleGradients};
use windtunnel_math::stability::Stability;
use windtunnel_measure::instrument::{
    DENSE_LIMIT, Instrument, NoisePlan, Readings, Snapshot, Updates,
};
use windtunnel_measure::landscape::{Probe, Resampled};
use windtunnel_measure::metric::{CATALOGUE, Entry, Metric, Name, Part, RecordedBy};
use windtunnel_model::task::{Covariates, Task};
use windtunnel_model::{Encoder, Transformer};
use windtunnel_optim::{Adam, Config, Sgd};
use windtunnel_train::{
    HeldOut, Instruments, Observer, Recorder, Schedule, Scheduled, TrainConfig, TrainLoss, Trainer,
    TrajectoryPoint,
};

/// Names with the source that recorded each.
#[derive(Default)]
struct Recorded(BTreeSet<(Option<Instrument>, String)>);

impl Recorded {
    fn take(&mut self, by: Instrument, readings: &Readings) {
        self.0.extend(readings.iter().map(|(name, _)| (Some(by), name.to_string())));
    }
}

impl Recorder for Recorded {
    fn record(&mut self, _: u64, metric: Name, _: f64) {
        self.0.insert((None, metric.to_string()));
    }
}

/// Each instrument alone, so that none takes the name of another.
struct Each<'a> {
    inner: Instruments,
    recorded: &'a mut Recorded,
}

impl Observer<f64> for Each<'_> {
    fn observe(&mut self, point: &TrajectoryPoint<'_, f64>, _: &mut dyn Recorder) {
        for instrument in Instrument::ALL {
            let mut readings = Readings::default();
            instrument.measure(&mut self.inner.snapshot(point), &mut readings);
            self.recorded.take(instrument, &readings);
        }
    }
}

fn plan() -> NoisePlan {
    NoisePlan { batch_sizes: vec![1, 8], draws: 120, reference: 400, prompts: 60 }
}

fn settings(model: Transformer, optimizer: Config) -> TrainConfig {
    TrainConfig {
        task: Task::new(3, 6, Covariates::gaussian()).unwrap(),
        model,
        init_std: 0.1,
        optimizer,
        batch_size: 8,
        steps: 2,
        seed: 0,
        isa: Isa::detect(),
        threads: 1,
        shadows: vec![("lion".into(), Config::of::<Sgd>().with_lr(0.1))],
    }
}

/// Trains with all observers; the instruments look at the steps of `at`.
fn train(settings: &TrainConfig, at: &[u64], recorded: &mut Recorded) {
    let mut rows = Recorded::default();
    let mut held_out = HeldOut::new(settings, 20, 9).unwrap();
    let inner = Instruments::new(settings, (20, 9), Vec::new(), plan()).unwrap();
    let mut each = Each { inner, recorded };
    let every = || Schedule::Every(1);
    let mut observers = [
        Scheduled { schedule: every(), observer: &mut TrainLoss as &mut dyn Observer<f64> },
        Scheduled { schedule: every(), observer: &mut held_out },
        Scheduled { schedule: Schedule::At(at.to_vec()), observer: &mut each },
    ];
    let mut trainer = Trainer::new(settings.clone()).unwrap();
    trainer.run(&mut observers, &mut rows, |_, _| ControlFlow::Continue(()));
    recorded.0.extend(rows.0);
}

/// ½ Σ i θᵢ².
struct Bowl(usize);

impl Objective for Bowl {
    fn dim(&self) -> usize {
        self.0
    }
    fn value(&mut self, params: &[f64]) -> Result<f64, ObjectiveError> {
        Ok(params.iter().enumerate().map(|(i, p)| 0.5 * i as f64 * p * p).sum())
    }
    fn gradient(&mut self, params: &[f64], grad: &mut [f64]) -> Result<f64, ObjectiveError> {
        grad.iter_mut().zip(params).enumerate().for_each(|(i, (g, p))| *g = i as f64 * p);
        self.value(params)
    }
    fn hvp(&mut self, params: &[f64], v: &[f64], out: &mut [f64]) -> Result<f64, ObjectiveError> {
        out.iter_mut().zip(v).enumerate().for_each(|(i, (o, v))| *o = i as f64 * v);
        Ok(params.iter().zip(v).enumerate().map(|(i, (p, v))| i as f64 * p * v).sum())
    }
    fn blocks(&self) -> Vec<Block> {
        let block =
            |name: &str, range| Block { name: name.into(), range, shape: None, unused: false };
        vec![block("a", 0..2), block("b", 2..self.0)]
    }
}

/// All instruments on a function of so many parameters, at a point of this size.
fn measure(p: usize, size: f64, recorded: &mut Recorded) {
    let mut bowl = Bowl(p);
    let params = vec![size; p];
    let samples = 40;
    let grads = (0..samples * p).map(|k| (k % 7) as f64 * size).collect();
    let losses = (0..samples).map(|k| k as f64 * size).collect();
    let mut population = Resampled::new(SampleGradients { losses, grads }, bowl.blocks(), 1);
    let updates = Updates {
        grad: params.clone(),
        update: params.clone(),
        others: vec![("lion".into(), params.clone())],
        stability: Some(Stability { threshold: 2.0, preconditioner: None, clip_factor: 1.0 }),
    };
    for instrument in Instrument::ALL {
        let probe = Probe::new(&mut bowl, params.clone());
        let plan = NoisePlan { draws: 30, reference: 40, ..plan() };
        let mut snapshot = Snapshot::new(probe, &mut population, Some(updates.clone()), plan);
        let mut readings = Readings::default();
        instrument.measure(&mut snapshot, &mut readings);
        recorded.take(instrument, &readings);
    }
}

fn everything() -> Recorded {
    let mut recorded = Recorded::default();
    let adam = Config::of::<Adam>().with_lr(0.02);
    let sgd = Config::of::<Sgd>().with_lr(0.02).with("momentum", 0.9).unwrap();
    let encoder = Some(Encoder { hidden: 2 });
    let heads = Transformer { heads: 2, ..Transformer::linear(2, 3) };
    train(&settings(Transformer::linear(2, 3), adam), &[0, 2], &mut recorded);
    train(&settings(heads, sgd.clone()), &[0], &mut recorded);
    train(
        &settings(Transformer { encoder, ..Transformer::linear(1, 3) }, sgd),
        &[1],
        &mut recorded,
    );
    for size in [0.0, 1.0, 1e160, f64::INFINITY, f64::NAN] {
        measure(4, size, &mut recorded);
    }
    measure(DENSE_LIMIT + 1, 1.0, &mut recorded);
    recorded
}

/// Checks the parameters in a name.
fn has_possible_parameters(metric: &Metric) -> bool {
    let block = |name: &str| {
        let matrix = |text: &str| "pq".contains(&text[..1]) && text[1..].parse::<f64>().is_ok();
        let tensor = ["mlp.0.weight", "mlp.0.bias", "mlp.2.weight", "mlp.2.bias"];
        let heads = name.replace("h1", "").replace("h2", "");
        matrix(&heads) || tensor.contains(&name) || ["a", "b"].contains(&name)
    };
    let sizes = metric.batch_size().is_none_or(|size| [1, 8].contains(&size));
    sizes
        && match metric {
            Metric::Eigenvalue(rank) => *rank < DENSE_LIMIT,
            Metric::SharpnessOf(of)
            | Metric::TraceOf(of)
            | Metric::NegativeMassOf(of)
            | Metric::RobustConditionNumberOf(of)
            | Metric::NoiseRmsOf(_, of) => block(of.as_str()),
            Metric::DirectionalSmoothnessFor(optimizer) => optimizer.as_str() == "lion",
            Metric::LossQuantile(percent) => [5, 25, 50, 75, 95, 99].contains(&percent.value()),
            _ => true,
        }
}

#[test]
fn what_is_recorded_is_the_catalogue_and_the_catalogue_is_recorded() {
    let mut seen = BTreeSet::new();
    for (by, text) in &everything().0 {
        let name: Name = text.parse().unwrap_or_else(|unknown| panic!("{unknown}"));
        assert_eq!(name.to_string(), *text);
        assert!(has_possible_parameters(name.metric()), "{text}");
        let Entry { name: entry, by: sources, .. } = name.entry();
        let listed = match (sources, by) {
            (RecordedBy::Training, None) => true,
            (RecordedBy::Instruments(instruments), Some(by)) => instruments.contains(by),
            _ => false,
        };
        assert!(
            listed,
            "{text} is recorded by {by:?}: add that to `by` of {entry} in the catalogue"
        );
        seen.insert((*by, *entry, name.part().map(Part::suffix)));
    }
    for Entry { name, by, parts, .. } in CATALOGUE {
        let sources = match by {
            RecordedBy::Training => vec![None],
            RecordedBy::Instruments(instruments) => instruments.iter().copied().map(Some).collect(),
        };
        for source in &sources {
            let seen = seen.contains(&(*source, *name, None));
            let by = source.map_or("training", Instrument::name);
            assert!(seen, "{by} never recorded {name}: record it, or take it out of the catalogue");
        }
        for part in parts.iter() {
            let mut sources = sources.iter();
            let seen = sources.any(|by| seen.contains(&(*by, *name, Some(part.suffix()))));
            assert!(
                seen,
                "{part:?} of {name} was never recorded: record it, or take it out of its parts"
            );
        }
    }
}
