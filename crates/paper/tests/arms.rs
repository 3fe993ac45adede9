//! Studies of one arm and of four: pictures, tables, claims, verdicts and pages of generated
//! evidence, with captions from the specs and a colour for every arm.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod made_up;
mod words;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use made_up::{Fault, STEPS, assert_whole, noise, page, rows, wave};
use windtunnel_figure::table::Table;
use windtunnel_figure::{Color, Scale};
use windtunnel_lab::laboratory::Lab;
use windtunnel_lab::local::LocalExecutor;
use windtunnel_lab::progress::Silent;
use windtunnel_lab::search::search;
use windtunnel_lab::training::Options;
use windtunnel_paper::arm::{Arm, Gap, Rates};
use windtunnel_paper::claim::{Claim, Contrast, Coordinate, Judgement, ResamplingUnit, Runs};
use windtunnel_paper::evidence::Evidence;
use windtunnel_paper::gather::add_theory;
use windtunnel_paper::quantity::Quantity;
use windtunnel_paper::rates::{self, searches};
use windtunnel_paper::section::Section;
use windtunnel_paper::setting::{Cell, Setting};
use windtunnel_paper::soundness::UnknownReference;
use windtunnel_paper::study::{PublishedLoss, PublishedRatio, Study};
use windtunnel_paper::view::View;
use windtunnel_paper::{Protocol, audit};
use windtunnel_runs::store::Store;

const fn arm(name: &'static str, sets: &'static [&'static str]) -> Arm {
    Arm { name, sets, rates: Rates::Published }
}

const PLAIN: Arm = arm("plain", &["optimizer.name=sgd", "optimizer.momentum=0"]);
const ADAM: Arm = arm("Adam", &["optimizer.name=adam"]);
const SLOW: Arm =
    arm("slow Adam", &["optimizer.name=adam", "optimizer.betas=[0.9, 0.999]", "optimizer.lr=5e-5"]);
const DECAYED: Arm = arm(
    "AdamW",
    &["optimizer.name=adamw", "optimizer.weight_decay=0.05", "optimizer.clip_norm=off"],
);

const FIRST: Setting = Setting {
    name: "first",
    title: "First",
    sets: &["model.depth=1", "train.batch_size=32", "eval.batch_size=64"],
    quick_sets: &[],
    instruments: &[],
    arms: &[PLAIN, ADAM, SLOW, DECAYED],
    steps: (STEPS, STEPS),
    seeds: 6,
    fresh_batches: 0,
    draws: 400,
    dose: 1.0,
};
/// A setting that lacks the third arm, and has the others in another order.
const SECOND: Setting = Setting {
    name: "second",
    title: "Second",
    sets: &["model.depth=2", "train.batch_size=32", "eval.batch_size=64"],
    arms: &[ADAM, DECAYED, PLAIN],
    dose: 2.0,
    ..FIRST
};

const PLAIN_OVER_ADAM: Gap = PLAIN.over(&ADAM);
const ADAM_OVER_DECAYED: Gap = ADAM.over(&DECAYED);

const fn claim(id: &'static str, judgement: Judgement) -> Claim {
    Claim { id, text: "a sentence about these runs", what: "effect", judgement }
}

const VIEWS: &[View] = &[
    View::Losses,
    View::InitialNoise,
    View::Condition,
    View::Directional,
    View::Generalized,
    View::NoiseInTraining,
    View::Dose("dose", Scale::Log),
    View::Blocks,
];

const FOUR: Study = Study {
    name: "four",
    title: "Four arms",
    settings: &[FIRST, SECOND],
    gaps: &[PLAIN_OVER_ADAM, ADAM_OVER_DECAYED, ADAM.over(&SLOW)],
    views: VIEWS,
    claims: &[
        claim("L", Judgement::gap(Quantity::Loss, &FIRST, ADAM_OVER_DECAYED)),
        claim("LL", Judgement::gaps(Quantity::Loss, &FIRST, &SECOND, PLAIN_OVER_ADAM)),
        claim("O", Judgement::over(Quantity::Loss, &FIRST, &SECOND, &DECAYED)),
        claim("R", Judgement::gap(Quantity::RobustCondition, &FIRST, ADAM.over(&SLOW))),
        claim("S", Judgement::Smoothness(Runs::of(&FIRST, &SLOW))),
        claim("T", Judgement::TailGrowth(1000, Runs::of(&SECOND, &DECAYED))),
        claim(
            "D",
            Judgement::Ranks(
                Coordinate::Dose,
                Coordinate::Gap(Quantity::Loss, ADAM_OVER_DECAYED),
                ResamplingUnit::Seed,
            ),
        ),
    ],
    published_losses: &[PublishedLoss { setting: "second", arm: "AdamW", step: 750, loss: 0.5 }],
    published_ratios: &[PublishedRatio {
        setting: "first",
        gap: ADAM.over(&SLOW),
        source: "paper",
        step: 750,
        mean: 1.7,
        std: 0.4,
    }],
    ..Study::EMPTY
};

const ONE: Study = Study {
    name: "one",
    title: "One arm",
    settings: &[Setting { arms: &[DECAYED], ..FIRST }, Setting { arms: &[DECAYED], ..SECOND }],
    views: VIEWS,
    claims: &[
        claim("O", Judgement::over(Quantity::Loss, &FIRST, &SECOND, &DECAYED)),
        claim(
            "I",
            Judgement::Contrast(
                Quantity::InitialNoise,
                Contrast::Alone(Runs::of(&FIRST, &DECAYED)),
            ),
        ),
        claim("S", Judgement::Smoothness(Runs::of(&FIRST, &DECAYED))),
    ],
    ..Study::EMPTY
};

fn evidence(study: &Study, seeds: u64) -> Evidence {
    faulty(study, seeds, Fault::None)
}

/// Evidence in which all runs of AdamW have a fault.
fn faulty(study: &Study, seeds: u64, fault: Fault) -> Evidence {
    let protocol = Protocol { seeds: Some(seeds), ..Protocol::PUBLISHED };
    let cells = study.settings.iter().map(|own| own.cells(&protocol, |_| None).unwrap());
    let cells: Vec<Vec<Cell>> = cells.collect();
    let mut evidence = Evidence::new(protocol, cells.concat(), Vec::new());
    for (k, own) in cells.iter().enumerate() {
        for cell in own {
            let fault = if cell.arm == DECAYED { fault } else { Fault::None };
            evidence.add(cell, rows(k, cell, fault));
        }
        (0..seeds)
            .for_each(|seed| evidence.add_noise(&study.settings[k], noise(seed, Fault::None)));
    }
    in_a_laboratory(|lab| add_theory(lab, &mut evidence, &[&study.settings[0]]).unwrap());
    evidence
}

/// The result of `work` in a laboratory with a store of its own.
fn in_a_laboratory<R>(work: impl FnOnce(&Lab) -> R) -> R {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let local = LocalExecutor::new(store, Options { jobs: 2, ..Options::default() });
    work(&Lab { executor: &local, progress: &Silent, stop: &AtomicBool::new(false) })
}

fn table<'a>(section: &'a Section, start: &str) -> &'a Table {
    let mut tables = section.tables.iter().chain(&section.details);
    tables.find(|table| table.title.contains(start)).unwrap()
}

