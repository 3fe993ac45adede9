//! Comparisons with the inference of the audit: `compare`, and `reproduce` with other seeds.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{failure, stdout};

/// Changes that make both sides short, with tails that are measured.
const SHORT: [&str; 6] =
    ["--set", "train.steps=60", "--set", "eval.every=20", "--set", "eval.batch_size=100"];
/// A learning rate at which nothing is learned.
const FROZEN: &str = "optimizer.lr=1e-12";

/// Answer of `compare` of Setting 1 with itself, with these options.
fn compare(store: &Path, options: &[&str]) -> Value {
    let command = ["compare", "setting1", "setting1", "--json", "-q"];
    serde_json::from_str(&stdout(store, &[&command, &SHORT[..], options].concat())).unwrap()
}

fn effect<'a>(said: &'a Value, specification: &str) -> &'a Value {
    let all = said["effects"].as_array().unwrap();
    all.iter().find(|effect| effect["specification"] == specification).unwrap()
}

const PRIMARY: &str = "median prompt, last step, fresh batches";

#[test]
fn the_side_that_learns_ends_lower_whichever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let of = |frozen: &str| compare(dir.path(), &[frozen, FROZEN, "--seeds", "0..6"]);
    let (a, b) = (of("--set-a"), of("--set-b"));
    assert_eq!((&a["pairs"], &a["effects"][0]["specification"]), (&6.into(), &PRIMARY.into()));
    assert_eq!(effect(&a, PRIMARY)["verdict"], "supported");
    assert_eq!(effect(&b, PRIMARY)["verdict"], "contradicted");
    // A/B and B/A say the same.
    let number = |said: &Value, key: &str| effect(said, PRIMARY)[key].as_f64().unwrap();
    for (key, other) in [("effect", "effect"), ("lo", "hi"), ("hi", "lo")] {
        assert!((number(&a, key) * number(&b, other) - 1.0).abs() < 1e-12, "{key}");
    }
    assert!(number(&a, "lo") > 1.0 && number(&a, "detectable") > 1.0);
    // Nothing is trained anew, and the words agree with the numbers.
    let command = ["compare", "setting1", "setting1", "-q", "--seeds", "0..6", "--set-a", FROZEN];
    let words = stdout(dir.path(), &[&command, &SHORT[..]].concat());
    assert!(words.starts_with("B ends with a lower loss than A."), "{words}");
    assert!(words.contains("over 6 pairs of runs") && words.contains(PRIMARY), "{words}");
}

#[test]
fn seeds_that_cannot_decide_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let one = compare(dir.path(), &["--set-a", FROZEN, "--seeds", "3"]);
    assert_eq!(effect(&one, PRIMARY)["verdict"], "not distinguishable");
    let command = ["compare", "setting1", "setting1", "-q", "--seeds", "3", "--set-a", FROZEN];
    let words = stdout(dir.path(), &[&command, &SHORT[..]].concat());
    assert!(words.starts_with("A and B cannot be told apart with these seeds."), "{words}");
    assert!(!words.contains("NaN"), "{words}");
}

#[test]
fn two_names_of_the_same_runs_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    stdout(dir.path(), &[&["train", "setting1", "-q"], &SHORT[..]].concat());
    let id = fs::read_dir(dir.path().join("runs")).unwrap().next().unwrap().unwrap().file_name();
    let id = id.into_string().unwrap();
    // A run of the store is a spec like any other, here that of the preset.
    let same = [&["compare", &id[..8], "setting1", "-q", "--seeds", "0..2"], &SHORT[..]].concat();
    let (message, code) = failure(dir.path(), &same);
    assert!(code == 2 && message.contains("both make the same runs"), "{message}");
    let (message, code) = failure(dir.path(), &["compare", "setting1", "nosuch"]);
    assert!(code == 2 && message.contains("nosuch"), "{message}");
}

/// The findings of Figure 6, quick, with these options.
fn findings(dir: &Path, options: &[&str]) -> Vec<Value> {
    let out = dir.join("out");
    let _ = fs::remove_dir_all(&out);
    let command = ["reproduce", "fig6", "--quick", "-q", "--out", out.to_str().unwrap()];
    stdout(dir, &[&command, options].concat());
    let mut files = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(|path| path.extension().is_some_and(|end| end == "json")).unwrap();
    let page: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    page["claims"].as_array().unwrap().clone()
}

#[test]
fn a_replication_is_the_other_family() {
    let dir = tempfile::tempdir().unwrap();
    let both = findings(dir.path(), &["--seeds", "2", "--replicate", "7"]);
    let alone = findings(dir.path(), &["--seeds", "2", "--family", "7"]);
    assert_eq!((both.len(), alone.len()), (3, 3));
    for (both, alone) in both.iter().zip(&alone) {
        let (first, again) = (&both["effects"][0], &both["replication"]["effect"]);
        assert_eq!((&both["replication"]["family"], &first["pairs"]), (&7.into(), &2.into()));
        assert_eq!(again, &alone["effects"][0]);
        assert_ne!(again["effect"], first["effect"]);
    }
    let (message, code) =
        failure(dir.path(), &["reproduce", "fig6", "--family", "7", "--replicate", "7"]);
    assert!(code == 2 && message.contains("name another family"), "{message}");
}
