//! kill -9, Ctrl-C and two processes at once: the same bits as one undisturbed run.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{failure, stdout, windtunnel};
use windtunnel_math::rng::{Key, Purpose};

/// Seconds of work, so that 20 kills within 70 ms each always find it alive.
const JOB: [&str; 13] = [
    "train",
    "--set",
    "train.steps=60000",
    "--set",
    "train.batch_size=128",
    "--set",
    "eval.every=500",
    "--set",
    "eval.fresh_batches=2",
    "--seeds",
    "0..2",
    "-j",
    "2",
];
/// Several checkpoints in the time of one kill.
const OFTEN: [&str; 2] = ["--checkpoint-seconds", "0.01"];

fn job<'a>(extra: &[&'a str]) -> Vec<&'a str> {
    JOB.iter().copied().chain(extra.iter().copied()).collect()
}

/// Results that must not depend on interruptions: numbers and final state of every run.
fn results(store: &Path) -> BTreeMap<String, (Vec<u8>, String)> {
    let runs = fs::read_dir(store.join("runs")).unwrap();
    runs.map(|entry| {
        let id = entry.unwrap().file_name().into_string().unwrap();
        let state = fs::read(store.join("runs").join(&id).join("state.safetensors")).unwrap();
        let rows = stdout(store, &["export", &id, "--csv"]);
        (id, (state, rows))
    })
    .collect()
}

fn uninterrupted(extra: &[&str]) -> BTreeMap<String, (Vec<u8>, String)> {
    let dir = tempfile::tempdir().unwrap();
    stdout(dir.path(), &job(extra));
    results(dir.path())
}

fn random(draw: u32, bound: usize) -> usize {
    Key { seed: 7, purpose: Purpose::Bootstrap, step: 0 }.index(draw, 0, bound)
}

/// Kills the job at random moments; returns how often it was still running, and how often that left
/// a checkpoint to resume from.
fn torment(store: &Path, args: &[&str], kills: u32) -> (u32, u32) {
    let (mut killed, mut resumable) = (0, 0);
    for attempt in 0..kills {
        let mut child =
            windtunnel(store, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(5 + random(attempt, 65) as u64));
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        let partial = fs::read_dir(store.join("partial"));
        let checkpoint = |name: &str| name.ends_with(".ckpt");
        resumable += u32::from(partial.is_ok_and(|entries| {
            entries.flatten().any(|e| e.file_name().to_str().is_some_and(checkpoint))
        }));
    }
    (killed, resumable)
}

#[test]
fn killed_twenty_times_gives_the_same_bits() {
    for precision in ["train.precision=f32", "train.precision=f64"] {
        let args = job(&["--set", precision]);
        let dir = tempfile::tempdir().unwrap();
        let (killed, resumable) = torment(dir.path(), &[&args[..], &OFTEN].concat(), 20);
        assert_eq!(killed, 20, "the job ended before the last kill");
        assert!(resumable >= 10, "only {resumable} of 20 kills left a checkpoint");
        stdout(dir.path(), &args);
        assert_eq!(results(dir.path()), uninterrupted(&["--set", precision]));
    }
}

#[test]
fn two_processes_on_one_store_share_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "train",
        "--set",
        "train.steps=600",
        "--set",
        "train.batch_size=300",
        "--seeds",
        "0..6",
        "-q",
        "-j",
        "2",
    ];
    let mut first = windtunnel(dir.path(), &args).stdout(Stdio::null()).spawn().unwrap();
    let mut second = windtunnel(dir.path(), &args).stdout(Stdio::null()).spawn().unwrap();
    assert!(first.wait().unwrap().success() && second.wait().unwrap().success());
    let alone = tempfile::tempdir().unwrap();
    stdout(alone.path(), &args);
    assert_eq!(results(dir.path()), results(alone.path()));
    let leftovers = fs::read_dir(dir.path().join("partial")).unwrap().flatten();
    let names: Vec<_> = leftovers.map(|e| e.file_name()).collect();
    assert!(names.iter().all(|n| !n.to_string_lossy().contains("ckpt")), "{names:?}");
}

const INTERRUPTED: &str =
    "error: interrupted; the store has lost nothing: give the same command again to go on\n";

/// Waits until a process has handlers for SIGINT and SIGTERM, if the system shows them.
fn wait_for_handler(pid: u32) {
    let caught = |status: String| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
        let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
        Some(mask >> 1 & 1 == 1 && mask >> 14 & 1 == 1)
    };
    for _ in 0..500 {
        match fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(caught) {
            Some(false) => std::thread::sleep(Duration::from_millis(20)),
            _ => return,
        }
    }
    panic!("process {pid} never listened");
}

