//! Figure 2: held-out loss of SGDM and Adam in the paper's three settings. Claim B1, "Adam is
//! better than SGD in all three, to different extents".

use serde::Serialize;
use windtunnel_core::stats::{Interval, mean, mean_interval, paired_ratio};

use super::{Protocol, Verdict};
use crate::figure::{Band, Color, Figure, Member, Panel, Scale, Series};
use crate::spec::{Document, PRESETS, Preset, RunSpec, SpecError, run_id};
use crate::store::{self, Row, Store};
use crate::table::{Table, number};

/// Metric on the y axis.
const METRIC: &str = "held_out_loss";
const SETTINGS: usize = 3;

/// An optimizer of the figure, in the paper's colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arm {
    Sgdm,
    Adam,
}

const ARMS: [Arm; 2] = [Arm::Sgdm, Arm::Adam];

impl Arm {
    fn name(self) -> &'static str {
        match self {
            Arm::Sgdm => "SGDM",
            Arm::Adam => "Adam",
        }
    }

    fn spec_name(self) -> &'static str {
        match self {
            Arm::Sgdm => "sgd",
            Arm::Adam => "adam",
        }
    }

    fn color(self) -> Color {
        match self {
            Arm::Sgdm => Color::BLACK,
            Arm::Adam => Color::RED,
        }
    }
}

/// One run of the figure.
#[derive(Clone, Debug)]
pub struct Cell {
    preset: &'static Preset,
    arm: Arm,
    /// What is run.
    pub spec: RunSpec,
}

/// All runs, setting by setting.
///
/// # Errors
/// None in practice: every preset resolves, which a test checks.
pub fn cells(protocol: &Protocol) -> Result<Vec<Cell>, SpecError> {
    let mut cells = Vec::new();
    for preset in &PRESETS[..SETTINGS] {
        for arm in ARMS {
            let mut document = Document::empty();
            document.set(&format!("preset={}", preset.name))?;
            document.set(&format!("optimizer.name={}", arm.spec_name()))?;
            document.set(&format!("train.steps={}", protocol.steps))?;
            let spec = document.resolve()?;
            cells.extend(
                (0..protocol.seeds).map(|seed| Cell { preset, arm, spec: spec.with_seed(seed) }),
            );
        }
    }
    Ok(cells)
}

/// The loss of one run.
struct Curve {
    seed: u64,
    steps: Vec<u64>,
    losses: Vec<f64>,
    diverged: bool,
}

impl Curve {
    fn read(store: &Store, cell: &Cell) -> Result<Curve, store::Error> {
        let record = store.run(&run_id(&cell.spec))?;
        let rows: Vec<&Row> = record.rows.iter().filter(|row| row.metric == METRIC).collect();
        Ok(Curve {
            seed: cell.spec.train.seed,
            steps: rows.iter().map(|row| row.step).collect(),
            losses: rows.iter().map(|row| row.value).collect(),
            diverged: rows.last().is_none_or(|row| row.step < cell.spec.train.steps),
        })
    }

    /// Loss at a step, NaN where it was not measured.
    fn measured(&self, step: u64) -> f64 {
        let found = self.steps.iter().position(|&s| s == step);
        found.map_or(f64::NAN, |k| self.losses[k])
    }

    /// Loss at a step for a verdict: a run that diverged before is infinitely bad.
    fn judged(&self, step: u64) -> f64 {
        let loss = self.measured(step);
        if self.diverged && !loss.is_finite() { f64::INFINITY } else { loss }
    }
}

/// The verdict on one setting.
#[derive(Clone, Debug, Serialize)]
pub struct SettingVerdict {
    /// Preset name.
    pub setting: String,
    /// Mean final held-out loss over seeds.
    pub sgdm: f64,
    /// The same for Adam.
    pub adam: f64,
    /// `sgdm / adam`.
    pub ratio: f64,
    /// 95 % paired bootstrap interval of the ratio, lower end.
    pub ratio_lo: f64,
    /// Its upper end.
    pub ratio_hi: f64,
    /// "Adam lower": yes, no, not distinguishable.
    pub adam_lower: String,
    /// Runs that diverged.
    pub diverged: usize,
    /// Ratio of the means over the last tenth of training, a check against noise at one step.
    pub ratio_last_tenth: f64,
}