/// Names and colours of the curves of a panel of the losses.
fn curves(section: &Section, panel: usize) -> Vec<(String, Color)> {
    let series = &section.pictures[0].figure.panels[panel].series;
    series.iter().map(|own| (own.name.clone(), own.color)).collect()
}

#[test]
fn four_arms_have_their_curves_and_colours() {
    let section = FOUR.assemble(&evidence(&FOUR, 3)).unwrap();
    let first = curves(&section, 0);
    let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, FOUR.arms());
    // An arm keeps its colour if another is missing; the colour depends on its name alone.
    let second = curves(&section, 1);
    assert_eq!(second.len(), 3);
    assert!(second.iter().all(|own| first.contains(own)), "{first:?}, {second:?}");
    let rules = section.pictures[0].figure.panels[0].rules.iter().map(|rule| rule.color);
    let all: Vec<Color> = first.iter().map(|(_, color)| *color).chain(rules).collect();
    let different: BTreeSet<[u8; 3]> = all.iter().map(|c| [c.0, c.1, c.2]).collect();
    assert!(all.len() > 4 && different.len() == all.len(), "{all:?}");
    // The first two are black and red, as in the paper.
    assert_eq!([all[0], all[1]], [Color::BLACK, Color::RED]);
}

#[test]
fn captions_say_what_ran() {
    let section = FOUR.assemble(&evidence(&FOUR, 3)).unwrap();
    let caption = &section.pictures[0].figure.caption;
    for part in [
        "1250 steps of 32 fresh prompts",
        "clipped at 1 with plain, 1 with Adam, 1 with slow Adam, off with AdamW.",
        "plain: no momentum.",
        " Adam: betas (0.9, 0.9), eps 1e-8.",
        "slow Adam: betas (0.9, 0.999), eps 1e-8.",
        "AdamW: betas (0.9, 0.9), eps 1e-8, weight decay 0.05.",
        "Learning rates plain/Adam/slow Adam/AdamW: first 0.02/0.02/0.00005/0.02, second \
         0.02/0.02/–/0.02.",
    ] {
        assert!(caption.contains(part), "{part} is not in {caption}");
    }
    let generalized = section.pictures.iter().find(|own| own.what.starts_with("smoothness ag"));
    let caption = &generalized.unwrap().figure.caption;
    assert!(caption.contains("u^{T}Hu every 125 steps, ‖H‖_{2} every 125 steps."), "{caption}");
    let one = ONE.assemble(&evidence(&ONE, 3)).unwrap();
    let caption = &one.pictures[0].figure.caption;
    assert!(caption.contains("clipped at off. AdamW: betas"), "{caption}");
    assert!(caption.contains("Learning rates: first 0.02, second 0.02."), "{caption}");
    for section in [section, one] {
        let pictures = section.pictures.iter();
        pictures.for_each(|own| assert!(!own.figure.caption.contains("SGDM"), "{}", own.what));
    }
}

