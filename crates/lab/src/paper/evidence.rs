//! What the runs of all chosen studies recorded, read from the store once.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use windtunnel_core::baseline::{FIT, FIT_PROMPTS, Scalars};
use windtunnel_core::instrument::POOR_REFERENCE;
use windtunnel_core::lanes::Isa;
use windtunnel_core::model::Transformer;
use windtunnel_core::parallel::queue;

use super::cohort::{Cell, Cohort, Rates};
use super::noise::{InitialNoise, initial_noise};
use super::quantity::Convention;
use super::rates::Search;
use super::{Arm, Protocol, claim};
use crate::baseline::{Baseline, baselines};
use crate::chart::{Group, Member};
use crate::spec::{NUMERICS_VERSION, Precision, RunSpec, SpecError, run_id};
use crate::store::{self, Row, Store};
use crate::stored::Run;
use crate::sweep::step_cost;

/// What is known of the cohorts of all chosen studies.
pub struct Evidence {
    /// How it was made.
    pub protocol: Protocol,
    cells: Vec<Cell>,
    searches: Vec<Search>,
    groups: HashMap<(&'static str, Arm), Group>,
    noise: HashMap<&'static str, Vec<InitialNoise>>,
    theory: HashMap<&'static str, Vec<Baseline>>,
    /// Cohorts that lack something, and what.
    failures: HashMap<&'static str, String>,
}

impl Evidence {
    /// Evidence in which nothing is known yet but what was to be run and how rates were found.
    pub fn new(protocol: Protocol, cells: Vec<Cell>, searches: Vec<Search>) -> Evidence {
        let (groups, noise, theory) = (HashMap::new(), HashMap::new(), HashMap::new());
        Evidence { protocol, cells, searches, groups, noise, theory, failures: HashMap::new() }
    }

    /// Reads every run; a cohort of which one is missing or damaged has failed.
    pub fn read(&mut self, store: &Store, jobs: usize) {
        let slots: Vec<Mutex<Option<Result<Member, store::Error>>>> =
            self.cells.iter().map(|_| Mutex::new(None)).collect();
        queue(jobs, &self.cells, |index, cell| {
            let run = run_id(&cell.spec);
            let seed = cell.spec.train.seed;
            let member = Run::finished(store, &run).map(|(found, _)| {
                let mut member = Member { run, seed, rows: found.rows };
                leave_out_poor_noise(&mut member);
                member
            });
            if let Ok(mut slot) = slots[index].lock() {
                *slot = Some(member);
            }
        });
        for (cell, slot) in self.cells.iter().zip(slots) {
            let member = match slot.into_inner() {
                Ok(Some(Ok(member))) => member,
                Ok(Some(Err(error))) => {
                    self.failures.entry(cell.cohort).or_insert_with(|| error.to_string());
                    continue;
                }
                _ => continue,
            };
            let group = self.groups.entry((cell.cohort, cell.arm)).or_insert_with(|| Group {
                name: cell.arm.name().into(),
                color: cell.arm.color(),
                members: Vec::new(),
            });
            group.members.push(member);
        }
    }

    /// Notes that a cohort lacks something.
    pub fn fail(&mut self, cohort: &'static str, reason: String) {
        self.failures.entry(cohort).or_insert(reason);
    }

