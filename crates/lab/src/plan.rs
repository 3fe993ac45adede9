//! Plans: the results to compute, as a value that can be listed, counted, estimated and split.
//!
//! A plan does not say how to compute: an [`Executor`](crate::executor::Executor) brings the
//! results into a store, where each [`Work`] is found by its key. Plans do not depend on the
//! machine, so that several machines can make the same one and each compute its
//! [`share`](Plan::share).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use windtunnel_math::lanes::Isa;
use windtunnel_runs::spec::{RunSpec, run_id};
use windtunnel_runs::store::{Error, Store};

use crate::cost::{prompt_cost, prompts, seconds_per_prompt, step_cost};
use crate::describe::{describe, name};
use crate::initial_noise::NoiseStudy;
use crate::progress::{Batch, BatchKind, Item};
use crate::theory::BaselineFit;

/// A piece of work with a result in the store.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// A run of training.
    Run(RunSpec),
    /// The noise of mini-batch gradients at the initial parameters.
    Noise(NoiseStudy),
    /// Losses that need no training.
    Baselines(BaselineFit),
}

/// Seconds for the baselines of a model of one layer. They grow about with the square of the number
/// of layers.
const FIT_SECONDS: f64 = 0.25;

/// Relative cost of one second.
const SECOND: u64 = 1_000_000_000;

impl Work {
    /// Name for lists and progress.
    pub fn name(&self) -> String {
        let spec = self.spec();
        match self {
            Work::Run(spec) => name(spec),
            Work::Noise(_) => {
                format!("initial noise of {} seed {}", describe(spec), spec.train.seed)
            }
            Work::Baselines(_) => format!("baselines of {}", describe(spec)),
        }
    }

    /// Key of the result in a store: the id of a run, or the key of a cached result.
    pub fn key(&self) -> String {
        match self {
            Work::Run(spec) => run_id(spec).to_string(),
            Work::Noise(study) => study.key(),
            Work::Baselines(fit) => fit.key(),
        }
    }

    /// Whether a store has the result.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn is_stored(&self, store: &Store) -> Result<bool, Error> {
        Ok(match self {
            Work::Run(spec) => store.finished(&run_id(spec))?.is_some(),
            Work::Noise(study) => study.recall(store)?.is_some(),
            Work::Baselines(fit) => fit.recall(store)?.is_some(),
        })
    }

    /// Cost relative to other work, the same on every machine.
    pub fn cost(&self) -> u128 {
        match self {
            Work::Run(spec) => u128::from(spec.train.steps) * u128::from(step_cost(spec)),
            Work::Noise(study) => {
                u128::from(study.prompts()) * u128::from(prompt_cost(&study.spec))
            }
            Work::Baselines(fit) => (fit_seconds(fit) * SECOND as f64) as u128,
        }
    }

    /// The spec of the work.
    pub fn spec(&self) -> &RunSpec {
        match self {
            Work::Run(spec) => spec,
            Work::Noise(study) => &study.spec,
            Work::Baselines(fit) => fit.spec(),
        }
    }

    fn item(&self) -> Item {
        let (steps, step_cost) = match self {
            Work::Run(spec) => (spec.train.steps, step_cost(spec)),
            other => (1, u64::try_from(other.cost()).unwrap_or(u64::MAX)),
        };
        Item { name: self.name(), steps, step_cost }
    }
}

/// Text that two runs share if they read the same prompts at every step, in one precision.
fn prompts_key(spec: &RunSpec) -> String {
    let (train, model) = (&spec.train, &spec.model.transformer);
    format!("{:?}", (&spec.task, model.form(), train.seed, train.batch_size, train.precision))
}

fn fit_seconds(fit: &BaselineFit) -> f64 {
    FIT_SECONDS * (fit.spec().model.transformer.depth as f64).powi(2)
}

/// Pieces of work, in the order in which their results are wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Name of the plan, for progress.
    pub title: String,
    /// The pieces.
    pub work: Vec<Work>,
}

impl Plan {
    /// A plan of these pieces.
    pub fn new(title: impl Into<String>, work: impl IntoIterator<Item = Work>) -> Plan {
        Plan { title: title.into(), work: work.into_iter().collect() }
    }

    /// A plan of these runs.
    pub fn of_runs(title: impl Into<String>, specs: impl IntoIterator<Item = RunSpec>) -> Plan {
        Plan::new(title, specs.into_iter().map(Work::Run))
    }

    /// Number of pieces.
    pub fn len(&self) -> usize {
        self.work.len()
    }

    /// Whether the plan is empty.
    pub fn is_empty(&self) -> bool {
        self.work.is_empty()
    }

    /// The specs of its runs.
    pub fn runs(&self) -> impl Iterator<Item = &RunSpec> {
        self.work.iter().filter_map(|work| match work {
            Work::Run(spec) => Some(spec),
            _ => None,
        })
    }

    /// Names of the pieces, in their order.
    pub fn names(&self) -> Vec<String> {
        self.work.iter().map(Work::name).collect()
    }

