//! Outputs never destroy inputs, results or runs, and are complete or absent.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{failure, stdout, windtunnel};
use windtunnel_runs::store::disk;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/golden/eval").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Everything in a folder, by name.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_file())
        .map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap()))
        .collect();
    found.sort();
    found
}

#[test]
fn a_gradient_never_replaces_what_it_is_computed_from() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let (params, prompts, spec) = (path("P.safetensors"), path("Z.npz"), path("spec.toml"));
    fs::copy(golden("params.safetensors"), &params).unwrap();
    fs::copy(golden("prompts.npz"), &prompts).unwrap();
    fs::write(&spec, "[model]\ndepth = 2\n").unwrap();
    fs::hard_link(&params, path("hard")).unwrap();
    fs::create_dir(path("sub")).unwrap();
    let mut names = vec!["P.safetensors", "Z.npz", "spec.toml", "hard", "sub/../P.safetensors"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("P.safetensors", path("soft")).unwrap();
        std::os::unix::fs::symlink(dir.path(), path("sub/up")).unwrap();
        names.extend(["soft", "sub/up/Z.npz"]);
    }
    let depth = golden_depth();
    fs::write(&spec, format!("[model]\ndepth = {depth}\n")).unwrap();
    let base = ["--params", text(&params), "--prompts", text(&prompts), "--spec", text(&spec)];
    let before = contents(dir.path());
    for name in names {
        let grad = path(name);
        let (message, code) =
            failure(dir.path(), &[&["eval", "--grad", text(&grad)], &base[..]].concat());
        assert!(code == 2 && message.contains("would be overwritten"), "{name}: {message}");
    }
    for (name, what) in [
        ("none/g", "folder that exists"),
        ("sub", "folder that exists"),
        ("P.safetensors/g", "folder that exists"),
    ] {
        let grad = path(name);
        let (message, code) =
            failure(dir.path(), &[&["eval", "--grad", text(&grad)], &base[..]].concat());
        assert!(code == 2 && message.contains(what), "{name}: {message}");
    }
    assert_eq!(contents(dir.path()), before);
    // Another file is replaced, also through a link, which stays a link.
    for name in ["g", "g"] {
        stdout(dir.path(), &[&["eval", "--grad", text(&path(name))], &base[..]].concat());
    }
    let grad = fs::read(path("g")).unwrap();
    #[cfg(unix)]
    for target in ["g", "new"] {
        std::os::unix::fs::symlink(target, path("link")).unwrap();
        stdout(dir.path(), &[&["eval", "--grad", text(&path("link"))], &base[..]].concat());
        assert!(path("link").is_symlink() && fs::read(path(target)).unwrap() == grad, "{target}");
        fs::remove_file(path("link")).unwrap();
    }
}

/// Layers of the golden parameters.
fn golden_depth() -> usize {
    let bytes = fs::read(golden("params.safetensors")).unwrap();
    safetensors::SafeTensors::deserialize(&bytes).unwrap().tensor("params").unwrap().shape()[0]
}

#[test]
fn results_are_not_written_among_runs() {
    let dir = tempfile::tempdir().unwrap();
    let train = ["train", "--set", "train.steps=2", "--json"];
    let runs: serde_json::Value = serde_json::from_str(&stdout(dir.path(), &train)).unwrap();
    let id = runs[0]["run"].as_str().unwrap();
    let run = dir.path().join("runs").join(id);
    let before = contents(&run);
    let runs = dir.path().join("runs");
    for out in [dir.path(), &runs, &run, &dir.path().join("kept"), &runs.join("new/deep")] {
        let out = text(out);
        for args in [
            &["measure", id, "--with", "robust-condition", "--out", out][..],
            &["baselines", "--run", id, "--out", out],
            &["reproduce", "table", "--quick", "--out", out],
        ] {
            let (message, code) = failure(dir.path(), args);
            assert!(code == 2 && message.contains("store of runs"), "{args:?}: {message}");
        }
    }
    let (params, prompts) = (golden("params.safetensors"), golden("prompts.npz"));
    let state = run.join("state.safetensors");
    let eval = ["eval", "--params", text(&params), "--prompts", text(&prompts), "--grad"];
    // Another store is recognized by its folders.
    let other = tempfile::tempdir().unwrap();
    for store in [dir.path(), other.path()] {
        for grad in [&state, &dir.path().join("kept/new")] {
            let (message, code) = failure(store, &[&eval[..], &[text(grad)]].concat());
            assert!(code == 2 && message.contains("store of runs"), "{message}");
        }
        let (message, code) = failure(store, &["init", text(&run.join("mine.toml"))]);
        assert!(code == 2 && message.contains("store of runs"), "{message}");
    }
    assert_eq!(contents(&run), before);
    // A file in place of the folder.
    let file = other.path().join("file");
    fs::write(&file, "mine").unwrap();
    let (message, code) = failure(dir.path(), &["measure", id, "--out", text(&file)]);
    assert!(code == 2 && message.contains("--out DIR"), "{message}");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn init_overwrites_nothing_whatever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("file"), "").unwrap();
    fs::create_dir(path("folder")).unwrap();
    let mut names = vec!["file", "folder"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", path("link")).unwrap();
        names.push("link");
    }
    for name in names {
        let (message, code) = failure(dir.path(), &["init", text(&path(name))]);
        assert!(code == 2 && message.contains("not overwritten"), "{name}: {message}");
    }
    assert!(fs::read(path("file")).unwrap().is_empty() && !path("nowhere").exists());
    let (message, code) = failure(dir.path(), &["init", text(&path("none/spec.toml"))]);
    assert!(code == 2 && message.contains("folder that exists"), "{message}");
    let created = disk::create(&path("file"), b"over");
    assert!(created.is_err() && fs::read(path("file")).unwrap().is_empty());
}