#[test]
fn tables_have_a_column_per_arm_and_gap() {
    let section = FOUR.assemble(&evidence(&FOUR, 3)).unwrap();
    let losses = table(&section, "mean over prompts and seeds");
    let head: Vec<&str> = losses.head.iter().map(String::as_str).collect();
    assert_eq!(
        head[..7],
        [
            "setting",
            "plain",
            "Adam",
            "slow Adam",
            "AdamW",
            "plain/Adam (95 %)",
            "plain/Adam, ratio of means"
        ]
    );
    assert_eq!(head[8], "Adam/AdamW (95 %)");
    // Arms below the line of a gap are compared with GD++.
    assert_eq!(
        head[14..17],
        ["Adam", "slow Adam", "AdamW"].map(|arm| format!("{arm}/GD++, ratio of means"))
    );
    assert!(losses.rows.iter().all(|row| row.len() == losses.head.len()));
    // The second setting lacks the third arm and its gap.
    assert_eq!([3, 11, 12, 13, 15].map(|k| losses.rows[1][k].as_str()), ["–"; 5]);
    let loss = |setting, arm| {
        let of = |seed| wave(setting, arm, seed, STEPS, 0);
        (0..3).map(of).sum::<f64>() / 3.0
    };
    for (k, arm) in FOUR.arms().into_iter().enumerate() {
        let cell: f64 = losses.rows[0][k + 1].parse().unwrap();
        assert!((cell / loss(0, arm) - 1.0).abs() < 0.005, "{arm}: {cell}");
    }
    let logs = |seed| (wave(0, "Adam", seed, STEPS, 0) / wave(0, "AdamW", seed, STEPS, 0)).ln();
    let gap = ((0..3).map(logs).sum::<f64>() / 3.0).exp();
    let effect = &section.findings[0].of_paper().unwrap().estimate;
    assert!((effect.value().unwrap() / gap - 1.0).abs() < 1e-12);
    assert_eq!(losses.rows[0][8], effect.text());
    // Published numbers stand beside their own arms and settings.
    let ratios = table(&section, "Ratio Adam/slow Adam");
    assert_eq!((ratios.rows[0][0].as_str(), ratios.rows[0][3].as_str()), ("first", "1.70 (0.400)"));
    assert_eq!(ratios.rows.len(), 2);
    assert_eq!(table(&section, "Ratio plain/Adam").rows.len(), 4);
    let agreement = table(&section, "notebooks");
    assert_eq!(agreement.rows[0][..2], ["second", "AdamW"]);
    assert!(section.findings[3].agreement.as_ref().unwrap().contains("paper 1.7 (0.4)"));
    // A panel for every gap and convention.
    let dose = section.pictures.iter().find(|own| own.suffix == "-dose").unwrap();
    let labels = dose.figure.panels.iter().map(|panel| panel.y_label.as_str());
    assert_eq!(labels.collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(dose.figure.panels.len(), 6);
}

#[test]
fn studies_of_one_arm_and_of_four_are_drawn_and_judged() {
    for study in [FOUR, ONE] {
        for seeds in [1, 3] {
            let case = format!("{}, {seeds} seeds", study.name);
            let section = study.assemble(&evidence(&study, seeds)).unwrap();
            let units = |id: &str| {
                let finding = section.findings.iter().find(|f| f.claim == id).unwrap();
                finding.effects[0].estimate.units()
            };
            assert!(section.findings.iter().all(|f| units(f.claim) > 0), "{case}");
            let page = page(&section);
            assert!(study.arms().iter().all(|arm| page.contains(arm)), "{case}");
            assert!(!page.contains("SGDM"), "{case}");
            assert_eq!(section.verdicts["claims"].as_array().unwrap().len(), study.claims.len());
            assert_whole(section, &case);
        }
    }
    // One arm: no gaps in tables, and no pictures of them.
    let one = ONE.assemble(&evidence(&ONE, 3)).unwrap();
    let losses = table(&one, "mean over prompts and seeds");
    assert_eq!(
        losses.head,
        ["setting", "AdamW", "AdamW/GD++, ratio of means", "diverged", "worst prompt"]
    );
    assert!(!one.pictures.iter().any(|own| own.suffix == "-dose"));
}

#[test]
fn an_arm_whose_runs_fail_is_named_with_the_reason() {
    let faults = [
        Fault::Diverged,
        Fault::Unmeasured,
        Fault::Poor,
        Fault::Empty,
        Fault::Is(0.0),
        Fault::Is(f64::NAN),
        Fault::Is(f64::INFINITY),
    ];
    for study in [FOUR, ONE] {
        for fault in faults {
            let section = study.assemble(&faulty(&study, 3, fault)).unwrap();
            assert_whole(section, &format!("{}, {fault:?}", study.name));
        }
    }
    let section = FOUR.assemble(&faulty(&FOUR, 3, Fault::Diverged)).unwrap();
    let losses = table(&section, "mean over prompts and seeds");
    assert_eq!(losses.rows[0][4], "AdamW diverged in 3 of 3 seeds");
    assert_eq!(losses.rows[0][losses.head.len() - 2], "3");
    // The other arms are unaffected.
    assert!(losses.rows[0][1..4].iter().all(|cell| cell.parse::<f64>().is_ok()));
}

/// Arms are data: only the lists name them.
#[test]
fn no_source_but_the_lists_names_an_arm() {
    let src = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let folders = [src.to_string(), format!("{src}/view"), format!("{src}/report")];
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut seen = 0;
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let lists =
            ["settings.rs", "figures.rs", "beyond.rs", "feature.rs", "terms.rs"].contains(&name);
        if lists || path.extension().is_none_or(|end| end != "rs") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap().lines();
        for line in code.filter(|line| !line.trim_start().starts_with("//")) {
            for arm in ["SGDM", "Sgdm", "sgdm", "Adam", "adam"] {
                assert!(!line.contains(arm), "{name} names {arm}: {line}");
            }
        }
    }
    assert!(seen > 20);
}

