//! Cost of runs before they start: relative to each other, and in seconds on this machine.

use std::time::{Duration, Instant};

use windtunnel_math::lanes::Isa;
use windtunnel_math::rng::Key;
use windtunnel_measure::instrument::{EstimatorPlan, Evaluations, Instrument};
use windtunnel_model::Evaluator;
use windtunnel_model::task::{Form, Labels, Stream};
use windtunnel_train::Schedule;

use windtunnel_runs::spec::RunSpec;

/// Duration above which a run prints a warning before it starts.
const LONG: Duration = Duration::from_hours(1);
/// Runs with fewer multiplications are not timed: no machine needs an hour for so many.
const SHORT: f64 = 1e12;
/// Number of prompts that are timed.
const PROMPTS: usize = 16;
const TIMED: Duration = Duration::from_millis(2);
/// A Hessian-vector product beside a gradient (docs/performance.md).
const PRODUCT: f64 = 4.0;

/// Work of a run in gradients of single prompts.
struct Prompts {
    training: f64,
    instruments: Vec<(Instrument, f64)>,
    /// Dense Hessians, which instruments share.
    hessians: f64,
}

/// Number of readings of a schedule from step `from` of a run of `steps` steps on.
fn readings(schedule: &Schedule, from: u64, steps: u64) -> f64 {
    let readings = match schedule {
        Schedule::At(at) => at.iter().filter(|step| (from..=steps).contains(step)).count() as u64,
        other if from == 0 => other.count(steps),
        other => other.count(steps).saturating_sub(other.count(from)) + 1,
    };
    readings as f64
}

impl Prompts {
    fn of(spec: &RunSpec, from: u64) -> Prompts {
        let (train, batch) = (&spec.train, spec.eval.batch_size as f64);
        let params = spec.model.transformer.params();
        let readings = |schedule: &Schedule| readings(schedule, from, train.steps);
        let batches = 1.0 + spec.eval.fresh_batches as f64;
        let own = readings(&Schedule::Every(spec.eval.every)) * batch * batches;
        let others = spec.shadows().len();
        let (plan, estimators) = (&spec.instruments.plan, EstimatorPlan::for_params(params));
        let evaluations = |instrument: Instrument, schedule: &Schedule| {
            (readings(schedule), instrument.evaluations(params, plan, &estimators, others))
        };
        let schedules = &spec.instruments.schedules;
        let of = |(instrument, schedule): &(Instrument, Schedule)| {
            let (count, Evaluations { gradients, products, prompts, .. }) =
                evaluations(*instrument, schedule);
            let fixed = gradients as f64 + PRODUCT * products as f64;
            let read = if instrument.reads_held_out() { batches } else { 1.0 };
            (*instrument, count * (fixed * batch + prompts as f64) * read)
        };
        let hessians = schedules.iter().map(|(instrument, schedule)| {
            let (count, evaluations) = evaluations(*instrument, schedule);
            count * evaluations.hessians as f64
        });
        // Half of the products of a Hessian follow by symmetry.
        let hessian = 0.5 * PRODUCT * params as f64 * batch;
        Prompts {
            training: train.steps.saturating_sub(from) as f64 * train.batch_size as f64 + own,
            instruments: schedules.iter().map(of).collect(),
            hessians: hessians.fold(0.0, f64::max) * hessian * batches,
        }
    }

    fn total(&self) -> f64 {
        self.training + self.instruments.iter().map(|i| i.1).sum::<f64>() + self.hessians
    }
}

/// Relative cost of a step, the same on every machine: products of all prompts and parameters,
/// three times as many with tokens.
pub fn step_cost(spec: &RunSpec) -> u64 {
    (spec.train.batch_size as u64).saturating_mul(prompt_cost(spec))
}

/// Relative cost of the gradient of one prompt, in the unit of [`step_cost`].
pub fn prompt_cost(spec: &RunSpec) -> u64 {
    let model = &spec.model.transformer;
    let tokens = if model.form() == Form::Tokens { 3 } else { 1 };
    tokens * model.params() as u64
}

/// Work of a run with its evaluations and instruments, in gradients of single prompts.
pub fn prompts(spec: &RunSpec) -> f64 {
    Prompts::of(spec, 0).total()
}

/// A warning about a run that would take more than an hour from step `from` on, on `threads`
/// threads: duration, cause and remedy.
pub fn warning(spec: &RunSpec, from: u64, isa: Isa, threads: usize) -> Option<String> {
    let prompts = Prompts::of(spec, from);
    if prompts.total() * multiplications(spec) < SHORT {
        return None;
    }
    let seconds = seconds_per_prompt(spec, isa) / threads as f64;
    sentence(&prompts, seconds)
}

/// Approximate number of multiplications for one prompt.
fn multiplications(spec: &RunSpec) -> f64 {
    let (task, model) = (spec.task.task(), &spec.model.transformer);
    let network = if let Labels::Mlp(net) = task.labels() { net.hidden() } else { 0 };
    let encoder = model.encoder.map_or(0, |encoder| 2 * encoder.hidden);
    let (tokens, dim) = (task.context_len() as f64, model.dim as f64);
    // Tokens that are drawn or read one by one, and all pairs of them.
    let single = tokens * dim * (1 + network + encoder) as f64;
    let pairs = match model.form() {
        Form::Moments => 0.0,
        Form::Tokens => tokens * tokens * dim * (model.depth * model.heads) as f64,
    };
    model.params() as f64 + single + pairs
}

