//! Plans, executors and searches: a plan is a value, and the choice of the executor changes no
//! result.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

#[path = "plan/searches.rs"]
mod searches;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use windtunnel_lab::executor::Executor;
use windtunnel_lab::initial_noise::NoiseStudy;
use windtunnel_lab::laboratory::{Error, Lab};
use windtunnel_lab::local::LocalExecutor;
use windtunnel_lab::plan::{Plan, Work};
use windtunnel_lab::progress::{Batch, BatchKind, Event, Progress, Silent};
use windtunnel_lab::search::{LearningRateSearches, RateSearch, SEEDS, SearchedRate, search};
use windtunnel_lab::theory::BaselineFit;
use windtunnel_lab::training::{Options, Status};
use windtunnel_math::lanes::Isa;
use windtunnel_runs::spec::{Document, NUMERICS_VERSION, RunSpec, run_id};
use windtunnel_runs::store::{self, Row, Store};

const SMALL: [&str; 6] = [
    "model.depth=1",
    "task.dim=2",
    "train.steps=4",
    "train.batch_size=32",
    "eval.batch_size=16",
    "eval.every=1",
];

fn spec(sets: &[&str]) -> RunSpec {
    let mut document = Document::empty();
    SMALL.iter().chain(sets).for_each(|set| document.set(set).unwrap());
    document.resolve().unwrap()
}

fn noise(draws: usize) -> Work {
    Work::Noise(NoiseStudy { spec: spec(&[]), draws, reference: 100 })
}

/// Runs of several lengths, a study of noise and a fit.
fn mixed() -> Plan {
    let steps = ["train.steps=1", "train.steps=9", "train.steps=4", "train.steps=2"];
    let mut plan = Plan::of_runs("everything", steps.map(|set| spec(&[set])));
    plan.work.insert(1, noise(20));
    plan.work.push(Work::Baselines(BaselineFit::new(&spec(&[])).unwrap()));
    plan
}

fn local(store: &Store) -> LocalExecutor {
    LocalExecutor::new(store.clone(), Options { jobs: 2, ..Options::default() })
}

/// All results of a plan as text.
fn results(plan: &Plan, store: &Store) -> Vec<String> {
    let result = |work: &Work| match work {
        Work::Run(spec) => format!("{:?}", store.run(&run_id(spec)).unwrap().rows),
        Work::Noise(study) => format!("{:?}", study.recall(store).unwrap().unwrap()),
        Work::Baselines(fit) => format!("{:?}", fit.recall(store).unwrap().unwrap()),
    };
    plan.work.iter().map(result).collect()
}

/// An executor with another order, a thread for every piece, and its own handle of the store.
struct Shuffled(Store);

impl Executor for Shuffled {
    fn store(&self) -> &Store {
        &self.0
    }

    fn execute(
        &self,
        plan: &Plan,
        progress: &dyn Progress,
        stop: &AtomicBool,
    ) -> Result<Vec<Status>, store::Error> {
        progress.begin(plan.batch());
        let mut statuses = vec![Status::Interrupted; plan.len()];
        let mut order: Vec<usize> = (0..plan.len()).collect();
        order.sort_by_key(|k| (k + 1) * 7919 % 1009);
        for place in order.into_iter().filter(|_| !stop.load(Ordering::Relaxed)) {
            let piece = Plan::new("a piece", [plan.work[place].clone()]);
            let executed = std::thread::scope(|scope| {
                let store = Store::open(self.0.root()).unwrap();
                let computed =
                    scope.spawn(move || local(&store).execute(&piece, &Silent, stop)).join();
                computed.unwrap()
            })?;
            statuses[place] = executed.into_iter().next().unwrap();
            progress.event(place, &Event::Computed);
        }
        progress.end();
        Ok(statuses)
    }
}

/// An executor that computes nothing: every piece has the same status.
struct Refusing(Store, Status);

impl Executor for Refusing {
    fn store(&self) -> &Store {
        &self.0
    }

    fn execute(
        &self,
        plan: &Plan,
        _: &dyn Progress,
        _: &AtomicBool,
    ) -> Result<Vec<Status>, store::Error> {
        Ok(vec![self.1.clone(); plan.len()])
    }
}

/// Lines of all progress events.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Progress for Told {
    fn begin(&self, batch: Batch) {
        self.note(format!("begin {} {:?} {}", batch.title, batch.kind, batch.items.len()));
    }

    fn event(&self, item: usize, event: &Event) {
        match event {
            Event::Step { .. } => {}
            Event::Done { meta } => self.note(format!("{item} done at {}", meta.step)),
            event => self.note(format!("{item} {event:?}")),
        }
    }

    fn end(&self) {
        self.note("end".into());
    }

    fn searched(&self, label: &str, found: Result<f64, &str>) {
        self.note(format!("{label}: {found:?}"));
    }
}

