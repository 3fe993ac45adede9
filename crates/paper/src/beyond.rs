//! Studies beyond the paper: quantities that it did not measure, and related claims of later work.

use super::claim::{Coordinate, Judgement, ResamplingUnit, Runs, claim};
use super::quantity::Quantity;
use super::setting::Setting;
use super::settings::{
    ADAM, COMPARED, DEPTH1, DEPTH2, DEPTH3, DEPTH4, DEPTH6, DEPTH8, FEW_SEEDS, LOSS_TAILS,
    NONLINEAR, SETTING1, SETTING3, SGDM, SGDM_OVER_ADAM, SOME_SEEDS, SPHERE, equal, gap, gaps,
    searched,
};
use super::soundness::assert_sound;
use super::study::Study;
use super::view::View;
use windtunnel_figure::Scale;

const _: () = assert_sound(&BEYOND);

/// A setting whose noise is measured during training.
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
            seeds: SOME_SEEDS,
            // Noise is measured on fresh prompts of its own.
            fresh_batches: 0,
            ..$of
        }
    };
}

/// Setting 1 with another number of prompts per step.
macro_rules! batch {
    ($size:literal) => {
        Setting {
            name: concat!("batch", $size),
            title: concat!("B = ", $size),
            sets: &["preset=setting1", concat!("train.batch_size=", $size)],
            instruments: &[LOSS_TAILS],
            arms: &searched(2, -3),
            steps: (2_000, 100),
            seeds: SOME_SEEDS,
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
            instruments: &[LOSS_TAILS],
            arms: &searched(5, -3),
            steps: (4_000, 200),
            seeds: SOME_SEEDS,
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
            instruments: &[LOSS_TAILS],
            arms: &searched(10, -3),
            seeds: FEW_SEEDS,
            ..$of
        }
    };
}

const SETTING1_NOISE: Setting = noisy!(SETTING1, "setting1-noise");
const SETTING3_NOISE: Setting = noisy!(SETTING3, "setting3-noise");
const BATCH8: Setting = batch!(8);
const BATCH64: Setting = batch!(64);
const BATCH512: Setting = batch!(512);
const BATCH4096: Setting = batch!(4096);
const TAILS0_1: Setting = tails!("0.1", 11.0);
const TAILS0_3: Setting = tails!("0.3", 13.0 / 3.0);
const TAILS1: Setting = tails!("1.0", 2.0);
const TAILS2_5: Setting = tails!("2.5", 1.4);
const TAILS10: Setting = tails!("10.0", 1.1);
const SETTING1_UNCLIPPED: Setting =
    unclipped!(SETTING1, "setting1-unclipped", "Setting 1, not clipped", "preset=setting1");
const SETTING3_UNCLIPPED: Setting =
    unclipped!(SETTING3, "setting3-unclipped", "Setting 3, not clipped", "preset=setting3");

const TREND: Judgement = Judgement::Ranks(
    Coordinate::Dose,
    Coordinate::Gap(Quantity::Loss, SGDM_OVER_ADAM),
    ResamplingUnit::Seed,
);