/// Seconds to draw one prompt and compute its gradient, on one thread in double precision, as
/// instruments do: measured here, in about two milliseconds.
pub fn seconds_per_prompt(spec: &RunSpec, isa: Isa) -> f64 {
    let model = spec.model.transformer;
    let mut evaluator = Evaluator::<f64>::new(model, isa, 1);
    let params = model.init(spec.train.seed, spec.model.init_std);
    let mut grad = vec![0.0; params.len()];
    let (started, mut fastest, mut step) = (Instant::now(), f64::INFINITY, 0);
    while step == 0 || started.elapsed() < TIMED {
        let key = Key::train(spec.train.seed, step);
        let stream = Stream::new(spec.task.task(), model.form(), isa, key, PROMPTS);
        let round = Instant::now();
        evaluator.gradient(&params, &stream, &mut grad);
        // A slower round includes other work of the machine.
        fastest = fastest.min(round.elapsed().as_secs_f64());
        step += 1;
    }
    fastest / PROMPTS as f64
}

fn sentence(prompts: &Prompts, seconds: f64) -> Option<String> {
    let time = |prompts: f64| Duration::from_secs_f64((prompts * seconds).min(1e15));
    if time(prompts.total()) < LONG {
        return None;
    }
    let mut parts: Vec<(&str, f64)> =
        prompts.instruments.iter().map(|(i, prompts)| (i.name(), *prompts)).collect();
    parts.extend([("training", prompts.training), ("dense Hessians", prompts.hessians)]);
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let shown = parts.iter().filter(|part| part.1 > 0.05 * prompts.total());
    let shown: Vec<String> = shown.map(|(name, p)| format!("{name} {}", text(time(*p)))).collect();
    let advice = match parts[0].0 {
        "training" => "lower train.steps, train.batch_size or the model",
        _ => {
            "measure less often, or with fewer draws of the noise, prompts of its reference, \
             prompts of loss-tails or held-out prompts"
        }
    };
    let total = text(time(prompts.total()));
    Some(format!("it will take about {total} here ({}); to shorten it, {advice}", shown.join(", ")))
}

/// A time with two digits, in its unit.
fn text(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let units = [(31_557_600.0, "years"), (86_400.0, "days"), (3600.0, "h"), (60.0, "min")];
    let unit = units.into_iter().find(|unit| seconds >= 2.0 * unit.0);
    let (size, name) = unit.unwrap_or((1.0, "s"));
    let value = seconds / size;
    if value < 10.0 { format!("{value:.1} {name}") } else { format!("{value:.0} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_runs::spec::Document;

    fn spec(sets: &[&str]) -> RunSpec {
        let mut document = Document::empty();
        sets.iter().for_each(|set| document.set(set).unwrap());
        document.resolve().unwrap()
    }

    #[test]
    fn prompts_are_counted() {
        let plain = Prompts::of(&spec(&["train.steps=100", "eval.every=10"]), 0);
        assert_eq!(plain.total(), 100.0 * 1000.0 + 12.0 * 1000.0);
        let noise = ["train.steps=100", "instruments.noise=50", "instruments.noise_draws=10"];
        let noise = Prompts::of(&spec(&noise), 0);
        // Four readings at most, of ten batches of 1000 and a reference.
        let reading = noise.instruments[0].1 / 4.0;
        let plan = spec(&["instruments.noise=50"]).instruments.plan.clone();
        assert_eq!(reading, (plan.reference + 10 * 1000) as f64);
        // Of a resumed run, only the remaining steps.
        let rest = Prompts::of(&spec(&["train.steps=100", "eval.every=10"]), 60);
        assert_eq!(rest.total(), 40.0 * 1000.0 + 5.0 * 1000.0);
        assert_eq!(readings(&Schedule::At(vec![0, 60, 99, 200]), 60, 100), 2.0);
        let dense =
            Prompts::of(&spec(&["instruments.spectrum=100", "instruments.stability=1000"]), 0);
        assert_eq!(dense.hessians, 102.0 * 0.5 * PRODUCT * 150.0 * 1000.0);
    }

    #[test]
    fn what_takes_hours_is_said_with_its_reason() {
        let prompts = Prompts {
            training: 1e9,
            instruments: vec![(Instrument::Noise, 3e10), (Instrument::LossTails, 1e7)],
            hessians: 0.0,
        };
        let said = sentence(&prompts, 1e-6).unwrap();
        assert!(said.starts_with("it will take about 8.6 h here (noise 8.3 h); "), "{said}");
        assert!(said.contains("fewer draws of the noise"), "{said}");
        assert_eq!(sentence(&prompts, 1e-7), None);
        let training = Prompts { training: 1e15, instruments: Vec::new(), hessians: 0.0 };
        let said = sentence(&training, 1e-6).unwrap();
        assert!(said.starts_with("it will take about 32 years here (training 32 years)"), "{said}");
    }

    #[test]
    fn what_is_timed_counts_tokens_and_their_pairs() {
        let of = |sets: &[&str]| multiplications(&spec(sets));
        assert_eq!(of(&[]), 150.0 + 100.0);
        let softmax = of(&["preset=softmax", "task.context_len=500"]);
        assert!(softmax > 500.0 * 500.0, "{softmax}");
        assert!(of(&["task.context_len=1000000", "task.covariates=student_t"]) > 5e6);
    }

    #[test]
    fn short_runs_are_not_timed() {
        assert_eq!(warning(&spec(&[]), 0, Isa::detect(), 1), None);
        let long = spec(&["train.steps=1000000000000", "eval.every=1000000000"]);
        assert!(warning(&long, 0, Isa::detect(), 2).is_some_and(|said| said.contains("years")));
    }
}
