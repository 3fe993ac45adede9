//! Runs as every command reads them: bound to their id by spec and metadata, whatever wrote them.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use serde_json::{Map, Value, json};
use windtunnel_runs::spec::{
    Document, MultiplyAdd, NUMERICS_VERSION, RunSpec, run_id_of_text, run_id_with,
};
use windtunnel_runs::store::{Checkpoint, Error, Record, Row, RunId, Store, Tensor, TensorData};
use windtunnel_runs::stored::{Run, Stage};

/// Names of runs on an ordinary machine, whatever machine this is.
fn run_id(spec: &RunSpec) -> RunId {
    run_id_with(MultiplyAdd::Fused, spec)
}

fn spec(seed: u64) -> RunSpec {
    let mut document = Document::empty();
    document.set("train.steps=30").unwrap();
    document.resolve().unwrap().with_seed(seed)
}

/// Metadata of a run that finished, with some keys changed.
fn meta(changes: Value) -> Map<String, Value> {
    let mut meta = json!({
        "outcome": "finished", "step": 30, "version": "0.1.0", "numerics": NUMERICS_VERSION,
        "git_revision": "", "cpu": "", "isa": "", "threads": 1, "wall_seconds": 0.5,
        "finished_at": 0,
    });
    let object = meta.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(object.remove(key)),
            value => drop(object.insert(key.clone(), value.clone())),
        }
    }
    object.clone()
}

/// Result of reading a run of this spec and metadata, all of its files whole.
fn read(id: &RunId, spec_toml: &str, meta: Map<String, Value>) -> Result<Run, String> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let rows = vec![Row::new(30, "held_out_loss", 0.25)];
    let record = Record { spec_toml: spec_toml.into(), meta, rows, ..Record::default() };
    store.finish(id, &record).unwrap();
    Run::load(&store, id).map_err(|error| error.to_string())
}

#[test]
fn a_run_comes_back_in_types() {
    let run = read(&run_id(&spec(3)), &spec(3).to_toml(), meta(json!({}))).unwrap();
    assert_eq!((run.spec.clone(), run.step(), run.outcome()), (spec(3), 30, "finished"));
    assert_eq!(run.meta(), Value::Object(meta(json!({}))));
    assert!(!run.diverged() && matches!(run.stage, Stage::Ended(_)));
    let diverged = meta(json!({ "outcome": "diverged", "step": 7 }));
    let run = read(&run_id(&spec(3)), &spec(3).to_toml(), diverged).unwrap();
    assert!(run.diverged() && run.outcome() == "diverged" && run.step() == 7);
}

#[test]
fn a_finished_run_whose_optimizer_overflowed_is_of_an_older_version() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (own, shadow) = ("optimizer.1.exp_avg_sq", "shadow.adam.1.exp_avg_sq");
    for (seed, name, refused) in [(1, own, true), (2, shadow, false)] {
        let tensor = Tensor::new(name, [2], TensorData::F32(vec![1.0, f32::INFINITY]));
        let rows = vec![Row::new(30, "held_out_loss", 0.25)];
        let (spec_toml, meta) = (spec(seed).to_toml(), meta(json!({})));
        let record = Record { spec_toml, meta, rows, tensors: vec![tensor], ..Record::default() };
        let id = run_id(&spec(seed));
        store.finish(&id, &record).unwrap();
        match Run::load(&store, &id) {
            Ok(_) => assert!(!refused, "{name}"),
            Err(error) => assert!(refused && error.to_string().contains("overflowed"), "{error}"),
        }
    }
}

#[test]
fn a_spec_that_the_run_is_not_named_after_is_refused() {
    let id = run_id(&spec(3));
    let own = spec(3).to_toml();
    let edited = own.replace("noise_std = 0.0", "noise_std = 2.0");
    assert_ne!(own, edited);
    let spelled = own.replace(" = ", "  = ");
    for text in ["", &edited, &spelled, &spec(4).to_toml(), &own[1..], &format!("{own}\n")] {
        let error = read(&id, text, meta(json!({}))).unwrap_err();
        assert!(error.contains("spec.toml` is damaged: it is not the spec"), "{text}: {error}");
        assert!(error.contains("delete the folder around it and run again"), "{error}");
    }
}

