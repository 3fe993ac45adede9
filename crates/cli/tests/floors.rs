//! The invariants of ARCHITECTURE.md, read off the source text.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// (module, floor): a module imports from its own floor or lower ones only. Within a floor the
/// order is free, but siblings that must not know each other are listed in `STRANGERS`.
const CORE: [(&str, u8); 14] = [
    ("lanes", 0),
    ("rng", 0),
    ("parallel", 0),
    ("linalg", 0),
    ("task", 1),
    ("objective", 1),
    ("stats", 1),
    ("model", 2),
    ("optim", 2),
    ("landscape", 2),
    ("train", 3),
    ("baseline", 3),
    ("instrument", 4),
    // The naive twins may see the task they imitate, and nobody may see them.
    ("reference", 5),
];
const LAB: [(&str, u8); 12] = [
    ("spec", 3),
    ("baseline", 4),
    ("store", 4),
    ("figure", 4),
    ("table", 4),
    ("exchange", 4),
    ("stored", 5),
    ("sweep", 5),
    ("chart", 6),
    ("measure", 6),
    ("paper", 6),
    ("report", 7),
];
/// Pairs of the same floor, the first of which must not import the second.
const STRANGERS: [(&str, &str); 10] = [
    ("optim", "model"),
    ("model", "optim"),
    ("landscape", "model"),
    ("landscape", "optim"),
    ("model", "landscape"),
    ("optim", "landscape"),
    ("store", "figure"),
    ("figure", "store"),
    ("table", "figure"),
    ("stats", "task"),
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn sources(dir: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// The part of a file that ships: without its test module, comments and doc links.
fn shipped(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let kept = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    kept.collect::<Vec<_>>().join("\n")
}

fn module(path: &Path, src: &Path) -> String {
    let first = path.strip_prefix(src).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_string()
}

fn imports(code: &str) -> Vec<String> {
    let word = |rest: &str| {
        rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    code.match_indices("crate::")
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(|(at, found)| word(&code[at + found.len()..]))
        .collect()
}

#[test]
fn modules_import_from_lower_floors_only() {
    let mut edges = 0;
    for (name, floors) in [("core", &CORE[..]), ("lab", &LAB[..])] {
        let src = crates().join(name).join("src");
        let floor =
            |module: &str| floors.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor);
        for (path, text) in sources(&src) {
            let from = module(&path, &src);
            if from == "lib" {
                continue;
            }
            let own = floor(&from).unwrap_or_else(|| panic!("{from} has no floor: add it here"));
            for to in imports(&shipped(&text)) {
                let other = floor(&to).unwrap_or_else(|| panic!("{}: crate::{to}", path.display()));
                edges += 1;
                assert!(other <= own, "{} ({own}) imports {to} ({other})", path.display());
                let strangers = STRANGERS.contains(&(from.as_str(), to.as_str()));
                assert!(!strangers, "{} must not know {to}", path.display());
            }
        }
    }
    assert!(edges > 40, "only {edges} imports found: the reader of this test is broken");
}

/// (what, pattern, where it is allowed): nowhere else in the shipped code of core and lab.
const RESERVED: [(&str, &[&str], &[&str]); 6] = [
    ("unsafe code", &["unsafe "], &[]),
    ("threads", &["std::thread::scope", "thread::spawn", "rayon::"], &["core/src/parallel.rs"]),
    ("printing", &["println!", "eprintln!", "print!(", "eprint!(", "dbg!("], &[]),
    (
        "files",
        &["std::fs", "File::open", "fs::write"],
        // Whatever is written is the store's; specs, outside data and the processor's name are read.
        &["lab/src/store", "lab/src/spec/document.rs", "lab/src/exchange", "lab/src/sweep.rs"],
    ),
    ("the clock", &["Instant", "SystemTime"], &["lab/src/sweep", "lab/src/store"]),
    ("the environment", &["std::env::var", "env::args"], &[]),
];

#[test]
fn each_power_has_its_place() {
    for krate in ["core", "lab"] {
        for (path, text) in sources(&crates().join(krate).join("src")) {
            let shown = path.strip_prefix(crates()).unwrap().to_str().unwrap().to_string();
            let code = shipped(&text);
            for (what, patterns, places) in RESERVED {
                let allowed = places.iter().any(|place| shown.starts_with(place));
                let used = patterns.iter().any(|p| code.contains(p));
                assert!(allowed || !used, "{shown} uses {what}, which is reserved to {places:?}");
            }
        }
    }
}

/// The macros of std panic where their stream is full or closed; `output` does not.
#[test]
fn no_message_can_end_the_program() {
    let macros = ["println!", "eprintln!", "print!(", "eprint!(", "dbg!("];
    let mut files = 0;
    for (path, text) in sources(&crates().join("cli").join("src")) {
        let code = shipped(&text);
        let used = macros.iter().find(|name| code.contains(*name));
        assert!(used.is_none(), "{} uses {used:?}: use crate::output", path.display());
        files += 1;
    }
    assert!(files > 10, "only {files} files found: the reader of this test is broken");
}

#[test]
fn core_knows_no_serialization_and_lab_no_terminal() {
    let manifest = |krate: &str| {
        let text = fs::read_to_string(crates().join(krate).join("Cargo.toml")).unwrap();
        text.split("[dev-dependencies]").next().unwrap().to_string()
    };
    for absent in ["serde", "clap", "indicatif", "tokio"] {
        assert!(!manifest("core").contains(absent), "core depends on {absent}");
    }
    for absent in ["clap", "indicatif", "ctrlc"] {
        assert!(!manifest("lab").contains(absent), "lab depends on {absent}");
    }
}
