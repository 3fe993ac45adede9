//! What the runs of all chosen studies recorded, read from the store once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use windtunnel_math::parallel::queue;
use windtunnel_measure::instrument::POOR_REFERENCE;
use windtunnel_measure::metric::{Metric, Name};

use super::noise::{InitialNoise, initial_noise};
use super::quantity::REFERENCE;
use super::rates::Search;
use super::setting::{Cell, Rates, Setting};
use super::theory::{Theory, theory, theory_spec};
use super::{Arm, Protocol, claim};
use windtunnel_lab::chart::{Group, Member};
use windtunnel_lab::sweep::step_cost;
use windtunnel_runs::spec::{RunSpec, run_id};
use windtunnel_runs::store::{Row, Store};
use windtunnel_runs::stored::Run;

/// What is known of the settings of all chosen studies.
pub struct Evidence {
    /// How it was made.
    pub protocol: Protocol,
    cells: Vec<Cell>,
    searches: Vec<Search>,
    groups: HashMap<(&'static str, Arm), Group>,
    noise: HashMap<&'static str, Vec<InitialNoise>>,
    theory: HashMap<&'static str, Theory>,
    /// Settings that lack something, and what.
    failures: HashMap<&'static str, String>,
}

impl Evidence {
    /// Evidence in which nothing is known yet but what was to be run and how rates were found.
    pub fn new(protocol: Protocol, cells: Vec<Cell>, searches: Vec<Search>) -> Evidence {
        let (groups, noise, theory) = (HashMap::new(), HashMap::new(), HashMap::new());
        Evidence { protocol, cells, searches, groups, noise, theory, failures: HashMap::new() }
    }

    /// Reads every run; a setting of which one is missing or damaged has failed.
    pub fn read(&mut self, store: &Store, jobs: usize) {
        let go_on = AtomicBool::new(false);
        let load = |cell: &Cell| Run::finished(store, &run_id(&cell.spec)).map(|(run, _)| run.rows);
        let found = in_order(jobs, &self.cells, &go_on, load);
        for (cell, rows) in self.cells.clone().into_iter().zip(found) {
            match rows {
                Some(Ok(rows)) => self.add(&cell, rows),
                Some(Err(error)) => self.fail(cell.setting, error.to_string()),
                None => {}
            }
        }
    }

    /// Adds the rows of a run. Those of a setting have to come in the order of their seeds.
    pub fn add(&mut self, cell: &Cell, rows: Vec<Row>) {
        let mut member = Member { run: run_id(&cell.spec), seed: cell.spec.train.seed, rows };
        leave_out_poor_noise(&mut member);
        let group = self.groups.entry((cell.setting, cell.arm)).or_insert_with(|| Group {
            name: cell.arm.name().into(),
            color: cell.arm.color(),
            members: Vec::new(),
        });
        group.members.push(member);
    }

    /// Adds the noise of a seed at initialization. Seeds of a setting have to come in their order.
    pub fn add_noise(&mut self, setting: &Setting, noise: InitialNoise) {
        self.noise.entry(setting.name).or_default().push(noise);
    }

    /// Notes that a setting lacks something.
    pub fn fail(&mut self, setting: &'static str, reason: String) {
        self.failures.entry(setting).or_insert(reason);
    }

