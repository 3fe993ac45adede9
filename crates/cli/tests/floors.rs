//! The invariants of ARCHITECTURE.md, checked on manifests and sources: the order of the crates, no
//! circle among the files of a crate, one meaning for a name, and capabilities that only some files
//! may use.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "floors/graph.rs"]
mod graph;
#[path = "floors/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use graph::Crate;
use source::{Import, Source};

/// Crates with their levels. A crate depends only on crates of lower levels.
const FLOORS: [(&str, u8); 10] = [
    ("math", 0),
    ("model", 1),
    ("optim", 1),
    ("measure", 1),
    ("train", 2),
    ("runs", 3),
    // Independent of the others: see `STRANGERS`.
    ("figure", 3),
    ("lab", 4),
    ("paper", 5),
    ("cli", 6),
];

/// Crates that depend on no other.
const STRANGERS: [&str; 2] = ["math", "figure"];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Names of files below a folder, with `/` between folders, and their texts.
fn files(folder: &Path) -> Vec<(String, String)> {
    fn add(folder: &Path, prefix: &str, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                add(&path, &format!("{name}/"), found);
            } else if name.ends_with(".rs") {
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    add(folder, "", &mut found);
    found.sort();
    found
}

fn sources(krate: &str) -> Vec<(String, String)> {
    files(&crates().join(krate).join("src"))
}

/// Names in the section `[dependencies]` of the manifest of a crate.
fn dependencies(krate: &str) -> Vec<String> {
    let text = fs::read_to_string(crates().join(krate).join("Cargo.toml")).unwrap();
    let (_, section) = text.split_once("\n[dependencies]\n").unwrap();
    let section = section.split("\n[").next().unwrap();
    let name = |line: &str| line.split(['=', '.', ' ']).next().unwrap().to_string();
    section.lines().filter(|line| line.contains('=')).map(name).collect()
}

#[test]
fn crates_know_lower_floors_only() {
    let floor =
        |krate: &str| FLOORS.iter().find(|(name, _)| *name == krate).map(|(_, floor)| *floor);
    let mut edges = 0;
    for entry in fs::read_dir(crates()).unwrap() {
        let krate = entry.unwrap().file_name().into_string().unwrap();
        let own = floor(&krate).unwrap_or_else(|| panic!("{krate} has no floor: add it here"));
        for dependency in dependencies(&krate) {
            let Some(other) = dependency.strip_prefix("windtunnel-") else { continue };
            let below = floor(other).unwrap_or_else(|| panic!("{other} has no floor: add it here"));
            assert!(below < own, "{krate} (floor {own}) depends on {other} (floor {below})");
            assert!(!STRANGERS.contains(&krate.as_str()), "{krate} must not know {other}");
            edges += 1;
        }
    }
    assert!(edges > 25, "only {edges} dependencies found: the reader of this test is broken");
}

#[test]
fn no_circle_among_the_files_of_a_crate() {
    let (mut circles, mut edges) = (Vec::new(), 0);
    for (krate, _) in FLOORS {
        let files = Crate::new(&sources(krate));
        edges += files.edges().values().map(|to| to.len()).sum::<usize>();
        circles.extend(files.circles().into_iter().map(|circle| format!("{krate}: {circle}")));
    }
    assert!(edges > 200, "only {edges} uses found: the reader of this test is broken");
    assert!(circles.is_empty(), "files that use each other:\n  {}", circles.join("\n  "));
}

/// Names of public types that several crates define, each with the reason why no reader confuses
/// them. The program is exempt: nobody imports its types.
const SHARED_NAMES: [(&str, &str); 6] = [
    ("Error", "every crate has its own, as Rust crates do"),
    ("Scale", "of an axis and of a metric, the same three; figure knows no other crate"),
    ("Parameter", "declared number of a data family and of an optimizer, which share no crate"),
    ("Value", "value of either `Parameter`"),
    ("Batch", "prompts of a step; in lab::progress computations that are shown together"),
    ("Point", "where a function is evaluated; that of model is not exported"),
];

#[test]
fn a_public_type_has_a_name_of_its_own() {
    let mut crates: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (krate, _) in FLOORS.iter().filter(|(krate, _)| *krate != "cli") {
        for name in sources(krate).iter().flat_map(|(_, text)| Source::parse(text).types) {
            crates.entry(name).or_default().insert(krate);
        }
    }
    assert!(crates.len() > 200, "only {} types found: the test is broken", crates.len());
    let (mut confused, mut unused) = (Vec::new(), SHARED_NAMES.to_vec());
    for (name, crates) in crates.iter().filter(|(_, crates)| crates.len() > 1) {
        unused.retain(|(shared, _)| shared != name);
        if !SHARED_NAMES.iter().any(|(shared, _)| shared == name) {
            confused.push(format!("{name}: {crates:?}"));
        }
    }
    assert!(confused.is_empty(), "rename one, or say why not here:\n  {}", confused.join("\n  "));
    assert!(unused.is_empty(), "names that are not shared any more: {unused:?}");
}

/// Capabilities: name, words in the source, and files that may use them. The program itself is
/// exempt.
const RESERVED: [(&str, &[&str], &[&str]); 7] = [
    ("unsafe code", &[" unsafe"], &[]),
    ("threads", &["std::thread::scope", "thread::spawn", "rayon::"], &["math/parallel.rs"]),
    ("printing", &["println!", "eprintln!", "print!(", "eprint!(", "dbg!("], &[]),
    (
        "files",
        &["std::fs", "File::open", "fs::write"],
        // The store writes all files. Specs, outside data and the processor's name are read.
        &["runs/store", "runs/spec/document.rs", "runs/exchange", "lab/training/job.rs"],
    ),
    ("the clock", &["Instant", "SystemTime"], &["lab/training", "lab/cost.rs", "runs/store"]),
    ("the environment", &["std::env::var", "env::args"], &[]),
    // The registry, the naive twins and the SIMD twin of one of them make streams.
    (
        "a random stream",
        &["Purpose::"],
        &["math/rng", "model/reference", "measure/stats/resample.rs"],
    ),
];

#[test]
fn each_power_has_its_place() {
    let mut used = 0;
    for (krate, _) in FLOORS.iter().filter(|(krate, _)| *krate != "cli") {
        for (file, text) in sources(krate) {
            let shown = format!("{krate}/{file}");
            let code = Source::parse(&text).text;
            for (what, words, places) in RESERVED {
                let is_used = words.iter().any(|word| code.contains(word));
                let allowed = places.iter().any(|place| shown.starts_with(place));
                assert!(allowed || !is_used, "{shown} uses {what}, reserved to {places:?}");
                used += usize::from(is_used);
            }
        }
    }
    assert!(used > 5, "only {used} uses found: the reader of this test is broken");
}

/// The macros of std panic where their stream is full or closed; `output` does not.
#[test]
fn no_message_can_end_the_program() {
    let macros = ["println!", "eprintln!", "print!(", "eprint!(", "dbg!("];
    let files = sources("cli");
    for (file, text) in &files {
        let code = Source::parse(text).text;
        let used = macros.iter().find(|name| code.contains(*name));
        assert!(used.is_none(), "{file} uses {used:?}: use crate::output");
    }
    assert!(files.len() > 10, "only {} files found: the test is broken", files.len());
}

#[test]
fn numbers_know_no_serialization_and_nobody_but_the_program_a_terminal() {
    for (krate, floor) in FLOORS.iter().filter(|(krate, _)| *krate != "cli") {
        let known = dependencies(krate);
        let serialization: &[&str] = match *floor < 3 || *krate == "figure" {
            true => &["serde", "serde_json", "toml"],
            false => &[],
        };
        for absent in serialization.iter().chain(&["clap", "indicatif", "ctrlc", "tokio"]) {
            assert!(!known.iter().any(|name| name == absent), "{krate} depends on {absent}");
        }
    }
}

/// A crate in which `a` uses what `shapes` re-exports from `round`, and `round` uses `a`.
const MADE_UP: [(&str, &str); 6] = [
    ("lib.rs", "mod a; pub mod shapes; pub use shapes::Circle; pub use a::*; fn f() {}"),
    ("a.rs", "use crate::{shapes::{self, Square as S}, Circle}; pub struct Point; type T = S;"),
    ("shapes/mod.rs", "mod round; mod square; pub use round::Circle; pub use self::square::*;"),
    (
        "shapes/round.rs",
        "/// `crate::lost`\nfn f() -> super::super::Point { \"crate::no\"; todo!() }",
    ),
    (
        "shapes/square.rs",
        "pub struct Square; #[cfg(test)] mod tests { use crate::shapes::Circle; }",
    ),
    ("other.rs", "fn f() { println!(\"{}\", crate::f()); } #[cfg(test)] use crate::a::Point;"),
];

fn made_up(change: impl Fn(&str, &str) -> String) -> Crate {
    let changed = MADE_UP.map(|(file, text)| (file.to_string(), change(file, text)));
    Crate::new(&changed)
}

#[test]
fn the_reader_follows_re_exports_to_the_file_that_defines_a_name() {
    let krate = made_up(|_, text| text.into());
    let edges = krate.edges();
    let of = |file: &str| edges[file].iter().copied().collect::<Vec<_>>();
    assert_eq!(of("a.rs"), ["shapes/round.rs", "shapes/square.rs"]);
    assert_eq!(of("shapes/round.rs"), ["a.rs"]);
    assert_eq!(of("other.rs"), ["lib.rs"]);
    // Declarations, re-exports, tests, comments and texts make no edge.
    assert!(["lib.rs", "shapes/mod.rs", "shapes/square.rs"].iter().all(|file| of(file).is_empty()));
}

#[test]
fn the_reader_finds_circles_and_nothing_else() {
    assert_eq!(made_up(|_, text| text.into()).circles(), ["a.rs → shapes/round.rs → a.rs"]);
    let without = |file: &str, text: &str| match file {
        "shapes/round.rs" => "pub struct Circle;".into(),
        _ => text.to_string(),
    };
    assert!(made_up(without).circles().is_empty());
    // Another one, through a name that a module has from a glob, and within a macro.
    let other = |file: &str, text: &str| match file {
        "shapes/round.rs" => "use super::square; fn f() { vec![square::Square] }".into(),
        "shapes/square.rs" => "pub struct Square; fn f(x: crate::Point) {}".into(),
        _ => text.to_string(),
    };
    let circles = made_up(other).circles();
    assert_eq!(circles[0], "a.rs → shapes/square.rs → a.rs");
    assert_eq!(circles[1..], ["shapes/round.rs → shapes/square.rs → a.rs → shapes/round.rs"]);
    // A module and the file below it that use each other.
    let below = |file: &str, text: &str| match file {
        "shapes/mod.rs" => format!("{text} pub struct Any; fn f(x: round::Circle) {{}}"),
        "shapes/round.rs" => "pub struct Circle; use super::Any;".into(),
        _ => text.to_string(),
    };
    assert_eq!(made_up(below).circles(), ["shapes/mod.rs → shapes/round.rs → shapes/mod.rs"]);
}

#[test]
fn the_reader_expands_braces_and_renames() {
    let source = Source::parse("use a::{b::{self, c as d}, e::*}; pub(crate) use super::f;");
    let import = |path: &str, name: &str, is_public| Import {
        path: path.split("::").map(String::from).collect(),
        name: name.into(),
        is_public,
    };
    let expected = [
        import("a::b", "b", false),
        import("a::b::c", "d", false),
        import("a::e::*", "*", false),
        import("super::f", "f", true),
    ];
    assert_eq!(source.imports, expected);
    let types =
        "pub struct A; pub(crate) enum B {} struct C; pub fn f() {} pub mod m { pub trait D {} }";
    let names: Vec<String> = Source::parse(types).types.into_iter().collect();
    assert_eq!(names, ["A", "D"]);
    let paths = Source::parse("fn f(x: crate::A) -> B { let y: C = D::<u8>::new(x); y.z }").paths;
    assert_eq!(paths, [vec!["crate", "A"], vec!["D"], vec!["new"]][..1]);
}
