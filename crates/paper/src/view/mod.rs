//! Pictures and tables of a study's settings.

mod caption;
mod condition;
mod dose;
mod kind;
mod losses;
mod losses_table;
mod noise;
mod picture;
mod smoothness;
mod specifications;

use super::evidence::Evidence;
use super::study::Study;

pub use kind::View;
pub use picture::{Picture, Shown};
pub(super) use specifications::specifications;

/// Pictures, tables and warnings of a view of a study.
pub fn show(view: View, study: &Study, evidence: &Evidence) -> Shown {
    match view {
        View::Losses => losses::show(study, evidence),
        View::InitialNoise => noise::initial(study, evidence),
        View::Condition => condition::show(study, evidence),
        View::Ratios => condition::ratios(study, evidence),
        View::Directional => smoothness::directional(study, evidence),
        View::Generalized => smoothness::generalized(study, evidence),
        View::NoiseInTraining => noise::in_training(study, evidence),
        View::Dose(label, scale) => dose::show(study, evidence, label, scale),
        View::Blocks => dose::blocks(study, evidence),
    }
}
