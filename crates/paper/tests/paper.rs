//! The list of studies, searches for learning rates, and verdicts on known rows.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

#[path = "paper/gathering.rs"]
mod gathering;
#[path = "paper/searches.rs"]
mod searches;

use std::sync::atomic::{AtomicBool, Ordering};

use windtunnel_lab::executor::Executor;
use windtunnel_lab::inference::Verdict;
use windtunnel_lab::laboratory::Lab;
use windtunnel_lab::local::LocalExecutor;
use windtunnel_lab::plan::Plan;
use windtunnel_lab::progress::{Progress, Silent};
use windtunnel_lab::training::{Options, Status};
use windtunnel_paper::Protocol;
use windtunnel_paper::arm::{Arm, Gap, Rates};
use windtunnel_paper::beyond::BEYOND;
use windtunnel_paper::claim::{Claim, Contrast, Coordinate, Judgement, ResamplingUnit, Runs};
use windtunnel_paper::evidence::Evidence;
use windtunnel_paper::figures::FIGURES;
use windtunnel_paper::gather;
use windtunnel_paper::noise::initial_noise;
use windtunnel_paper::quantity::Quantity;
use windtunnel_paper::setting::{Cell, Setting};
use windtunnel_paper::study::Study;
use windtunnel_paper::view::View;
use windtunnel_runs::spec::{NUMERICS_VERSION, RunSpec, run_id};
use windtunnel_runs::store::{self, Record, Row, Store};

fn studies() -> impl Iterator<Item = &'static Study> {
    FIGURES.iter().chain(&BEYOND)
}

#[test]
fn every_study_resolves_and_has_runs_for_its_claims() {
    let mut claims = Vec::new();
    let mut settings: Vec<&Setting> = Vec::new();
    for study in studies() {
        for setting in study.all_settings() {
            for protocol in [Protocol::PUBLISHED, Protocol::QUICK] {
                let cells = setting.cells(&protocol, |_| None).unwrap();
                assert_eq!(cells.len(), setting.arms.len() * setting.seeds(&protocol) as usize);
            }
            // Studies share a setting's runs by its name.
            match settings.iter().find(|known| known.name == setting.name) {
                Some(known) => assert!(same(known, setting), "{}", setting.name),
                None => settings.push(setting),
            }
        }
        assert_eq!(study.unknown(), None, "{}", study.name);
        for claim in study.claims {
            if let Judgement::Contrast(_, contrast) | Judgement::Equality(_, contrast) =
                claim.judgement
            {
                for (runs, power) in contrast.terms().into_iter().flatten() {
                    let setting = study.setting(runs.setting).unwrap();
                    assert!(setting.arm(runs.arm).is_some(), "{}", claim.id);
                    assert!(power.abs() == 1, "{}", claim.id);
                }
            }
            claims.push(claim.id);
        }
    }
    let count = claims.len();
    claims.sort_unstable();
    claims.dedup();
    assert_eq!(claims.len(), count, "two claims share a number");
    // No run stands for two settings.
    let ids = settings.iter().flat_map(|setting| setting.cells(&Protocol::PUBLISHED, |_| None));
    let mut ids: Vec<_> = ids.flatten().map(|cell| (cell.setting, run_id(&cell.spec))).collect();
    let published = |name: &str| settings.iter().any(|c| c.name == name && c.is_published());
    ids.retain(|(name, _)| published(name));
    let count = ids.len();
    ids.sort_by(|a, b| a.1.cmp(&b.1));
    ids.dedup_by(|a, b| a.1 == b.1);
    assert_eq!(ids.len(), count);
}

/// Numbers such as B1.3 never replace a sentence, so sentences are complete.
#[test]
fn every_claim_stands_alone() {
    for claim in studies().flat_map(|study| study.claims) {
        let text = claim.text;
        assert!(text.split(' ').count() >= 5 && !text.ends_with('.'), "{}: {text}", claim.id);
        for start in ["The same", "So do", "It ", "This "] {
            assert!(!text.starts_with(start), "{}: {text}", claim.id);
        }
    }
    let texts: Vec<&str> = studies().flat_map(|s| s.claims).map(|claim| claim.text).collect();
    let different: std::collections::BTreeSet<&str> = texts.iter().copied().collect();
    assert_eq!(different.len(), texts.len(), "two claims have one sentence");
}

