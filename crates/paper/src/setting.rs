//! Settings of a study: runs of the same data and model, in which only optimizer and seed differ.

use super::{Arm, Protocol};
use windtunnel_runs::spec::{Document, RunSpec, SpecError};

/// A panel's data and model. Studies that show the same setting share its runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Name in tables, files and verdicts; no two settings share one.
    pub name: &'static str,
    /// Heading of the panel.
    pub title: &'static str,
    /// Changes to the default spec, as `--set` takes them.
    pub sets: &'static [&'static str],
    /// Further changes in a quick look.
    pub quick_sets: &'static [&'static str],
    /// What its runs measure, as `--set` takes it.
    pub instruments: &'static [&'static str],
    /// Optimizers.
    pub arms: &'static [Arm],
    /// How learning rates are chosen.
    pub rates: Rates,
    /// Updates per run, in full and quick.
    pub steps: (u64, u64),
    /// Mini-batch gradients per seed of the study of noise at initialization.
    pub draws: usize,
    /// What a dose-response curve is drawn against.
    pub dose: f64,
}

/// How the learning rates of a setting are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    /// Those that were published.
    Published,
    /// By a search over a grid, with runs of a share 1/`shortened` of the steps.
    Searched {
        /// 1 where whole runs can be afforded.
        shortened: u64,
        /// The ten values begin at 10^`decade`.
        decade: i32,
    },
}

/// One run.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Name of its setting.
    pub setting: &'static str,
    /// Which optimizer.
    pub arm: Arm,
    /// What is run.
    pub spec: RunSpec,
}

impl Setting {
    /// Updates of a run.
    pub fn steps(&self, protocol: &Protocol) -> u64 {
        if protocol.quick { self.steps.1 } else { self.steps.0 }
    }

    /// The spec of one optimizer, seed 0, with the published learning rate unless there is another.
    ///
    /// # Errors
    /// None in practice: every setting resolves, which a test checks.
    pub fn spec(
        &self,
        arm: Arm,
        protocol: &Protocol,
        lr: Option<f64>,
    ) -> Result<RunSpec, SpecError> {
        let quick = if protocol.quick { self.quick_sets } else { &[] };
        self.resolve(arm, self.steps(protocol), lr, &[self.instruments, quick].concat())
    }

    /// The same of so many steps, without instruments.
    ///
    /// # Errors
    /// As [`Setting::spec`].
    pub fn bare_spec(&self, arm: Arm, steps: u64, lr: Option<f64>) -> Result<RunSpec, SpecError> {
        self.resolve(arm, steps, lr, &[])
    }

    fn resolve(
        &self,
        arm: Arm,
        steps: u64,
        lr: Option<f64>,
        instruments: &[&str],
    ) -> Result<RunSpec, SpecError> {
        let mut document = Document::empty();
        for set in self.sets.iter().chain(instruments) {
            document.set(set)?;
        }
        document.set(&format!("optimizer.name={}", arm.spec_name()))?;
        document.set(&format!("train.steps={steps}"))?;
        if let Some(lr) = lr {
            document.set(&format!("optimizer.lr={lr:?}"))?;
        }
        document.resolve()
    }

    /// All its runs; `lr` tells the learning rates of those that were searched.
    ///
    /// # Errors
    /// As [`Setting::spec`].
    pub fn cells(
        &self,
        protocol: &Protocol,
        lr: impl Fn(Arm) -> Option<f64>,
    ) -> Result<Vec<Cell>, SpecError> {
        let mut cells = Vec::new();
        for &arm in self.arms {
            let spec = self.spec(arm, protocol, lr(arm))?;
            let seeds = 0..protocol.seeds;
            let cell = |seed| Cell { setting: self.name, arm, spec: spec.with_seed(seed) };
            cells.extend(seeds.map(cell));
        }
        Ok(cells)
    }
}
