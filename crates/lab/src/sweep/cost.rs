//! How long a run will take here, before it starts.

use std::time::{Duration, Instant};

use windtunnel_core::instrument::{Instrument, Work};
use windtunnel_core::lanes::Isa;
use windtunnel_core::model::{Evaluator, Transformer};
use windtunnel_core::rng::{Key, Purpose};
use windtunnel_core::task::{Labels, Stream};
use windtunnel_core::train::Schedule;

use crate::spec::RunSpec;

/// A run that takes longer says so before it starts.
const LONG: Duration = Duration::from_hours(1);
/// Multiplications that no machine makes in a tenth of that: below, nothing is timed.
const SHORT: f64 = 1e12;
/// Prompts that are timed, and for how long.
const PROMPTS: usize = 16;
const TIMED: Duration = Duration::from_millis(2);
/// A Hessian-vector product beside a gradient (docs/performance.md).
const PRODUCT: f64 = 4.0;

/// Gradients of single prompts that a run asks for.
struct Prompts {
    training: f64,
    instruments: Vec<(Instrument, f64)>,
    /// Dense Hessians, which instruments share.
    hessians: f64,
}

impl Prompts {
    fn of(spec: &RunSpec) -> Prompts {
        let (train, batch) = (&spec.train, spec.eval.batch_size as f64);
        let params = spec.model.transformer.params();
        let own = Schedule::Every(spec.eval.every).count(train.steps) as f64 * batch;
        let others = spec.shadows().len();
        let work = |instrument: Instrument, schedule: &Schedule| {
            let count = schedule.count(train.steps) as f64;
            (count, instrument.work(params, &spec.instruments.plan, others))
        };
        let schedules = &spec.instruments.schedules;
        let of = |(instrument, schedule): &(Instrument, Schedule)| {
            let (count, Work { gradients, products, prompts, .. }) = work(*instrument, schedule);
            let fixed = gradients as f64 + PRODUCT * products as f64;
            (*instrument, count * (fixed * batch + prompts as f64))
        };
        let hessians = schedules.iter().map(|(instrument, schedule)| {
            let (count, work) = work(*instrument, schedule);
            count * work.hessians as f64
        });
        // Half of the products of a Hessian follow by symmetry.
        let hessian = 0.5 * PRODUCT * params as f64 * batch;
        Prompts {
            training: train.steps as f64 * train.batch_size as f64 + own,
            instruments: schedules.iter().map(of).collect(),
            hessians: hessians.fold(0.0, f64::max) * hessian,
        }
    }

    fn total(&self) -> f64 {
        self.training + self.instruments.iter().map(|i| i.1).sum::<f64>() + self.hessians
    }
}

/// A sentence about a run that would take more than an hour on `threads` threads: how long, what
/// takes that long, and what to do.
pub fn warning(spec: &RunSpec, isa: Isa, threads: usize) -> Option<String> {
    let prompts = Prompts::of(spec);
    if prompts.total() * multiplications(spec) < SHORT {
        return None;
    }
    let seconds = seconds_per_prompt(spec, isa) / threads as f64;
    sentence(&prompts, seconds)
}

/// Of one prompt, at least.
fn multiplications(spec: &RunSpec) -> f64 {
    let task = &spec.task.task;
    let Transformer { dim, .. } = spec.model.transformer;
    let network = if let Labels::Mlp(net) = task.labels() { net.hidden() } else { 0 };
    (spec.model.transformer.params() + task.context_len() * dim * network) as f64
}

/// Drawing one prompt and its gradient, on one thread in double precision, as instruments do.
fn seconds_per_prompt(spec: &RunSpec, isa: Isa) -> f64 {
    let model = spec.model.transformer;
    let mut evaluator = Evaluator::<f64>::new(model, isa, 1);
    let params = model.init(spec.train.seed, spec.model.init_std);
    let mut grad = vec![0.0; params.len()];
    let (started, mut rounds) = (Instant::now(), 0);
    while rounds == 0 || started.elapsed() < TIMED {
        let key = Key { seed: spec.train.seed, purpose: Purpose::Train, step: rounds };
        let stream = Stream::new(&spec.task.task, model.form(), isa, key, PROMPTS);
        evaluator.gradient(&params, &stream, &mut grad);
        rounds += 1;
    }
    started.elapsed().as_secs_f64() / (rounds as f64 * PROMPTS as f64)
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

/// Two digits of a time, in its unit.
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
    use crate::spec::Document;

    fn spec(sets: &[&str]) -> RunSpec {
        let mut document = Document::empty();
        sets.iter().for_each(|set| document.set(set).unwrap());
        document.resolve().unwrap()
    }

    #[test]
    fn prompts_are_counted() {
        let plain = Prompts::of(&spec(&["train.steps=100", "eval.every=10"]));
        assert_eq!(plain.total(), 100.0 * 1000.0 + 12.0 * 1000.0);
        let noise = ["train.steps=100", "instruments.noise=50", "instruments.noise_draws=10"];
        let noise = Prompts::of(&spec(&noise));
        // Four readings at most, of ten batches of 1000 and a reference.
        let reading = noise.instruments[0].1 / 4.0;
        let plan = spec(&["instruments.noise=50"]).instruments.plan;
        assert_eq!(reading, (plan.reference + 10 * 1000) as f64);
        let dense = Prompts::of(&spec(&["instruments.spectrum=100", "instruments.stability=1000"]));
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
    fn short_runs_are_not_timed() {
        assert_eq!(warning(&spec(&[]), Isa::detect(), 1), None);
        let long = spec(&["train.steps=1000000000000", "eval.every=1000000000"]);
        assert!(warning(&long, Isa::detect(), 2).is_some_and(|said| said.contains("years")));
    }
}