/// Whether two settings are equal; an unknown dose equals itself.
fn same(a: &Setting, b: &Setting) -> bool {
    let plain = |setting: &Setting| Setting { dose: 0.0, ..setting.clone() };
    plain(a) == plain(b) && (a.dose == b.dose || a.dose.is_nan() && b.dose.is_nan())
}

const SGDM: Arm = Arm { name: "SGDM", sets: &["optimizer.name=sgd"], rates: Rates::Published };
const ADAM: Arm = Arm { name: "Adam", sets: &["optimizer.name=adam"], rates: Rates::Published };
const BOTH: &[Arm] = &[SGDM, ADAM];
const SGDM_OVER_ADAM: Gap = SGDM.over(&ADAM);

const TINY: Setting = Setting {
    name: "tiny",
    title: "Tiny",
    sets: &["model.depth=1", "train.batch_size=32", "eval.batch_size=64", "eval.every=1"],
    quick_sets: &[],
    instruments: &[],
    arms: &[SGDM.searched(2, -3), ADAM.searched(2, -3)],
    steps: (20, 2),
    seeds: 6,
    fresh_batches: 2,
    draws: 400,
    dose: f64::NAN,
};

fn local(store: &Store) -> LocalExecutor {
    LocalExecutor::new(store.clone(), Options { jobs: 2, ..Options::default() })
}

fn compute(store: &Store, specs: &[RunSpec]) {
    let plan = Plan::of_runs("runs", specs.to_vec());
    let statuses = local(store).execute(&plan, &Silent, &AtomicBool::new(false)).unwrap();
    assert_eq!(statuses, vec![Status::Stored; specs.len()]);
}

const PAIR: [Setting; 1] = [Setting { name: "pair", arms: BOTH, ..TINY }];
const GAP: Claim = Claim {
    id: "G",
    text: "Adam ends lower",
    what: "SGDM/Adam",
    judgement: Judgement::gap(Quantity::Loss, &PAIR[0], SGDM_OVER_ADAM),
};
const NOISE: Claim = Claim {
    id: "T",
    text: "The noise is heavier-tailed than Gaussian",
    what: "tail",
    judgement: Judgement::Contrast(
        Quantity::InitialNoise,
        Contrast::Alone(Runs::of(&PAIR[0], &ADAM)),
    ),
};
const STUDY: Study = Study {
    name: "pair",
    title: "A pair",
    settings: &PAIR,
    gaps: &[SGDM_OVER_ADAM],
    views: &[View::Losses, View::InitialNoise],
    claims: &[GAP, NOISE],
    ..Study::EMPTY
};

fn evidence(store: &Store, cells: Vec<Cell>) -> Evidence {
    let mut evidence = Evidence::new(Protocol::PUBLISHED, cells, Vec::new());
    evidence.read(store, 2);
    let (local, stop) = (local(store), AtomicBool::new(false));
    let lab = Lab { executor: &local, progress: &Silent, stop: &stop };
    gather::add_noise(&lab, &mut evidence, &[&PAIR[0]]).unwrap();
    gather::add_theory(&lab, &mut evidence, &[&PAIR[0]]).unwrap();
    evidence
}

