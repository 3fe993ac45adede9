//! `list` on stores of many runs, and tips for command lines that cannot be parsed.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{failure, stdout};
use windtunnel_runs::spec::{Document, run_id};
use windtunnel_runs::store::Store;

/// `train` of a few steps.
fn train(store: &Path, extra: &[&str]) -> Vec<String> {
    let base = ["train", "--json", "--set", "train.steps=4", "--set", "eval.every=2"];
    let runs: Value = serde_json::from_str(&stdout(store, &[&base, extra].concat())).unwrap();
    runs.as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap().into()).collect()
}

fn listed(store: &Path, extra: &[&str]) -> Vec<Value> {
    let text = stdout(store, &[&["list", "--json"], extra].concat());
    serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().clone()
}

/// Sets another end time of a run, and the matching checksum of its file.
fn ended(store: &Path, id: &str, at: u64) {
    const MARK: &str = "windtunnel.crc32:";
    let path = store.join("runs").join(id).join("meta.json");
    let mut meta: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    meta["finished_at"] = at.into();
    meta["windtunnel.checksum"] = format!("{MARK}00000000").into();
    let text = meta.to_string();
    let checksum = format!("{MARK}{:08x}", crc32fast::hash(text.as_bytes()));
    fs::write(&path, text.replace(&format!("{MARK}00000000"), &checksum)).unwrap();
}

#[test]
fn runs_are_filtered_by_their_specs_and_dates_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path();
    let adam = train(store, &[]);
    let sgd = train(store, &["--set", "optimizer=sgd", "--set", "task.dim=4", "--seeds", "0..3"]);
    let ids = |extra: &[&str]| -> Vec<String> {
        listed(store, extra).iter().map(|run| run["run"].as_str().unwrap().into()).collect()
    };
    // 2001-11-20 00:00 and 18:30 UTC, and the 21st.
    for (id, at) in sgd.iter().zip([1_006_214_400, 1_006_281_000, 1_006_300_800]) {
        ended(store, id, at);
    }
    ended(store, &adam[0], 1_006_214_399);
    assert_eq!(ids(&[]), [&sgd[2], &sgd[1], &sgd[0], &adam[0]].map(String::as_str));
    assert_eq!(ids(&["--since", "2001-11-20"]).len(), 3);
    assert_eq!(ids(&["--since", "2001-11-20T18:30"]).len(), 2);
    assert_eq!(ids(&["--since", "2001-11-20 18:30:01Z"]), [sgd[2].as_str()]);
    assert_eq!(ids(&["--since", "0s"]).len(), 0);
    let all = [sgd[2].as_str(), &sgd[1], &sgd[0]];
    for filter in
        ["optimizer.name=sgd", "optimizer=sgd", "task.dim=4", "task.dim=4.0", "task.noise_std=0"]
    {
        let found = ids(&["--where", filter]);
        assert_eq!(found[..3], all, "{filter}");
        assert_eq!(found.len(), if filter.contains("noise") { 4 } else { 3 }, "{filter}");
    }
    assert_eq!(ids(&["--where", "optimizer.betas=[0.9, 0.9]"]), [adam[0].as_str()]);
    assert_eq!(ids(&["--where", "optimizer=sgd", "--where", "train.seed=1"]), [sgd[1].as_str()]);
    assert_eq!(ids(&["--where", "task.covariates=gaussian"]).len(), 4);
    assert_eq!(ids(&["--where", "optimizer.momentum=0.5"]).len(), 0);
    // Defaults, which stored specs omit.
    for filter in
        ["model.attention=linear", "task.labels=linear", "model.tied=false", "instruments=off"]
    {
        assert_eq!(ids(&["--where", filter]).len(), 4, "{filter}");
    }
    // Possible with other keys, though not with the defaults.
    for filter in [
        "model.attention=softmax",
        "optimizer.warmup_steps=20000",
        "task.distractors=9",
        "model.corner=fixed",
        "task.labels_hidden=3",
        "model.depth=1024",
        "train.batch_size=1000000",
        "task.covariates.stds=[1, 2, 3]",
        "task.covariates.covariance=[1, 2]",
    ] {
        assert_eq!(ids(&["--where", filter]).len(), 0, "{filter}");
    }
    assert!(stdout(store, &["list", "--where", "task.dim=9"]).contains("none of 4 runs"));
    for (filter, what) in [
        ("optimizer.lrr=1", "did you mean `optimizer.lr`"),
        ("lr=0.02", "did you mean `optimizer.lr`"),
        ("optimizer.name", "KEY=VALUE"),
        ("preset=sphere", "task.covariates.kind=sphere"),
        ("=3", "KEY=VALUE"),
        ("optimizer.name=foo", "optimizer.name = \"foo\" is not allowed: expected one of"),
        ("optimizer=sgdd", "did you mean \"sgd\""),
        ("task.covariates=sphre", "did you mean \"sphere\""),
        ("task.dim=-3", "integer from 1"),
        ("task.dim=4.5", "integer from 1"),
        ("optimizer.momentum=-1", "optimizer.momentum = -1"),
        ("task.covariates.dof=0", "task.covariates.dof = 0"),
        ("optimizer.lr=fast", "optimizer.lr = \"fast\""),
    ] {
        let (message, code) = failure(store, &["list", "--where", filter]);
        assert!(code == 2 && message.contains(what), "{filter}: {message}");
    }
    for when in ["yesterday", "2026-13-01", "7", "h", "-1d", "99999999999999999d", "", "é"] {
        let (message, code) = failure(store, &["list", "--since", when]);
        assert!(code == 2 && message.contains("2h, 7d"), "{when}: {message}");
    }
}

