//! Claims, tables, pictures and pages of generated evidence: runs that diverged, overflowed, were
//! not measured or have no spread. No number is invented, no reason is missing, and a quantity has
//! the same number everywhere.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod made_up;
mod words;

use made_up::{Fault, STEPS, assert_whole, noise, rows, wave};
use windtunnel_figure::Scale;
use windtunnel_figure::table::{Table, number};
use windtunnel_paper::Protocol;
use windtunnel_paper::arm::{Arm, Gap, Rates};
use windtunnel_paper::claim::{Claim, Contrast, Coordinate, Judgement, ResamplingUnit, Runs};
use windtunnel_paper::evidence::Evidence;
use windtunnel_paper::quantity::Quantity;
use windtunnel_paper::section::Section;
use windtunnel_paper::setting::{Cell, Setting};
use windtunnel_paper::study::{AlternativeProtocol, PublishedLoss, PublishedRatio, Study};
use windtunnel_paper::view::View;

const SGDM: Arm = Arm { name: "SGDM", sets: &["optimizer.name=sgd"], rates: Rates::Published };
const ADAM: Arm = Arm { name: "Adam", sets: &["optimizer.name=adam"], rates: Rates::Published };
const SGDM_OVER_ADAM: Gap = SGDM.over(&ADAM);

const FIRST: Setting = Setting {
    name: "first",
    title: "First",
    sets: &["model.depth=1", "train.batch_size=32", "eval.batch_size=64"],
    quick_sets: &[],
    instruments: &[],
    arms: &[SGDM, ADAM],
    steps: (STEPS, STEPS),
    seeds: 6,
    fresh_batches: 0,
    draws: 400,
    dose: 1.0,
};
const SECOND: Setting =
    Setting { name: "second", title: "Second", sets: &["model.depth=2"], dose: 2.0, ..FIRST };
const SETTINGS: [Setting; 2] = [FIRST, SECOND];

const fn claim(id: &'static str, judgement: Judgement) -> Claim {
    Claim { id, text: "a claim", what: "effect", judgement }
}

const fn gap(quantity: Quantity, setting: &Setting) -> Judgement {
    Judgement::gap(quantity, setting, SGDM_OVER_ADAM)
}

const fn gaps(quantity: Quantity) -> Judgement {
    Judgement::gaps(quantity, &FIRST, &SECOND, SGDM_OVER_ADAM)
}

const ADAMS: Runs = Runs::of(&FIRST, &ADAM);

/// Every view, quantity and kind of claim.
const EVERYTHING: Study = Study {
    name: "everything",
    title: "Everything",
    settings: &SETTINGS,
    gaps: &[SGDM_OVER_ADAM],
    views: &[
        View::Losses,
        View::InitialNoise,
        View::Condition,
        View::Ratios,
        View::Directional,
        View::Generalized,
        View::NoiseInTraining,
        View::Dose("dose", Scale::Log),
        View::Blocks,
    ],
    claims: &[
        claim("L", gap(Quantity::Loss, &FIRST)),
        claim("L2", gap(Quantity::Loss, &SECOND)),
        claim("LL", gaps(Quantity::Loss)),
        claim("R", gap(Quantity::RobustCondition, &FIRST)),
        claim("RR", gaps(Quantity::RobustCondition)),
        claim("S", gap(Quantity::DirectionalSmoothness, &FIRST)),
        claim("I", Judgement::Contrast(Quantity::InitialNoise, Contrast::Alone(ADAMS))),
        claim("N", gap(Quantity::NoiseInTraining, &FIRST)),
        claim(
            "E",
            Judgement::Equality(
                Quantity::Loss,
                Contrast::Arms { setting: "first", gap: SGDM_OVER_ADAM },
            ),
        ),
        claim("T", Judgement::TailGrowth(1000, ADAMS)),
        claim("C", Judgement::Smoothness(ADAMS)),
        claim(
            "D",
            Judgement::Ranks(
                Coordinate::Dose,
                Coordinate::Gap(Quantity::Loss, SGDM_OVER_ADAM),
                ResamplingUnit::Seed,
            ),
        ),
        claim(
            "H",
            Judgement::Ranks(
                Coordinate::Heterogeneity,
                Coordinate::Gap(Quantity::Loss, SGDM_OVER_ADAM),
                ResamplingUnit::Setting,
            ),
        ),
    ],
    alternatives: &[AlternativeProtocol {
        name: "the other way round",
        replaced: &[("first", SECOND), ("second", FIRST)],
    }],
    published_losses: &[
        PublishedLoss { setting: "first", arm: "SGDM", step: 750, loss: 0.5 },
        PublishedLoss { setting: "first", arm: "Adam", step: STEPS, loss: 0.1 },
    ],
    published_ratios: &[PublishedRatio {
        setting: "first",
        gap: SGDM_OVER_ADAM,
        source: "paper",
        step: 750,
        mean: 1.7,
        std: 0.4,
    }],
    ..Study::EMPTY
};