    /// Samples the noise at initialization of every setting and seed that the store does not have;
    /// `on_event` hears of every one that is there. Stops between two of them when asked.
    pub fn sample_noise(
        &mut self,
        store: &Store,
        settings: &[&'static Setting],
        jobs: usize,
        stop: &AtomicBool,
        on_event: &(dyn Fn() + Sync),
    ) {
        let seeds = 0..self.protocol.seeds;
        let mut items: Vec<(&'static Setting, u64)> = settings
            .iter()
            .flat_map(|setting| seeds.clone().map(|seed| (*setting, seed)))
            .collect();
        // The longest first, so that none is left alone at the end.
        let cost = |setting: &Setting| {
            let cell = self.cells.iter().find(|cell| cell.setting == setting.name);
            cell.map_or(0, |cell| setting.draws as u64 * step_cost(&cell.spec))
        };
        items.sort_by_key(|(setting, _)| Reverse(cost(setting)));
        let protocol = self.protocol;
        let found = in_order(jobs, &items, stop, |(setting, seed)| {
            let noise = initial_noise(store, setting, &protocol, *seed);
            on_event();
            noise
        });
        for ((setting, _), noise) in items.iter().zip(found) {
            match noise {
                Some(Ok(noise)) => self.add_noise(setting, noise),
                Some(Err(reason)) => self.fail(setting.name, reason),
                None => {}
            }
        }
    }

    /// Losses that need no training of every setting; in a quick look of those with published rates
    /// only, because their best scalars take seconds to find. Stops between two of them when asked.
    pub fn fit_theory(
        &mut self,
        store: &Store,
        settings: &[&'static Setting],
        jobs: usize,
        stop: &AtomicBool,
    ) {
        let quick = self.protocol.quick;
        let wanted = |c: &&&Setting| !quick || c.rates == Rates::Published;
        let settings = settings.iter().filter(wanted);
        let mut specs: Vec<(RunSpec, Vec<&'static str>)> = Vec::new();
        for setting in settings {
            match theory_spec(setting) {
                Ok(spec) => match specs.iter_mut().find(|(known, _)| *known == spec) {
                    Some((_, names)) => names.push(setting.name),
                    None => specs.push((spec, vec![setting.name])),
                },
                Err(error) => self.fail(setting.name, error.to_string()),
            }
        }
        // Scalars of many layers take longest.
        specs.sort_by_key(|(spec, _)| Reverse(spec.model.transformer.depth));
        let found = in_order(jobs, &specs, stop, |(spec, _)| theory(store, spec));
        for ((_, names), theory) in specs.iter().zip(found) {
            for name in names {
                match &theory {
                    Some(Ok(theory)) => drop(self.theory.insert(name, theory.clone())),
                    Some(Err(reason)) => self.fail(name, reason.clone()),
                    None => {}
                }
            }
        }
    }

    /// The runs of a setting with one optimizer.
    pub fn group(&self, setting: &Setting, arm: Arm) -> Option<&Group> {
        self.groups.get(&(setting.name, arm))
    }

    /// The runs of a setting with one optimizer, by seed.
    pub fn members(&self, setting: &Setting, arm: Arm) -> &[Member] {
        self.group(setting, arm).map_or(&[], |group| &group.members)
    }

    /// All of a setting's runs, by optimizer.
    pub fn groups(&self, setting: &Setting) -> Vec<&Group> {
        setting.arms.iter().filter_map(|arm| self.group(setting, *arm)).collect()
    }

    /// Noise at initialization, by seed.
    pub fn noise(&self, setting: &Setting) -> &[InitialNoise] {
        self.noise.get(setting.name).map_or(&[], Vec::as_slice)
    }

    /// Losses of a setting that need no training; nothing where they were not computed.
    pub fn theory(&self, setting: &Setting) -> Option<&Theory> {
        self.theory.get(setting.name)
    }

    /// What is missing of a setting.
    pub fn failure(&self, setting: &Setting) -> Option<&str> {
        self.failures.get(setting.name).map(String::as_str)
    }

    /// The runs of a setting.
    pub fn cells<'a>(&'a self, setting: &'a Setting) -> impl Iterator<Item = &'a Cell> {
        self.cells.iter().filter(|cell| cell.setting == setting.name)
    }

    /// Searches for learning rates of a setting.
    pub fn searches<'a>(&'a self, setting: &'a Setting) -> impl Iterator<Item = &'a Search> {
        self.searches.iter().filter(|search| search.setting.name == setting.name)
    }

    /// Text of the ratio of robust condition numbers at a step: see [`claim::condition_ratio`].
    pub(super) fn condition_ratio(&self, setting: &Setting, step: u64) -> Option<String> {
        claim::condition_ratio(self, setting, step)
    }
}

/// Results of `work` in the order of the items, not in that in which the threads finish; nothing for
/// items that were not begun before `stop`.
fn in_order<T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    stop: &AtomicBool,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<Option<R>> {
    let slots: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    queue(jobs, items, |index, item| {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let found = work(item);
        if let Ok(mut slot) = slots[index].lock() {
            *slot = Some(found);
        }
    });
    slots.into_iter().map(|slot| slot.into_inner().ok().flatten()).collect()
}

/// Takes out readings of noise whose reference is too poor: see [`POOR_REFERENCE`].
fn leave_out_poor_noise(member: &mut Member) {
    let errors: BTreeMap<u64, f64> =
        member.rows_of(REFERENCE).map(|row| (row.step, row.value)).collect();
    let batch_size = |row: &Row| row.metric.parse::<Name>().ok()?.metric().batch_size();
    let poor = |row: &Row| {
        let error = errors.get(&row.step)?;
        let batch_size = batch_size(row)?;
        let rms = row.metric == Metric::NoiseRms(batch_size).to_string();
        (rms && *error > POOR_REFERENCE * row.value).then_some((row.step, batch_size))
    };
    let poor: BTreeSet<(u64, usize)> = member.rows.iter().filter_map(poor).collect();
    let steps: BTreeSet<u64> = poor.iter().map(|(step, _)| *step).collect();
    let is_poor = |row: &Row| batch_size(row).is_some_and(|size| poor.contains(&(row.step, size)));
    member.rows.retain(|row| !(steps.contains(&row.step) && is_poor(row)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_find_is_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..20).collect();
        // The first waits for the last, so that it ends after all others.
        let last = AtomicBool::new(false);
        let work = |item: &usize| {
            while *item == 0 && !last.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            last.fetch_or(*item == 19, Ordering::Relaxed);
            10 * item
        };
        let found = in_order(2, &items, &AtomicBool::new(false), work);
        assert_eq!(found, items.iter().map(|item| Some(10 * item)).collect::<Vec<_>>());
        assert_eq!(in_order(2, &items, &AtomicBool::new(true), work), vec![None; 20]);
    }
}
