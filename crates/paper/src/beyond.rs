//! Beyond the paper: what it did not measure, and what later work says of its question.

use super::Arm::{Adam, Sgdm};
use super::claim::{Coordinate, Kind, Unit, claim, gap, gaps};
use super::quantity::Quantity;
use super::setting::{Rates, Setting};
use super::settings::{
    DEPTH1, DEPTH2, DEPTH3, DEPTH4, DEPTH6, DEPTH8, NONLINEAR, SETTING1, SETTING3, SPHERE,
};
use super::study::Study;
use super::view::View;
use windtunnel_figure::Scale;

/// A setting whose noise is measured along the way.
macro_rules! noisy {
    ($of:expr, $name:expr) => {
        Setting {
            name: $name,
            quick_sets: &["instruments.noise_draws=200", "instruments.noise_reference=20000"],
            instruments: &[
                "instruments.noise.per_decade=1",
                "instruments.noise_batch_sizes=[1, 10, 1000]",
            ],
            steps: (3_000, 100),
            ..$of
        }
    };
}

/// Setting 1 with so many prompts a step.
macro_rules! batch {
    ($size:literal) => {
        Setting {
            name: concat!("batch", $size),
            title: concat!("B = ", $size),
            sets: &["preset=setting1", concat!("train.batch_size=", $size)],
            instruments: &[],
            rates: Rates::Searched { shortened: 2, decade: -3 },
            steps: (2_000, 100),
            dose: $size as f64,
            ..SETTING1
        }
    };
}

/// √Gamma norms of this shape, scaled to E‖x‖² = d: of all radial laws with that scale, the smaller
/// the shape the heavier the tail. E‖x‖⁴/(E‖x‖²)² = 1 + 1/shape.
macro_rules! tails {
    ($shape:literal, $dose:expr) => {
        Setting {
            name: concat!("tails", $shape),
            title: concat!("shape ", $shape),
            sets: &[
                "preset=setting3",
                concat!("task.covariates.shape=", $shape),
                "task.covariates.match=\"second_moment\"",
            ],
            instruments: &[],
            rates: Rates::Searched { shortened: 5, decade: -3 },
            steps: (4_000, 200),
            dose: $dose,
            ..SETTING1
        }
    };
}

macro_rules! unclipped {
    ($of:expr, $name:expr, $title:expr, $preset:expr) => {
        Setting {
            name: $name,
            title: $title,
            sets: &[$preset, "optimizer.clip_norm=\"off\""],
            instruments: &[],
            rates: Rates::Searched { shortened: 10, decade: -3 },
            ..$of
        }
    };
}

const TREND: Kind = Kind::Ranks(Coordinate::Dose, Coordinate::Gap(Quantity::Loss), Unit::Seed);