/// Agreement with one published reading.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// Optimizer.
    pub optimizer: &'static str,
    /// Step of the reading.
    pub step: u64,
    /// Published mean over 6 seeds, read off an image (error about 5 %, 20 % for Adam).
    pub published: f64,
    /// Ours at the same step.
    pub ours: f64,
    /// max(ours/published, published/ours).
    pub factor: f64,
}

/// The whole result.
pub struct Fig2 {
    /// Three panels.
    pub figure: Figure,
    /// One verdict per setting.
    pub verdicts: Vec<SettingVerdict>,
    /// Setting 1 against the readings of the authors' notebook.
    pub agreement: Vec<Agreement>,
}

/// Setting 1, SGDM and Adam, read off the images in the authors' notebooks.
const PUBLISHED: [(Arm, u64, f64); 4] = [
    (Arm::Sgdm, 1000, 0.025),
    (Arm::Adam, 1000, 0.0019),
    (Arm::Sgdm, 9800, 0.0081),
    (Arm::Adam, 9800, 0.002),
];

/// Reads the runs of the figure from the store and draws and judges them.
///
/// # Errors
/// A run that is not in the store or cannot be read.
pub fn assemble(store: &Store, protocol: &Protocol, cells: &[Cell]) -> Result<Fig2, store::Error> {
    let mut panels = Vec::new();
    let mut verdicts = Vec::new();
    let mut agreement = Vec::new();
    for preset in &PRESETS[..SETTINGS] {
        let curves = |arm: Arm| -> Result<Vec<Curve>, store::Error> {
            let cells = cells.iter().filter(|c| c.arm == arm && c.preset.name == preset.name);
            cells.map(|cell| Curve::read(store, cell)).collect()
        };
        let (sgdm, adam) = (curves(Arm::Sgdm)?, curves(Arm::Adam)?);
        panels.push(Panel {
            title: preset.title.into(),
            x_label: "step".into(),
            y_label: "held-out loss".into(),
            x_scale: Scale::Linear,
            y_scale: Scale::Log,
            series: vec![series(Arm::Sgdm, &sgdm), series(Arm::Adam, &adam)],
        });
        verdicts.push(verdict(preset, protocol.steps, &sgdm, &adam));
        if preset.name == PRESETS[0].name {
            agreement = PUBLISHED
                .into_iter()
                .filter(|(_, step, _)| *step <= protocol.steps)
                .map(|(arm, step, published)| {
                    let curves = if arm == Arm::Sgdm { &sgdm } else { &adam };
                    let ours = mean(&judged(curves, step));
                    let factor = (ours / published).max(published / ours);
                    Agreement { optimizer: arm.name(), step, published, ours, factor }
                })
                .collect();
        }
    }
    let figure = Figure {
        title: "Figure 2: SGDM and Adam on linear Transformers".into(),
        panels,
        caption: caption(protocol, cells),
    };
    Ok(Fig2 { figure, verdicts, agreement })
}

fn judged(curves: &[Curve], step: u64) -> Vec<f64> {
    curves.iter().map(|curve| curve.judged(step)).collect()
}

fn series(arm: Arm, curves: &[Curve]) -> Series {
    let longest = curves.iter().max_by_key(|curve| curve.steps.len());
    let steps = longest.map_or(Vec::new(), |curve| curve.steps.clone());
    let at = |&step: &u64| -> Vec<f64> { curves.iter().map(|c| c.measured(step)).collect() };
    let columns: Vec<Vec<f64>> = steps.iter().map(at).collect();
    let intervals: Vec<Interval> = columns.iter().map(|column| mean_interval(column)).collect();
    let member = |curve: &Curve| Member {
        name: format!("seed {}", curve.seed),
        y: steps.iter().map(|&step| curve.measured(step)).collect(),
    };
    Series {
        name: arm.name().into(),
        color: arm.color(),
        x: steps.iter().map(|&s| s as f64).collect(),
        center: columns.iter().map(|column| mean(column)).collect(),
        band: Some(Band {
            lo: intervals.iter().map(|i| i.lo).collect(),
            hi: intervals.iter().map(|i| i.hi).collect(),
        }),
        members: curves.iter().map(member).collect(),
    }
}