#[test]
fn a_plan_is_listed_counted_and_estimated() {
    let plan = mixed();
    assert_eq!(plan.summary(), "4 runs, 1 noise study, 1 baseline fit");
    assert_eq!(Plan::new("", []).summary(), "nothing");
    let names = plan.names();
    assert_eq!(names.len(), plan.len());
    assert!(names[1].starts_with("initial noise of ") && names[5].starts_with("baselines of "));
    assert!(names[0].starts_with(&run_id(&spec(&["train.steps=1"])).to_string()), "{names:?}");
    // The longest first, wherever it stands.
    let costs: Vec<u128> = plan.longest_first().iter().map(|&k| plan.work[k].cost()).collect();
    assert!(costs.is_sorted_by(|a, b| a >= b), "{costs:?}");
    let batch = plan.batch();
    assert_eq!((batch.kind, batch.items[2].steps, batch.items[1].steps), (BatchKind::Runs, 9, 1));
    assert_eq!(Plan::new("noise", [noise(20)]).batch().kind, BatchKind::Pieces);

    let isa = Isa::detect();
    let estimate = |plan: &Plan, jobs| plan.estimate(isa, jobs);
    assert_eq!(estimate(&Plan::new("", []), 4), Duration::ZERO);
    // A hundred times as many steps take about a hundred times as long, and half of that two at a
    // time. Timings vary.
    let long = |count: u64| {
        let seeds = (0..count).map(|seed| spec(&["train.steps=100000"]).with_seed(seed));
        Plan::of_runs("long", seeds)
    };
    let (one, eight) = (estimate(&long(1), 1), estimate(&long(8), 1));
    assert!(one > Duration::from_millis(20) && eight > 2 * one, "{one:?} {eight:?}");
    assert!(estimate(&long(8), 4) < eight, "{eight:?}");
    // No number of threads makes a plan shorter than its longest piece.
    assert!(estimate(&long(1), 1000) > one / 4);
    let endless = Plan::of_runs("", [spec(&["train.steps=1000000000000", "eval.every=1000000"])]);
    assert!(estimate(&endless, 1) > Duration::from_hours(10));
}

#[test]
fn shares_have_every_piece_once_and_cost_about_the_same() {
    let steps: Vec<String> = (0..23).map(|k| format!("train.steps={}", 1 + 37 * k % 101)).collect();
    let mut plan = Plan::of_runs("runs", steps.iter().map(|set| spec(&[set])));
    plan.work.push(noise(20));
    let cost = |plan: &Plan| plan.work.iter().map(Work::cost).sum::<u128>();
    let largest = plan.work.iter().map(Work::cost).max().unwrap();
    for n in 1..=30 {
        let shares: Vec<Plan> = (0..n).map(|k| plan.share(k, n)).collect();
        let mut keys: Vec<String> =
            shares.iter().flat_map(|share| share.work.iter().map(Work::key)).collect();
        keys.sort();
        let mut all: Vec<String> = plan.work.iter().map(Work::key).collect();
        all.sort();
        assert_eq!(keys, all, "{n} shares");
        let even = cost(&plan) / n as u128;
        assert!(shares.iter().all(|share| cost(share) <= even + largest), "{n} shares");
        // Pieces keep their order, and a share has the name of the whole plan.
        let place = |work: &Work| plan.work.iter().position(|other| other == work).unwrap();
        assert!(shares.iter().all(|s| s.work.iter().map(place).is_sorted() && s.title == "runs"));
    }
    assert!(Plan::new("", []).share(2, 3).is_empty());
    // Equal pieces are distributed one to each share.
    let free = Plan::of_runs("", (0..4).map(|seed| spec(&["train.steps=1"]).with_seed(seed)));
    assert!((0..4).all(|k| free.share(k, 4).len() == 1));
    let beyond = std::panic::AssertUnwindSafe(|| free.share(4, 4));
    assert!(std::panic::catch_unwind(beyond).is_err());
}

#[test]
fn runs_on_the_same_prompts_stand_together() {
    let sets: [&[&str]; 7] = [
        &["optimizer.lr=0.1"],
        &["train.seed=1"],
        &["optimizer.name=sgd", "train.steps=9"],
        &["task.covariates=sphere"],
        &["train.precision=f64"],
        &["train.batch_size=33"],
        &["model.depth=2", "train.steps=2"],
    ];
    let mut plan = Plan::of_runs("together", sets.map(spec));
    plan.work.push(noise(20));
    let grouped = |most| {
        let mut groups = plan.cohorts(most);
        let all: Vec<usize> = groups.iter().flatten().copied().collect();
        assert!((0..plan.len()).all(|place| all.contains(&place)) && all.len() == plan.len());
        groups.iter_mut().for_each(|group| group.sort_unstable());
        groups.retain(|group| group.len() > 1);
        groups
    };
    // Another optimizer, length or depth reads the same prompts.
    assert_eq!(grouped(8), [vec![0, 2, 6]]);
    assert_eq!(grouped(2).len(), 1);
    assert!(grouped(1).is_empty() && Plan::default().cohorts(3).is_empty());
}