#[test]
fn effects_are_those_of_the_stored_rows() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let cells = PAIR[0].cells(&Protocol::PUBLISHED, |_| None).unwrap();
    compute(&store, &cells.iter().map(|cell| cell.spec.clone()).collect::<Vec<_>>());
    let section = STUDY.assemble(&evidence(&store, cells.clone())).unwrap();
    let last = |metric: &str, arm: Arm| -> f64 {
        let own = cells.iter().filter(|cell| cell.arm == arm);
        let rows = own.flat_map(|cell| store.run(&run_id(&cell.spec)).unwrap().rows);
        let rows = rows.filter(|row| row.metric == metric && row.step == 20);
        let logs: Vec<f64> = rows.map(|row| row.value.ln()).collect();
        assert_eq!(logs.len(), 6, "{metric}");
        logs.iter().sum::<f64>() / 6.0
    };
    let gap = |metric: &str| last(metric, SGDM) - last(metric, ADAM);
    // The primary effect is the mean over seeds and both fresh batches, the paper's that of the
    // fixed batch.
    let fresh = 0.5 * (gap("batch1.held_out_median") + gap("batch2.held_out_median"));
    let [primary, paper] = [0, 1].map(|k| section.findings[0].effects[k].estimate.value().unwrap());
    assert!((primary / fresh.exp() - 1.0).abs() < 1e-12);
    assert!((paper / gap("held_out_loss").exp() - 1.0).abs() < 1e-12);
    assert!((primary / gap("held_out_median").exp() - 1.0).abs() > 1e-6, "another batch");
    assert_eq!(section.findings[0].effects[0].estimate.units(), 6);
    assert!(section.pictures.len() >= 4);
    assert!(section.pictures.iter().all(|p| p.figure.caption.contains("eed")));

    // Noise is cached: the second reading equals the first.
    let first = initial_noise(&store, &PAIR[0], &Protocol::PUBLISHED, 1).unwrap();
    assert_eq!(first.norms.len(), 400);
    let mean: f64 = first.norms.iter().map(|x| x * x).sum::<f64>() / 400.0;
    // The error of the reference, 1/100 in the square, is taken out of the rms.
    assert!((mean.sqrt() / first.statistics.rms.unwrap() - 1.0).abs() < 0.02);
    let tail = &section.findings[1].effects[0].estimate;
    assert!((0.5..2.0).contains(&tail.value().unwrap()) && tail.units() == 6, "{tail:?}");
}

/// At P = Q = 0 the error of a mini-batch gradient is known: √(L(V − 4‖Σ²‖²)/B) with
/// V = 4d(d + 2)²(n + d + 1)/n for N(0, I), 1.940 in Setting 1 (facts of the paper, section 6.2).
#[test]
fn noise_at_zero_is_that_of_the_closed_form() {
    const ZERO: Setting = Setting {
        name: "zero",
        sets: &["preset=setting1", "model.init_std=1e-12"],
        draws: 2000,
        ..TINY
    };
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let noise = initial_noise(&store, &ZERO, &Protocol::PUBLISHED, 1).unwrap();
    let (l, d, n, b) = (3.0_f64, 5.0_f64, 20.0, 1000.0);
    let v = 4.0 * d * (d + 2.0).powi(2) * (n + d + 1.0) / n;
    let rms = (l * (v - 4.0 * d) / b).sqrt();
    // Norms vary by a fifth, so 2000 of them tell their rms to 0.5 %; three of these.
    let sampled = noise.statistics.rms.unwrap();
    assert!((sampled / rms - 1.0).abs() < 0.015, "{sampled} against {rms}");
    // The mean of 1000 prompts is nearly Gaussian, single prompts are far from it.
    assert!((noise.statistics.q999.unwrap() - 1.1).abs() < 0.1, "{:?}", noise.statistics.q999);
    assert!(noise.statistics.single.unwrap() > 3.0, "{:?}", noise.statistics.single);
}

const MADE_UP: [Setting; 2] = [
    Setting { name: "first", dose: 1.0, arms: BOTH, ..TINY },
    Setting {
        name: "second",
        dose: 2.0,
        sets: &["model.depth=1", "train.batch_size=33", "eval.batch_size=64"],
        arms: BOTH,
        ..TINY
    },
];
const JUDGED: Study = Study {
    name: "judged",
    title: "Numbers that are known",
    settings: &MADE_UP,
    gaps: &[SGDM_OVER_ADAM],
    views: &[View::Ratios],
    claims: &[
        Claim {
            id: "R",
            text: "",
            what: "",
            judgement: Judgement::gap(Quantity::RobustCondition, &MADE_UP[0], SGDM_OVER_ADAM),
        },
        Claim {
            id: "S",
            text: "",
            what: "",
            judgement: Judgement::gap(Quantity::DirectionalSmoothness, &MADE_UP[0], SGDM_OVER_ADAM),
        },
        Claim {
            id: "T",
            text: "",
            what: "",
            judgement: Judgement::TailGrowth(1000, Runs::of(&MADE_UP[0], &ADAM)),
        },
        Claim {
            id: "C",
            text: "",
            what: "",
            judgement: Judgement::Smoothness(Runs::of(&MADE_UP[0], &ADAM)),
        },
        Claim {
            id: "D",
            text: "",
            what: "",
            judgement: Judgement::Ranks(
                Coordinate::Dose,
                Coordinate::Gap(Quantity::Loss, SGDM_OVER_ADAM),
                ResamplingUnit::Seed,
            ),
        },
    ],
    ..Study::EMPTY
};

