//! An optimizer from outside the workspace in a run: spec, training, store, cache and resumption
//! by the ordinary API.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use windtunnel_lab::executor::Executor;
use windtunnel_lab::local::LocalExecutor;
use windtunnel_lab::plan::Plan;
use windtunnel_lab::progress::{Event, Progress};
use windtunnel_lab::training::{Options, Status};
use windtunnel_runs::spec::{
    Condition, Document, MultiplyAdd, RunSpec, run_id, run_id_of_text, template,
};
use windtunnel_runs::store::{Checkpoint, Store};
use windtunnel_runs::stored::Run;

use std::sync::Arc;

use windtunnel_optim::*;

/// θ ← θ − η sign(b) with the momentum buffer b.
struct SignMomentum;

impl Method for SignMomentum {
    const NAME: &'static str = "sign_momentum";
    const SUMMARY: &'static str = "steps along the signs of the momentum buffer";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::number("momentum", 0.9, Range::Fraction, "decay of the momentum buffer")];
    const LR: f64 = 0.002;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let momentum = values.number("momentum");
        let trace = Trace { momentum, dampening: 0.0, nesterov: false };
        vec![Arc::new(trace), Arc::new(Sign), Arc::new(ScaleByLearningRate)]
    }
}

struct Sign;

impl<T: Real> Transform<T> for Sign {
    fn apply(
        &self,
        update: &mut [T],
        _: &mut State<T>,
        _: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        update.iter_mut().for_each(|u| *u = if u.is_zero() { *u } else { u.signum() });
        Ok(())
    }
}

/// Sharpness-aware minimization (Foret et al. 2021): the gradient at θ + ρ g/‖g‖. Its state has a
/// length of its own.
struct SharpnessAware;

impl Method for SharpnessAware {
    const NAME: &'static str = "sharpness_aware";
    const SUMMARY: &'static str = "gradient descent with the gradient of a worse point nearby";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::number("rho", 0.05, Range::Positive, "distance of that point"),
        Parameter::integer("fails_at", 0, Range::NonNegative, "step at which it gives up"),
    ];
    const LR: f64 = 0.01;
    const RATES_OF: &'static str = "sgd";

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let (rho, fails_at) = (values.number("rho"), values.integer("fails_at"));
        vec![Arc::new(AtWorsePoint { rho, fails_at }), Arc::new(ScaleByLearningRate)]
    }
}

struct AtWorsePoint {
    rho: f64,
    fails_at: u64,
}

impl<T: Real> Transform<T> for AtWorsePoint {
    fn init(&self, dim: usize, blocks: &[Block]) -> State<T> {
        State::zeros(&[("square", blocks.len())]).with_scratch(&[dim])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        if context.step == self.fails_at {
            return Err("it was told to give up".into());
        }
        let [squares, worse] = state.vectors();
        for (square, block) in squares.iter_mut().zip(context.blocks) {
            let part = &update[block.range.clone()];
            *square = part.iter().fold(T::zero(), |sum, u| sum + *u * *u);
        }
        let norm2 = squares.iter().fold(0.0, |sum, square| sum + square.widen());
        let scale = T::nearest(self.rho / norm2.sqrt());
        for ((w, p), u) in worse.iter_mut().zip(context.params).zip(&*update) {
            *w = *p + scale * *u;
        }
        context.oracle()?.gradient(worse, update)?;
        Ok(())
    }
}

fn spec(sets: &[&str]) -> RunSpec {
    register::<SignMomentum>("1").unwrap();
    register::<SharpnessAware>("0.3").unwrap();
    let mut document = Document::empty();
    let short = ["train.batch_size=128", "eval.batch_size=100", "eval.every=100"];
    for set in short.iter().chain(sets) {
        document.set(set).unwrap();
    }
    document.resolve().unwrap()
}

/// Progress that passes its events to a function.
struct Heard<F>(F);

impl<F: Fn(&Event) + Sync> Progress for Heard<F> {
    fn event(&self, _: usize, event: &Event) {
        (self.0)(event);
    }
}

