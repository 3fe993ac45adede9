//! Searches for learning rates: plans that depend on earlier results.
//!
//! A search takes the best value of a grid, which grows if the best is at its edge. The criterion
//! is the mean over seeds of ln(held-out loss), itself averaged over the last tenth of training; a
//! run that diverged is infinitely bad. Runs on the grid may be shorter than the runs that use the
//! rate, so the best is tried at full length, first with one seed, then with the others: if a run
//! diverges then, the next best takes its place. The result is cached in the store.

mod grid;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use windtunnel_runs::spec::{NUMERICS_VERSION, RunId, RunSpec, run_id};
use windtunnel_runs::store::{self, Row, Store};
use windtunnel_runs::stored::Run;

use crate::cached::recall;
use crate::ending::{LOSS, diverged, late_loss};
use crate::laboratory::{Error, Lab};
use crate::plan::Plan;
use crate::training::Status;
use grid::{Grid, value};

/// Seeds of every value of the grid: 0, 1, ….
pub const SEEDS: u64 = 3;

/// Prefix of the keys of cached searches.
const KEY: &str = "learning rates from 1e";

/// Key of the cached result of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SearchKey {
    decade: i32,
    /// Id that the runs of the grid share.
    grid: RunId,
    first_seed: u64,
    /// Number of updates of the runs that use the rate.
    steps: u64,
}

impl fmt::Display for SearchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SearchKey { decade, grid, first_seed, steps } = self;
        write!(f, "{KEY}{decade} for {grid}, {SEEDS} seeds")?;
        // The first stores had no other seeds than those from 0 on.
        if *first_seed > 0 {
            write!(f, " from {first_seed}")?;
        }
        write!(f, ", tried for {steps} steps, numerics {NUMERICS_VERSION}")
    }
}

impl SearchKey {
    /// The key that a text is, under any version of the numerics; `None` if it is none.
    fn read(text: &str) -> Option<SearchKey> {
        let (decade, rest) = text.strip_prefix(KEY)?.split_once(" for ")?;
        let (grid, rest) = rest.split_once(", ")?;
        let (seeds, rest) = rest.split_once(", tried for ")?;
        let first_seed = seeds.split_once(" from ").map_or("0", |(_, first)| first);
        Some(SearchKey {
            decade: decade.parse().ok()?,
            grid: grid.parse().ok()?,
            first_seed: first_seed.parse().ok()?,
            steps: rest.split_once(' ')?.0.parse().ok()?,
        })
    }
}

/// Search for the learning rate of one spec.
#[derive(Clone, Debug)]
pub struct RateSearch {
    label: String,
    /// The spec of the runs on the grid, at any learning rate and seed.
    short: RunSpec,
    /// The spec of the runs that use the rate.
    full: RunSpec,
    decade: i32,
    /// First of the seeds.
    first_seed: u64,
    grid: Grid,
    phase: Phase,
}

/// Next part of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// All values of the grid, with shortened runs.
    Grid,
    /// The best of them at full length with the first seed: most rates that diverge do so with
    /// any seed, and such runs are the longest of a search.
    Trial,
    /// The same with the other seeds.
    Confirmation,
    /// The search has ended.
    Over,
}

/// Id that all runs of a grid share: that of the run of seed 0 at learning rate 1.
fn base(spec: &RunSpec) -> RunId {
    run_id(&spec.with_lr(1.0).with_seed(0))
}

impl RateSearch {
    /// A search for the rate of `full`, by runs of `short` on a grid of ten values that begins at
    /// 10^`decade`. `label` is its name in messages.
    pub fn new(label: impl Into<String>, short: RunSpec, full: RunSpec, decade: i32) -> RateSearch {
        let (grid, phase) = (Grid::new(decade), Phase::Grid);
        RateSearch { label: label.into(), short, full, decade, first_seed: 0, grid, phase }
    }

    /// The same search with seeds from another one than 0 on.
    #[must_use]
    pub fn from_seed(self, first_seed: u64) -> RateSearch {
        RateSearch { first_seed, ..self }
    }

    /// Name in messages.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The runs that the search needs next: all values of the grid, seed by seed, or the best at
    /// full length; none if it is over.
    pub fn ask(&self) -> Vec<RunSpec> {
        let first = self.first_seed;
        let on_grid = |lr| (first..first + SEEDS).map(move |seed| (lr, seed));
        let best = |seeds: Range<u64>| {
            let full = self.full.with_lr(self.lr());
            seeds.map(|seed| full.with_seed(seed)).collect()
        };
        match self.phase {
            Phase::Grid => {
                let runs = self.grid.values().into_iter().flat_map(on_grid);
                runs.map(|(lr, seed)| self.short.with_lr(lr).with_seed(seed)).collect()
            }
            Phase::Trial => best(first..first + 1),
            Phase::Confirmation => best(first + 1..first + SEEDS),
            Phase::Over => Vec::new(),
        }
    }

