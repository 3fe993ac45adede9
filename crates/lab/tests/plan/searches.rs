//! Searches for learning rates as plans.

use super::*;

fn rate_search() -> RateSearch {
    let (short, full) = (spec(&["train.steps=100"]), spec(&["train.steps=1000"]));
    RateSearch::new("a search", short, full, -3)
}

/// Rows of a run that ends with a loss, or before its end.
fn rows(spec: &RunSpec, loss: Option<f64>) -> Vec<Row> {
    let row = |step| Row::new(step, "held_out_loss", loss.unwrap_or(1e9));
    match loss {
        Some(_) => [0, spec.train.steps].map(row).to_vec(),
        None => vec![row(0)],
    }
}

/// Runs a search to its end, with the loss of a run as a function of its spec. Returns the number
/// of runs of every round.
fn finish(
    mut search: RateSearch,
    loss: impl Fn(&RunSpec) -> Option<f64>,
) -> (Vec<usize>, SearchedRate) {
    let mut rounds = Vec::new();
    while !search.is_over() {
        let asked = search.ask();
        rounds.push(asked.len());
        search.tell(&asked.iter().map(|spec| rows(spec, loss(spec))).collect::<Vec<_>>());
    }
    assert!(search.ask().is_empty());
    (rounds, search.finish().unwrap())
}

/// A loss that is least at a learning rate, by the logarithm of their ratio.
fn least_at(best: f64) -> impl Fn(&RunSpec) -> Option<f64> {
    move |spec| Some((spec.optimizer.lr() / best).ln().abs() + 1.0)
}

#[test]
fn a_search_asks_and_is_told_until_it_is_over() {
    let (grid, others) = (10 * SEEDS as usize, SEEDS as usize - 1);
    let (rounds, inside) = finish(rate_search(), least_at(0.05));
    assert_eq!(rounds, [grid, 1, others]);
    assert_eq!((inside.lr(), inside.at_edge(), inside.loss()), (0.05, false, Some(1.0)));
    assert_eq!(inside.values()[..3], [1e-3, 2e-3, 5e-3]);
    assert_eq!(inside.losses(2).len(), 10);
    assert!(inside.losses(7).iter().all(Option::is_none) && inside.diverged_later().is_empty());

    // It grows by a decade, at most twice, where the best is at an edge.
    let (rounds, above) = finish(rate_search(), least_at(5.0));
    assert_eq!(rounds, [grid, grid + 9, 1, others]);
    assert_eq!((above.lr(), above.at_edge()), (5.0, false));
    let (rounds, far) = finish(rate_search(), least_at(1e-9));
    assert_eq!(rounds, [grid, grid + 9, grid + 18, 1, others]);
    assert_eq!((far.lr(), far.at_edge()), (1e-5, true));

    // If the best diverges at full length, the next best takes its place: at once with the first
    // seed, and after the others if it is one of them.
    let late = |diverges: fn(u64) -> bool| {
        let loss = move |spec: &RunSpec| match spec.train.steps {
            1000 if spec.optimizer.lr() > 0.01 && diverges(spec.train.seed) => None,
            _ => least_at(0.05)(spec),
        };
        let (rounds, found) = finish(rate_search(), loss);
        assert_eq!((found.lr(), found.diverged_later()), (0.01, vec![0.05, 0.1, 0.02, 0.2]));
        rounds
    };
    assert_eq!(late(|_| true), [grid, 1, 1, 1, 1, 1, others]);
    let both = [1, others];
    assert_eq!(late(|seed| seed == 2), [&[grid][..], &both.repeat(5)].concat());

    // If all diverge there is no loss, and the search still ends.
    let (rounds, hopeless) = finish(rate_search(), |_| None);
    assert_eq!(rounds.last(), Some(&1));
    assert!(rate_search().finish().is_err(), "a rate before the search is over");
    assert!(hopeless.loss().is_none() && hopeless.diverged_later() == [hopeless.lr()]);
    assert!(std::panic::catch_unwind(move || rate_search().tell(&[])).is_err());
}

