//! Searches for learning rates: the best of the grid, and what it gives way to.

use windtunnel_lab::search::{LearningRateSearches, SEEDS};
use windtunnel_paper::Protocol;
use windtunnel_paper::rates::{OpenSearch, Search, searches};
use windtunnel_paper::setting::Setting;
use windtunnel_runs::spec::{RunSpec, run_id};
use windtunnel_runs::store::Store;

use super::{SGDM, TINY, compute};

/// Final score of runs of one learning rate, by the documented criterion of the search.
fn score(store: &Store, specs: &[RunSpec]) -> f64 {
    let late = |spec: &RunSpec| {
        let rows = store.run(&run_id(spec)).unwrap().rows;
        let first = spec.train.steps - spec.train.steps / 10;
        let late = rows.iter().filter(|row| row.metric == "held_out_loss" && row.step >= first);
        let late: Vec<f64> = late.map(|row| row.value.ln()).collect();
        late.iter().sum::<f64>() / late.len() as f64
    };
    specs.iter().map(late).sum()
}

/// Runs a search to its end; returns the requested runs, round by round.
fn searched(store: &Store, mut open: OpenSearch) -> (Vec<Vec<RunSpec>>, Search) {
    let mut rounds = Vec::new();
    loop {
        let specs = open.rates.ask();
        compute(store, &specs);
        rounds.push(specs);
        if open.rates.read(store).unwrap() {
            let rates = open.rates.clone().finish().unwrap();
            return (rounds, open.found(rates));
        }
        assert!(open.rates.clone().finish().is_err(), "a rate before the search is over");
    }
}

/// One layer is a quadratic: ten steps of either optimizer have their best learning rate inside the
/// first ten values. One step of Adam moves every entry by the learning rate, and the best Q is about
/// −1 times the identity: the best is at the upper edge, and the grid grows.
#[test]
fn searches_find_the_best_of_their_grid_and_grow_where_it_is_at_the_edge() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut grids = Vec::new();
    for protocol in [Protocol::PUBLISHED, Protocol::QUICK] {
        for open in searches(&[&TINY], &protocol).unwrap() {
            let (mut rounds, search) = searched(&store, open);
            // The last two rounds are the trial at full length.
            let trial = [rounds.pop().unwrap(), rounds.pop().unwrap()].concat();
            assert!(trial.iter().all(|spec| spec.train.steps == TINY.steps(&protocol)));
            let specs = rounds.pop().unwrap();
            let steps = TINY.steps(&protocol) / 2;
            assert!(specs.iter().all(|spec| spec.train.steps == steps));
            let known = LearningRateSearches::read(&store).unwrap();
            assert!(specs.iter().all(|spec| known.has(spec)), "runs of the grid are not known");
            assert!(!trial.iter().any(|spec| known.has(spec)), "runs of the study are hidden");
            let values: Vec<&[RunSpec]> = specs.chunks(SEEDS as usize).collect();
            let scores = values.iter().map(|specs| score(&store, specs)).enumerate();
            let best = scores.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0;
            assert_eq!(search.rates.lr(), values[best][0].optimizer.lr(), "{:?}", search.arm);
            grids.push((search.arm.name, steps, values.len(), best));
        }
    }
    let sizes: Vec<usize> = grids.iter().map(|(.., size, _)| *size).collect();
    assert_eq!(sizes[..2], [10, 10], "{grids:?}");
    assert!(sizes[2..].iter().any(|size| *size > 10), "{grids:?}");
}

/// Unclipped SGD on a quadratic of curvature 2.6: momentum 0.9 is stable below (2 + 2·0.9)/2.6 = 1.46,
/// but the best rate of a single step is about 2/2.6.
const WILD: Setting = Setting {
    name: "wild",
    sets: &[
        "model.depth=1",
        "train.batch_size=32",
        "eval.batch_size=64",
        "eval.every=1",
        "optimizer.clip_norm=\"off\"",
    ],
    arms: &[SGDM.searched(400, -3)],
    steps: (400, 400),
    ..TINY
};

const LONGER: Setting = Setting { arms: &[SGDM.searched(800, -3)], steps: (800, 800), ..WILD };

#[test]
fn a_rate_that_diverges_at_full_length_gives_way_to_the_next_best_and_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let protocol = Protocol::PUBLISHED;
    let open = searches(&[&WILD], &protocol).unwrap().remove(0);
    let (rounds, search) = searched(&store, open);
    let trials = rounds.into_iter().flatten().filter(|spec| spec.train.steps == 400);
    let trials: Vec<RunSpec> = trials.collect();
    let trials: Vec<_> = trials.chunk_by(|a, b| a.optimizer.lr() == b.optimizer.lr()).collect();
    let rates: Vec<f64> = trials.iter().map(|specs| specs[0].optimizer.lr()).collect();
    assert!(rates.len() > 1 && rates.is_sorted_by(|a, b| a > b), "{rates:?}");
    assert_eq!(rates[rates.len() - 1], search.rates.lr());
    let ends = |specs: &[RunSpec]| {
        let reached = |spec: &RunSpec| {
            let rows = store.run(&run_id(spec)).unwrap().rows;
            rows.iter().any(|row| row.step == 400)
        };
        specs.iter().all(reached)
    };
    let (last, before) = trials.split_last().unwrap();
    assert_eq!(last.len(), SEEDS as usize);
    assert!(ends(last) && before.iter().all(|specs| !ends(specs)));
    // The trial uses the study's own runs.
    let cells = WILD.cells(&protocol, |_| Some(search.rates.lr())).unwrap();
    let own: Vec<_> = cells.iter().map(|cell| run_id(&cell.spec)).collect();
    assert!(last.iter().all(|spec| own.contains(&run_id(spec))));
    let mut again = searches(&[&WILD], &protocol).unwrap().remove(0);
    assert!(again.rates.recall(&store).unwrap());
    assert_eq!(again.rates.finish().unwrap().lr(), search.rates.lr());
    // The same grid with longer trials is another search.
    assert!(!searches(&[&LONGER], &protocol).unwrap().remove(0).rates.recall(&store).unwrap());
}
