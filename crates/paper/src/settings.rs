//! The list of settings: those of the paper, and variants in depth, model and data.

use super::arm::{Arm, Gap, Rates};
use super::claim::{Contrast, Judgement};
use super::quantity::Quantity;
use super::setting::Setting;
use super::study::Study;

/// SGD with momentum 0.9; the paper calls it SGDM.
pub(super) const SGDM: Arm = Arm {
    name: "SGDM",
    sets: &["optimizer.name=sgd", "optimizer.momentum=0.9"],
    rates: Rates::Published,
};
/// Adam with betas (0.9, 0.9).
pub(super) const ADAM: Arm = Arm {
    name: "Adam",
    sets: &["optimizer.name=adam", "optimizer.betas=[0.9, 0.9]"],
    rates: Rates::Published,
};
/// The arms of the paper, in the order of tables, at the learning rates of its code.
pub(super) const PAPER: &[Arm] = &[SGDM, ADAM];
/// The gap between the paper's two arms.
pub(super) const SGDM_OVER_ADAM: Gap = SGDM.over(&ADAM);

/// A study in which the arms of the paper are compared.
pub(super) const COMPARED: Study = Study { gaps: &[SGDM_OVER_ADAM], ..Study::EMPTY };

/// SGDM over Adam in one setting.
pub(super) const fn gap(quantity: Quantity, setting: &Setting) -> Judgement {
    Judgement::gap(quantity, setting, SGDM_OVER_ADAM)
}

/// SGDM over Adam in one setting over the same in another.
pub(super) const fn gaps(quantity: Quantity, of: &Setting, over: &Setting) -> Judgement {
    Judgement::gaps(quantity, of, over, SGDM_OVER_ADAM)
}

/// SGDM as good as Adam in one setting.
pub(super) const fn equal(quantity: Quantity, setting: &Setting) -> Judgement {
    Judgement::Equality(quantity, Contrast::Arms { setting: setting.name, gap: SGDM_OVER_ADAM })
}

/// The arms of the paper with learning rates from a search.
pub(super) const fn searched(shortened: u64, decade: i32) -> [Arm; 2] {
    [SGDM.searched(shortened, decade), ADAM.searched(shortened, decade)]
}

/// Instruments of the paper's settings.
const MEASURED: &[&str] = &[
    "instruments.robust_condition=250",
    "instruments.directional_smoothness=50",
    "instruments.heterogeneity={ at = [0] }",
    LOSS_TAILS,
];

/// At the start and at the end: the tail index decides whether means of losses are judged.
pub(super) const LOSS_TAILS: &str = "instruments.loss_tails=10000";

/// Seeds where a run or the search for its learning rate takes long, and of sensitivity analyses.
pub(super) const FEW_SEEDS: u64 = 6;
/// Seeds in between.
pub(super) const SOME_SEEDS: u64 = 10;
/// Fresh batches where their readings take longer than training.
const FEW_BATCHES: usize = 2;

/// Setting 1 as published.
pub(super) const SETTING1: Setting = Setting {
    name: "setting1",
    title: "Setting 1: n = 20, Gaussian",
    sets: &["preset=setting1"],
    quick_sets: &[],
    instruments: MEASURED,
    arms: PAPER,
    steps: (10_000, 1_000),
    seeds: 20,
    fresh_batches: 4,
    draws: 10_000,
    dose: f64::NAN,
};
pub(super) const SETTING2: Setting = Setting {
    name: "setting2",
    title: "Setting 2: n = 5, Gaussian",
    sets: &["preset=setting2"],
    ..SETTING1
};
pub(super) const SPHERE: Setting = Setting {
    name: "sphere",
    title: "Spherical: n = 20, unit norm",
    sets: &["preset=sphere"],
    ..SETTING1
};
pub(super) const SETTING3: Setting = Setting {
    name: "setting3",
    title: "Setting 3: n = 20, heavy-tailed",
    sets: &["preset=setting3"],
    ..SETTING1
};

/// A published setting with another threshold of clipping, at the published learning rates.
macro_rules! clipped {
    ($of:expr, $name:expr, $title:expr, $sets:expr) => {
        Setting {
            name: $name,
            title: $title,
            sets: $sets,
            instruments: &[LOSS_TAILS],
            seeds: FEW_SEEDS,
            ..$of
        }
    };
}
pub(super) const SETTING1_CLIP: Setting = clipped!(
    SETTING1,
    "setting1-clip0.1",
    "Setting 1, clipped at 0.1",
    &["preset=setting1", "optimizer.clip_norm=0.1"]
);
pub(super) const SETTING2_CLIP: Setting = clipped!(
    SETTING2,
    "setting2-clip0.1",
    "Setting 2, clipped at 0.1",
    &["preset=setting2", "optimizer.clip_norm=0.1"]
);
pub(super) const SETTING3_CLIP: Setting = clipped!(
    SETTING3,
    "setting3-clip0.1",
    "Setting 3, clipped at 0.1",
    &["preset=setting3", "optimizer.clip_norm=0.1"]
);
pub(super) const SPHERE_CLIP: Setting = clipped!(
    SPHERE,
    "sphere-clip1",
    "Spherical, clipped at 1",
    &["preset=sphere", "optimizer.clip_norm=1.0"]
);

