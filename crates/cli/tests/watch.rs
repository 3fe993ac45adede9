//! `windtunnel watch`: another process sees all rows of a run once, while it is trained.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use support::{failure, stdout, windtunnel};

/// Seconds of work.
const JOB: [&str; 12] = [
    "train",
    "--set",
    "train.steps=80000",
    "--set",
    "train.batch_size=128",
    "--set",
    "eval.every=200",
    "-j",
    "1",
    "-q",
    "--checkpoint-seconds",
    "0.2",
];

fn start(store: &Path, args: &[&str]) -> Child {
    windtunnel(store, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The id of the run that has begun to write rows.
fn begun(store: &Path) -> String {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < Duration::from_secs(60), "no rows");
        let names = fs::read_dir(store.join("partial")).into_iter().flatten().flatten();
        let names = names.map(|entry| entry.file_name().into_string().unwrap());
        if let Some(id) = names.filter_map(|name| Some(name.strip_suffix(".rows")?.into())).next() {
            return id;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// `step,metric,value` of each stored row.
fn stored(store: &Path, id: &str) -> Vec<String> {
    let csv = stdout(store, &["export", id, "--csv"]);
    csv.lines().skip(1).map(|line| line.split_once(',').unwrap().1.into()).collect()
}

/// `step,metric,value` of a printed row.
fn row(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(",")
}

/// Kills a child as by `kill -9`.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn next(lines: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.ends_with('\n'), "{line:?}");
    row(&line)
}

#[test]
fn a_run_that_is_killed_twice_is_seen_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let trained = start(dir.path(), &JOB);
    let id = begun(dir.path());
    let mut watch = start(dir.path(), &["watch", &id[..8]]);
    let mut lines = BufReader::new(watch.stdout.take().unwrap());
    // Rows of the beginning are read before the run can have ended; otherwise the kill below would
    // be too late.
    let mut seen: Vec<String> = (0..20).map(|_| next(&mut lines)).collect();
    kill(trained);
    assert!(!dir.path().join("runs").join(&id).exists());
    let trained = start(dir.path(), &JOB);
    seen.extend((0..40).map(|_| next(&mut lines)));
    kill(trained);
    assert!(!dir.path().join("runs").join(&id).exists());
    assert!(dir.path().join("partial").join(format!("{id}.rows")).exists());
    std::thread::sleep(Duration::from_millis(500));
    assert!(watch.try_wait().unwrap().is_none(), "it gave up on a run that was stopped");
    stdout(dir.path(), &JOB);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    seen.extend(rest.lines().map(row));
    let output = watch.wait_with_output().unwrap();
    assert!(output.status.success());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains(&format!("nobody is training run {id} now")), "{errors}");
    assert!(!errors.contains("again"), "{errors}");
    assert_eq!(seen, stored(dir.path(), &id));
    // Interruptions change no number and leave no files.
    let quiet = tempfile::tempdir().unwrap();
    stdout(quiet.path(), &JOB);
    assert_eq!(seen, stored(quiet.path(), &id));
    assert_eq!(fs::read_dir(quiet.path().join("partial")).unwrap().count(), 0);
}

#[test]
fn a_finished_run_is_printed_and_json_is_a_line_per_row() {
    let dir = tempfile::tempdir().unwrap();
    stdout(dir.path(), &["train", "-q", "--set", "train.steps=30"]);
    let id = fs::read_dir(dir.path().join("runs")).unwrap().next().unwrap().unwrap().file_name();
    let id = id.to_str().unwrap();
    let stored = stored(dir.path(), id);
    assert!(stored.len() > 4);
    let plain = stdout(dir.path(), &["watch", &id[..4]]);
    assert_eq!(plain.lines().map(row).collect::<Vec<_>>(), stored);
    let json = stdout(dir.path(), &["watch", id, "--json"]);
    let rows = json.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let (step, value) = (row["step"].as_u64().unwrap(), row["value"].as_f64().unwrap());
        format!("{step},{},{value}", row["metric"].as_str().unwrap())
    });
    assert_eq!(rows.collect::<Vec<_>>(), stored);
}

#[test]
fn what_is_not_there_is_an_error_and_what_is_damaged_too() {
    let dir = tempfile::tempdir().unwrap();
    let (message, code) = failure(&dir.path().join("none"), &["watch", "0123"]);
    assert!(code == 2 && message.contains("no store of runs"), "{message}");
    stdout(dir.path(), &["train", "-q", "--set", "train.steps=2"]);
    let id = fs::read_dir(dir.path().join("runs")).unwrap().next().unwrap().unwrap().file_name();
    let id = id.to_str().unwrap();
    let (message, code) = failure(dir.path(), &["watch", "x"]);
    assert!(code == 2 && message.contains("begins with `x`"), "{message}");
    fs::write(dir.path().join("runs").join(id).join("metrics.parquet"), "torn").unwrap();
    let (message, code) = failure(dir.path(), &["watch", id]);
    assert!(code == 1 && message.contains("metrics.parquet` is damaged"), "{message}");
}