fn verdict(preset: &Preset, steps: u64, sgdm: &[Curve], adam: &[Curve]) -> SettingVerdict {
    let (a, b) = (judged(sgdm, steps), judged(adam, steps));
    let (ratio, interval) = paired_ratio(&a, &b);
    let tail = |curves: &[Curve]| -> f64 {
        let late = |curve: &Curve| -> Vec<f64> {
            let late = curve.steps.iter().filter(|&&step| step >= steps - steps / 10);
            late.map(|&step| curve.judged(step)).collect()
        };
        mean(&curves.iter().flat_map(late).collect::<Vec<_>>())
    };
    SettingVerdict {
        setting: preset.name.into(),
        sgdm: mean(&a),
        adam: mean(&b),
        ratio,
        ratio_lo: interval.lo,
        ratio_hi: interval.hi,
        adam_lower: Verdict::above_one(interval).text().into(),
        diverged: sgdm.iter().chain(adam).filter(|c| c.diverged).count(),
        ratio_last_tenth: tail(sgdm) / tail(adam),
    }
}

fn caption(protocol: &Protocol, cells: &[Cell]) -> String {
    let rates: Vec<String> = PRESETS[..SETTINGS]
        .iter()
        .map(|p| format!("{} {}/{}", p.name, p.sgd_lr, p.adam_lr))
        .collect();
    let (train, eval) = match cells.first() {
        Some(cell) => (cell.spec.train.batch_size, cell.spec.eval.batch_size),
        None => (0, 0),
    };
    let warning = protocol.warning().map_or(String::new(), |w| format!("{w} "));
    format!(
        "{warning}Lines: mean over seeds 0 to {} of the loss on {eval} fixed held-out prompts (eval \
         seed 99), every 50 steps. Bands: 95 % bootstrap interval of that mean. Faint: single \
         seeds. Linear Transformer L = 3, d = 5 (150 parameters, init std 0.05), {} steps, {train} \
         fresh prompts per step, f32, gradient norm clipped at 1. SGDM: momentum 0.9. Adam: betas \
         (0.9, 0.9), eps 1e-8. Learning rates SGDM/Adam: {}.",
        protocol.seeds - 1,
        protocol.steps,
        rates.join(", "),
    )
}

/// What a reader should know before the picture.
pub fn summary(protocol: &Protocol, result: &Fig2) -> Vec<String> {
    let yes = result.verdicts.iter().filter(|v| v.adam_lower == Verdict::Yes.text()).count();
    let claim = format!(
        "Claim of Ahn et al. (ICLR 2024): Adam trains linear Transformers better than SGD with \
         momentum in all three settings, to different extents. Here Adam ends lower in {yes} of \
         {} settings with 95 % confidence.",
        result.verdicts.len()
    );
    let caution = "The held-out batch is fixed, as in the authors' code. In Settings 2 and 3 the \
                   loss of single prompts is heavy-tailed, so that the mean over 1000 of them does \
                   not estimate the population's: compare curves here with each other, not with \
                   another batch. With few seeds the intervals are somewhat too short.";
    protocol.warning().into_iter().chain([claim, caution.into()]).collect()
}

impl Fig2 {
    /// The verdicts as a table.
    pub fn verdict_table(&self) -> Table {
        let head = [
            "setting", "SGDM", "Adam", "SGDM/Adam", "95 % interval", "Adam lower", "last 10 %",
            "diverged",
        ];
        let rows = self.verdicts.iter().map(|v| {
            vec![
                v.setting.clone(),
                number(v.sgdm),
                number(v.adam),
                number(v.ratio),
                format!("{} to {}", number(v.ratio_lo), number(v.ratio_hi)),
                v.adam_lower.clone(),
                number(v.ratio_last_tenth),
                v.diverged.to_string(),
            ]
        });
        Table::new("Mean held-out loss at the last step", &head, rows.collect())
    }

    /// Agreement with the published readings as a table.
    pub fn agreement_table(&self) -> Table {
        let head = ["Setting 1", "step", "published", "ours", "within a factor of"];
        let rows = self.agreement.iter().map(|a| {
            vec![
                a.optimizer.into(),
                a.step.to_string(),
                number(a.published),
                number(a.ours),
                format!("{:.2}", a.factor),
            ]
        });
        Table::new("Against the authors' notebook (read off its images)", &head, rows.collect())
    }
}