const FAULTS: [Fault; 16] = [
    Fault::None,
    Fault::Diverged,
    Fault::Unmeasured,
    Fault::Poor,
    Fault::Empty,
    Fault::Is(f64::INFINITY),
    Fault::Is(f64::NEG_INFINITY),
    Fault::Is(f64::NAN),
    Fault::Is(0.0),
    Fault::Is(1.0),
    Fault::Is(-1.0),
    Fault::Is(1e295),
    Fault::Is(1e300),
    Fault::Is(f64::MAX),
    Fault::Is(1e-300),
    Fault::Is(5e-324),
];

/// Whether a run has the fault.
type Where = fn(&str, u64) -> bool;

/// Sets of runs with the fault.
const WHERE: [(&str, Where); 5] = [
    ("all", |_, _| true),
    ("one of SGDM's", |arm, seed| arm == "SGDM" && seed == 0),
    ("most of SGDM's", |arm, seed| arm == "SGDM" && seed < 4),
    ("all of SGDM's", |arm, _| arm == "SGDM"),
    ("all of Adam's", |arm, _| arm == "Adam"),
];

fn evidence(seeds: u64, fault: Fault, at: Where) -> Evidence {
    let protocol = Protocol { seeds: Some(seeds), ..Protocol::PUBLISHED };
    let cells: Vec<Vec<Cell>> =
        SETTINGS.iter().map(|setting| setting.cells(&protocol, |_| None).unwrap()).collect();
    let mut evidence = Evidence::new(protocol, cells.concat(), Vec::new());
    let of = |arm: &str, seed| if at(arm, seed) { fault } else { Fault::None };
    for (k, cells) in cells.iter().enumerate() {
        for cell in cells {
            evidence.add(cell, rows(k, cell, of(cell.arm.name, cell.spec.train.seed)));
        }
        for seed in 0..seeds {
            evidence.add_noise(&SETTINGS[k], noise(seed, of("SGDM", seed)));
        }
    }
    evidence
}

#[test]
fn nothing_that_is_missing_is_shown_as_a_number_or_without_a_reason() {
    for seeds in [1, 3, 6] {
        for fault in FAULTS {
            for (name, at) in WHERE {
                let case = format!("{seeds} seeds, {fault:?} in {name}");
                let section = EVERYTHING.assemble(&evidence(seeds, fault, at)).unwrap();
                assert_whole(section, &case);
            }
        }
    }
}

/// The first panel's quantities that every study has, computed directly from the rows.
struct ByHand {
    /// SGDM/Adam at the last step of the mean and the median prompt, then over the last tenth.
    gaps: [f64; 4],
    ratio_of_means: f64,
}

fn by_hand(seeds: u64, setting: usize) -> ByHand {
    let value = |arm: &str, seed, step, metric| wave(setting, arm, seed, step, metric);
    let gap = |metric: usize, late: bool| {
        let log = |arm: &str, seed| match late {
            // The last tenth of 1250 steps is from 1125 on.
            true => {
                let ends = [1125, 1250].map(|step| value(arm, seed, step, metric).ln());
                (ends[0] + ends[1]) / 2.0
            }
            false => value(arm, seed, STEPS, metric).ln(),
        };
        let logs = (0..seeds).map(|seed| log("SGDM", seed) - log("Adam", seed));
        (logs.sum::<f64>() / seeds as f64).exp()
    };
    let sum = |arm: &str| (0..seeds).map(|seed| value(arm, seed, STEPS, 0)).sum::<f64>();
    ByHand {
        gaps: [gap(0, false), gap(1, false), gap(0, true), gap(1, true)],
        ratio_of_means: sum("SGDM") / sum("Adam"),
    }
}

fn table<'a>(section: &'a Section, start: &str) -> &'a Table {
    let mut tables = section.tables.iter().chain(&section.details);
    tables.find(|table| table.title.contains(start)).unwrap()
}

