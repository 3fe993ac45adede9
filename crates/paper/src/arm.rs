//! The two optimizers of the paper.

use serde::{Deserialize, Serialize};

use windtunnel_figure::Color;

/// An optimizer of the paper, in its colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Arm {
    /// SGD with momentum 0.9.
    Sgdm,
    /// Adam with betas (0.9, 0.9).
    Adam,
}

impl Arm {
    /// Both, in the order of tables.
    pub const ALL: [Arm; 2] = [Arm::Sgdm, Arm::Adam];

    /// As the paper calls it.
    pub fn name(self) -> &'static str {
        match self {
            Arm::Sgdm => "SGDM",
            Arm::Adam => "Adam",
        }
    }

    /// Its name in specs.
    pub(super) fn spec_name(self) -> &'static str {
        match self {
            Arm::Sgdm => "sgd",
            Arm::Adam => "adam",
        }
    }

    pub(super) fn color(self) -> Color {
        match self {
            Arm::Sgdm => Color::BLACK,
            Arm::Adam => Color::RED,
        }
    }
}
