//! Settings of a study: runs of the same data and model, in which only the arm (optimizer and
//! hyper-parameters) and the seed differ.

use windtunnel_runs::spec::{Document, RunSpec, SpecError};

use super::arm::{Arm, Gap, Rates};
use super::protocol::{Protocol, QUICK_SEEDS};

/// Data and model of a panel, with the arms that are compared on them. Studies with the same
/// setting share its runs.
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
    /// Instruments of its runs, as `--set` takes them.
    pub instruments: &'static [&'static str],
    /// Optimizers that are compared, in the order of tables.
    pub arms: &'static [Arm],
    /// Updates per run, in full and quick.
    pub steps: (u64, u64),
    /// Number of seeds of a full reproduction.
    pub seeds: u64,
    /// Fresh held-out batches of every run.
    pub fresh_batches: usize,
    /// Mini-batch gradients per seed of the study of noise at initialization.
    pub draws: usize,
    /// Abscissa of a dose-response curve; NaN if there is none.
    pub dose: f64,
}

/// One run of a setting.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Name of its setting.
    pub setting: &'static str,
    /// Optimizer of the run.
    pub arm: Arm,
    /// Spec of the run.
    pub spec: RunSpec,
}

impl Setting {
    /// Updates of a run.
    pub fn steps(&self, protocol: &Protocol) -> u64 {
        if protocol.quick { self.steps.1 } else { self.steps.0 }
    }

    /// Number of seeds.
    pub fn seeds(&self, protocol: &Protocol) -> u64 {
        protocol.seeds.unwrap_or(if protocol.quick { QUICK_SEEDS } else { self.seeds })
    }

    /// The arm with this name, if the setting has it.
    pub fn arm(&self, name: &str) -> Option<&'static Arm> {
        self.arms.iter().find(|arm| arm.name == name)
    }

    /// Whether the setting has both arms of a gap.
    pub fn has(&self, gap: Gap) -> bool {
        [gap.of, gap.over].into_iter().all(|name| self.arm(name).is_some())
    }

    /// Whether the learning rates of all arms are published.
    pub fn is_published(&self) -> bool {
        self.arms.iter().all(|arm| arm.rates == Rates::Published)
    }

    /// Spec of one arm, seed 0, with the learning rate `lr` if it is given, else that of the spec.
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
        let fresh = format!("eval.fresh_batches={}", self.fresh_batches);
        let sets = [self.instruments, quick, &[fresh.as_str()]].concat();
        self.resolve(arm, self.steps(protocol), lr, &sets, protocol)
    }

    /// Spec of one arm with a given number of steps and without instruments.
    ///
    /// # Errors
    /// As [`Setting::spec`].
    pub fn bare_spec(&self, arm: Arm, steps: u64, lr: Option<f64>) -> Result<RunSpec, SpecError> {
        self.resolve(arm, steps, lr, &[], &Protocol::PUBLISHED)
    }

    fn resolve(
        &self,
        arm: Arm,
        steps: u64,
        lr: Option<f64>,
        instruments: &[&str],
        protocol: &Protocol,
    ) -> Result<RunSpec, SpecError> {
        let mut document = Document::empty();
        for set in self.sets.iter().chain(instruments).chain(arm.sets) {
            document.set(set)?;
        }
        document.set(&format!("train.steps={steps}"))?;
        if let Some(seed) = protocol.eval_seed() {
            document.set(&format!("eval.seed={seed}"))?;
        }
        if let Some(lr) = lr {
            document.set(&format!("optimizer.lr={lr:?}"))?;
        }
        document.resolve()
    }

    /// All runs of the setting; `lr` gives the learning rates of searched arms.
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
            let seeds = (0..self.seeds(protocol)).map(|number| protocol.seed(number));
            let cell = |seed| Cell { setting: self.name, arm, spec: spec.with_seed(seed) };
            cells.extend(seeds.map(cell));
        }
        Ok(cells)
    }
}