/// Metadata of a run that finished.
fn meta(step: u64) -> serde_json::Map<String, serde_json::Value> {
    let meta = serde_json::json!({
        "outcome": "finished", "step": step, "version": "", "numerics": NUMERICS_VERSION,
        "git_revision": "", "cpu": "", "isa": "", "threads": 1, "wall_seconds": 0.0,
        "finished_at": 0,
    });
    meta.as_object().unwrap().clone()
}

/// Every kind of claim on generated rows, so that the effects are known.
#[test]
fn claims_of_every_kind_have_the_effect_that_was_put_in() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    // Long enough for the steps of the paper's table.
    let long = |setting: &Setting| Setting { steps: (1250, 1250), ..setting.clone() };
    let mut cells = Vec::new();
    for (k, setting) in MADE_UP.iter().enumerate() {
        for cell in long(setting).cells(&Protocol::PUBLISHED, |_| None).unwrap() {
            let seed = cell.spec.train.seed as f64;
            let sgdm = cell.arm.name == "SGDM";
            let mut rows = Vec::new();
            let mut row = |step, metric: &str, value| rows.push(Row::new(step, metric, value));
            // Gaps of 2 and 8, R of 3·(1 + seed) over 1, smoothness of 5 over 1 by the mean.
            let gap = if k == 0 { 2.0 } else { 8.0 };
            for step in 0..=1250 {
                row(step, "held_out_loss", if sgdm { gap } else { 1.0 });
                row(step, "held_out_median", if sgdm { gap } else { 1.0 });
                let smooth = if step % 2 == 0 { 4.0 } else { -2.0 };
                row(step, "directional_smoothness", if sgdm { 5.0 * smooth } else { smooth });
                row(step, "held_out_grad_norm", if step % 2 == 0 { step as f64 } else { 0.0 });
            }
            for step in [750, 1250] {
                row(step, "robust_condition_number", if sgdm { 3.0 * (1.0 + seed) } else { 1.0 });
            }
            for (step, tail, error) in [(0, 1.1, 0.1), (1250, 4.4, 0.1), (1000, 99.0, 0.5)] {
                row(step, "grad_noise.reference_error", error);
                row(step, "grad_noise.b1000.rms", 1.0);
                row(step, "grad_noise.b1000.gaussian_ratio.max", tail);
            }
            let (spec_toml, meta) = (cell.spec.to_toml(), meta(1250));
            let record = Record { spec_toml, meta, rows, ..Record::default() };
            store.finish(&run_id(&cell.spec), &record).unwrap();
            cells.push(cell);
        }
    }
    let mut evidence = Evidence::new(Protocol::PUBLISHED, cells, Vec::new());
    evidence.read(&store, 2);
    // A reading is left out if the error of its reference is half of the noise.
    let rows = &evidence.members(&MADE_UP[0], "Adam")[0].rows;
    assert!(!rows.iter().any(|row| row.step == 1000 && row.metric.starts_with("grad_noise.b1000")));
    let settings: Vec<Setting> = MADE_UP.iter().map(long).collect();
    let study = Study { settings: Box::leak(settings.into_boxed_slice()), ..JUDGED };
    let section = study.assemble(&evidence).unwrap();
    let effect = |k: usize| &section.findings[k].effects[0];
    let close = |value: f64, expected: f64| (value / expected - 1.0).abs() < 1e-12;
    // Geometric mean of 3, 6, …, 18.
    let factorial: f64 = (1..=6).map(f64::from).product();
    assert!(
        close(effect(0).estimate.value().unwrap(), 3.0 * factorial.powf(1.0 / 6.0)),
        "{:?}",
        effect(0)
    );
    assert!(close(effect(1).estimate.value().unwrap(), 5.0), "{:?}", effect(1));
    assert!(close(effect(2).estimate.value().unwrap(), 4.0), "{:?}", effect(2));
    // Of the positive ones all have the same smoothness: no rank.
    assert!(effect(3).estimate.value().is_none(), "{:?}", effect(3));
    assert!(close(effect(4).estimate.value().unwrap(), 1.0), "{:?}", effect(4));
    assert_eq!((effect(4).verdict(), effect(4).estimate.units()), (Verdict::Supported, 6));
    // Mean and standard deviation of 3, 6, …, 18: 10.5 and √31.5 = 5.61.
    let ratios = &section.tables.iter().find(|t| t.title.starts_with("Ratio")).unwrap().rows[0];
    assert_eq!(ratios[..3], ["first", "750", "10.5 (5.61)"]);
}

