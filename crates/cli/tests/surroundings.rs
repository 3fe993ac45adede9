//! Streams and stores that cannot be written: no panic, no loss, and readable data is shown.

#![cfg(unix)]
// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{failure, stdout, windtunnel};

const TRAIN: [&str; 7] =
    ["train", "--set", "train.steps=20", "--set", "eval.batch_size=100", "--set", "model.depth=1"];

/// Exit code of a command under redirections of a shell.
fn code(store: &Path, args: &[&str], redirection: &str) -> i32 {
    let command = windtunnel(store, args);
    let script = format!("\"$0\" \"$@\" {redirection}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).arg(command.get_program()).args(command.get_args());
    shell.output().unwrap().status.code().unwrap()
}

/// Redirections, and whether results on standard output can be written.
const STREAMS: [(&str, bool); 6] = [
    ("2>/dev/full", true),
    ("2>&-", true),
    (">/dev/full", false),
    (">&-", true),
    (">/dev/full 2>/dev/full", false),
    (">&- 2>&-", true),
];

#[test]
fn broken_streams_cost_no_result_and_never_panic() {
    for (redirection, has_place) in STREAMS {
        let dir = tempfile::tempdir().unwrap();
        let (store, out) = (dir.path().join("store"), dir.path().join("out"));
        let out = out.to_str().unwrap();
        let expected = i32::from(!has_place);
        let train = [&TRAIN[..], &["--seeds", "0..5"]].concat();
        assert_eq!(code(&store, &train, redirection), expected, "train {redirection}");
        let mut ids: Vec<String> = fs::read_dir(store.join("runs"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        ids.sort();
        assert_eq!(ids.len(), 5, "train {redirection}");
        // Now the runs are in the store, which gives another message.
        assert_eq!(code(&store, &train, redirection), expected, "train {redirection}");
        let two = format!("{},{}", ids[0], ids[1]);
        let commands: [&[&str]; 4] = [
            &["measure", &ids[0], "--with", "robust-condition", "--out", out],
            &["baselines", "--run", &two, "--out", out],
            &["list"],
            &["export", &ids[0], "--csv"],
        ];
        for args in commands {
            assert_eq!(code(&store, args, redirection), expected, "{args:?} {redirection}");
        }
        let file = |name: String| Path::new(out).join(name).exists();
        assert!(file(format!("{}-robust-condition.html", ids[0])), "measure {redirection}");
        let names =
            fs::read_dir(out).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let of_two = format!("{}-and-1-", ids[0]);
        let drawn = |name: String| name.starts_with(&of_two) && name.ends_with("-baselines.svg");
        assert!(names.into_iter().any(drawn), "baselines {redirection}");
        // Errors and help, which clap prints, keep their codes.
        assert_eq!(code(&store, &["show", "zzzz"], redirection), 2, "{redirection}");
        assert_eq!(code(&store, &["trian"], redirection), 2, "{redirection}");
        assert_eq!(code(&store, &["train", "--help"], redirection), 0, "{redirection}");
        fs::write(store.join("runs").join(&ids[0]).join("spec.toml"), "").unwrap();
        assert_eq!(code(&store, &train, redirection), 1, "{redirection}");
    }
}

#[test]
fn reproduce_writes_its_page_without_streams() {
    let dir = tempfile::tempdir().unwrap();
    let (store, out) = (dir.path().join("store"), dir.path().join("out"));
    let args = ["reproduce", "fig2", "--quick", "--out", out.to_str().unwrap()];
    for (redirection, expected) in [("2>/dev/full", 0), (">/dev/full 2>&-", 1)] {
        assert_eq!(code(&store, &args, redirection), expected, "{redirection}");
        assert!(out.join("fig2-quick.html").exists(), "{redirection}");
        fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn looking_for_runs_makes_no_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    for args in [&["list"][..], &["show", "a"], &["measure", "a"], &["baselines", "--run", "a"]] {
        let (message, code) = failure(&store, args);
        assert!(code == 2 && message.contains("no store of runs"), "{args:?}: {message}");
        assert!(!store.exists(), "{args:?}");
    }
}

/// A store that exists and may not be entered is not said to be missing.
#[test]
fn a_store_that_may_not_be_entered_is_named_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    permit(dir.path(), 0o755);
    let store = dir.path().join("store");
    stdout(&store, &TRAIN);
    permit(&store, 0o700);
    for args in [&["list"][..], &["show", "a"], &["measure", "a"], &["watch", "a"]] {
        let (code, text) = as_anyone(&store, args);
        assert!(code == 2 && text.contains("Permission denied"), "{args:?}: {text}");
        assert!(text.contains("--store: ") && !text.contains("no store"), "{args:?}: {text}");
    }
}

/// All files and folders below.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        found.push(entry.path());
        if entry.path().is_dir() {
            found.extend(below(&entry.path()));
        }
    }
    found.sort();
    found
}

/// Runs a command as an unprivileged user, in a folder that everybody may enter.
fn as_anyone(store: &Path, args: &[&str]) -> (i32, String) {
    const NOBODY: u32 = 65534;
    // The program itself may be in a folder that only its owner may enter.
    let program = store.with_file_name("windtunnel");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_windtunnel"), &program).unwrap();
        permit(&program, 0o755);
    }
    let mut command = Command::new(program);
    command.arg("--store").arg(store).args(args).stdin(Stdio::null());
    // Permissions do not bind an administrator.
    if fs::File::create(store.join("probe")).is_ok() {
        fs::remove_file(store.join("probe")).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn finished_runs_are_used_where_the_store_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    permit(dir.path(), 0o755);
    let (store, out) = (dir.path().join("store"), dir.path().join("out"));
    let train = [&TRAIN[..], &["--seeds", "0..2"]].concat();
    stdout(&store, &train);
    let reproduce = ["reproduce", "fig10", "--quick", "--out", out.to_str().unwrap()];
    stdout(&store, &reproduce);
    permit(&out, 0o777);
    below(&out).iter().for_each(|path| permit(path, 0o666));
    let own = fs::read_dir(store.join("runs")).unwrap().flatten().find(|run| {
        fs::read_to_string(run.path().join("spec.toml")).unwrap().contains("steps = 20\n")
    });
    let id = own.unwrap().file_name().into_string().unwrap();
    // Files of other versions and other users in a store.
    fs::write(store.join("partial").join("0123.1-2-3.tmp"), "half a c").unwrap();
    let files = below(&store);
    let modes = |write: bool| {
        for path in files.iter().chain([&store]) {
            let execute = if path.is_dir() { 0o111 } else { 0 };
            permit(path, 0o444 | execute | if write { 0o200 } else { 0 });
        }
    };
    modes(false);
    let out = out.to_str().unwrap();
    let commands: [&[&str]; 7] = [
        &train,
        &reproduce,
        &["list"],
        &["show", &id],
        &["export", &id, "--csv"],
        &["baselines", "--run", &id, "--out", out],
        &["measure", &id, "--with", "robust-condition", "--out", out],
    ];
    for args in commands {
        let (code, text) = as_anyone(&store, args);
        assert_eq!(code, 0, "{args:?}: {text}");
        assert_eq!(below(&store), files, "{args:?} touched the store");
    }
    // Missing runs cannot be computed there, and the message gives the reason.
    let (code, text) = as_anyone(&store, &[&TRAIN[..], &["--seeds", "0..3"]].concat());
    assert!(code == 1 && text.contains("get access to it"), "{text}");
    modes(true);
}
