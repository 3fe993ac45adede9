//! Learning rates that were not published: the best of a grid, which grows where the best is at its
//! edge.
//!
//! Judged by the mean over seeds of ln(held-out loss), itself averaged over the last tenth of
//! training; a run that diverged is infinitely bad. The search may run shorter than the study, so
//! its best is tried at full length: where a run diverges then, the next best takes its place. What
//! was found is kept in the store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use windtunnel_measure::stats::mean;

use super::quantity::{LOSS, diverged, loss};
use super::setting::{Rates, Setting};
use super::{Arm, Protocol};
use windtunnel_figure::table::{Table, number};
use windtunnel_figure::{Figure, Panel, Scale, Series};
use windtunnel_lab::chart::Member;
use windtunnel_runs::spec::{NUMERICS_VERSION, RunId, RunSpec, SpecError, run_id};
use windtunnel_runs::store::{self, Store};
use windtunnel_runs::stored::Run;

/// Seeds of every value of the grid, the first of the figure's own.
pub const SEEDS: u64 = 3;
/// Times that a grid may grow by a decade, three values.
const GROWTHS: usize = 2;

/// The search for one optimizer of one setting.
#[derive(Clone, Debug)]
pub struct Search {
    /// Which setting.
    pub setting: &'static Setting,
    /// Which optimizer.
    pub arm: Arm,
    /// Updates of the runs on the grid, and of those that the study needs.
    steps: u64,
    full_steps: u64,
    grid: Grid,
    stage: Stage,
}

/// What a search computes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// All values of the grid, shortened.
    Grid,
    /// The best of them at full length.
    Trial,
}

/// A grid with what was found on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Grid {
    /// Ascending values m·10^e, m in {1, 2, 5}, as 3e + (0, 1, 2).
    rungs: std::ops::Range<i32>,
    growths: usize,
    /// Losses of every value, seed by seed, nothing where a run diverged; empty before
    /// [`Search::read`].
    losses: Vec<Vec<Option<f64>>>,
    /// Values of which a run of full length diverged.
    rejected: Vec<i32>,
    /// Whether one diverged of the best that is left too, and nothing was left to replace it.
    unstable: bool,
}

/// Beginning of the keys under which the store keeps searches.
const KEY: &str = "learning rates from 1e";

/// Id that all runs of a grid share: that of the run of seed 0 at learning rate 1.
fn base(spec: &RunSpec) -> RunId {
    run_id(&spec.with_lr(1.0).with_seed(0))
}

/// Learning-rate searches that a store keeps, to tell their runs from others.
#[derive(Clone, Debug, Default)]
pub struct LearningRateSearches {
    /// Shared id of the runs of each grid, and the steps of its study, of which theirs are a part.
    grids: BTreeMap<RunId, u64>,
}

impl LearningRateSearches {
    /// Learning-rate searches of a store, read from the keys of what it keeps.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn read(store: &Store) -> Result<LearningRateSearches, store::Error> {
        let grids = store.cached_keys(KEY)?.into_iter().filter_map(|key| {
            let (id, rest) = key.split_once(" for ")?.1.split_once(',')?;
            let steps = rest.split_once("tried for ")?.1.split_once(' ')?.0;
            Some((id.parse().ok()?, steps.parse().ok()?))
        });
        Ok(LearningRateSearches { grids: grids.collect() })
    }

    /// Whether a run is on the grid of a search: shorter than those of its study.
    pub fn has(&self, spec: &RunSpec) -> bool {
        self.grids.get(&base(spec)).is_some_and(|&steps| spec.train.steps < steps)
    }
}

/// Number of values before a grid grows.
const VALUES: i32 = 10;

fn value(rung: i32) -> f64 {
    let mantissa = [1, 2, 5][rung.rem_euclid(3) as usize];
    // Parsed, so that the number is the one a user would write.
    format!("{mantissa}e{}", rung.div_euclid(3)).parse().unwrap_or(f64::NAN)
}

