//! Recorded data of the runs of all chosen studies, read from the store once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use windtunnel_math::parallel::queue;
use windtunnel_measure::instrument::POOR_REFERENCE;
use windtunnel_measure::metric::{Metric, Name};

use super::noise::InitialNoise;
use super::protocol::Protocol;
use super::quantity::REFERENCE;
use super::rates::Search;
use super::setting::{Cell, Setting};
use windtunnel_figure::Color;
use windtunnel_lab::chart::{Group, Member};
use windtunnel_lab::inference::{HeldOutBatch, fresh_batches};
use windtunnel_lab::rows::Rows;
use windtunnel_lab::theory::Theory;
use windtunnel_runs::spec::run_id;
use windtunnel_runs::store::{Row, Store};
use windtunnel_runs::stored::Run;

/// Data of the settings of all chosen studies.
pub struct Evidence {
    /// Protocol of the runs.
    pub protocol: Protocol,
    cells: Vec<Cell>,
    searches: Vec<Search>,
    /// Groups by the names of setting and arm.
    groups: HashMap<(&'static str, &'static str), Group>,
    noise: HashMap<&'static str, Vec<InitialNoise>>,
    theory: HashMap<&'static str, Theory>,
    /// Settings that lack something, each with the reason.
    failures: HashMap<&'static str, String>,
}

impl Evidence {
    /// Evidence without data, for the given runs and searches.
    pub fn new(protocol: Protocol, cells: Vec<Cell>, searches: Vec<Search>) -> Evidence {
        let (groups, noise, theory) = (HashMap::new(), HashMap::new(), HashMap::new());
        Evidence { protocol, cells, searches, groups, noise, theory, failures: HashMap::new() }
    }

    /// Reads every run. A setting with a missing or damaged run is marked as failed.
    pub fn read(&mut self, store: &Store, jobs: usize) {
        let load = |cell: &Cell| Run::finished(store, &run_id(&cell.spec)).map(|(run, _)| run.rows);
        let found = in_order(jobs, &self.cells, load);
        for (cell, rows) in self.cells.clone().into_iter().zip(found) {
            match rows {
                Ok(rows) => self.add(&cell, rows),
                Err(error) => self.fail(cell.setting, error.to_string()),
            }
        }
    }

    /// Adds the rows of a run. Runs of a setting must be added in the order of their seeds.
    pub fn add(&mut self, cell: &Cell, rows: Vec<Row>) {
        let rows = without_poor_noise(rows);
        let member = Member { run: run_id(&cell.spec), seed: cell.spec.train.seed, rows };
        let group = self.groups.entry((cell.setting, cell.arm.name)).or_insert_with(|| Group {
            name: cell.arm.name.into(),
            // Each study assigns its own colours.
            color: Color::BLACK,
            members: Vec::new(),
        });
        group.members.push(member);
    }

    /// Adds the noise of a seed at initialization. Seeds of a setting must be added in their order.
    pub fn add_noise(&mut self, setting: &Setting, noise: InitialNoise) {
        self.noise.entry(setting.name).or_default().push(noise);
    }

    /// Adds the losses of the baselines of a setting.
    pub fn add_theory(&mut self, setting: &Setting, theory: Theory) {
        self.theory.insert(setting.name, theory);
    }

    /// Marks a setting as failed.
    pub fn fail(&mut self, setting: &'static str, reason: String) {
        self.failures.entry(setting).or_insert(reason);
    }

    /// The runs of a setting with the arm of this name.
    pub fn group(&self, setting: &Setting, arm: &str) -> Option<&Group> {
        self.groups.get(&(setting.name, setting.arm(arm)?.name))
    }

    /// The runs of a setting with the arm of this name, by seed.
    pub fn members(&self, setting: &Setting, arm: &str) -> &[Member] {
        self.group(setting, arm).map_or(&[], |group| &group.members)
    }

    /// Number of fresh held-out batches that all runs of a setting have.
    pub fn fresh_batches(&self, setting: &Setting) -> usize {
        let groups = self.groups(setting);
        let members = groups.iter().flat_map(|group| &group.members);
        members.map(fresh_batches).min().unwrap_or(0)
    }

    /// Held-out prompts by which claims about a setting are judged first.
    pub fn primary_batch(&self, setting: &Setting) -> HeldOutBatch {
        HeldOutBatch::primary(self.fresh_batches(setting))
    }

    /// All runs of a setting, by arm.
    pub fn groups(&self, setting: &Setting) -> Vec<&Group> {
        setting.arms.iter().filter_map(|arm| self.group(setting, arm.name)).collect()
    }

    /// Noise at initialization, by seed.
    pub fn noise(&self, setting: &Setting) -> &[InitialNoise] {
        self.noise.get(setting.name).map_or(&[], Vec::as_slice)
    }

    /// Losses of the baselines of a setting; `None` if they were not computed.
    pub fn theory(&self, setting: &Setting) -> Option<&Theory> {
        self.theory.get(setting.name)
    }

    /// Reason why a setting failed; `None` if nothing is missing.
    pub fn failure(&self, setting: &Setting) -> Option<&str> {
        self.failures.get(setting.name).map(String::as_str)
    }

    /// The runs of a setting.
    pub fn cells<'a>(&'a self, setting: &'a Setting) -> impl Iterator<Item = &'a Cell> {
        self.cells.iter().filter(|cell| cell.setting == setting.name)
    }

    /// Learning-rate searches of a setting.
    pub fn searches<'a>(&'a self, setting: &'a Setting) -> impl Iterator<Item = &'a Search> {
        self.searches.iter().filter(|search| search.setting.name == setting.name)
    }
}

/// Results of `work` in the order of the items, whichever thread finishes first.
fn in_order<T: Sync, R: Send>(jobs: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let slots: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    queue(jobs, items, |index, item| {
        let found = work(item);
        if let Ok(mut slot) = slots[index].lock() {
            *slot = Some(found);
        }
    });
    // A panic of a thread has already ended the queue.
    slots.into_iter().filter_map(|slot| slot.into_inner().ok().flatten()).collect()
}

/// Removes noise readings whose reference is too inaccurate: see [`POOR_REFERENCE`].
fn without_poor_noise(rows: Vec<Row>) -> Rows {
    let rows = Rows::from(rows);
    let errors: BTreeMap<u64, f64> = rows.of(REFERENCE).map(|row| (row.step, row.value)).collect();
    if errors.is_empty() {
        return rows;
    }
    let batch_size = |row: &Row| row.metric.parse::<Name>().ok()?.metric().batch_size();
    let poor = |row: &Row| {
        let error = errors.get(&row.step)?;
        let batch_size = batch_size(row)?;
        let rms = row.metric == Metric::NoiseRms(batch_size).to_string();
        (rms && *error > POOR_REFERENCE * row.value).then_some((row.step, batch_size))
    };
    let poor: BTreeSet<(u64, usize)> = rows.iter().filter_map(poor).collect();
    let steps: BTreeSet<u64> = poor.iter().map(|(step, _)| *step).collect();
    let is_poor = |row: &Row| batch_size(row).is_some_and(|size| poor.contains(&(row.step, size)));
    rows.iter().filter(|row| !(steps.contains(&row.step) && is_poor(row))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

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
        let found = in_order(2, &items, work);
        assert_eq!(found, items.iter().map(|item| 10 * item).collect::<Vec<_>>());
        assert!(in_order(2, &[], work).is_empty());
    }
}