/// The temporary file that a process leaves in `folder` when it is killed while it writes one.
#[cfg(target_os = "linux")]
fn leave_half_a_file(folder: &Path) -> PathBuf {
    // The system kills it by SIGXFSZ above the limit.
    let command = format!(
        "ulimit -c 0; ulimit -f 1; exec {} init {}",
        env!("CARGO_BIN_EXE_windtunnel"),
        text(&folder.join("half.toml"))
    );
    let status = std::process::Command::new("sh").args(["-c", &command]).status().unwrap();
    assert_eq!(status.code(), None, "not killed: {status}");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let half = |path: &PathBuf| text(path).contains("half.toml.windtunnel.");
    let left: Vec<PathBuf> = names.filter(half).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    left[0].clone()
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_killed_process_left_is_removed_by_the_next_that_writes_there() {
    let dir = tempfile::tempdir().unwrap();
    let (params, prompts) = (golden("params.safetensors"), golden("prompts.npz"));
    let grad = dir.path().join("g");
    let spec = dir.path().join("spec.toml");
    let store = dir.path().join("store");
    let (out, grad, spec) = (text(dir.path()), text(&grad), text(&spec));
    let train = ["train", "--set", "train.steps=2", "--json"];
    let runs: serde_json::Value = serde_json::from_str(&stdout(&store, &train)).unwrap();
    let id = runs[0]["run"].as_str().unwrap();
    for args in [
        &["init", spec][..],
        &["eval", "--params", text(&params), "--prompts", text(&prompts), "--grad", grad],
        &["measure", id, "--with", "robust-condition", "--out", out],
    ] {
        let left = leave_half_a_file(dir.path());
        // The same file of a running process, and files of other programs.
        let (start, rest) = text(&left).rsplit_once('.').unwrap().0.rsplit_once('.').unwrap();
        let parts: Vec<&str> = rest.split('-').collect();
        let alive = format!("{start}.{}-{}-{}-0.tmp", parts[0], std::process::id(), parts[2]);
        let others = ["notes.tmp", ".windtunnel.tmp", ".a.windtunnel.1-1.tmp"];
        let mut kept: Vec<PathBuf> = others.map(|name| dir.path().join(name)).to_vec();
        kept.push(alive.into());
        kept.iter().for_each(|path| fs::write(path, "half").unwrap());
        stdout(&store, args);
        assert!(!left.exists(), "{args:?} left {}", left.display());
        for path in kept {
            assert!(path.exists(), "{args:?} removed {}", path.display());
            fs::remove_file(path).unwrap();
        }
    }
}

/// A file system of two pages, one of which is used; `None` if mounting is not allowed.
#[cfg(target_os = "linux")]
struct Full(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl Full {
    fn mount() -> Option<Full> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8k", "tmpfs"]).arg(dir.path());
        let mounted = mount.stderr(std::process::Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then_some(Full(dir))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Full {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_failed_write_leaves_what_was_there() {
    let (params, prompts) = (golden("params.safetensors"), golden("prompts.npz"));
    let eval = ["eval", "--params", text(&params), "--prompts", text(&prompts), "--grad"];
    let store = tempfile::tempdir().unwrap();
    // A device that is always full: the numbers are still printed, and it stays a device.
    let output = windtunnel(store.path(), &[&eval[..], &["/dev/full"]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("\"loss\""));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/dev/full"));
    stdout(store.path(), &[&eval[..], &["/dev/null"]].concat());
    assert!(
        !fs::metadata("/dev/full").unwrap().is_file()
            && !fs::metadata("/dev/null").unwrap().is_file()
    );
    // A write-protected file may be a result.
    let kept = store.path().join("kept.safetensors");
    fs::write(&kept, "mine").unwrap();
    let mut permissions = fs::metadata(&kept).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&kept, permissions).unwrap();
    failure(store.path(), &[&eval[..], &[text(&kept)]].concat());
    assert_eq!(fs::read(&kept).unwrap(), b"mine");

    let Some(full) = Full::mount() else { return };
    let path = |name: &str| full.0.path().join(name);
    fs::write(path("old"), "old").unwrap();
    fs::write(path("fill"), vec![0; 100_000]).unwrap_err();
    fs::write(path("fill"), vec![0; 4096]).unwrap();
    let before = contents(full.0.path());
    for args in [
        [&eval[..], &[text(&path("old"))]].concat(),
        [&eval[..], &[text(&path("new"))]].concat(),
        vec!["init", text(&path("spec.toml"))],
    ] {
        let (message, code) = failure(store.path(), &args);
        assert!(code == 1 && message.contains("free some space"), "{args:?}: {message}");
        assert_eq!(contents(full.0.path()), before, "{args:?}");
    }
    fs::remove_file(path("fill")).unwrap();
    fs::remove_file(path("old")).unwrap();
}