/// The searches that settings need.
pub fn searches(settings: &[&'static Setting], protocol: &Protocol) -> Vec<Search> {
    let mut searches = Vec::new();
    for &setting in settings {
        if let Rates::Searched { shortened, decade } = setting.rates {
            searches.extend(setting.arms.iter().map(|&arm| Search {
                setting,
                arm,
                steps: (setting.steps(protocol) / shortened).max(1),
                full_steps: setting.steps(protocol),
                grid: Grid {
                    rungs: 3 * decade..3 * decade + VALUES,
                    growths: 0,
                    losses: Vec::new(),
                    rejected: Vec::new(),
                    unstable: false,
                },
                stage: Stage::Grid,
            }));
        }
    }
    searches
}

impl Search {
    /// What it asks for next: all values of the grid, one after the other, or the best at full
    /// length, in runs that the study needs itself.
    ///
    /// # Errors
    /// As [`Setting::spec`].
    pub fn specs(&self, protocol: &Protocol) -> Result<Vec<RunSpec>, SpecError> {
        let seeds = 0..SEEDS.min(protocol.seeds);
        if self.stage == Stage::Trial {
            let spec = self.setting.spec(self.arm, protocol, Some(self.lr()))?;
            return Ok(seeds.map(|seed| spec.with_seed(seed)).collect());
        }
        let mut specs = Vec::new();
        for rung in self.grid.rungs.clone() {
            let spec = self.setting.bare_spec(self.arm, self.steps, Some(value(rung)))?;
            specs.extend(seeds.clone().map(|seed| spec.with_seed(seed)));
        }
        Ok(specs)
    }

    /// What the store kept of this search: whether it is over.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn recall(&mut self, store: &Store) -> Result<bool, store::Error> {
        let Some(key) = self.key() else { return Ok(false) };
        let kept = store.cached(&key)?.and_then(|text| serde_json::from_str(&text).ok());
        let Some(grid) = kept else { return Ok(false) };
        self.grid = grid;
        Ok(true)
    }

    fn key(&self) -> Option<String> {
        let spec = self.setting.bare_spec(self.arm, self.steps, Some(1.0)).ok()?;
        let id = base(&spec);
        let Rates::Searched { decade, .. } = self.setting.rates else { return None };
        let Search { full_steps, .. } = self;
        Some(format!(
            "{KEY}{decade} for {id}, {SEEDS} seeds, tried for {full_steps} steps, \
             numerics {NUMERICS_VERSION}"
        ))
    }

    /// Reads the runs of [`Search::specs`]; returns whether the search is over, and keeps what it
    /// found if so.
    ///
    /// # Errors
    /// A run that is not in the store or cannot be read.
    pub fn read(&mut self, store: &Store, specs: &[RunSpec]) -> Result<bool, store::Error> {
        let members = specs.iter().map(|spec| {
            let (run, seed) = (run_id(spec), spec.train.seed);
            let rows = Run::finished(store, &run)?.0.rows;
            Ok((Member { run, seed, rows }, spec.train.steps))
        });
        let members: Vec<(Member, u64)> = members.collect::<Result<_, store::Error>>()?;
        match self.stage {
            Stage::Grid => {
                let late = |(member, steps): &(Member, u64)| loss(member, &LOSS, *steps);
                let late = members.iter().map(late);
                let losses: Vec<_> =
                    late.map(|loss| loss.filter(|loss| loss.is_finite())).collect();
                let seeds = losses.len() / self.grid.rungs.len();
                self.grid.losses = losses.chunks(seeds).map(<[_]>::to_vec).collect();
                self.grow_or_try();
                Ok(false)
            }
            Stage::Trial => {
                let survived = members.iter().all(|(member, steps)| !diverged(member, *steps));
                if survived || self.left() <= 1 && !self.may_grow() {
                    self.grid.unstable = !survived;
                    if let Some((key, text)) =
                        self.key().zip(serde_json::to_string(&self.grid).ok())
                    {
                        store.cache(&key, &text)?;
                    }
                    return Ok(true);
                }
                self.grid.rejected.push(self.grid.rungs.start + self.best() as i32);
                self.grow_or_try();
                Ok(false)
            }
        }
    }

    /// Values that neither diverged in the search nor were rejected.
    fn left(&self) -> usize {
        let means = self.means().into_iter().enumerate();
        means.filter(|(k, mean)| mean.is_finite() && !self.is_rejected(*k)).count()
    }

    fn is_rejected(&self, k: usize) -> bool {
        self.grid.rejected.contains(&(self.grid.rungs.start + k as i32))
    }

    fn may_grow(&self) -> bool {
        self.grid.growths < GROWTHS
    }

    /// A decade more where the best is at an edge; else its best is tried.
    fn grow_or_try(&mut self) {
        let best = self.best();
        let (first, last) = (best == 0 || self.left() == 0, best + 1 == self.grid.losses.len());
        self.stage = Stage::Trial;
        // Beyond a rate that was rejected there are no better ones.
        if self.may_grow() && (first || last && self.grid.rejected.is_empty()) {
            self.stage = Stage::Grid;
            self.grid.growths += 1;
            match first {
                true => self.grid.rungs.start -= 3,
                false => self.grid.rungs.end += 3,
            }
        }
    }

    fn best(&self) -> usize {
        let means = self.means().into_iter().enumerate().filter(|(k, _)| !self.is_rejected(*k));
        means.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(k, _)| k)
    }

    /// The learning rate that was chosen.
    pub fn lr(&self) -> f64 {
        value(self.grid.rungs.start + self.best() as i32)
    }

    /// Rates of which a run of full length diverged; the last is the one that was chosen, where
    /// nothing else was left.
    fn diverged_later(&self) -> Vec<f64> {
        let chosen = self.grid.unstable.then(|| self.lr());
        self.grid.rejected.iter().map(|rung| value(*rung)).chain(chosen).collect()
    }

    /// Whether the best is at an edge of the grid still.
    fn at_edge(&self) -> bool {
        let best = self.best();
        best == 0 || best + 1 == self.grid.losses.len()
    }

    /// Geometric means over seeds, infinite where one diverged: what rates are judged by.
    fn means(&self) -> Vec<f64> {
        let log = |loss: &Option<f64>| loss.map_or(f64::INFINITY, f64::ln);
        let of = |losses: &Vec<Option<f64>>| mean(&losses.iter().map(log).collect::<Vec<_>>());
        self.grid.losses.iter().map(|losses| of(losses).exp()).collect()
    }
}