/// Keys and texts of existing stores of users.
#[test]
fn what_a_search_found_is_kept_under_the_same_key_as_ever() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let short = spec(&["train.steps=2", "optimizer.lr=7.0", "train.seed=5"]);
    let full = spec(&["train.steps=3"]);
    let id = run_id(&spec(&["train.steps=2", "optimizer.lr=1.0"]));
    let key = format!(
        "learning rates from 1e-2 for {id}, 3 seeds, tried for 3 steps, numerics {NUMERICS_VERSION}"
    );
    let kept = r#"{"rungs":{"start":-6,"end":4},"growths":0,"losses":[[1.0],[0.5],[null],[2.0]],"rejected":[-5],"unstable":false}"#;
    store.cache(&key, kept).unwrap();
    let mut found = RateSearch::new("", short.clone(), full.clone(), -2);
    assert!(!RateSearch::new("", short.clone(), full.clone(), -3).recall(&store).unwrap());
    assert!(found.recall(&store).unwrap() && found.is_over());
    let found = found.finish().unwrap();
    assert_eq!((found.lr(), found.loss(), found.diverged_later()), (0.01, Some(1.0), vec![0.02]));
    let known = LearningRateSearches::read(&store).unwrap();
    assert!(known.has(&short) && !known.has(&full));

    let work = [noise(20), Work::Baselines(BaselineFit::new(&full).unwrap())];
    let bare = full.with_lr(1.0);
    let keys = work.map(|work| work.key());
    let id = run_id(&spec(&[]));
    let noise = format!(
        "initial noise 2 of {id}, 20 draws against 100 prompts, numerics {NUMERICS_VERSION}"
    );
    assert_eq!(keys[0], noise);
    let reduced = bare.with(|spec| {
        (spec.train.steps, spec.train.batch_size) = (1, 1);
        spec.train.precision = windtunnel_runs::spec::Precision::F64;
        spec.optimizer = spec.optimizer.clone().with_clip_norm(None);
    });
    let id = run_id(&reduced.unwrap());
    let fit = format!("baselines of {id}, fit 2 on 20000 prompts, numerics {NUMERICS_VERSION}");
    assert_eq!(keys[1], fit);
}

#[test]
fn searches_run_together_and_fail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (go_on, told) = (AtomicBool::new(false), Told::default());
    let open = |label: &str, sets: &[&str]| {
        let full = spec(&[&["train.steps=4"], sets].concat());
        let short = spec(&[&["train.steps=2"], sets].concat());
        RateSearch::new(label, short, full, -3)
    };
    let two = || vec![open("adam", &[]), open("sgd", &["optimizer.name=sgd"])];
    let local = local(&store);
    let lab = Lab { executor: &local, progress: &told, stop: &go_on };
    let found = search(&lab, two()).unwrap();
    let rates: Vec<f64> = found.iter().map(|found| found.as_ref().unwrap().lr()).collect();
    let lines = told.lines();
    assert!(lines.contains(&format!("adam: Ok({:?})", rates[0])), "{lines:?}");
    assert!(lines[0].starts_with("begin learning rates, round 1 Runs 60"), "{}", lines[0]);
    // By another executor, and from the cache of the store.
    let other = tempfile::tempdir().unwrap();
    let shuffled = Shuffled(Store::open(other.path()).unwrap());
    for _ in 0..2 {
        let lab = Lab { executor: &shuffled, progress: &Silent, stop: &go_on };
        let again = search(&lab, two()).unwrap();
        let again: Vec<f64> = again.iter().map(|found| found.as_ref().unwrap().lr()).collect();
        assert_eq!(again, rates);
    }
    let nothing = Refusing(store.clone(), Status::Failed("no space".into()));
    let lab = Lab { executor: &nothing, progress: &told, stop: &go_on };
    let mut mixed = two();
    mixed.insert(1, open("new", &["train.batch_size=33"]));
    let found = search(&lab, mixed).unwrap();
    assert_eq!(found[0].as_ref().unwrap().lr(), rates[0]);
    assert_eq!(found[2].as_ref().unwrap().lr(), rates[1]);
    let reason = "search for a learning rate: no space";
    assert_eq!(found[1].as_ref().unwrap_err(), reason);
    assert_eq!(told.lines(), [format!("new: Err({reason:?})")]);
    // A run that is reported as stored but is not.
    let lying = Refusing(Store::open(other.path().join("empty")).unwrap(), Status::Stored);
    let lab = Lab { executor: &lying, progress: &Silent, stop: &go_on };
    assert!(search(&lab, two()).unwrap().iter().all(Result::is_err));
    let stopped = Refusing(store, Status::Interrupted);
    let lab = Lab { executor: &stopped, progress: &Silent, stop: &go_on };
    assert!(matches!(
        search(&lab, vec![open("n", &["train.batch_size=34"])]),
        Err(Error::Interrupted)
    ));
}