/// Starts a command that would take minutes, asks it to stop once `is_time`, and expects its end
/// before a single step or instrument could end.
#[cfg(unix)]
fn terminate(store: &Path, args: &[&str], is_time: impl Fn() -> bool) {
    let started = Instant::now();
    let child = windtunnel(store, args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap();
    while !is_time() {
        assert!(started.elapsed() < Duration::from_secs(60), "{args:?}: it was never time");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = child.id().to_string();
    wait_for_handler(child.id());
    let asked = Instant::now();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(20), "{args:?}: deaf for {:?}", asked.elapsed());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {message}");
    assert_eq!(message, INTERRUPTED, "{args:?}");
}

/// Long steps on any machine: a thousand million prompts at each of 100,000 steps.
#[test]
fn what_takes_hours_says_so_before_it_starts() {
    let dir = tempfile::tempdir().unwrap();
    let sets =
        ["train.steps=100000", "instruments.noise=1", "instruments.noise_reference=1000000000"];
    let sets = sets.into_iter().flat_map(|set| ["--set", set]);
    let args: Vec<&str> = ["train", "-q"].into_iter().chain(sets).collect();
    let mut child = windtunnel(dir.path(), &args).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let parts = ["it will take about", "here (noise", "fewer draws"];
    assert!(parts.iter().all(|part| said.contains(part)), "{said}");
}

#[cfg(unix)]
#[test]
fn a_signal_is_heard_in_the_middle_of_anything() {
    let dir = tempfile::tempdir().unwrap();
    let (store, out) = (dir.path().join("store"), dir.path().join("out"));
    let out = out.to_str().unwrap();
    let text = stdout(&store, &["train", "--set", "train.steps=20", "--json"]);
    let runs: serde_json::Value = serde_json::from_str(&text).unwrap();
    let id = runs[0]["run"].as_str().unwrap();
    let soon = || {
        std::thread::sleep(Duration::from_millis(500));
        true
    };
    let long = ["task.labels=mlp", "task.labels_hidden=1024", "task.context_len=100000"];
    let long: Vec<&str> = long.into_iter().flat_map(|set| ["--set", set]).collect();
    // One step, the prompts of one fit, and one study of noise.
    let step = [&["train", "-q", "--set", "train.steps=1"], &long[..]].concat();
    let fit = [&["baselines", "-q"], &long[..]].concat();
    let noise = ["measure", id, "-q", "--with", "noise", "--draws", "1000000", "--out", out];
    for args in [&step[..], &fit, &noise] {
        terminate(&store, args, soon);
    }
    assert!(stdout(&store, &["list"]).contains("finished"));
    assert!(!stdout(&store, &["list"]).contains("broken"));
    assert_eq!(fs::read_dir(store.join("runs")).unwrap().count(), 1);
}

/// Updates are fast and no checkpoints are requested, but a study of noise takes seconds.
#[cfg(unix)]
#[test]
fn a_run_that_is_cut_in_a_long_instrument_goes_on_from_its_step() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sets = [
        "train.steps=6020",
        "instruments.noise={ at = [6000] }",
        "instruments.noise_draws=15000",
        "instruments.noise_reference=1000",
    ];
    let sets = sets.into_iter().flat_map(|set| ["--set", set]);
    let args: Vec<&str> = ["train", "-q", "-j", "1", "--checkpoint-seconds", "86400"]
        .into_iter()
        .chain(sets)
        .collect();
    let is_saved = || {
        let list = windtunnel(dir.path(), &["list", "--json"]).output().unwrap();
        let runs: Option<serde_json::Value> = serde_json::from_slice(&list.stdout).ok();
        runs.is_some_and(|runs| runs[0]["step"] == 6000)
    };
    terminate(dir.path(), &args, is_saved);
    let list = stdout(dir.path(), &["list"]);
    let line = list.lines().find(|line| line.contains("partial")).unwrap();
    assert_eq!(line.split_whitespace().nth(2), Some("6000"), "{list}");
    stdout(dir.path(), &args);
    stdout(other.path(), &args);
    assert_eq!(results(dir.path()), results(other.path()));
}

#[cfg(unix)]
#[test]
fn an_interrupt_stops_cleanly_and_says_how_to_resume() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["train", "--set", "train.steps=1000000", "-q"];
    let child = windtunnel(dir.path(), &args).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_handler(child.id());
    std::thread::sleep(Duration::from_millis(300));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert_eq!(message, INTERRUPTED);
    let list = stdout(dir.path(), &["list"]);
    assert!(list.contains("partial"), "{list}");
    let id = list.lines().nth(2).and_then(|line| line.split_whitespace().next()).unwrap();
    assert!(stdout(dir.path(), &["show", id]).contains("partial"));
}

#[test]
fn a_torn_checkpoint_is_a_warning_and_the_run_starts_again() {
    let dir = tempfile::tempdir().unwrap();
    let args = job(&["--set", "train.precision=f64"]);
    let (_, resumable) = torment(dir.path(), &[&args[..], &OFTEN].concat(), 4);
    assert!(resumable > 0, "nothing to tear");
    let partial = dir.path().join("partial");
    for entry in fs::read_dir(&partial).unwrap().flatten() {
        if entry.path().extension().is_some_and(|e| e == "ckpt") {
            let bytes = fs::read(entry.path()).unwrap();
            fs::write(entry.path(), &bytes[..bytes.len() / 2]).unwrap();
        }
    }
    stdout(dir.path(), &args);
    assert_eq!(results(dir.path()), uninterrupted(&["--set", "train.precision=f64"]));
}

#[test]
fn a_store_that_cannot_be_made_is_one_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "in the way").unwrap();
    for args in [&["train"], &["reproduce", "fig2"][..]] {
        let (message, code) = failure(&file, args);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains("--store") && message.contains("choose another"), "{message}");
    }
}