/// The first 2000 steps of Adam, with a measurement at every step.
macro_rules! early {
    ($of:expr, $name:expr) => {
        Setting {
            name: $name,
            instruments: &[
                "instruments.directional_smoothness=1",
                "instruments.generalized_smoothness=50",
            ],
            arms: &[ADAM],
            steps: (2_000, 200),
            seeds: SOME_SEEDS,
            fresh_batches: FEW_BATCHES,
            ..$of
        }
    };
}

/// Setting 1 with another number of layers, in double precision. The loss is a polynomial of degree
/// 2·3^L in the size of a prompt, so in single precision single prompts overflow with eight layers.
/// Most rates diverge late there, so a search by shorter runs costs more in trials than it saves.
macro_rules! depth {
    ($layers:literal, search by $shortened:literal) => {
        Setting {
            name: concat!("depth", $layers),
            title: concat!("L = ", $layers),
            sets: &["preset=setting1", "train.precision=f64", concat!("model.depth=", $layers)],
            quick_sets: &["instruments.robust_condition={ at = [250, 500] }"],
            steps: (10_000, 500),
            instruments: &[
                "instruments.robust_condition={ at = [0, 250, 500, 750, 1000, 1250, 2000, 2500, \
                 3500, 5000, 7500, 10000] }",
                "instruments.heterogeneity={ at = [0] }",
                LOSS_TAILS,
            ],
            arms: &searched($shortened, -3),
            seeds: FEW_SEEDS,
            fresh_batches: FEW_BATCHES,
            dose: $layers as f64,
            ..SETTING1
        }
    };
}
pub(super) const DEPTH1: Setting = depth!(1, search by 10);
pub(super) const DEPTH2: Setting = depth!(2, search by 10);
pub(super) const DEPTH3: Setting = depth!(3, search by 10);
pub(super) const DEPTH4: Setting = depth!(4, search by 10);
pub(super) const DEPTH6: Setting = depth!(6, search by 10);
pub(super) const DEPTH8: Setting = depth!(8, search by 5);
pub(super) const DEPTHS: [Setting; 4] = [DEPTH2, DEPTH4, DEPTH6, DEPTH8];

pub(super) const SOFTMAX: Setting = Setting {
    name: "softmax",
    title: "Softmax attention: n = 20, Gaussian",
    sets: &["preset=softmax"],
    instruments: &[LOSS_TAILS],
    arms: &searched(20, -3),
    steps: (10_000, 300),
    seeds: FEW_SEEDS,
    ..SETTING1
};
pub(super) const SOFTMAX_FULL: Setting = Setting {
    name: "softmax-full",
    title: "Softmax attention, all of P and Q free",
    sets: &["preset=softmax", "model.parameterization=full"],
    ..SOFTMAX
};
/// 2000 steps, because every learning rate down to 5e-5 diverges within 10,000: docs/paper/fig8.md.
pub(super) const LARGE: Setting = Setting {
    name: "large",
    title: "L = 8, d = 20, n = 60",
    sets: &["preset=large"],
    instruments: &[LOSS_TAILS],
    arms: &searched(5, -4),
    steps: (2_000, 25),
    seeds: FEW_SEEDS,
    draws: 1_000,
    ..SETTING1
};
pub(super) const NONLINEAR: Setting = Setting {
    name: "nonlinear",
    title: "Nonlinear regression: n = 20, Gaussian",
    sets: &["preset=nonlinear"],
    quick_sets: &[
        "eval.batch_size=128",
        "instruments.robust_condition={ at = [0, 75, 150] }",
        "instruments.directional_smoothness=25",
    ],
    // A Hessian takes seconds here.
    instruments: &[
        "instruments.robust_condition={ at = [0, 750, 1250, 10000] }",
        "instruments.directional_smoothness=250",
        "instruments.heterogeneity={ at = [0] }",
        LOSS_TAILS,
    ],
    steps: (10_000, 150),
    seeds: FEW_SEEDS,
    fresh_batches: FEW_BATCHES,
    draws: 2_000,
    ..SETTING1
};

pub(super) const SETTING1_EARLY: Setting = early!(SETTING1, "setting1-early");
pub(super) const SETTING2_EARLY: Setting = early!(SETTING2, "setting2-early");
pub(super) const SETTING3_EARLY: Setting = early!(SETTING3, "setting3-early");
