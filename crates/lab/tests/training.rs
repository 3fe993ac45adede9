//! Training into the store: reuse of stored runs, and readers of a run in progress.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use windtunnel_lab::executor::Executor;
use windtunnel_lab::laboratory::Lab;
use windtunnel_lab::local::LocalExecutor;
use windtunnel_lab::measure::{Error, Request, measure};
use windtunnel_lab::plan::Plan;
use windtunnel_lab::progress::{Event, Progress, Silent};
use windtunnel_lab::training::{Options, Status};
use windtunnel_math::lanes::Isa;
use windtunnel_measure::instrument::{Instrument, NoisePlan};
use windtunnel_runs::spec::{Document, MultiplyAdd, RunSpec, run_id, run_id_with};
use windtunnel_runs::store::{Row, RunId, Store};
use windtunnel_runs::stored::{Activity, Follower, Run};

fn spec(sets: &[&str]) -> RunSpec {
    let mut document = Document::empty();
    document.set("train.batch_size=16").unwrap();
    document.set("eval.batch_size=16").unwrap();
    sets.iter().for_each(|set| document.set(set).unwrap());
    document.resolve().unwrap()
}

/// Progress that records its events.
#[derive(Default)]
struct Kept(Mutex<Vec<Event>>);

impl Progress for Kept {
    fn event(&self, _: usize, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// Trains one spec; returns the events.
fn run(store: &Store, spec: &RunSpec, isa: Isa, checkpoint_every: Duration) -> Vec<Event> {
    let options = Options { jobs: 1, isa, checkpoint_every, git_revision: String::new() };
    let (plan, kept) = (Plan::of_runs("runs", [spec.clone()]), Kept::default());
    let local = LocalExecutor::new(store.clone(), options);
    let statuses = local.execute(&plan, &kept, &AtomicBool::new(false)).unwrap();
    assert!(matches!(statuses[..], [Status::Stored]), "{statuses:?}");
    kept.0.into_inner().unwrap()
}

fn computes(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Done { .. }))
}

fn bits(rows: &[Row]) -> Vec<(u64, &str, u64)> {
    rows.iter().map(|row| (row.step, row.metric.as_str(), row.value.to_bits())).collect()
}

/// Runs with and without fused multiply-add, on a machine that has both.
#[test]
fn a_run_of_another_arithmetic_is_not_cached() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let spec = spec(&["train.steps=200", "eval.every=20"]);
    let mut loaded: Vec<(MultiplyAdd, Run)> = Vec::new();
    for isa in [Isa::Baseline, Isa::Avx2, Isa::Avx512].into_iter().filter(|isa| isa.available()) {
        let made = MultiplyAdd::of(isa);
        let is_new = !loaded.iter().any(|(other, _)| *other == made);
        let events = run(&store, &spec, isa, Duration::from_secs(9));
        assert_eq!(computes(&events), is_new, "{isa:?}");
        let run = Run::load(&store, &run_id_with(made, &spec)).unwrap();
        assert_eq!(
            (run.multiply_add, run.meta()["multiply_add"].as_str()),
            (Some(made), Some(made.name()))
        );
        if is_new {
            loaded.push((made, run));
        }
    }
    assert_eq!(store.ids().unwrap().len(), loaded.len());
    assert_eq!(run_id(&spec), run_id_with(MultiplyAdd::here(), &spec));
    if let [(_, one), (_, other)] = &loaded[..] {
        assert_ne!(bits(&one.rows), bits(&other.rows), "both round alike: one name would do");
    }
}

/// An experiment looks for runs under this machine's ids.
#[test]
fn an_executor_of_another_arithmetic_is_refused_by_experiments() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let plan = Plan::of_runs("runs", [spec(&["train.steps=2"])]);
    for isa in [Isa::Baseline, Isa::Avx2, Isa::Avx512].into_iter().filter(|isa| isa.available()) {
        let local = LocalExecutor::new(store.clone(), Options { isa, ..Options::default() });
        let stop = AtomicBool::new(false);
        let lab = Lab { executor: &local, progress: &Silent, stop: &stop };
        let alike = MultiplyAdd::of(isa) == MultiplyAdd::here();
        assert_eq!(lab.execute(&plan).is_ok(), alike, "{isa:?}");
    }
}

