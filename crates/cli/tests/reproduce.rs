//! Outputs depend on the inputs alone: not on the content of the store, the threads, or earlier
//! reproductions.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use support::{failure, stdout};

/// Every file of a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_string();
    entries.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

fn assert_same(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>, case: &str) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(a), names(b), "{case}");
    let differ: Vec<&String> = a.keys().filter(|name| a[*name] != b[*name]).collect();
    assert!(differ.is_empty(), "{case}: {differ:?}");
}

/// Searches end in different rounds. The second time half of them are cached, so the others end
/// later.
#[test]
fn the_same_studies_make_the_same_files_whatever_was_computed_before() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let reproduce = |studies: &[&str], jobs: &str| {
        let folder = ["--quick", "-q", "-j", jobs, "--out", out.to_str().unwrap()];
        let printed = stdout(dir.path(), &[&["reproduce"], studies, &folder[..]].concat());
        (printed, files(&out))
    };
    let (printed, first) = reproduce(&["fig7", "batch"], "2");
    assert!(first.len() > 20 && printed.contains("fig7+batch-quick.html"), "{printed}");
    let (again, second) = reproduce(&["fig7", "batch"], "1");
    assert_eq!(printed, again);
    assert_same(&first, &second, "from the full store");
    let mut kept: Vec<_> =
        fs::read_dir(dir.path().join("kept")).unwrap().map(|e| e.unwrap().path()).collect();
    kept.sort();
    kept.iter().step_by(2).for_each(|path| fs::remove_file(path).unwrap());
    // The order of the names is no input.
    let (again, third) = reproduce(&["batch", "fig7"], "3");
    assert_eq!(printed, again);
    assert_same(&first, &third, "from half of what was kept");

    // Another set has another page and does not change this one.
    let (printed, fourth) = reproduce(&["batch"], "2");
    assert!(printed.contains("batch-quick.html") && !printed.contains("fig7"), "{printed}");
    assert!(fourth.contains_key("batch-quick.html") && fourth.len() == first.len() + 1);
    assert!(first.iter().all(|(name, bytes)| fourth[name] == *bytes));
    assert!(!fourth.keys().any(|name| name.starts_with("report")));
    let page = String::from_utf8(first["fig7+batch-quick.html"].clone()).unwrap();
    assert!(page.contains("id=\"fig7\"") && page.contains("id=\"batch\""));
    for (name, bytes) in fourth.iter().filter(|(name, _)| !name.ends_with("csv")) {
        let Ok(text) = std::str::from_utf8(bytes) else { continue };
        let text = text.split("<script>").next().unwrap();
        let words = || text.split(|c: char| !c.is_alphanumeric());
        assert!(!words().any(|word| word == "NaN" || word == "inf"), "{name}");
    }
}

#[test]
fn measurements_and_baselines_are_the_same_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let sets = ["--set", "train.steps=40", "--set", "eval.every=10", "--seeds", "0..2"];
    stdout(dir.path(), &[&["train", "-q"], &sets[..]].concat());
    let mut runs: Vec<String> = fs::read_dir(dir.path().join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    runs.sort();
    let out = dir.path().join("out");
    let measure = |jobs: &str| {
        let with = "robust-condition,spectrum,heterogeneity,noise,loss-tails";
        let options = ["--at", "0,40", "--with", with, "--draws", "100", "--reference", "1000"];
        let place = ["-q", "-j", jobs, "--json", "--out", out.to_str().unwrap()];
        let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
        let printed = stdout(dir.path(), &[&["measure"], &runs[..], &options, &place].concat());
        (printed, files(&out))
    };
    let (first, second) = (measure("1"), measure("3"));
    assert_eq!(first.0, second.0);
    assert!(first.1.len() > 8, "{:?}", first.1.keys());
    assert_same(&first.1, &second.1, "measured again");
    let baselines =
        |jobs| stdout(dir.path(), &["baselines", "--run", &runs[0], "--json", "-q", "-j", jobs]);
    assert_eq!(baselines("1"), baselines("3"));
}

#[test]
fn a_study_that_does_not_exist_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (message, code) = failure(dir.path(), &["reproduce", "report"]);
    assert!(code == 2 && message.contains("fig2"), "{message}");
}