#[test]
fn seeds_share_a_line_and_searches_are_left_out_until_all_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path();
    let study = train(store, &["--seeds", "0..3"]);
    let sets = ["train.steps=3", "eval.every=2"];
    let mut spec = Document::empty();
    sets.iter().for_each(|set| spec.set(set).unwrap());
    let spec = spec.resolve().unwrap();
    let mut grid = Vec::new();
    for lr in ["optimizer.lr=0.01", "optimizer.lr=0.1"] {
        grid.extend(train(store, &["--set", "train.steps=3", "--set", lr, "--seeds", "0..2"]));
    }
    // The cached result of a search.
    let base = run_id(&spec.with_lr(1.0));
    let key =
        format!("learning rates from 1e-3 for {base}, 3 seeds, tried for 4 steps, numerics 3");
    Store::open(store).unwrap().cache(&key, "{}").unwrap();

    let text = stdout(store, &["list"]);
    assert!(
        text.contains(&study[0]) && text.contains("0..=2") && text.contains("(median)"),
        "{text}"
    );
    assert!(!text.contains(&study[1]) && !grid.iter().any(|id| text.contains(id)), "{text}");
    let last = text.lines().last().unwrap();
    assert!(
        last.contains("3 runs on one line") && last.contains("4 runs of learning-rate"),
        "{text}"
    );
    assert!(last.contains("--all"), "{text}");
    let all = stdout(store, &["list", "--all"]);
    assert!(study.iter().chain(&grid).all(|id| all.contains(id)), "{all}");
    assert!(!all.contains("--all") && !all.contains("median"), "{all}");
    let found = listed(store, &[]);
    let searched: Vec<bool> = found.iter().map(|run| run["search"].as_bool().unwrap()).collect();
    assert_eq!((searched.len(), searched.iter().filter(|s| **s).count()), (7, 4));
    assert!(found.iter().all(|run| run["held_out_loss"].as_f64().unwrap() > 0.0));
}

#[test]
fn a_store_without_what_was_asked_for_says_so() {
    let dir = tempfile::tempdir().unwrap();
    Store::open(dir.path()).unwrap();
    assert!(stdout(dir.path(), &["list"]).contains("no runs yet"));
    assert!(stdout(dir.path(), &["list", "--where", "task.dim=5"]).contains("no runs yet"));
    assert_eq!(listed(dir.path(), &["--since", "1d"]).len(), 0);
    let id = &train(dir.path(), &[])[0];
    let folder = dir.path().join("runs").join(id);
    fs::write(folder.join("meta.json"), "{").unwrap();
    let broken = &listed(dir.path(), &[])[0];
    assert_eq!((&broken["state"], &broken["finished_at"]), (&"broken".into(), &Value::Null));
    assert!(stdout(dir.path(), &["list", "--since", "1h"]).contains("is broken"));
}

#[test]
fn presets_are_taken_by_name_and_what_is_meant_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path();
    let by_set = train(store, &["--set", "preset=sphere"]);
    assert_eq!(train(store, &["--preset", "sphere"]), by_set);
    assert_eq!(train(store, &["sphere"]), by_set);
    let lines = |args: &[&str]| stdout(store, &[&["baselines", "--json"], args].concat());
    let small = ["--set", "eval.batch_size=50", "--set", "model.depth=1"];
    let by_set = lines(&[&["--set", "preset=setting2"], &small[..]].concat());
    assert_eq!(lines(&[&["setting2"], &small[..]].concat()), by_set);
    for (name, contents, what) in [
        ("empty.toml", "", "is empty"),
        ("comments.toml", "# dim = 5\n\n  # lr\n", "windtunnel init"),
        ("long.toml", &"# ".repeat(600_000), "longer than 1 MiB"),
    ] {
        let path = store.join(name);
        fs::write(&path, contents).unwrap();
        let (message, code) = failure(store, &["train", path.to_str().unwrap()]);
        assert!(code == 2 && message.contains(what), "{name}: {message}");
    }
    let cases: [(&[&str], &[&str]); 18] = [
        (&["train", "--lr", "0.05"], &["--set optimizer.lr=0.05"]),
        (&["train", "--learning-rate=0.05"], &["--set optimizer.lr=0.05"]),
        (&["train", "--seed", "3"], &["--seeds 3"]),
        (&["baselines", "--dim", "3"], &["--set task.dim=3"]),
        (&["train", "--preset", "spere"], &["sphere"]),
        (&["train", "sphere", "--preset", "softmax"], &["preset = softmax", "`sphere`"]),
        (&["fig2"], &["windtunnel reproduce fig2"]),
        (&["sphere"], &["windtunnel train sphere"]),
        (&["train", "spheer"], &["did you mean the preset `sphere`"]),
        (&["train", "nosuch"], &["no preset has this name", "setting1, setting2"]),
        (&["train", "--set", "preset=spere"], &["did you mean \"sphere\""]),
        (&["train", "--set", "optimizer.learning_rate=1"], &["did you mean `optimizer.lr`"]),
        (&["reproduce", "figure2"], &["did you mean 'fig2'"]),
        (&["reproduce", "Fig. 12"], &["did you mean 'fig12'"]),
        (&["reproduce", "fig1"], &["Kunstner", "'fig2'"]),
        (&["reproduce", "table1"], &["did you mean 'table'"]),
        (&["reproduce", "fig99"], &["2 to 15", "fig2, "]),
        (&["show", "zzzz"], &["list --all"]),
    ];
    for (args, expected) in cases {
        let (message, code) = failure(store, args);
        assert_eq!(code, 2, "{args:?}: {message}");
        let found = expected.iter().all(|expected| message.contains(expected));
        assert!(found && message.matches("error:").count() == 1, "{args:?}: {message}");
    }
    assert!(stdout(store, &["reproduce", "--help"]).contains("fig2"));
}