/// Losses above this multiple of a panel's lowest are those of rates that nobody would take: they are
/// beyond the picture.
const HOPELESS: f64 = 1e4;

/// Loss against learning rate, a panel per setting that was searched; none where all rates are
/// published.
pub fn figure(title: &str, settings: &[Setting], searches: &[&Search]) -> Option<Figure> {
    let series = |search: &&Search| {
        let x = search.grid.rungs.clone().map(value).collect();
        let mut series = Series::new(search.arm.name(), search.arm.color(), x, search.means());
        let of = |seed: usize| {
            let losses = search.grid.losses.iter();
            losses.map(|losses| losses.get(seed).copied().flatten().unwrap_or(f64::NAN)).collect()
        };
        series.members = (0..SEEDS as usize)
            .map(|seed| windtunnel_figure::Member { name: format!("seed {seed}"), y: of(seed) })
            .collect();
        series
    };
    let panel = |setting: &Setting| {
        let own = searches.iter().filter(|s| s.setting.name == setting.name);
        let mut own: Vec<Series> = own.map(series).collect();
        let lowest = own.iter().flat_map(|series| &series.center).copied();
        let most = HOPELESS * lowest.fold(f64::INFINITY, f64::min);
        for series in &mut own {
            let members = series.members.iter_mut().map(|member| &mut member.y);
            for loss in members.chain([&mut series.center]).flatten() {
                *loss = if *loss <= most { *loss } else { f64::NAN };
            }
        }
        let cut = own.iter().flat_map(|series| &series.center).filter(|loss| loss.is_nan());
        let cut = cut.count();
        (!own.is_empty()).then(|| Panel {
            cut,
            title: setting.title.into(),
            x_label: "learning rate".into(),
            y_label: "held-out loss".into(),
            x_scale: Scale::Log,
            y_scale: Scale::Log,
            series: own,
            ..Panel::default()
        })
    };
    let panels: Vec<Panel> = settings.iter().filter_map(panel).collect();
    let mut steps: Vec<u64> = searches.iter().map(|s| s.steps).collect();
    steps.dedup();
    let steps: Vec<String> = steps.iter().map(u64::to_string).collect();
    (!panels.is_empty()).then(|| Figure {
        title: format!("{title}: learning rates that were not published"),
        panels,
        caption: format!(
            "Held-out loss over the last tenth of {} steps, seeds 0 to {}: lines are geometric means over them, \
             faint lines single seeds; runs that diverged are missing, and losses of more than 10^{{4}} times \
             the lowest. The best of the grid is taken, or the next where a run of full length \
             diverges.",
            steps.join(" or "),
            SEEDS - 1
        ),
    })
}

/// The rates that were chosen; none where all are published.
pub fn table(searches: &[&Search]) -> Option<Table> {
    let row = |search: &&Search| {
        let best = search.best();
        let grid = search.grid.rungs.clone().map(value).collect::<Vec<_>>();
        vec![
            search.setting.name.into(),
            search.arm.name().into(),
            number(search.lr()),
            match search.means().get(best) {
                Some(loss) if loss.is_finite() => number(*loss),
                _ => "none: a run diverged at every rate".into(),
            },
            format!(
                "{} to {}, {} values",
                number(grid[0]),
                number(grid[grid.len() - 1]),
                grid.len()
            ),
            search.steps.to_string(),
            if search.at_edge() { "yes" } else { "no" }.into(),
            match search.diverged_later().as_slice() {
                [] => "none".into(),
                rates => rates.iter().map(|x| number(*x)).collect::<Vec<_>>().join(", "),
            },
        ]
    };
    let head = ["", "optimizer", "lr", "loss", "grid", "steps", "at an edge", "diverged later"];
    (!searches.is_empty()).then(|| {
        Table::new("Learning rates that were searched", &head, searches.iter().map(row).collect())
    })
}