/// A run of an optimizer that this program does not know is whole, and says what is missing.
#[test]
fn a_run_of_an_optimizer_from_elsewhere_is_refused_by_name() {
    let adam = "[optimizer]\namsgrad = false\nbetas = [0.9, 0.9]\n";
    let other = "[optimizer]\nversion = \"3\"\n";
    let text = spec(3).to_toml().replace(adam, other).replace("\"adam\"", "\"unheard_of\"");
    let text = text.replace("eps = 1e-8\n", "").replace("weight_decay = 0.0\n", "");
    assert!(text.contains("unheard_of") && text.contains("version"), "{text}");
    let error =
        read(&run_id_of_text(NUMERICS_VERSION, MultiplyAdd::Fused, &text), &text, meta(json!({})))
            .unwrap_err();
    let parts = ["\"unheard_of\"", "version \"3\"", "use the program that registers it"];
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

#[test]
fn metadata_of_no_run_of_the_spec_are_refused() {
    for changes in [
        json!({ "outcome": "ended" }),
        json!({ "outcome": null }),
        json!({ "step": 29 }),
        json!({ "step": 31, "outcome": "diverged" }),
        json!({ "step": -1 }),
        json!({ "step": "30" }),
        json!({ "numerics": NUMERICS_VERSION + 1 }),
        json!({ "wall_seconds": "long" }),
    ] {
        let error = read(&run_id(&spec(3)), &spec(3).to_toml(), meta(changes.clone())).unwrap_err();
        assert!(error.contains("meta.json` is damaged"), "{changes}: {error}");
    }
}

/// A run of an older arithmetic is named after it; it is read, but nothing is computed beside it.
#[test]
fn a_run_of_another_arithmetic_is_read_and_not_computed_with() {
    let text = spec(3).to_toml();
    let older = NUMERICS_VERSION - 1;
    let named = |numerics, text: &str| run_id_of_text(numerics, MultiplyAdd::Fused, text);
    let run = read(&named(older, &text), &text, meta(json!({ "numerics": older }))).unwrap();
    assert_eq!(run.rows[0].value, 0.25);
    for error in [run.check_numerics().unwrap_err(), run.state().unwrap_err()] {
        assert!(matches!(error, Error::OtherVersion { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains("use that version") && message.contains("0.1.0"), "{message}");
    }
    // And a text that this version does not understand, though the run is named after it.
    let text = "[task]\nfuture = 1\n";
    let error = read(&named(NUMERICS_VERSION, text), text, meta(json!({}))).unwrap_err();
    assert!(error.contains("another version") && error.contains("future"), "{error}");
}

/// The multiply-add is part of the name, where it is not the usual one, and of the metadata.
#[test]
fn a_run_of_another_multiply_add_is_another_run() {
    let (toml, separate) = (spec(3).to_toml(), run_id_with(MultiplyAdd::Separate, &spec(3)));
    assert_ne!(separate, run_id(&spec(3)));
    let made = |way: &str| meta(json!({ "multiply_add": way }));
    for (id, way, kind) in [
        (&separate, "separate", MultiplyAdd::Separate),
        (&run_id(&spec(3)), "fused", MultiplyAdd::Fused),
    ] {
        let run = read(id, &toml, made(way)).unwrap();
        assert_eq!(run.multiply_add, Some(kind));
        run.check_numerics().unwrap();
        assert_eq!(run.meta()["multiply_add"], way);
    }
    for (id, meta) in [
        (&separate, made("fused")),
        (&run_id(&spec(3)), made("separate")),
        (&separate, meta(json!({}))),
    ] {
        let error = read(id, &toml, meta).unwrap_err();
        assert!(error.contains("meta.json` is damaged: multiply_add = "), "{error}");
    }
    let error = read(&separate, &toml, made("relaxed")).unwrap_err();
    assert!(error.contains("meta.json` is damaged") && error.contains("relaxed"), "{error}");
}

/// Runs from before that was recorded are told by their instruction set. Those with two roundings
/// have the name of one with one: they can be read, but are not taken for it.
#[test]
fn an_older_run_with_two_roundings_is_not_taken_for_one_with_one() {
    let id = run_id(&spec(3));
    for (isa, cpu, made) in [
        ("avx512", "Xeon", Some(MultiplyAdd::Fused)),
        ("avx2+fma", "Ryzen", Some(MultiplyAdd::Fused)),
        ("baseline", "aarch64", Some(MultiplyAdd::Fused)),
        ("baseline", "Atom", Some(MultiplyAdd::Separate)),
        ("", "", None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (spec_toml, meta) = (spec(3).to_toml(), meta(json!({ "isa": isa, "cpu": cpu })));
        let rows = vec![Row::new(30, "held_out_loss", 0.25)];
        store.finish(&id, &Record { spec_toml, meta, rows, ..Record::default() }).unwrap();
        let run = Run::load(&store, &id).unwrap();
        assert_eq!(run.multiply_add, made, "{isa} {cpu}");
        match (made, Run::finished(&store, &id)) {
            (Some(MultiplyAdd::Separate), Err(error)) => {
                let message = error.to_string();
                assert!(message.contains("on baseline made it with separate"), "{message}");
                assert!(message.contains("delete the folder"), "{message}");
            }
            (_, answer) => drop(answer.unwrap()),
        }
    }
}

#[test]
fn a_checkpoint_has_the_spec_that_its_run_is_named_after() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let id = run_id(&spec(3));
    let load = |step: u64, spec_toml: String| {
        store
            .save_checkpoint(&id, &Checkpoint { step, spec_toml, ..Checkpoint::default() })
            .unwrap();
        Run::load(&store, &id)
    };
    let run = load(12, spec(3).to_toml()).unwrap();
    assert_eq!((run.step(), run.outcome()), (12, "partial"));
    assert!(matches!(Run::finished(&store, &id), Err(Error::NotFinished { .. })));
    for (step, text) in [(12, spec(4).to_toml()), (12, String::new()), (31, spec(3).to_toml())] {
        let error = load(step, text).unwrap_err();
        assert!(matches!(error, Error::Checkpoint(_)), "{error}");
        assert!(error.to_string().contains(".ckpt"), "{error}");
    }
}
