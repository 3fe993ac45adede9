//! Files of runs that were swapped, edited, damaged or lost: every command names the file and the
//! remedy, and none prints a wrong number.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{failure, stdout, windtunnel};

const FILES: [&str; 4] = ["spec.toml", "meta.json", "metrics.parquet", "state.safetensors"];
const TRAIN: [&str; 6] = ["train", "--set", "train.steps=20", "--set", "eval.batch_size=100", "-q"];

/// A store of two runs that differ in their seed, a copy of it in which a run is spoiled, and a
/// folder for pictures.
struct Stage {
    folder: tempfile::TempDir,
    /// The spoiled run, and the other one.
    ids: [String; 2],
}

impl Stage {
    fn new(extra: &[&str]) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let args = [&TRAIN[..], &["--seeds", "0..2", "--json"], extra].concat();
        let runs: serde_json::Value =
            serde_json::from_str(&stdout(&folder.path().join("whole"), &args)).unwrap();
        let id = |k: usize| runs[k]["run"].as_str().unwrap().to_string();
        Stage { ids: [id(0), id(1)], folder }
    }

    fn file(&self, store: &str, run: usize, name: &str) -> PathBuf {
        self.folder.path().join(store).join("runs").join(&self.ids[run]).join(name)
    }

    /// The copy, restored.
    fn store(&self) -> PathBuf {
        let store = self.folder.path().join("spoiled");
        for run in 0..2 {
            fs::create_dir_all(self.file("spoiled", run, "")).unwrap();
            for name in FILES {
                let [from, to] = ["whole", "spoiled"].map(|store| self.file(store, run, name));
                fs::copy(from, to).unwrap();
            }
        }
        store
    }

    /// Commands that read run 0, with all their arguments.
    fn readers(&self) -> Vec<Vec<String>> {
        let (id, out) = (self.ids[0].as_str(), self.folder.path().join("out"));
        let out = out.to_str().unwrap();
        let seed = [&TRAIN[..], &["--set", "train.seed=0"]].concat();
        let measure = ["measure", id, "--with", "loss-tails", "--loss-prompts", "50", "--out", out];
        let at = ["measure", id, "--at", "3", "--with", "loss-tails", "--out", out];
        let baselines = ["baselines", "--run", id];
        let commands: [&[&str]; 6] =
            [&seed, &["show", id], &["export", id, "--csv"], &measure, &at, &baselines];
        commands.map(|args| args.iter().map(|arg| arg.to_string()).collect()).into()
    }
}

/// A kind of tampering: its name, and a function of the file and that of the other run.
type Tampering = (&'static str, fn(&Path, &Path));

const TAMPERINGS: [Tampering; 6] = [
    ("swapped", |file, other| fs::write(file, fs::read(other).unwrap()).unwrap()),
    ("edited", |file, _| {
        // Changes a digit in the text part of the file.
        let mut bytes = fs::read(file).unwrap();
        let mut digits = (0..bytes.len()).filter(|&at| bytes[at].is_ascii_digit());
        let at = digits.nth(5).unwrap();
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        fs::write(file, bytes).unwrap();
    }),
    ("emptied", |file, _| fs::write(file, "").unwrap()),
    ("deleted", |file, _| fs::remove_file(file).unwrap()),
    ("truncated", |file, _| {
        let bytes = fs::read(file).unwrap();
        fs::write(file, &bytes[..bytes.len() - 1]).unwrap();
    }),
    ("flipped", |file, _| {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes).unwrap();
    }),
];

