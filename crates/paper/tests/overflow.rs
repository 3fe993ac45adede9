//! Noise and searches of runs that overflow: counted, with the reason in words, and read back
//! unchanged.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod words;

use std::sync::atomic::AtomicBool;

use windtunnel_lab::laboratory::Lab;
use windtunnel_lab::local::LocalExecutor;
use windtunnel_lab::progress::Silent;
use windtunnel_lab::search::search;
use windtunnel_lab::training::Options;
use windtunnel_paper::Protocol;
use windtunnel_paper::arm::{Arm, Rates};
use windtunnel_paper::claim::{Claim, Contrast, Judgement, Runs};
use windtunnel_paper::evidence::Evidence;
use windtunnel_paper::noise::{MissingReason, initial_noise};
use windtunnel_paper::quantity::Quantity;
use windtunnel_paper::rates::{self, searches};
use windtunnel_paper::setting::Setting;
use windtunnel_paper::study::Study;
use windtunnel_paper::view::View;
use windtunnel_runs::store::Store;
use words::assert_worded;

const SGDM: Arm = Arm { name: "SGDM", sets: &["optimizer.name=sgd"], rates: Rates::Published };
const ADAM: Arm = Arm { name: "Adam", sets: &["optimizer.name=adam"], rates: Rates::Published };
const WILD: Setting = Setting {
    name: "wild",
    title: "Wild",
    sets: &["train.precision=f64", "model.init_std=1e150", "train.batch_size=8"],
    quick_sets: &[],
    instruments: &[],
    arms: &[SGDM, ADAM],
    steps: (40, 40),
    seeds: 6,
    fresh_batches: 0,
    draws: 400,
    dose: 1.0,
};
const NOISE: Claim = Claim {
    id: "I",
    text: "",
    what: "",
    judgement: Judgement::Contrast(Quantity::InitialNoise, Contrast::Alone(Runs::of(&WILD, &ADAM))),
};
const NOISY: Study = Study {
    name: "noisy",
    settings: &[WILD],
    views: &[View::InitialNoise],
    claims: &[NOISE],
    ..Study::EMPTY
};
const HOPELESS: Setting = Setting {
    name: "hopeless",
    sets: &[
        "model.depth=1",
        "train.batch_size=32",
        "eval.batch_size=64",
        "eval.every=1",
        "optimizer.clip_norm=\"off\"",
    ],
    arms: &[SGDM.searched(1, 9)],
    ..WILD
};

/// Parameters of 1e150 make gradients beyond the largest double.
#[test]
fn noise_that_overflows_is_counted_and_read_back_as_it_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let made = || initial_noise(&store, &WILD, &Protocol::PUBLISHED, 1).unwrap();
    let (first, again) = (made(), made());
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
    assert_eq!(
        (first.overflowed, first.statistics.rms, first.norms.len()),
        (WILD.draws, Err(MissingReason::Overflow), 0)
    );
    let cells = WILD.cells(&Protocol::PUBLISHED, |_| None).unwrap();
    let mut evidence = Evidence::new(Protocol::PUBLISHED, cells, Vec::new());
    evidence.add_noise(&WILD, first);
    let section = NOISY.assemble(&evidence).unwrap();
    assert_eq!(
        section.findings[0].effects[0].estimate.text(),
        "not measured: the noise of wild overflows in 1 of 1 seeds"
    );
    assert!(section.summary.iter().any(|line| line.contains("400 of 400 gradients")));
    assert!(section.pictures.is_empty());
    section.tables.iter().for_each(|table| assert_worded(&table.text(), "noise"));
}

/// Every rate of an unclipped quadratic from 1e9 down to 1e7, where the grid stops growing, diverges.
#[test]
fn a_search_of_which_every_rate_diverges_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let open = searches(&[&HOPELESS], &Protocol::PUBLISHED).unwrap().remove(0);
    let local = LocalExecutor::new(store, Options { jobs: 2, ..Options::default() });
    let stop = AtomicBool::new(false);
    let lab = Lab { executor: &local, progress: &Silent, stop: &stop };
    let rates = search(&lab, vec![open.rates.clone()]).unwrap().remove(0).unwrap();
    let search = open.found(rates);
    let table = rates::table(&[&search]).unwrap();
    assert_eq!(table.rows[0][3], "none: a run diverged at every rate");
    assert_worded(&table.text(), "table");
    let figure = rates::figure("A title", &[HOPELESS], &[&search]).unwrap();
    assert_worded(&figure.svg(), "figure");
}
