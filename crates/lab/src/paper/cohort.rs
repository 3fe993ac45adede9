//! Runs of a figure: cohorts of the same data and model, in which only optimizer and seed differ.

use super::{Arm, Protocol};
use crate::chart::{Group, Member};
use crate::spec::{Document, RunSpec, SpecError, run_id};
use crate::store::{self, Store};

/// A panel's data and model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cohort {
    /// Name in tables, files and verdicts.
    pub name: &'static str,
    /// Heading of the panel.
    pub title: &'static str,
    /// Changes to the default spec, as `--set` takes them.
    pub sets: &'static [&'static str],
    /// How learning rates are chosen.
    pub rates: Rates,
}

/// How the learning rates of a cohort are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    /// Those that were published.
    Published,
    /// By a search over a grid, with runs of a share 1/`shortened` of the protocol's steps.
    Searched {
        /// 1 where whole runs can be afforded.
        shortened: u64,
    },
}

/// One run.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Which cohort.
    pub cohort: usize,
    /// Which optimizer.
    pub arm: Arm,
    /// What is run.
    pub spec: RunSpec,
}

impl Cohort {
    /// The spec of one optimizer, seed 0, with the published learning rate unless there is another
    /// and, where there are any, instruments as `--set` takes them.
    ///
    /// # Errors
    /// None in practice: every cohort resolves, which a test checks.
    pub fn spec(
        &self,
        arm: Arm,
        steps: u64,
        lr: Option<f64>,
        instruments: Option<&str>,
    ) -> Result<RunSpec, SpecError> {
        let mut document = Document::empty();
        for set in self.sets.iter().copied().chain(instruments) {
            document.set(set)?;
        }
        document.set(&format!("optimizer.name={}", arm.spec_name()))?;
        document.set(&format!("train.steps={steps}"))?;
        if let Some(lr) = lr {
            document.set(&format!("optimizer.lr={lr:?}"))?;
        }
        document.resolve()
    }
}

/// All runs, cohort by cohort; `lr` tells the learning rate of those that were searched.
///
/// # Errors
/// As [`Cohort::spec`].
pub fn cells(
    cohorts: &[Cohort],
    protocol: &Protocol,
    instruments: Option<&str>,
    lr: impl Fn(usize, Arm) -> Option<f64>,
) -> Result<Vec<Cell>, SpecError> {
    let mut cells = Vec::new();
    for (cohort, of) in cohorts.iter().enumerate() {
        for arm in Arm::ALL {
            let spec = of.spec(arm, protocol.steps, lr(cohort, arm), instruments)?;
            let seeds = 0..protocol.seeds;
            cells.extend(seeds.map(|seed| Cell { cohort, arm, spec: spec.with_seed(seed) }));
        }
    }
    Ok(cells)
}

/// The runs read back, of every cohort SGDM's and Adam's.
///
/// # Errors
/// A run that is not in the store or cannot be read.
pub fn groups(
    store: &Store,
    cohorts: &[Cohort],
    cells: &[Cell],
) -> Result<Vec<[Group; 2]>, store::Error> {
    let member = |cell: &Cell| {
        let run = run_id(&cell.spec);
        let rows = store.run(&run)?.rows;
        Ok(Member { run, seed: cell.spec.train.seed, rows })
    };
    let group = |cohort: usize, arm: Arm| -> Result<Group, store::Error> {
        let own = cells.iter().filter(|cell| cell.cohort == cohort && cell.arm == arm);
        let members = own.map(member).collect::<Result<_, store::Error>>()?;
        Ok(Group { name: arm.name().into(), color: arm.color(), members })
    };
    let both = |cohort| Ok([group(cohort, Arm::Sgdm)?, group(cohort, Arm::Adam)?]);
    (0..cohorts.len()).map(both).collect()
}