fn execute(
    store: &Store,
    spec: &RunSpec,
    stop: &AtomicBool,
    on_event: impl Fn(&Event) + Sync,
) -> Status {
    let local = LocalExecutor::new(store.clone(), Options { jobs: 1, ..Options::default() });
    let plan = Plan::of_runs("runs", [spec.clone()]);
    local.execute(&plan, &Heard(on_event), stop).unwrap().remove(0)
}

/// Computes a run; returns its status and whether it was found in the store.
fn compute(store: &Store, spec: &RunSpec) -> (Status, bool) {
    let cached = Mutex::new(false);
    let stop = AtomicBool::new(false);
    let status = execute(store, spec, &stop, |event| {
        *cached.lock().unwrap() |= matches!(event, Event::Cached);
    });
    let cached = *cached.lock().unwrap();
    (status, cached)
}

fn state(store: &Store, spec: &RunSpec) -> Checkpoint {
    Run::load(store, &run_id(spec)).unwrap().state().unwrap()
}

fn losses(state: &Checkpoint) -> Vec<f64> {
    let rows = state.rows.iter().filter(|row| row.metric == "held_out_loss");
    rows.map(|row| row.value).collect()
}

#[test]
fn it_trains_is_stored_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for set in ["optimizer=sign_momentum", "optimizer=sharpness_aware"] {
        for precision in ["train.precision=f32", "train.precision=f64"] {
            let spec = spec(&[set, precision, "train.steps=300"]);
            assert!(matches!(compute(&store, &spec), (Status::Stored, false)));
            assert!(matches!(compute(&store, &spec), (Status::Stored, true)));
            let run = Run::load(&store, &run_id(&spec)).unwrap();
            assert_eq!(run.spec, spec);
            let losses = losses(&state(&store, &spec));
            assert!(losses.last() < losses.first(), "{set}: {losses:?}");
        }
    }
}

/// State whose length differs from that of the parameters is stored too.
#[test]
fn its_state_is_stored_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let sign = spec(&["optimizer=sign_momentum", "train.steps=3"]);
    let aware = spec(&["optimizer=sharpness_aware", "train.steps=3", "optimizer.clip_norm=off"]);
    for (spec, name, shape) in [
        (sign, "optimizer.1.momentum_buffer", &[3, 2, 5, 5][..]),
        (aware, "optimizer.0.square", &[6]),
    ] {
        compute(&store, &spec);
        let state = state(&store, &spec);
        let tensor = state.tensors.iter().find(|tensor| tensor.name() == name);
        assert_eq!(tensor.map(|tensor| tensor.shape()), Some(shape), "{name}");
    }
}

#[test]
fn interrupted_it_goes_on_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (broken, whole) = (folder.path().join("broken"), folder.path().join("whole"));
    let (broken, whole) = (Store::open(&broken).unwrap(), Store::open(&whole).unwrap());
    for set in ["optimizer=sign_momentum", "optimizer=sharpness_aware"] {
        let spec = spec(&[set, "train.steps=20000", "eval.every=1000"]);
        let stop = AtomicBool::new(false);
        let status = execute(&broken, &spec, &stop, |event| {
            // The first event comes a tenth of a second after the start.
            stop.fetch_or(matches!(event, Event::Step { .. }), Ordering::Relaxed);
        });
        assert!(matches!(status, Status::Interrupted | Status::Stored), "{status:?}");
        assert!(matches!(compute(&broken, &spec).0, Status::Stored));
        assert!(matches!(compute(&whole, &spec).0, Status::Stored));
        assert_eq!(state(&broken, &spec), state(&whole, &spec), "{set}");
    }
}

#[test]
fn its_version_is_part_of_the_identity() {
    let spec = spec(&["optimizer=sign_momentum"]);
    let text = spec.to_toml();
    assert!(text.contains("\nversion = \"1\"\n"), "{text}");
    let numerics = windtunnel_runs::spec::NUMERICS_VERSION;
    assert_eq!(run_id(&spec), run_id_of_text(numerics, MultiplyAdd::here(), &text));
    let other = text.replace("version = \"1\"", "version = \"2\"");
    assert_ne!(run_id(&spec), run_id_of_text(numerics, MultiplyAdd::here(), &other));
    let error = Document::parse("test", &other).unwrap().resolve().unwrap_err().to_string();
    let parts =
        ["optimizer.version = \"2\"", "\"1\", the version of `sign_momentum`", "remove the key"];
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    // Built-in optimizers do not change.
    assert_eq!(run_id(&RunSpec::paper().unwrap()).to_string(), "c419dcbe98b07659");
}