/// All studies beyond the paper.
pub const BEYOND: [Study; 6] = [
    Study {
        name: "noise",
        title: "Noise during training",
        settings: &[SETTING1_NOISE, SETTING3_NOISE],
        views: &[View::NoiseInTraining],
        claims: &[
            claim(
                "N1.1",
                "The noise grows heavier-tailed along Adam's trajectory, Setting 1, B = 1000",
                "tail at the end/at initialization",
                Judgement::TailGrowth(1000, Runs::of(&SETTING1_NOISE, &ADAM)),
            ),
            claim(
                "N1.2",
                "The noise grows heavier-tailed along SGDM's trajectory, Setting 1, B = 1000",
                "tail at the end/at initialization, SGDM",
                Judgement::TailGrowth(1000, Runs::of(&SETTING1_NOISE, &SGDM)),
            ),
            claim(
                "N1.3",
                "The noise grows heavier-tailed along Adam's trajectory, Setting 3, B = 1000",
                "tail at the end/at initialization, setting3",
                Judgement::TailGrowth(1000, Runs::of(&SETTING3_NOISE, &ADAM)),
            ),
            claim(
                "N1.4",
                "The noise of single prompts grows heavier-tailed along Adam's trajectory, Setting 1",
                "tail at the end/at initialization, B = 1",
                Judgement::TailGrowth(1, Runs::of(&SETTING1_NOISE, &ADAM)),
            ),
            claim(
                "N2",
                "After training the noise is heavier-tailed with Adam than with SGDM, Setting 1",
                "tail with Adam/with SGDM",
                Judgement::gap(Quantity::NoiseInTraining, &SETTING1_NOISE, ADAM.over(&SGDM)),
            ),
        ],
        notes: &["The paper measures noise at initialization only."],
        ..COMPARED
    },
    Study {
        name: "batch",
        title: "Batch size and learning rate",
        settings: &[BATCH8, BATCH64, BATCH512, BATCH4096],
        views: &[View::Losses, View::Dose("batch size", Scale::Log)],
        claims: &[
            claim(
                "K1",
                "The gap persists with a large batch, so noise is not its cause (Kunstner et al. 2023)",
                "SGDM/Adam, B = 4096",
                gap(Quantity::Loss, &BATCH4096),
            ),
            claim(
                "K2",
                "The gap grows with the batch, both tuned (Sreckovic et al., Marek et al. 2025)",
                "gap of B = 4096/gap of B = 8",
                gaps(Quantity::Loss, &BATCH4096, &BATCH8),
            ),
            claim(
                "K3",
                "Tuned SGDM is as good as Adam at small batch (within 10 %)",
                "SGDM/Adam, B = 8",
                equal(Quantity::Loss, &BATCH8),
            ),
            claim("K4", "The gap follows the batch size", "rank correlation", TREND),
        ],
        notes: &["Equal numbers of steps, learning rates searched for every batch size: see the \
                  curves of loss against learning rate. 4096 fresh prompts a step stand for the full \
                  batch: the population has no end."],
        ..COMPARED
    },
    Study {
        name: "tails",
        title: "Tails without the change of scale",
        settings: &[TAILS0_1, TAILS0_3, TAILS1, TAILS2_5, TAILS10],
        views: &[View::Losses, View::Dose("E‖x‖⁴/(E‖x‖²)²", Scale::Log)],
        claims: &[
            claim("T1", "Heavier tails at equal scale widen the gap", "rank correlation", TREND),
            claim(
                "T2",
                "The gap of the paper's tails exceeds that of Gaussian data at equal scale",
                "gap of shape 0.1/gap of shape 2.5",
                gaps(Quantity::Loss, &TAILS0_1, &TAILS2_5),
            ),
        ],
        notes: &[
            "The paper's heavy tails have a fifth of the covariance of its Gaussian data. Here \
                  all laws have E‖x‖² = d; shape 2.5 is N(0, I), 10 is close to a sphere.",
        ],
        ..COMPARED
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
                equal(Quantity::Loss, &DEPTH1),
            ),
            claim("L2", "The gap follows the depth", "rank correlation", TREND),
        ],
        ..COMPARED
    },
    Study {
        name: "unclipped",
        title: "Without clipping",
        settings: &[SETTING1, SETTING1_UNCLIPPED, SETTING3, SETTING3_UNCLIPPED],
        views: &[View::Losses],
        claims: &[
            claim(
                "U1",
                "Adam is better than tuned SGDM without clipping, Setting 1",
                "SGDM/Adam, setting1-unclipped",
                gap(Quantity::Loss, &SETTING1_UNCLIPPED),
            ),
            claim(
                "U2",
                "Adam is better than tuned SGDM without clipping, Setting 3",
                "SGDM/Adam, setting3-unclipped",
                gap(Quantity::Loss, &SETTING3_UNCLIPPED),
            ),
            claim(
                "U3",
                "Clipping narrows the gap in Setting 1",
                "gap unclipped/gap clipped",
                gaps(Quantity::Loss, &SETTING1_UNCLIPPED, &SETTING1),
            ),
            claim(
                "U4",
                "Clipping narrows the gap in Setting 3",
                "gap unclipped/gap clipped",
                gaps(Quantity::Loss, &SETTING3_UNCLIPPED, &SETTING3),
            ),
        ],
        notes: &["Unclipped runs have learning rates of their own, from a search."],
        ..COMPARED
    },
    Study {
        name: "blocks",
        title: "Block heterogeneity and the gap",
        // One layer has a single used block, so there is no distance between blocks.
        settings: &[SETTING1, SETTING3, SPHERE, DEPTH2, DEPTH3, DEPTH4, DEPTH6, DEPTH8, NONLINEAR],
        views: &[View::Blocks],
        claims: &[claim(
            "H1",
            "The more the spectra of the blocks differ, the larger the gap (Zhang et al. 2024)",
            "rank correlation",
            Judgement::Ranks(
                Coordinate::Heterogeneity,
                Coordinate::Gap(Quantity::Loss, SGDM_OVER_ADAM),
                ResamplingUnit::Setting,
            ),
        )],
        ..COMPARED
    },
];