    /// Reports the rows of the runs of [`RateSearch::ask`], in their order.
    ///
    /// # Panics
    /// If there are more or fewer of them.
    pub fn tell(&mut self, rows: &[Vec<Row>]) {
        assert_eq!(rows.len(), self.ask().len(), "rows of other runs than were asked for");
        let next_to_try = match self.phase {
            Phase::Grid => {
                let steps = self.short.train.steps;
                let losses = rows.iter().map(|rows| late_loss(rows, &LOSS, steps));
                let losses: Vec<_> = losses.map(|loss| loss.filter(|x| x.is_finite())).collect();
                self.grid.judge(losses.chunks(SEEDS as usize).map(<[_]>::to_vec).collect());
                self.grid.grow()
            }
            Phase::Trial | Phase::Confirmation => {
                let steps = self.full.train.steps;
                let survived = rows.iter().all(|rows| !diverged(rows, steps));
                if survived && self.phase == Phase::Trial {
                    self.phase = Phase::Confirmation;
                    return;
                }
                if survived || !self.grid.has_others() {
                    self.grid.unstable = !survived;
                    self.phase = Phase::Over;
                    return;
                }
                self.grid.reject();
                self.grid.grow()
            }
            Phase::Over => return,
        };
        self.phase = if next_to_try { Phase::Trial } else { Phase::Grid };
    }

    /// Whether the learning rate is found.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Reads the runs of [`RateSearch::ask`] from a store; returns whether the search is over, and
    /// then caches its result.
    ///
    /// # Errors
    /// A run that is not in the store or cannot be read.
    pub fn read(&mut self, store: &Store) -> Result<bool, store::Error> {
        let rows = |spec: &RunSpec| Ok(Run::finished(store, &run_id(spec))?.0.rows);
        let rows: Vec<Vec<Row>> =
            self.ask().iter().map(rows).collect::<Result<_, store::Error>>()?;
        self.tell(&rows);
        if self.is_over()
            && let Ok(text) = serde_json::to_string(&self.grid)
        {
            store.cache(&self.key(), &text)?;
        }
        Ok(self.is_over())
    }

    /// Restores the cached result of this search, if there is one; returns whether there was, so
    /// that the search is over.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn recall(&mut self, store: &Store) -> Result<bool, store::Error> {
        let Some(grid) = recall(store, &self.key())? else { return Ok(false) };
        (self.grid, self.phase) = (grid, Phase::Over);
        Ok(true)
    }

    /// Key of the cached result.
    fn key(&self) -> String {
        let key = SearchKey {
            decade: self.decade,
            grid: base(&self.short),
            first_seed: self.first_seed,
            steps: self.full.train.steps,
        };
        key.to_string()
    }

    /// The learning rate that is the best so far.
    fn lr(&self) -> f64 {
        value(self.grid.best_rung())
    }

    /// The result of a search that is over; the search itself if it is not.
    ///
    /// # Errors
    /// The search, to go on with.
    pub fn finish(self) -> Result<SearchedRate, Box<RateSearch>> {
        if self.is_over() { Ok(SearchedRate(self)) } else { Err(Box::new(self)) }
    }
}

/// Result of a search that is over.
#[derive(Clone, Debug)]
pub struct SearchedRate(RateSearch);

impl SearchedRate {
    /// The learning rate that was chosen.
    pub fn lr(&self) -> f64 {
        self.0.lr()
    }

    /// Updates of the runs on the grid.
    pub fn steps(&self) -> u64 {
        self.0.short.train.steps
    }

    /// The values of the grid, ascending.
    pub fn values(&self) -> Vec<f64> {
        self.0.grid.values()
    }

    /// Criteria of the values: geometric means of losses over seeds, infinite if a run diverged.
    pub fn means(&self) -> Vec<f64> {
        self.0.grid.means()
    }

    /// Losses of a seed, value by value; `None` if its run diverged.
    pub fn losses(&self, seed: u64) -> Vec<Option<f64>> {
        let of = |losses: &Vec<Option<f64>>| losses.get(seed as usize).copied().flatten();
        self.0.grid.losses.iter().map(of).collect()
    }