/// The sentence of a claim stands beside its number.
#[test]
fn numbers_of_claims_stand_with_their_sentences() {
    // Adam is worse than AdamW by the mean prompt and better by the median prompt.
    let protocol = Protocol { seeds: Some(3), ..Protocol::PUBLISHED };
    let mut evidence = Evidence::new(protocol, Vec::new(), Vec::new());
    for (k, setting) in FOUR.settings.iter().enumerate() {
        for cell in setting.cells(&protocol, |_| None).unwrap() {
            let mut rows = rows(k, &cell, Fault::None);
            for row in rows.iter_mut().filter(|_| cell.arm == ADAM) {
                match row.metric.as_str() {
                    "held_out_loss" => row.value *= 1e8,
                    "held_out_median" => row.value /= 1e8,
                    _ => {}
                }
            }
            evidence.add(&cell, rows);
        }
    }
    let section = FOUR.assemble(&evidence).unwrap();
    assert!(section.findings[0].flips());
    let claims = table(&section, "Claims by their primary estimand");
    let mut named = claims.rows.iter().filter(|row| !row[0].is_empty());
    assert!(named.all(|row| row[0] == FOUR.claims[0].text));
    let turns = section.pictures.iter().find(|own| own.suffix == "-specifications").unwrap();
    assert!(!turns.figure.panels.is_empty());
    for panel in &turns.figure.panels {
        assert!(panel.title.starts_with("a sentence about these runs"), "{}", panel.title);
    }
    let audit = audit::table(&[section]);
    assert!(audit.rows.iter().all(|row| row[1].starts_with("a sentence about these runs")));
}

