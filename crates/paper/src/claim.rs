//! Claims about the settings of a study.
//!
//! Claims refer to settings and arms by name; [`super::soundness`] refuses a study that lacks one.

use super::arm::{Arm, Gap};
use super::quantity::Quantity;
use super::setting::Setting;

/// One claim about the settings of a study.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Number in docs/paper; no two claims share one.
    pub id: &'static str,
    /// The claim in a sentence that stands alone.
    pub text: &'static str,
    /// Description of the effect, which is above 1 (above 0 for a correlation) if the claim holds.
    pub what: &'static str,
    /// Method by which the claim is judged.
    pub judgement: Judgement,
}

/// Method by which a claim is judged.
#[derive(Clone, Copy, Debug)]
pub enum Judgement {
    /// A contrast of a quantity is above 1.
    Contrast(Quantity, Contrast),
    /// A contrast of a quantity is 1 within a factor of [`EQUAL`].
    Equality(Quantity, Contrast),
    /// The noise of mini-batches of this size reaches farther at the last step than at the first.
    TailGrowth(usize, Runs),
    /// Smoothness grows with the gradient norm along a trajectory.
    Smoothness(Runs),
    /// Two coordinates rank the seeds of the settings alike; the interval is over the units.
    Ranks(Coordinate, Coordinate, ResamplingUnit),
}

/// The runs of one setting with one arm, by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    /// Name of the setting.
    pub setting: &'static str,
    /// Name of the arm.
    pub arm: &'static str,
}

/// A product of powers of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contrast {
    /// The quantity itself.
    Alone(Runs),
    /// One arm over another in a setting.
    Arms {
        /// Name of the setting.
        setting: &'static str,
        /// Arm above the line and arm below it.
        gap: Gap,
    },
    /// The gap in one setting over the same gap in another.
    Gaps {
        /// Name of the setting above the line.
        of: &'static str,
        /// Name of the setting below the line.
        over: &'static str,
        /// The arms.
        gap: Gap,
    },
    /// One setting over another with the same arm.
    Settings {
        /// Name of the setting above the line.
        of: &'static str,
        /// Name of the setting below the line.
        over: &'static str,
        /// Name of the arm.
        arm: &'static str,
    },
}

/// A factor of a product: runs, and the power of their quantity.
pub type Term = (Runs, i32);

/// Units that are resampled for the interval of a rank correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResamplingUnit {
    /// Seeds, each with all settings, if the settings are the question, as doses are.
    Seed,
    /// Settings, each with all seeds, if the settings represent others.
    Setting,
}

/// Factor within which a claim of equality holds.
pub const EQUAL: f64 = 1.1;

/// A number of every seed of a setting.
#[derive(Clone, Copy, Debug)]
pub enum Coordinate {
    /// The dose of the setting.
    Dose,
    /// Logarithm of the ratio of a quantity of two arms.
    Gap(Quantity, Gap),
    /// Distance of the spectra of the Hessian's blocks at initialization.
    Heterogeneity,
}

/// A claim with these fields, for the lists of claims.
pub(super) const fn claim(
    id: &'static str,
    text: &'static str,
    what: &'static str,
    judgement: Judgement,
) -> Claim {
    Claim { id, text, what, judgement }
}

impl Judgement {
    /// Whether the paper, or its code, has a statistic for this; it judges noise by eye.
    pub fn has_published_statistic(&self) -> bool {
        match self {
            Judgement::Contrast(quantity, _) | Judgement::Equality(quantity, _) => {
                !matches!(quantity, Quantity::InitialNoise | Quantity::NoiseInTraining)
            }
            Judgement::TailGrowth(..) => false,
            Judgement::Smoothness(_) | Judgement::Ranks(..) => true,
        }
    }

    /// The first arm of a gap over the second, in one setting.
    pub const fn gap(quantity: Quantity, setting: &Setting, gap: Gap) -> Judgement {
        Judgement::Contrast(quantity, Contrast::Arms { setting: setting.name, gap })
    }

    /// The gap of one setting over that of another.
    pub const fn gaps(quantity: Quantity, of: &Setting, over: &Setting, gap: Gap) -> Judgement {
        Judgement::Contrast(quantity, Contrast::Gaps { of: of.name, over: over.name, gap })
    }

    /// One setting over another with one arm.
    pub const fn over(quantity: Quantity, of: &Setting, over: &Setting, arm: &Arm) -> Judgement {
        let contrast = Contrast::Settings { of: of.name, over: over.name, arm: arm.name };
        Judgement::Contrast(quantity, contrast)
    }
}

impl Runs {
    /// Runs of a setting with one arm.
    pub const fn of(setting: &Setting, arm: &Arm) -> Runs {
        Runs { setting: setting.name, arm: arm.name }
    }
}

impl Contrast {
    /// Factors of the product, those above the line first within each setting.
    pub const fn terms(&self) -> [Option<Term>; 4] {
        const fn term(setting: &'static str, arm: &'static str, power: i32) -> Option<Term> {
            Some((Runs { setting, arm }, power))
        }
        match *self {
            Contrast::Alone(runs) => [Some((runs, 1)), None, None, None],
            Contrast::Arms { setting, gap } => {
                [term(setting, gap.of, 1), term(setting, gap.over, -1), None, None]
            }
            Contrast::Gaps { of, over, gap } => [
                term(of, gap.of, 1),
                term(of, gap.over, -1),
                term(over, gap.of, -1),
                term(over, gap.over, 1),
            ],
            Contrast::Settings { of, over, arm } => {
                [term(of, arm, 1), term(over, arm, -1), None, None]
            }
        }
    }
}

impl Claim {
    /// Quantity and contrast of a claim that has them.
    pub(super) fn contrast(&self) -> Option<(Quantity, Contrast)> {
        match self.judgement {
            Judgement::Contrast(quantity, contrast) | Judgement::Equality(quantity, contrast) => {
                Some((quantity, contrast))
            }
            _ => None,
        }
    }
}