/// A cell that is a number with its interval: the number, and the ends.
fn parsed(cell: &str) -> (f64, f64, f64) {
    let (center, rest) = cell.split_once(" (").unwrap();
    let (lo, hi) = rest.trim_end_matches(')').split_once(" to ").unwrap();
    (center.parse().unwrap(), lo.parse().unwrap(), hi.parse().unwrap())
}

#[test]
fn a_quantity_has_one_number_in_claims_tables_and_json() {
    for seeds in [3, 6] {
        let section = EVERYTHING.assemble(&evidence(seeds, Fault::None, |_, _| false)).unwrap();
        for (k, claim) in ["L", "L2"].into_iter().enumerate() {
            let expected = by_hand(seeds, k);
            let finding = section.findings.iter().find(|f| f.claim == claim).unwrap();
            // Claims and JSON, in the order of the conventions.
            let [last, median, late, late_median] = expected.gaps;
            let effects = [(1, last), (0, median), (4, late), (2, late_median)];
            let json = section.verdicts["claims"].as_array().unwrap();
            let json = json.iter().find(|json| json["claim"] == claim).unwrap();
            for (place, expected) in effects {
                let (effect, json) = (&finding.effects[place], &json["effects"][place]);
                let (value, lo, hi) = (
                    effect.estimate.value().unwrap(),
                    effect.estimate.lo().unwrap(),
                    effect.estimate.hi().unwrap(),
                );
                assert!((value / expected - 1.0).abs() < 1e-12, "{value} for {expected}");
                assert!(lo <= value && value <= hi, "{lo} to {hi} without {value}");
                assert_eq!(json["effect"].as_f64(), Some(value));
                assert_eq!((json["lo"].as_f64(), json["hi"].as_f64()), (Some(lo), Some(hi)));
                assert_eq!(json["estimator"], "geometric mean of the pairs");
            }
            // Tables have exactly the text of the claim, with the expected number.
            let [mean, median] = ["mean over prompts", "median over prompts"]
                .map(|title| table(&section, title).rows[k].clone());
            let text = |k: usize| finding.effects[k].estimate.text();
            let gaps = [&mean[3], &median[3], &mean[5], &median[5]];
            assert_eq!(gaps, [&text(1), &text(0), &text(4), &text(2)]);
            for (cell, expected) in gaps.into_iter().zip(expected.gaps) {
                let (center, lo, hi) = parsed(cell);
                // Half a unit of the third digit.
                assert!((center / expected - 1.0).abs() < 0.005, "{cell} for {expected}");
                assert!(lo <= center && center <= hi, "{cell}");
            }
            // The ratio of means is another number, with its own name and without an interval.
            assert_eq!(mean[4], number(expected.ratio_of_means));
            assert_eq!(table(&section, "mean over prompts").head[4], "ratio of means");
            let dose = &table(&section, "The gap over the last tenth").rows[k];
            assert_eq!([&dose[2], &dose[3]], [&text(4), &text(2)]);
            let claims = table(&section, "Claims by their primary estimand");
            let row = claims.rows.iter().find(|row| row[9] == claim).unwrap();
            assert_eq!(row[0], "a claim");
            assert_eq!(row[3], text(0));
        }
        // The picture of doses has the numbers of its table.
        let dose = section.pictures.iter().find(|picture| picture.suffix == "-dose").unwrap();
        let series = &dose.figure.panels[0].series[0];
        for k in 0..2 {
            assert!((series.center[k] / by_hand(seeds, k).gaps[2] - 1.0).abs() < 1e-12);
            let band = series.band.as_ref().unwrap();
            assert!(band.lo[k] <= series.center[k] && series.center[k] <= band.hi[k]);
        }
    }
}

fn cells_of(section: &Section, claim: &str) -> String {
    let finding = section.findings.iter().find(|f| f.claim == claim).unwrap();
    finding.effects[0].estimate.text()
}