#[test]
fn searches_are_an_arms_own() {
    const SEARCHED: Setting = Setting {
        arms: &[PLAIN.searched(2, -3), SLOW, DECAYED.searched(1, -3), ADAM.searched(2, -2)],
        steps: (20, 20),
        ..FIRST
    };
    let open = searches(&[&SEARCHED], &Protocol::QUICK).unwrap();
    let rates = open.iter().map(|search| search.rates.clone()).collect();
    let ended = in_a_laboratory(|lab| search(lab, rates).unwrap());
    let ended = open.into_iter().zip(ended);
    let found: Vec<_> = ended.map(|(open, rates)| open.found(rates.unwrap())).collect();
    let found: Vec<_> = found.iter().collect();
    let table = rates::table(&found).unwrap();
    let names: Vec<&str> = table.rows.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(names, ["plain", "AdamW", "Adam"]);
    let figure = rates::figure("A title", &[SEARCHED], &found).unwrap();
    let colors = figure.panels[0].series.iter().map(|own| own.color);
    // The index of an arm is that in its study, whether it was searched or not.
    assert_eq!(colors.collect::<Vec<_>>(), [0, 2, 3].map(|k| Color::CYCLE[k]));
    // The learning rate of an arm that is not searched is that of its spec.
    let lr = |arm: Arm| found.iter().find(|s| s.arm.name == arm.name).map(|s| s.rates.lr());
    let cells = SEARCHED.cells(&Protocol::QUICK, lr).unwrap();
    let slow = cells.iter().find(|cell| cell.arm.name == "slow Adam").unwrap();
    assert!(slow.spec.to_toml().contains("lr = 0.00005"), "{}", slow.spec.to_toml());
}

#[test]
fn what_a_study_lacks_is_refused() {
    let unknown = |part, name| Some(UnknownReference { study: "four", part, name });
    assert_eq!(FOUR.unknown(), None);
    let with = |judgement: Judgement| {
        let claims: &'static [Claim] = Box::leak(Box::new([claim("X", judgement)]));
        Study { claims, ..FOUR }
    };
    const THIRD: Setting = Setting { name: "third", ..FIRST };
    const SGDM: Arm = arm("SGDM", &["optimizer.name=sgd"]);
    let cases = [
        (Judgement::gap(Quantity::Loss, &THIRD, PLAIN_OVER_ADAM), "third"),
        (Judgement::gap(Quantity::Loss, &FIRST, SGDM.over(&ADAM)), "SGDM"),
        (Judgement::gaps(Quantity::Loss, &FIRST, &SECOND, ADAM.over(&SLOW)), "slow Adam"),
        (Judgement::over(Quantity::Loss, &FIRST, &SECOND, &SLOW), "slow Adam"),
        (Judgement::Smoothness(Runs::of(&FIRST, &SGDM)), "SGDM"),
        (Judgement::TailGrowth(1000, Runs::of(&THIRD, &ADAM)), "third"),
        (
            Judgement::Ranks(
                Coordinate::Dose,
                Coordinate::Gap(Quantity::Loss, ADAM.over(&SLOW)),
                ResamplingUnit::Seed,
            ),
            "slow Adam",
        ),
    ];
    let evidence = evidence(&FOUR, 1);
    for (judgement, name) in cases {
        let study = with(judgement);
        assert_eq!(study.unknown(), unknown("X", name), "{judgement:?}");
        let refusal = study.assemble(&evidence).err().unwrap();
        assert!(refusal.contains(name) && refusal.contains("X names"), "{refusal}");
    }
    let loss = PublishedLoss { setting: "second", arm: "slow Adam", step: 1, loss: 1.0 };
    let published_losses: &'static [PublishedLoss] = Box::leak(Box::new([loss]));
    let study = Study { published_losses, ..FOUR };
    assert_eq!(study.unknown(), unknown("a published loss", "slow Adam"));
    let study = Study { settings: &[THIRD], claims: &[], ..FOUR };
    assert_eq!(study.unknown(), unknown("a published loss", "second"));
    let bare = Study { settings: &[Setting { arms: &[], ..FIRST }], ..Study::EMPTY };
    assert_eq!(bare.unknown().unwrap().name, "first");
    const LONELY: Study = Study { settings: &[SECOND], gaps: &[ADAM.over(&SLOW)], ..Study::EMPTY };
    assert_eq!(LONELY.unknown().unwrap().name, "slow Adam");
}
