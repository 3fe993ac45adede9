//! Learning rates that were not published: the best of a grid, which grows where the best is at its
//! edge.
//!
//! Judged by the mean over seeds of ln(held-out loss), itself averaged over the last tenth of
//! training; a run that diverged is infinitely bad.

use windtunnel_core::stats::mean;

use super::cohort::{Cohort, Rates};
use super::{Arm, LOSS, Protocol};
use crate::figure::{Figure, Panel, Scale, Series};
use crate::spec::{RunSpec, SpecError, run_id};
use crate::store::{self, Store};
use crate::table::{Table, number};

/// Seeds of every value of the grid, the first of the figure's own.
const SEEDS: u64 = 3;
/// Times that a grid may grow by a decade, three values.
const GROWTHS: usize = 2;

/// The search for one optimizer of one cohort.
#[derive(Clone, Debug)]
pub struct Search {
    /// Which cohort of the figure.
    pub cohort: usize,
    /// Which optimizer.
    pub arm: Arm,
    /// Ascending values m·10^e, m in {1, 2, 5}, as 3e + (0, 1, 2).
    rungs: std::ops::Range<i32>,
    growths: usize,
    steps: u64,
    /// Losses of every value, seed by seed; empty before [`Search::read`].
    losses: Vec<Vec<f64>>,
}

/// Ten values from 0.001 to 1.
const RUNGS: std::ops::Range<i32> = -9..1;

fn value(rung: i32) -> f64 {
    let mantissa = [1, 2, 5][rung.rem_euclid(3) as usize];
    // Parsed, so that the number is the one a user would write.
    format!("{mantissa}e{}", rung.div_euclid(3)).parse().unwrap_or(f64::NAN)
}

/// The searches that a figure needs.
pub fn searches(cohorts: &[Cohort], protocol: &Protocol) -> Vec<Search> {
    let mut searches = Vec::new();
    for (cohort, of) in cohorts.iter().enumerate() {
        if let Rates::Searched { shortened } = of.rates {
            searches.extend(Arm::ALL.map(|arm| Search {
                cohort,
                arm,
                rungs: RUNGS,
                growths: 0,
                steps: (protocol.steps / shortened).max(1),
                losses: Vec::new(),
            }));
        }
    }
    searches
}

impl Search {
    /// All runs, value by value.
    ///
    /// # Errors
    /// As [`Cohort::spec`].
    pub fn specs(&self, cohorts: &[Cohort]) -> Result<Vec<RunSpec>, SpecError> {
        let mut specs = Vec::new();
        for rung in self.rungs.clone() {
            let spec = cohorts[self.cohort].spec(self.arm, self.steps, Some(value(rung)), None)?;
            specs.extend((0..SEEDS).map(|seed| spec.with_seed(seed)));
        }
        Ok(specs)
    }

    /// Reads the losses of [`Search::specs`]; returns whether the search is over. Where it is not,
    /// the grid has grown.
    ///
    /// # Errors
    /// A run that is not in the store or cannot be read.
    pub fn read(&mut self, store: &Store, specs: &[RunSpec]) -> Result<bool, store::Error> {
        let read = |spec: &RunSpec| -> Result<f64, store::Error> {
            let rows = store.run(&run_id(spec))?.rows;
            let rows: Vec<_> = rows.into_iter().filter(|row| row.metric == LOSS).collect();
            if rows.last().is_none_or(|row| row.step < spec.train.steps) {
                return Ok(f64::INFINITY);
            }
            let late = rows.iter().filter(|row| row.step >= spec.train.steps * 9 / 10);
            Ok(mean(&late.map(|row| row.value.ln()).collect::<Vec<_>>()).exp())
        };
        let losses = specs.iter().map(read).collect::<Result<Vec<f64>, _>>()?;
        self.losses = losses.chunks(SEEDS as usize).map(<[f64]>::to_vec).collect();
        let best = self.best();
        let (first, last) = (best == 0, best + 1 == self.losses.len());
        if self.growths == GROWTHS || !(first || last) {
            return Ok(true);
        }
        self.growths += 1;
        match first {
            true => self.rungs.start -= 3,
            false => self.rungs.end += 3,
        }
        Ok(false)
    }

    fn best(&self) -> usize {
        let score = |losses: &Vec<f64>| mean(&losses.iter().map(|l| l.ln()).collect::<Vec<_>>());
        let scores = self.losses.iter().map(score).enumerate();
        // A mean of infinities is infinite; NaN losses count as diverged.
        let scores = scores.map(|(k, s)| (k, if s.is_nan() { f64::INFINITY } else { s }));
        scores.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(k, _)| k)
    }

    /// The learning rate that was chosen.
    pub fn lr(&self) -> f64 {
        value(self.rungs.start + self.best() as i32)
    }

    /// Whether the best is at an edge of the grid still.
    fn at_edge(&self) -> bool {
        let best = self.best();
        best == 0 || best + 1 == self.losses.len()
    }
}

/// Loss against learning rate, a panel per cohort that was searched; none where all rates are
/// published.
pub fn figure(cohorts: &[Cohort], searches: &[Search]) -> Option<Figure> {
    let series = |search: &Search| {
        let x = search.rungs.clone().map(value).collect();
        let mut series = Series::new(
            search.arm.name(),
            search.arm.color(),
            x,
            search.losses.iter().map(|l| mean(l)).collect(),
        );
        series.members = (0..SEEDS as usize)
            .map(|seed| crate::figure::Member {
                name: format!("seed {seed}"),
                y: search.losses.iter().map(|losses| losses[seed]).collect(),
            })
            .collect();
        series
    };
    let panel = |(k, cohort): (usize, &Cohort)| {
        let own: Vec<Series> = searches.iter().filter(|s| s.cohort == k).map(series).collect();
        (!own.is_empty()).then(|| Panel {
            title: cohort.title.into(),
            x_label: "learning rate".into(),
            y_label: "held-out loss".into(),
            x_scale: Scale::Log,
            y_scale: Scale::Log,
            series: own,
            ..Panel::default()
        })
    };
    let panels: Vec<Panel> = cohorts.iter().enumerate().filter_map(panel).collect();
    let steps: Vec<String> = searches.iter().map(|s| s.steps.to_string()).collect();
    (!panels.is_empty()).then(|| Figure {
        title: "Learning rates that were not published".into(),
        panels,
        caption: format!(
            "Held-out loss over the last tenth of {} steps, seeds 0 to {}: lines are means over them, \
             faint lines single seeds; runs that diverged are missing. The best of the grid is taken.",
            steps.first().map_or("", String::as_str),
            SEEDS - 1
        ),
    })
}

/// The rates that were chosen; none where all are published.
pub fn table(cohorts: &[Cohort], searches: &[Search]) -> Option<Table> {
    let row = |search: &Search| {
        let best = search.best();
        let grid = search.rungs.clone().map(value).collect::<Vec<_>>();
        vec![
            cohorts[search.cohort].name.into(),
            search.arm.name().into(),
            number(search.lr()),
            number(mean(&search.losses[best])),
            format!(
                "{} to {}, {} values",
                number(grid[0]),
                number(grid[grid.len() - 1]),
                grid.len()
            ),
            search.steps.to_string(),
            if search.at_edge() { "yes" } else { "no" }.into(),
        ]
    };
    let head = ["", "optimizer", "lr", "loss", "grid", "steps", "at an edge"];
    (!searches.is_empty()).then(|| {
        Table::new("Learning rates that were searched", &head, searches.iter().map(row).collect())
    })
}