    /// The loss of the chosen rate; `None` if a run diverged at every rate.
    pub fn loss(&self) -> Option<f64> {
        self.means().get(self.0.grid.best()).copied().filter(|loss| loss.is_finite())
    }

    /// Whether the rate is still at an edge of the grid.
    pub fn at_edge(&self) -> bool {
        let best = self.0.grid.best();
        best == 0 || best + 1 == self.0.grid.losses.len()
    }

    /// Rates at which a run of full length diverged. The last one is the chosen rate if no other
    /// was left.
    pub fn diverged_later(&self) -> Vec<f64> {
        let chosen = self.0.grid.unstable.then(|| self.lr());
        self.0.grid.rejected.iter().map(|rung| value(*rung)).chain(chosen).collect()
    }
}

/// Runs searches until all are over, in rounds in which the remaining ones compute together.
/// Returns each search or the reason why it could not go on, in the given order, whichever was
/// cached and whichever ended first.
///
/// # Errors
/// Errors that end the experiment: see [`Error`].
pub fn search(
    lab: &Lab,
    searches: Vec<RateSearch>,
) -> Result<Vec<Result<SearchedRate, String>>, Error> {
    let mut ended: Vec<Option<Result<SearchedRate, String>>> = vec![None; searches.len()];
    let mut open = Vec::new();
    for (place, mut search) in searches.into_iter().enumerate() {
        match search.recall(lab.store())? {
            true => ended[place] = Some(Ok(SearchedRate(search))),
            false => open.push((place, search)),
        }
    }
    let mut round = 0;
    while !open.is_empty() {
        round += 1;
        let asked = open.iter().flat_map(|(_, search)| search.ask());
        let plan = Plan::of_runs(format!("learning rates, round {round}"), asked);
        let mut statuses = lab.execute(&plan)?.into_iter();
        for (place, mut search) in std::mem::take(&mut open) {
            let own: Vec<Status> = statuses.by_ref().take(search.ask().len()).collect();
            match read(&mut search, lab.store(), own) {
                Ok(false) => open.push((place, search)),
                Ok(true) => {
                    lab.progress.searched(search.label(), Ok(search.lr()));
                    ended[place] = Some(Ok(SearchedRate(search)));
                }
                Err(reason) => {
                    lab.progress.searched(search.label(), Err(&reason));
                    ended[place] = Some(Err(reason));
                }
            }
        }
    }
    Ok(ended.into_iter().flatten().collect())
}

/// Whether a search is over after the runs of a round, or the reason why it cannot go on.
fn read(search: &mut RateSearch, store: &Store, statuses: Vec<Status>) -> Result<bool, String> {
    let failed = statuses.into_iter().find_map(|status| match status {
        Status::Failed(reason) => Some(reason),
        _ => None,
    });
    let read = match failed {
        Some(reason) => Err(reason),
        None => search.read(store).map_err(|error| error.to_string()),
    };
    read.map_err(|reason| format!("search for a learning rate: {reason}"))
}

/// Cached learning-rate searches of a store, to tell their runs from others.
#[derive(Clone, Debug, Default)]
pub struct LearningRateSearches {
    /// Shared id of the runs of each grid, and the number of steps of its study, of which its runs
    /// are a part.
    grids: BTreeMap<RunId, u64>,
}

impl LearningRateSearches {
    /// Learning-rate searches of a store, from the keys of its cached results.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn read(store: &Store) -> Result<LearningRateSearches, store::Error> {
        let keys = store.cached_keys(KEY)?;
        let keys = keys.iter().filter_map(|key| SearchKey::read(key));
        Ok(LearningRateSearches { grids: keys.map(|key| (key.grid, key.steps)).collect() })
    }

    /// Whether a run is on the grid of a search and shorter than the runs of its study.
    pub fn has(&self, spec: &RunSpec) -> bool {
        self.grids.get(&base(spec)).is_some_and(|&steps| spec.train.steps < steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_results_are_read_as_they_are_written() {
        let grid: RunId = RunId::from(0x1234);
        for first_seed in [0, 1000] {
            let key = SearchKey { decade: -3, grid: grid.clone(), first_seed, steps: 400 };
            assert_eq!(SearchKey::read(&key.to_string()), Some(key));
        }
        for other in ["", "learning rates from 1e-3", "initial noise 2 of 1234, 20 draws"] {
            assert_eq!(SearchKey::read(other), None, "{other}");
        }
    }
}