#[test]
fn a_trajectory_is_not_made_again_with_other_rounding() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let spec = spec(&["train.steps=20"]);
    run(&store, &spec, Isa::Baseline, Duration::from_secs(9));
    let run = Run::load(&store, &run_id_with(MultiplyAdd::of(Isa::Baseline), &spec)).unwrap();
    let asked = |at: &[u64], instrument, isa| {
        let request = Request {
            at: at.to_vec(),
            instruments: vec![instrument],
            plan: NoisePlan { batch_sizes: vec![10], draws: 2, reference: 10, prompts: 10 },
            isa,
            threads: 1,
        };
        measure(&run, &request, &AtomicBool::new(false), &Silent)
    };
    let (local, following) = (Instrument::Spectrum, Instrument::DirectionalSmoothness);
    assert_eq!(asked(&[3, 20], following, Isa::Baseline).unwrap().len(), 2);
    // The stored state alone needs no trajectory, but it lacks the state of other optimizers.
    assert_eq!(asked(&[], local, Isa::detect()).unwrap().len(), 1);
    for found in [asked(&[3], local, Isa::detect()), asked(&[], following, Isa::detect())] {
        match found {
            Ok(found) => {
                assert_eq!((MultiplyAdd::here(), found.len()), (run.multiply_add.unwrap(), 1));
            }
            Err(error) => {
                assert!(matches!(error, Error::OtherMultiplyAdd { .. }), "{error}");
                let message = error.to_string();
                assert!(message.contains("separate multiply-add"), "{message}");
                assert!(
                    message.contains("machine's is fused") && message.contains("without steps")
                );
                assert!(message.contains("directional-smoothness), or train"), "{message}");
            }
        }
    }
}

/// The rows that a follower sees, until the run is finished.
fn follow(store: &Store, id: &RunId) -> (Vec<Row>, bool) {
    let mut follower = Follower::new(store, id);
    let (mut rows, mut was_live) = (Vec::new(), false);
    loop {
        let found = follower.poll().unwrap();
        assert!(!found.restarted);
        was_live |= found.activity == Activity::Running && !found.rows.is_empty();
        rows.extend(found.rows);
        if found.activity == Activity::Finished {
            return (rows, was_live);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn rows_are_seen_while_a_run_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let spec = spec(&["train.steps=3000", "eval.every=5"]);
    let id = run_id(&spec);
    let (seen, was_live) = thread::scope(|scope| {
        let reader = scope.spawn(|| follow(&Store::at(folder.path()), &id));
        run(&store, &spec, Isa::detect(), Duration::from_millis(5));
        reader.join().unwrap()
    });
    let stored = store.run(&id).unwrap().rows;
    assert!(was_live && stored.len() > 1000);
    assert_eq!(bits(&seen), bits(&stored));
}

/// A folder in place of the file, the only failure that happens for every user.
#[test]
fn a_run_that_nobody_can_follow_has_the_same_rows_and_a_warning() {
    let (free, blocked) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (free, blocked) = (Store::open(free.path()).unwrap(), Store::open(blocked.path()).unwrap());
    let spec = spec(&["train.steps=50"]);
    let id = run_id(&spec);
    let warnings = |events: Vec<Event>| {
        let text = |event| match event {
            Event::Warning(text) => Some(text),
            _ => None,
        };
        events.into_iter().filter_map(text).collect::<Vec<_>>()
    };
    let every = Duration::ZERO;
    assert!(warnings(run(&free, &spec, Isa::detect(), every)).is_empty());
    fs::create_dir(blocked.root().join("partial").join(format!("{id}.rows"))).unwrap();
    let said = warnings(run(&blocked, &spec, Isa::detect(), every));
    assert!(said.len() == 1 && said[0].contains("only when it is finished"), "{said:?}");
    assert_eq!(bits(&free.run(&id).unwrap().rows), bits(&blocked.run(&id).unwrap().rows));
    assert_eq!(fs::read_dir(free.root().join("partial")).unwrap().count(), 0);
}
