//! Arms: the optimizers of a setting, each with its hyper-parameters.
//!
//! The word comes from clinical trials: an arm is one treatment of a comparison. Two arms may be
//! the same optimizer with other hyper-parameters. A setting lists any number of arms; all other
//! code refers to them by name.

/// One optimizer with its hyper-parameters, as one treatment of a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arm {
    /// Name in legends, tables and claims; no two arms of a setting share one.
    pub name: &'static str,
    /// Changes to the spec of the setting, as `--set` takes them.
    pub sets: &'static [&'static str],
    /// Source of its learning rate.
    pub rates: Rates,
}

/// Source of the learning rate of an arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    /// From the spec: that of the preset, or one that the arm sets.
    Published,
    /// From a search over a grid, with runs of a share 1/`shortened` of the steps.
    Searched {
        /// 1 if whole runs are affordable.
        shortened: u64,
        /// The ten values begin at 10^`decade`.
        decade: i32,
    },
}

/// Two arms whose ratio is taken: the first over the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Name of the arm above the line.
    pub of: &'static str,
    /// Name of the arm below the line.
    pub over: &'static str,
}

impl Arm {
    /// The same optimizer with a learning rate from a search.
    #[must_use]
    pub const fn searched(self, shortened: u64, decade: i32) -> Arm {
        Arm { rates: Rates::Searched { shortened, decade }, ..self }
    }

    /// Gap between this arm and another, above 1 where the other's numbers are smaller.
    #[must_use]
    pub const fn over(&self, other: &Arm) -> Gap {
        Gap { of: self.name, over: other.name }
    }
}

impl Gap {
    /// Its name in tables and captions, as "SGDM/Adam".
    pub fn name(self) -> String {
        format!("{}/{}", self.of, self.over)
    }
}