    /// Samples the noise at initialization of every cohort and seed that the store does not have;
    /// `news` hears of every one that is there. Stops between two of them when asked.
    pub fn sample_noise(
        &mut self,
        store: &Store,
        cohorts: &[&'static Cohort],
        jobs: usize,
        stop: &AtomicBool,
        news: &(dyn Fn() + Sync),
    ) {
        let seeds = 0..self.protocol.seeds;
        let mut items: Vec<(&'static Cohort, u64)> =
            cohorts.iter().flat_map(|cohort| seeds.clone().map(|seed| (*cohort, seed))).collect();
        // The longest first, so that none is left alone at the end.
        let cost = |cohort: &Cohort| {
            let cell = self.cells.iter().find(|cell| cell.cohort == cohort.name);
            cell.map_or(0, |cell| cohort.draws as u64 * step_cost(&cell.spec))
        };
        items.sort_by_key(|(cohort, _)| Reverse(cost(cohort)));
        let protocol = self.protocol;
        let found = Mutex::new(Vec::new());
        queue(jobs, &items, |_, (cohort, seed)| {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let noise = initial_noise(store, cohort, &protocol, *seed);
            news();
            if let Ok(mut found) = found.lock() {
                found.push((cohort.name, noise));
            }
        });
        for (cohort, noise) in found.into_inner().unwrap_or_default() {
            match noise {
                Ok(noise) => self.noise.entry(cohort).or_default().push(noise),
                Err(reason) => self.fail(cohort, reason),
            }
        }
        for noise in self.noise.values_mut() {
            noise.sort_by_key(|noise| noise.seed);
        }
    }

    /// Losses that need no training of every cohort; in a quick look of those with published rates
    /// only, because their best scalars take seconds to find. Stops between two of them when asked.
    pub fn fit_theory(
        &mut self,
        store: &Store,
        cohorts: &[&'static Cohort],
        jobs: usize,
        stop: &AtomicBool,
    ) {
        let found = Mutex::new(Vec::new());
        let quick = self.protocol.quick;
        let wanted = |c: &&&Cohort| !quick || c.rates == Rates::Published;
        let cohorts = cohorts.iter().filter(wanted);
        let mut specs: Vec<(RunSpec, Vec<&'static str>)> = Vec::new();
        for cohort in cohorts {
            match theory_spec(cohort) {
                Ok(spec) => match specs.iter_mut().find(|(known, _)| *known == spec) {
                    Some((_, names)) => names.push(cohort.name),
                    None => specs.push((spec, vec![cohort.name])),
                },
                Err(error) => self.fail(cohort.name, error.to_string()),
            }
        }
        // Scalars of many layers take longest.
        specs.sort_by_key(|(spec, _)| Reverse(spec.model.transformer.depth));
        queue(jobs, &specs, |index, (spec, _)| {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let theory = theory(store, spec);
            if let Ok(mut found) = found.lock() {
                found.push((index, theory));
            }
        });
        for (index, theory) in found.into_inner().unwrap_or_default() {
            for &name in &specs[index].1 {
                match &theory {
                    Ok(theory) => drop(self.theory.insert(name, theory.clone())),
                    Err(reason) => self.fail(name, reason.clone()),
                }
            }
        }
    }

    /// The runs of a cohort with one optimizer.
    pub fn group(&self, cohort: &Cohort, arm: Arm) -> Option<&Group> {
        self.groups.get(&(cohort.name, arm))
    }

    /// All of a cohort's runs, by optimizer.
    pub fn groups(&self, cohort: &Cohort) -> Vec<&Group> {
        cohort.arms.iter().filter_map(|arm| self.group(cohort, *arm)).collect()
    }

    /// Noise at initialization, by seed.
    pub fn noise(&self, cohort: &Cohort) -> &[InitialNoise] {
        self.noise.get(cohort.name).map_or(&[], Vec::as_slice)
    }

    /// Losses that need no training.
    pub fn theory(&self, cohort: &Cohort) -> &[Baseline] {
        self.theory.get(cohort.name).map_or(&[], Vec::as_slice)
    }

    /// What is missing of a cohort.
    pub fn failure(&self, cohort: &Cohort) -> Option<&str> {
        self.failures.get(cohort.name).map(String::as_str)
    }

    /// The runs of a cohort.
    pub fn cells<'a>(&'a self, cohort: &'a Cohort) -> impl Iterator<Item = &'a Cell> {
        self.cells.iter().filter(|cell| cell.cohort == cohort.name)
    }

    /// Searches for learning rates of a cohort.
    pub fn searches<'a>(&'a self, cohort: &'a Cohort) -> impl Iterator<Item = &'a Search> {
        self.searches.iter().filter(|search| search.cohort.name == cohort.name)
    }

    /// Mean and standard deviation over seeds of the ratio of robust condition numbers at a step, by
    /// the paper's convention; nothing where a seed has none.
    pub(super) fn condition_ratio(&self, cohort: &Cohort, step: u64) -> Option<(f64, f64)> {
        claim::ratio(self, cohort, &Convention::condition(step))
    }
}

/// Takes out readings of noise whose reference is too poor: see [`POOR_REFERENCE`].
fn leave_out_poor_noise(member: &mut Member) {
    let noisy = |row: &&Row| row.metric == "grad_noise.reference_error";
    let errors: Vec<(u64, f64)> =
        member.rows.iter().filter(noisy).map(|row| (row.step, row.value)).collect();
    for (step, error) in errors {
        let rms: Vec<(String, f64)> = member
            .rows
            .iter()
            .filter(|row| row.step == step)
            .filter_map(|row| Some((row.metric.strip_suffix(".rms")?.to_string(), row.value)))
            .collect();
        for (prefix, _) in rms.iter().filter(|(_, rms)| error > POOR_REFERENCE * rms) {
            let start = format!("{prefix}.");
            let own = |row: &Row| row.step == step && row.metric.starts_with(&start);
            member.rows.retain(|row| !own(row));
        }
    }
}

/// A baseline as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    name: String,
    mean: f64,
    median: f64,
}

/// What the baselines of a cohort depend on, so that cohorts share them.
fn theory_spec(cohort: &Cohort) -> Result<RunSpec, SpecError> {
    let mut spec = cohort.bare_spec(cohort.arms[0], 1, Some(1.0))?;
    let Transformer { depth, dim, .. } = spec.model.transformer;
    spec.model.transformer = Transformer::linear(depth, dim);
    spec.optimizer.clip_norm = None;
    spec.train.batch_size = 1;
    spec.train.precision = Precision::F64;
    Ok(spec)
}

fn theory(store: &Store, spec: &RunSpec) -> Result<Vec<Baseline>, String> {
    let id = run_id(spec);
    let key = format!(
        "baselines of {id}, fit {FIT} on {FIT_PROMPTS} prompts, numerics {NUMERICS_VERSION}"
    );
    let known = store.kept(&key).map_err(|e| e.to_string())?;
    let known = known.and_then(|text| serde_json::from_str::<Vec<Kept>>(&text).ok());
    let whole = |Kept { name, mean, median }: Kept| Baseline {
        name,
        mean,
        median,
        scalars: None::<Scalars>,
    };
    if let Some(known) = known {
        return Ok(known.into_iter().map(whole).collect());
    }
    let lines = baselines(spec, Isa::detect(), 1).lines;
    let kept: Vec<Kept> = lines
        .iter()
        .map(|line| Kept { name: line.name.clone(), mean: line.mean, median: line.median })
        .collect();
    let text = serde_json::to_string(&kept).map_err(|e| e.to_string())?;
    store.keep(&key, &text).map_err(|e| e.to_string())?;
    Ok(kept.into_iter().map(whole).collect())
}