/// Sixteen runs for two threads, so that two or more take turns; one that diverges among them, and
/// one that has begun already.
#[test]
fn runs_that_take_turns_have_the_rows_of_runs_alone() {
    let rates = ["0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "1e6"];
    let specs = |precision: &str| {
        rates.map(|lr| {
            let (lr, precision) =
                (format!("optimizer.lr={lr}"), format!("train.precision={precision}"));
            let clip = "optimizer.clip_norm=off";
            spec(&[&lr, &precision, clip, "train.steps=40", "eval.every=3", "eval.fresh_batches=1"])
        })
    };
    let plan = Plan::of_runs("turns", [specs("f32"), specs("f64")].concat());
    let stores = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [together, alone] = stores.each_ref().map(|dir| Store::open(dir.path()).unwrap());
    let stop = AtomicBool::new(false);
    // Stopped after the first event, each run has a checkpoint or nothing; then both go on.
    let stopping = Stopping(&stop);
    local(&together).execute(&plan, &stopping, &stop).unwrap();
    stop.store(false, Ordering::Relaxed);
    let statuses = local(&together).execute(&plan, &Silent, &stop).unwrap();
    assert!(statuses.iter().all(|status| *status == Status::Stored), "{statuses:?}");
    for work in &plan.work {
        let one = Plan::new("one", [work.clone()]);
        local(&alone).execute(&one, &Silent, &stop).unwrap();
    }
    assert_eq!(results(&plan, &together), results(&plan, &alone));
    let state = |store: &Store, work: &Work| {
        let bytes = store.run(&run_id(work.spec())).unwrap().tensors;
        format!("{bytes:?}")
    };
    assert!(plan.work.iter().all(|work| state(&together, work) == state(&alone, work)));
}

/// Stops everything as soon as a run has started.
struct Stopping<'a>(&'a AtomicBool);

impl Progress for Stopping<'_> {
    fn event(&self, _: usize, event: &Event) {
        if matches!(event, Event::Started { .. }) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn whoever_executes_a_plan_the_results_are_the_same() {
    let plan = mixed();
    let folders: [_; 3] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let stores = folders.each_ref().map(|folder| Store::at(folder.path()));
    let go_on = AtomicBool::new(false);

    let told = Told::default();
    assert_eq!(plan.missing(&stores[0]).unwrap(), plan);
    let statuses = local(&stores[0]).execute(&plan, &told, &go_on).unwrap();
    assert_eq!(statuses, vec![Status::Stored; plan.len()]);
    assert!(plan.missing(&stores[0]).unwrap().is_empty());
    let lines = told.lines();
    assert_eq!(lines[0], "begin everything Runs 6");
    assert_eq!(lines[lines.len() - 1], "end");
    for line in ["0 done at 1", "1 Computed", "2 done at 9", "5 Computed", "2 Started { step: 0 }"]
    {
        assert!(lines.iter().any(|told| told == line), "{line} is not in {lines:?}");
    }

    let shuffled = Shuffled(Store::open(stores[1].root()).unwrap());
    let statuses = shuffled.execute(&plan, &Silent, &go_on).unwrap();
    assert_eq!(statuses, vec![Status::Stored; plan.len()]);

    // Two at once on one store, each with its share.
    std::thread::scope(|scope| {
        for k in 0..2 {
            let (share, store, go_on) = (plan.share(k, 2), stores[2].clone(), &go_on);
            scope.spawn(move || local(&store).execute(&share, &Silent, go_on).unwrap());
        }
    });
    let expected = results(&plan, &stores[0]);
    assert_eq!(results(&plan, &stores[1]), expected);
    assert_eq!(results(&plan, &stores[2]), expected);

    // The second time all results are stored.
    local(&stores[2]).execute(&plan, &told, &go_on).unwrap();
    let mut lines = told.lines();
    lines.sort();
    let cached: Vec<String> = (0..6).map(|k| format!("{k} Cached")).collect();
    assert_eq!(lines[..6], cached);
}

#[test]
fn a_plan_that_is_stopped_or_empty_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (store, told) = (Store::at(folder.path().join("none")), Told::default());
    let local = local(&store);
    // An empty plan creates no store.
    assert_eq!(local.execute(&Plan::default(), &told, &AtomicBool::new(false)).unwrap(), []);
    assert!(!store.root().exists());
    let stop = AtomicBool::new(true);
    let statuses = local.execute(&mixed(), &told, &stop).unwrap();
    assert_eq!(statuses, vec![Status::Interrupted; 6]);
    assert_eq!(told.lines().last().unwrap(), "end");
    let lab = Lab { executor: &local, progress: &told, stop: &stop };
    assert!(matches!(lab.execute(&mixed()), Err(Error::Interrupted)));
    // A store that cannot be created, because a file is in its place.
    let file = folder.path().join("file");
    std::fs::write(&file, "text").unwrap();
    let go_on = AtomicBool::new(false);
    let nowhere = LocalExecutor::new(Store::at(&file), Options::default());
    let lab = Lab { executor: &nowhere, progress: &Silent, stop: &go_on };
    assert!(matches!(lab.execute(&mixed()), Err(Error::Unusable(_))));
}