#[test]
fn reasons_say_which_runs_lack_what() {
    let most = |fault| {
        let evidence = evidence(6, fault, WHERE[2].1);
        EVERYTHING.assemble(&evidence).unwrap()
    };
    let diverged = most(Fault::Diverged);
    let text = cells_of(&diverged, "L");
    assert!(text.starts_with("no median (") && text.contains("to no upper end"), "{text}");
    assert!(text.ends_with(": SGDM diverged in 4 of 6 seeds"), "{text}");
    assert!(cells_of(&diverged, "LL").contains("SGDM of second diverged in 4 of 6 seeds"));
    let row = &table(&diverged, "mean over prompts").rows[0];
    assert_eq!(row[1], "SGDM diverged in 4 of 6 seeds");
    let finding = diverged.findings.iter().find(|finding| finding.claim == "L").unwrap();
    assert_eq!((row[3].as_str(), row[7].as_str()), (&*finding.effects[1].estimate.text(), "4"));
    // Only the pairs in which no run diverged, and the table says so.
    let dose = table(&diverged, "The gap over the last tenth");
    assert!(dose.title.ends_with("of which no run diverged") && dose.rows[0][4] == "2 and 2");
    let agreement = table(&diverged, "notebooks");
    assert_eq!(agreement.rows[0][4], number(agreement_by_hand()));

    // Two pairs are left and have an interval; the text says what is left out.
    let zero = cells_of(&most(Fault::Is(0.0)), "L");
    assert!(zero.ends_with("): SGDM is not positive in 4 of 6 seeds"), "{zero}");
    let infinite = cells_of(&most(Fault::Is(f64::INFINITY)), "L");
    assert!(infinite.ends_with("SGDM is infinite in 4 of 6 seeds"), "{infinite}");
    let all = EVERYTHING.assemble(&evidence(6, Fault::Is(0.0), |_, _| true)).unwrap();
    let zero =
        "not measured: SGDM is not positive in 6 of 6 seeds; Adam is not positive in 6 of 6 seeds";
    assert_eq!(cells_of(&all, "L"), zero);
    let equal = EVERYTHING.assemble(&evidence(6, Fault::Is(1.0), |_, _| true)).unwrap();
    assert_eq!(cells_of(&equal, "L"), "exactly 1 (the same in all 6 pairs)");
    let single = EVERYTHING.assemble(&evidence(1, Fault::None, |_, _| false)).unwrap();
    assert!(cells_of(&single, "L").ends_with("(no interval): one pair has no interval"));
    let unmeasured = EVERYTHING.assemble(&evidence(6, Fault::Unmeasured, |_, _| true)).unwrap();
    assert!(cells_of(&unmeasured, "R").contains("SGDM was not measured in 6 of 6 seeds"));
    // Points of correlations say which of their two coordinates is missing.
    let points = "not measured: 12 of 12 points have no measured distance of blocks";
    assert_eq!(cells_of(&unmeasured, "H"), points);
    let undefined = cells_of(&most(Fault::Is(f64::NAN)), "H");
    assert!(undefined.contains("8 of 12 points have a distance of blocks that is not a number"));
    let both = EVERYTHING.assemble(&evidence(6, Fault::Diverged, |_, _| true)).unwrap();
    let points = "12 of 12 points have no ratio, as where both runs diverged";
    assert!(cells_of(&both, "H").ends_with(points) && cells_of(&both, "D").ends_with(points));
}

#[test]
fn every_statistic_of_the_noise_has_its_own_reason() {
    let row = |fault, at| {
        let section = EVERYTHING.assemble(&evidence(6, fault, at)).unwrap();
        table(&section, "Noise of mini-batch").rows[0].clone()
    };
    let whole = row(Fault::None, WHERE[0].1);
    // Seeds have 1 to 6, and no run has one of single prompts.
    assert_eq!(whole[1..7], ["3.50 (1.00 to 6.00)"; 6]);
    assert_eq!(whole[7], "none: the noise overflows for single prompts");
    let some = row(Fault::Is(0.0), |_, seed| seed < 2);
    assert_eq!(some[1], "3.00 (0 to 6.00)");
    assert_eq!(some[2..7], ["none: the noise is zero in 2 of 6 seeds"; 5]);
    assert_eq!(some[7], whole[7]);
}

#[test]
fn noise_against_a_poor_reference_is_left_out_with_that_reason() {
    let poor = EVERYTHING.assemble(&evidence(6, Fault::Poor, WHERE[1].1)).unwrap();
    let text = cells_of(&poor, "N");
    let reason = "): SGDM was measured against too poor a reference in 1 of 6 seeds";
    assert!(text.ends_with(reason), "{text}");
    let text = cells_of(&EVERYTHING.assemble(&evidence(6, Fault::Poor, WHERE[0].1)).unwrap(), "T");
    assert!(text.starts_with("not measured: the tail of Adam at step 1250 was"), "{text}");
}

fn agreement_by_hand() -> f64 {
    (0..6).map(|seed| wave(0, "SGDM", seed, 750, 0)).sum::<f64>() / 6.0
}