#[test]
fn every_command_refuses_every_file_that_was_tampered_with() {
    let stage = Stage::new(&[]);
    for name in FILES {
        for (how, tamper) in TAMPERINGS {
            let store = stage.store();
            let file = stage.file("spoiled", 0, name);
            tamper(&file, &stage.file("spoiled", 1, name));
            for args in stage.readers() {
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                let (message, code) = failure(&store, &args);
                assert_eq!(code, 1, "{how} {name}, {args:?}: {message}");
                assert!(
                    message.contains(file.to_str().unwrap()),
                    "{how} {name}, {args:?}: {message}"
                );
                assert!(message.contains("delete the folder around it and run again"), "{message}");
            }
            let list = stdout(&store, &["list"]);
            let lines = list.lines().filter(|line| line.starts_with(&stage.ids[0]));
            let lines: Vec<&str> = lines.collect();
            assert!(lines[0].contains("broken") && !lines[0].contains("finished"), "{list}");
            assert!(lines[1].contains(file.to_str().unwrap()), "{how} {name}: {list}");
            let other = list.lines().find(|line| line.starts_with(&stage.ids[1])).unwrap();
            assert!(other.contains("finished"), "{list}");
            let results = fs::read_dir(stage.folder.path().join("out")).into_iter().flatten();
            let names = results.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            assert!(!names.into_iter().any(|name| name.starts_with(&stage.ids[0])), "{how} {name}");
        }
    }
    // Deleted as the message advises.
    let store = stage.store();
    fs::remove_dir_all(stage.file("spoiled", 0, "")).unwrap();
    let args = [&TRAIN[..], &["--set", "train.seed=0"]].concat();
    stdout(&store, &args);
    for name in ["spec.toml", "metrics.parquet", "state.safetensors"] {
        let [whole, again] = ["whole", "spoiled"].map(|store| stage.file(store, 0, name));
        assert_eq!(fs::read(whole).unwrap(), fs::read(again).unwrap(), "{name}");
    }
}

/// Finished runs are listed beside the reason of the failed one.
#[test]
fn a_run_that_failed_costs_the_others_no_line() {
    let stage = Stage::new(&[]);
    let store = stage.store();
    fs::write(stage.file("spoiled", 0, "state.safetensors"), "").unwrap();
    let args = [&TRAIN[..], &["--seeds", "0..2", "--json"]].concat();
    let output = windtunnel(&store, &args).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let runs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(runs.as_array().unwrap().len(), 1, "{runs}");
    assert_eq!(runs[0]["run"], stage.ids[1].as_str());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("1 run failed") && message.contains(&stage.ids[0]), "{message}");
}

