//! The list of figures, and the search for learning rates.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use windtunnel_core::lanes::Isa;
use windtunnel_lab::paper::Protocol;
use windtunnel_lab::paper::cohort::{Cohort, Rates, cells};
use windtunnel_lab::paper::figures::FIGURES;
use windtunnel_lab::paper::rates::searches;
use windtunnel_lab::spec::{RunSpec, run_id};
use windtunnel_lab::store::Store;
use windtunnel_lab::sweep::{Options, sweep};

#[test]
fn every_figure_has_runs_for_all_its_claims() {
    for figure in &FIGURES {
        let cells = cells(figure.cohorts, &Protocol::PUBLISHED, None, |_, _| None).unwrap();
        assert_eq!(cells.len(), figure.cohorts.len() * 2 * 6, "{}", figure.name);
        let terms = figure.claims.iter().flat_map(|claim| claim.terms);
        for &(cohort, arm, power) in terms {
            assert!(cells.iter().any(|c| c.cohort == cohort && c.arm == arm), "{}", figure.name);
            assert!(power == 1 || power == -1, "{}", figure.name);
        }
        // No figure's runs stand for two cohorts.
        let mut ids: Vec<_> = cells.iter().map(|cell| run_id(&cell.spec)).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), cells.len(), "{}", figure.name);
    }
}

const TINY: Cohort = Cohort {
    name: "tiny",
    title: "Tiny",
    sets: &["model.depth=1", "train.batch_size=32", "eval.batch_size=64", "eval.every=1"],
    rates: Rates::Searched { shortened: 2 },
};

fn compute(store: &Store, specs: &[RunSpec]) {
    let options = Options {
        jobs: 2,
        isa: Isa::detect(),
        checkpoint_every: Duration::from_secs(3600),
        git_revision: String::new(),
    };
    let statuses = sweep(store, specs, &options, &AtomicBool::new(false), &|_, _| {});
    assert_eq!(statuses.len(), specs.len());
}

/// Final score of runs of one learning rate, as the search is documented to judge them.
fn score(store: &Store, specs: &[RunSpec]) -> f64 {
    let late = |spec: &RunSpec| {
        let rows = store.run(&run_id(spec)).unwrap().rows;
        let first = spec.train.steps * 9 / 10;
        let late = rows.iter().filter(|row| row.metric == "held_out_loss" && row.step >= first);
        let late: Vec<f64> = late.map(|row| row.value.ln()).collect();
        late.iter().sum::<f64>() / late.len() as f64
    };
    specs.iter().map(late).sum()
}

/// One layer is a quadratic: ten steps of either optimizer have their best learning rate inside the
/// first ten values. One step of Adam moves every entry by the learning rate, and the best Q is about
/// −1 times the identity: the best is at the upper edge, and the grid grows.
#[test]
fn searches_find_the_best_of_their_grid_and_grow_where_it_is_at_the_edge() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut grids = Vec::new();
    for steps in [20, 2] {
        for mut search in searches(&[TINY], &Protocol { steps, seeds: 1 }) {
            let specs = loop {
                let specs = search.specs(&[TINY]).unwrap();
                assert!(specs.iter().all(|spec| spec.train.steps == steps / 2));
                compute(&store, &specs);
                if search.read(&store, &specs).unwrap() {
                    break specs;
                }
            };
            let values: Vec<&[RunSpec]> = specs.chunks(3).collect();
            let scores = values.iter().map(|specs| score(&store, specs)).enumerate();
            let best = scores.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0;
            assert_eq!(search.lr(), values[best][0].optimizer.rule.lr(), "{:?}", search.arm);
            grids.push((search.arm, steps / 2, values.len(), best));
        }
    }
    let sizes: Vec<usize> = grids.iter().map(|(.., size, _)| *size).collect();
    assert_eq!(sizes[..2], [10, 10], "{grids:?}");
    assert!(sizes[2..].iter().any(|size| *size > 10), "{grids:?}");
}