/// All studies beyond the paper.
pub const BEYOND: [Study; 6] = [
    Study {
        name: "noise",
        title: "Noise during training",
        settings: &[noisy!(SETTING1, "setting1-noise"), noisy!(SETTING3, "setting3-noise")],
        views: &[View::NoiseInTraining],
        claims: &[
            claim(
                "N1.1",
                "The noise grows heavier-tailed along Adam's trajectory, Setting 1, B = 1000",
                "tail at the end/at initialization",
                Kind::TailGrowth(1000, 0, Adam),
            ),
            claim(
                "N1.2",
                "The same with SGDM",
                "tail at the end/at initialization, SGDM",
                Kind::TailGrowth(1000, 0, Sgdm),
            ),
            claim(
                "N1.3",
                "The same in Setting 3 with Adam",
                "tail at the end/at initialization, setting3",
                Kind::TailGrowth(1000, 1, Adam),
            ),
            claim(
                "N1.4",
                "So do gradients of single prompts, Setting 1, Adam",
                "tail at the end/at initialization, B = 1",
                Kind::TailGrowth(1, 0, Adam),
            ),
            claim(
                "N2",
                "After training the noise is heavier-tailed with Adam than with SGDM, Setting 1",
                "tail with Adam/with SGDM",
                Kind::Contrast(Quantity::NoiseInTraining, &[(0, Adam, 1), (0, Sgdm, -1)]),
            ),
        ],
        notes: &["The paper measures noise at initialization only."],
        ..Study::EMPTY
    },
    Study {
        name: "batch",
        title: "Batch size and learning rate",
        settings: &[batch!(8), batch!(64), batch!(512), batch!(4096)],
        views: &[View::Losses, View::Dose("batch size", Scale::Log)],
        claims: &[
            claim(
                "K1",
                "The gap persists with a large batch, so noise is not its cause (Kunstner et al. 2023)",
                "SGDM/Adam, B = 4096",
                gap!(Loss, 3),
            ),
            claim(
                "K2",
                "The gap grows with the batch, both tuned (Sreckovic et al., Marek et al. 2025)",
                "gap of B = 4096/gap of B = 8",
                gaps!(Loss, 3, 0),
            ),
            claim(
                "K3",
                "Tuned SGDM is as good as Adam at small batch (within 10 %)",
                "SGDM/Adam, B = 8",
                Kind::Equality(Quantity::Loss, &[(0, Sgdm, 1), (0, Adam, -1)]),
            ),
            claim("K4", "The gap follows the batch size", "rank correlation", TREND),
        ],
        notes: &["Equal numbers of steps, learning rates searched for every batch size: see the \
                  curves of loss against learning rate. 4096 fresh prompts a step stand for the full \
                  batch: the population has no end."],
        ..Study::EMPTY
    },
    Study {
        name: "tails",
        title: "Tails without the change of scale",
        settings: &[
            tails!("0.1", 11.0),
            tails!("0.3", 13.0 / 3.0),
            tails!("1.0", 2.0),
            tails!("2.5", 1.4),
            tails!("10.0", 1.1),
        ],
        views: &[View::Losses, View::Dose("E‖x‖⁴/(E‖x‖²)²", Scale::Log)],
        claims: &[
            claim("T1", "Heavier tails at equal scale widen the gap", "rank correlation", TREND),
            claim(
                "T2",
                "The gap of the paper's tails exceeds that of Gaussian data at equal scale",
                "gap of shape 0.1/gap of shape 2.5",
                gaps!(Loss, 0, 3),
            ),
        ],
        notes: &[
            "The paper's heavy tails have a fifth of the covariance of its Gaussian data. Here \
                  all laws have E‖x‖² = d; shape 2.5 is N(0, I), 10 is close to a sphere.",
        ],
        ..Study::EMPTY
    },
    Study {
        name: "depth",
        title: "Depth, one to eight layers",
        settings: &[DEPTH1, DEPTH2, DEPTH3, DEPTH4, DEPTH6, DEPTH8],
        views: &[View::Losses, View::Dose("layers", Scale::Linear)],
        claims: &[
            claim(
                "L1",
                "One layer, a convex quadratic with condition number 1, has no gap (within 10 %)",
                "SGDM/Adam, L = 1",
                Kind::Equality(Quantity::Loss, &[(0, Sgdm, 1), (0, Adam, -1)]),
            ),
            claim("L2", "The gap follows the depth", "rank correlation", TREND),
        ],
        ..Study::EMPTY
    },
    Study {
        name: "unclipped",
        title: "Without clipping",
        settings: &[
            SETTING1,
            unclipped!(SETTING1, "setting1-unclipped", "Setting 1, not clipped", "preset=setting1"),
            SETTING3,
            unclipped!(SETTING3, "setting3-unclipped", "Setting 3, not clipped", "preset=setting3"),
        ],
        views: &[View::Losses],
        claims: &[
            claim(
                "U1",
                "Adam is better than tuned SGDM without clipping, Setting 1",
                "SGDM/Adam, setting1-unclipped",
                gap!(Loss, 1),
            ),
            claim("U2", "The same in Setting 3", "SGDM/Adam, setting3-unclipped", gap!(Loss, 3)),
            claim(
                "U3",
                "Clipping narrows the gap in Setting 1",
                "gap unclipped/gap clipped",
                gaps!(Loss, 1, 0),
            ),
            claim("U4", "The same in Setting 3", "gap unclipped/gap clipped", gaps!(Loss, 3, 2)),
        ],
        notes: &["Unclipped runs have learning rates of their own, from a search."],
        ..Study::EMPTY
    },
    Study {
        name: "blocks",
        title: "Block heterogeneity and the gap",
        // One layer has a single live block, and so no distance between blocks.
        settings: &[SETTING1, SETTING3, SPHERE, DEPTH2, DEPTH3, DEPTH4, DEPTH6, DEPTH8, NONLINEAR],
        views: &[View::Blocks],
        claims: &[claim(
            "H1",
            "The more the spectra of the blocks differ, the larger the gap (Zhang et al. 2024)",
            "rank correlation",
            Kind::Ranks(Coordinate::Heterogeneity, Coordinate::Gap(Quantity::Loss), Unit::Setting),
        )],
        ..Study::EMPTY
    },
];