/// Rewrites a run in the format of versions whose files did not name their run.
fn make_older(stage: &Stage, run: usize) {
    let file = |name: &str| stage.file("spoiled", run, name);
    let text = fs::read_to_string(file("meta.json")).unwrap();
    let mut meta: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    for key in ["run", "files", "windtunnel.checksum"] {
        meta.remove(key).unwrap();
    }
    fs::write(file("meta.json"), serde_json::to_string_pretty(&meta).unwrap()).unwrap();
    let bytes = fs::read(file("state.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let sealed = [("windtunnel.checksum".to_string(), "windtunnel.crc32:00000000".to_string())];
    let mut bytes = safetensors::serialize(tensors.tensors(), Some(sealed.into())).unwrap();
    let crc = format!("{:08x}", crc32(&bytes));
    let mark = b"windtunnel.crc32:";
    let at = bytes.windows(mark.len()).position(|window| window == mark).unwrap() + mark.len();
    bytes[at..at + 8].copy_from_slice(crc.as_bytes());
    fs::write(file("state.safetensors"), bytes).unwrap();
}

/// The common CRC-32, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step =
        |crc: u32| (0..8).fold(crc, |c, _| (c >> 1) ^ (0xedb8_8320 & (c & 1).wrapping_neg()));
    !bytes.iter().fold(!0, |crc, &byte| step(crc ^ u32::from(byte)))
}

#[test]
fn older_runs_are_read_as_far_as_they_prove_what_they_are() {
    for precision in ["train.precision=f32", "train.precision=f64"] {
        let stage = Stage::new(&["--set", precision]);
        let store = stage.store();
        make_older(&stage, 0);
        make_older(&stage, 1);
        let id = stage.ids[0].as_str();
        let out = stage.folder.path().join("out");
        let measure = [
            "measure",
            id,
            "--with",
            "loss-tails",
            "--loss-prompts",
            "50",
            "--out",
            out.to_str().unwrap(),
        ];
        for args in
            [&["show", id][..], &["export", id, "--csv"], &["baselines", "--run", id], &measure]
        {
            stdout(&store, args);
        }
        assert!(!stdout(&store, &["list"]).contains("broken"));
        let whole = fs::read(stage.file("spoiled", 0, "state.safetensors")).unwrap();
        // The parameters of another seed do not give this run's held-out loss.
        let file = stage.file("spoiled", 0, "state.safetensors");
        fs::copy(stage.file("spoiled", 1, "state.safetensors"), &file).unwrap();
        let (message, _) = failure(&store, &measure);
        assert!(
            message.contains(file.to_str().unwrap()) && message.contains("held_out_loss"),
            "{message}"
        );
        fs::write(&file, whole).unwrap();
        // The end in the metadata must match the rows.
        let meta = stage.file("spoiled", 0, "meta.json");
        let text = fs::read_to_string(&meta).unwrap();
        for (from, to) in [
            ("\"step\": 20", "\"step\": 10"),
            ("\"finished\"", "\"diverged\""),
            ("\"finished\"", "\"ended\""),
            ("\"numerics\": 3", "\"numerics\": 2"),
        ] {
            assert!(text.contains(from), "{text}");
            fs::write(&meta, text.replace(from, to)).unwrap();
            let (message, code) = failure(&store, &["show", id]);
            assert!(code == 1 && message.contains(meta.to_str().unwrap()), "{to}: {message}");
        }
    }
}

/// Unfinished runs of two seeds, killed once both have a checkpoint.
fn unfinished(store: &Path) -> [PathBuf; 2] {
    let args = ["train", "--set", "train.steps=100000000", "--seeds", "0..2", "-j", "2", "-q"];
    let mut train = windtunnel(store, &[&args[..], &["--checkpoint-seconds", "0.1"]].concat());
    let mut child = train.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut paths = Vec::new();
    while paths.len() < 2 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
        let entries = fs::read_dir(store.join("partial")).into_iter().flatten().flatten();
        paths = entries.map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|e| e == "ckpt"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    paths.sort();
    paths.try_into().unwrap()
}

#[test]
fn every_command_refuses_a_checkpoint_that_was_tampered_with() {
    let folder = tempfile::tempdir().unwrap();
    let (store, out) = (folder.path().join("store"), folder.path().join("out"));
    let [file, other] = unfinished(&store);
    let id = file.file_stem().unwrap().to_str().unwrap();
    let measure =
        ["measure", id, "--with", "robust-condition", "--out", out.to_str().unwrap(), "-q"];
    let readers =
        [&["show", id][..], &["export", id, "--csv"], &["baselines", "--run", id], &measure];
    readers[..2].iter().for_each(|args| drop(stdout(&store, args)));
    let whole = fs::read(&file).unwrap();
    // A deleted run is one that was never begun.
    for (how, tamper) in TAMPERINGS.iter().filter(|(how, _)| *how != "deleted") {
        tamper(&file, &other);
        for args in readers {
            let (message, code) = failure(&store, args);
            assert!(code == 1 && message.contains(file.to_str().unwrap()), "{how}: {message}");
            assert!(message.contains("starts again when it is trained"), "{how}: {message}");
        }
        let list = stdout(&store, &["list"]);
        assert!(list.contains("broken") && list.contains("partial"), "{how}: {list}");
        fs::write(&file, &whole).unwrap();
    }
}

#[test]
fn reproduce_draws_nothing_from_a_file_that_was_tampered_with() {
    let folder = tempfile::tempdir().unwrap();
    let (store, out) = (folder.path().join("store"), folder.path().join("out"));
    let args = ["reproduce", "fig10", "--quick", "-q", "--out", out.to_str().unwrap()];
    stdout(&store, &args);
    let mut runs: Vec<PathBuf> =
        fs::read_dir(store.join("runs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    for name in FILES {
        let (file, other) = (runs[0].join(name), runs[1].join(name));
        let whole = fs::read(&file).unwrap();
        fs::copy(other, &file).unwrap();
        let (message, code) = failure(&store, &args);
        assert!(code == 1 && message.contains(file.to_str().unwrap()), "{name}: {message}");
        assert!(message.contains("delete the folder around it and run again"), "{message}");
        fs::write(&file, whole).unwrap();
    }
    stdout(&store, &args);
}