#[test]
fn a_study_that_lacks_a_run_says_which() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let cells = PAIR[0].cells(&Protocol::PUBLISHED, |_| None).unwrap();
    let missing = run_id(&cells[3].spec).to_string();
    let others = cells.iter().enumerate().filter(|(k, _)| *k != 3);
    compute(&store, &others.map(|(_, cell)| cell.spec.clone()).collect::<Vec<_>>());
    let reason = STUDY.assemble(&evidence(&store, cells.clone())).err().unwrap();
    assert!(reason.contains("pair") && reason.contains(&missing), "{reason}");
    // If a more specific reason for a missing run is known, it is shown.
    let mut evidence = Evidence::new(Protocol::PUBLISHED, cells, Vec::new());
    evidence.fail("pair", "no space left".into());
    evidence.read(&store, 2);
    assert_eq!(STUDY.assemble(&evidence).err().unwrap(), "pair: no space left");
}

#[test]
fn verdicts_of_claims_of_equality_are_the_other_way_round() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let cells = PAIR[0].cells(&Protocol::PUBLISHED, |_| None).unwrap();
    compute(&store, &cells.iter().map(|cell| cell.spec.clone()).collect::<Vec<_>>());
    let evidence = evidence(&store, cells);
    let equal = Claim {
        judgement: Judgement::Equality(
            Quantity::Loss,
            Contrast::Arms { setting: "pair", gap: ADAM.over(&ADAM) },
        ),
        ..GAP
    };
    let finding = equal.judge(&STUDY, &evidence);
    assert_eq!(finding.effects[0].estimate.text(), "exactly 1 (the same in all 6 pairs)");
    assert!(finding.effects.iter().take(4).all(|e| e.verdict() == Verdict::Supported));
}

/// GD++ is not defined for noisy labels, and the table of losses says so.
#[test]
fn a_baseline_that_is_not_defined_has_its_reason_in_the_table() {
    const NOISY: Setting = Setting {
        name: "noisy",
        sets: &["model.depth=1", "task.noise_std=0.5", "eval.batch_size=16"],
        arms: BOTH,
        ..TINY
    };
    const STUDY: Study = Study {
        settings: &[NOISY],
        gaps: &[SGDM_OVER_ADAM],
        views: &[View::Losses],
        ..Study::EMPTY
    };
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut evidence = Evidence::new(Protocol::PUBLISHED, Vec::new(), Vec::new());
    let (local, stop) = (local(&store), AtomicBool::new(false));
    let lab = Lab { executor: &local, progress: &Silent, stop: &stop };
    gather::add_theory(&lab, &mut evidence, &[&NOISY]).unwrap();
    let section = STUDY.assemble(&evidence).unwrap();
    let cell = |title: &str| {
        let table = section.tables.iter().find(|table| table.title.contains(title)).unwrap();
        let column = table.head.iter().position(|head| head.starts_with("Adam/GD++")).unwrap();
        table.rows[0][column].clone()
    };
    for title in ["mean over prompts", "median over prompts"] {
        let cell = cell(title);
        assert!(cell.starts_with("none: known for linear labels without noise"), "{cell}");
    }
}