#[test]
fn specs_know_its_name_and_keys() {
    let sign = spec(&["optimizer=sign_momentum"]);
    assert_eq!((sign.optimizer.name(), sign.optimizer.lr()), ("sign_momentum", 0.002));
    assert_eq!(spec(&["optimizer=sharpness_aware", "preset=sphere"]).optimizer.lr(), 5.0);
    let again = Document::parse("test", &sign.to_toml()).unwrap().resolve().unwrap();
    assert_eq!(again, sign);
    let refused = |sets: &[&str], part: &str| {
        let mut document = Document::empty();
        sets.iter().for_each(|set| document.set(set).unwrap());
        let message = document.resolve().unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    };
    refused(&["optimizer=sign_momentun"], "did you mean \"sign_momentum\"");
    refused(&["optimizer=sign_momentum", "optimizer.eps=1"], "does not go with `optimizer.name`");
    refused(&["optimizer=sharpness_aware", "optimizer.rh=1"], "did you mean `optimizer.rho`");
    refused(&["optimizer=sharpness_aware", "optimizer.rho=-1"], "expected a finite number > 0");
    refused(&["optimizer=sharpness_aware", "optimizer.fails_at=0.5"], "expected an integer >= 0");
    let text = template();
    for part in ["# name = \"sign_momentum\"", "# rho = 0.05", "sgd, sign_momentum: decay of the"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(Condition::parse("optimizer.rho=0.05").is_ok());
    // A version without quotes is a number to TOML, and means the same.
    let document = Document::parse("test", &sign.to_toml()).unwrap();
    let holds = |version: &str| Condition::parse(version).unwrap().holds(&document);
    assert!(holds("optimizer.version=1") && holds("optimizer.version=\"1\""));
    assert!(!holds("optimizer.version=2"));
    assert_eq!(spec(&["optimizer=sign_momentum", "optimizer.version=1"]), sign);
    refused(&["optimizer=sign_momentum", "optimizer.version=2"], "expected \"1\"");
}

/// The stability threshold of an outside optimizer is unknown, and the instrument reports that.
#[test]
fn instruments_read_its_updates() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let sets = ["train.steps=20", "instruments.stability=10", "instruments.update_geometry=10"];
    let spec = spec(&[&["optimizer=sharpness_aware"], &sets[..]].concat());
    let missing = Mutex::new(Vec::new());
    execute(&store, &spec, &AtomicBool::new(false), |event| {
        if let Event::Missing { what, reason, .. } = event {
            missing.lock().unwrap().push((what.clone(), reason.clone()));
        }
    });
    let missing = missing.into_inner().unwrap();
    let unknown =
        |(what, reason): &(String, String)| what == "stability" && reason.contains("known");
    assert!(missing.iter().any(unknown), "{missing:?}");
    let rows = state(&store, &spec).rows;
    assert!(rows.iter().all(|row| row.metric != "stability_threshold"));
    let norms: Vec<f64> =
        rows.iter().filter(|row| row.metric == "update_norm").map(|row| row.value).collect();
    assert!(norms.len() == 3 && norms.iter().all(|norm| *norm > 0.0), "{norms:?}");
}

/// An error of the optimizer is the reason of the run; no result is stored.
#[test]
fn its_failure_is_the_reason_that_the_run_gives() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let spec = spec(&["optimizer=sharpness_aware", "optimizer.fails_at=5", "train.steps=20"]);
    let (status, _) = compute(&store, &spec);
    let Status::Failed(reason) = status else { panic!("{status:?}") };
    assert_eq!(reason, "`sharpness_aware` failed at step 4: it was told to give up");
    assert!(store.finished(&run_id(&spec)).unwrap().is_none());
}