    /// Indices of the pieces, the most expensive first, so that none is left alone at the end;
    /// equal ones in their order.
    pub fn longest_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        let costs: Vec<u128> = self.work.iter().map(Work::cost).collect();
        order.sort_by_key(|&k| Reverse(costs[k]));
        order
    }

    /// Indices of the pieces in groups that are computed one after another: runs that read the same
    /// prompts stand together, `most` at most, in the order of their cost; other pieces are alone. The
    /// most expensive groups come first.
    pub fn cohorts(&self, most: usize) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        // The last group of every kind of prompts, which may have room.
        let mut open: HashMap<String, usize> = HashMap::new();
        for place in self.longest_first() {
            let key = match &self.work[place] {
                Work::Run(spec) => Some(prompts_key(spec)),
                _ => None,
            };
            let known = key.as_ref().and_then(|key| open.get(key)).copied();
            match known.filter(|&group| groups[group].len() < most) {
                Some(group) => groups[group].push(place),
                None => {
                    open.extend(key.map(|key| (key, groups.len())));
                    groups.push(vec![place]);
                }
            }
        }
        let cost = |group: &[usize]| group.iter().map(|&k| self.work[k].cost()).sum::<u128>();
        groups.sort_by_key(|group| Reverse(cost(group)));
        groups
    }

    /// The pieces that a store lacks.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn missing(&self, store: &Store) -> Result<Plan, Error> {
        let mut missing = Plan::new(self.title.clone(), []);
        for work in &self.work {
            if !work.is_stored(store)? {
                missing.work.push(work.clone());
            }
        }
        Ok(missing)
    }

    /// Part `k` of `n` that cost about the same. Every piece is in exactly one part. The parts are
    /// equal on all machines.
    ///
    /// # Panics
    /// Unless k < n.
    #[must_use]
    pub fn share(&self, k: usize, n: usize) -> Plan {
        assert!(k < n, "share {k} of {n}");
        let mut loads = vec![0_u128; n];
        let mut own = Vec::new();
        for place in self.longest_first() {
            let lightest = (0..n).min_by_key(|&share| loads[share]).unwrap_or(0);
            // A piece without cost still has to be assigned to some part.
            loads[lightest] += self.work[place].cost().max(1);
            if lightest == k {
                own.push(place);
            }
        }
        own.sort_unstable();
        Plan::new(self.title.clone(), own.into_iter().map(|place| self.work[place].clone()))
    }

    /// Estimated duration on this machine with `jobs` pieces at a time, if nothing is stored yet.
    ///
    /// # Cost
    /// Some milliseconds for every task and model, whose gradients are timed.
    pub fn estimate(&self, isa: Isa, jobs: usize) -> Duration {
        let mut timed: Vec<(&RunSpec, f64)> = Vec::new();
        let mut seconds = Vec::new();
        for work in &self.work {
            let mut gradients = |prompts| prompts * speed(&mut timed, work.spec(), isa);
            seconds.push(match work {
                Work::Run(spec) => gradients(prompts(spec)),
                Work::Noise(study) => gradients(study.prompts() as f64),
                Work::Baselines(fit) => fit_seconds(fit),
            });
        }
        let longest = seconds.iter().copied().fold(0.0, f64::max);
        let together = seconds.iter().sum::<f64>() / jobs.max(1) as f64;
        Duration::try_from_secs_f64(together.max(longest)).unwrap_or(Duration::MAX)
    }

    /// Number of pieces of every kind, in words.
    pub fn summary(&self) -> String {
        let of = |kind: fn(&Work) -> bool| self.work.iter().filter(|work| kind(work)).count();
        let counts = [
            (of(|work| matches!(work, Work::Run(_))), "run", "runs"),
            (of(|work| matches!(work, Work::Noise(_))), "noise study", "noise studies"),
            (of(|work| matches!(work, Work::Baselines(_))), "baseline fit", "baseline fits"),
        ];
        let counted = counts.into_iter().filter(|(count, ..)| *count > 0);
        let words: Vec<String> = counted
            .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
            .collect();
        if words.is_empty() { "nothing".into() } else { words.join(", ") }
    }

    /// The plan as a batch for progress.
    pub fn batch(&self) -> Batch {
        let kind = if self.runs().next().is_some() { BatchKind::Runs } else { BatchKind::Pieces };
        let items = self.work.iter().map(Work::item).collect();
        Batch { kind, title: self.title.clone(), items }
    }
}

/// Seconds per prompt of a spec, timed once for every task and model.
fn speed<'a>(timed: &mut Vec<(&'a RunSpec, f64)>, spec: &'a RunSpec, isa: Isa) -> f64 {
    let alike = |(known, _): &&(&RunSpec, f64)| {
        known.task == spec.task && known.model.transformer == spec.model.transformer
    };
    if let Some((_, seconds)) = timed.iter().find(alike) {
        return *seconds;
    }
    let seconds = seconds_per_prompt(spec, isa);
    timed.push((spec, seconds));
    seconds
}
