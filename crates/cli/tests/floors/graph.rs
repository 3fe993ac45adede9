//! Dependencies between the files of a crate, and circles among them.
//!
//! An edge leads from a file to the file that defines a name it uses, through any re-exports.
//! Declarations of modules and re-exports make no edge.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::source::{Import, Source};

/// Longest chain of re-exports that is followed.
const LONGEST: usize = 16;

type Path = Vec<String>;

/// Modules of a crate.
#[derive(Default)]
pub struct Crate {
    modules: BTreeMap<Path, Module>,
}

struct Module {
    file: String,
    imports: Vec<Import>,
    paths: Vec<Path>,
    defined: BTreeSet<String>,
}

impl Crate {
    /// A crate of these files: their names below `src`, with `/` between folders, and their texts.
    pub fn new(files: &[(String, String)]) -> Crate {
        let mut krate = Crate::default();
        let mut tests = Vec::new();
        for (file, text) in files {
            krate.add(module_of(file), file, Source::parse(text), &mut tests);
        }
        // A module for tests may be a file, and have further ones below it.
        krate.modules.retain(|path, _| !tests.iter().any(|test| path.starts_with(test)));
        krate
    }

    fn add(&mut self, path: Path, file: &str, source: Source, tests: &mut Vec<Path>) {
        for module in source.modules {
            let below = [&path[..], &[module.name]].concat();
            match module.inline {
                _ if module.is_test => tests.push(below),
                Some(inline) => self.add(below, file, inline, tests),
                None => {}
            }
        }
        let Source { imports, paths, defined, .. } = source;
        self.modules.insert(path, Module { file: file.into(), imports, paths, defined });
    }

    /// The files that each file uses, itself excluded.
    pub fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (path, module) in &self.modules {
            let imported = module.imports.iter().filter(|import| !import.is_public);
            let used = imported.map(|import| &import.path).chain(&module.paths);
            let files = used.filter_map(|used| self.file(path, used, 0));
            let own = edges.entry(&module.file).or_default();
            own.extend(files.filter(|file| *file != module.file));
        }
        edges
    }

    /// The file that defines `path` in module `from`; `None` for other crates and for a module as a
    /// whole, whose names are looked up where they are used.
    fn file(&self, from: &[String], path: &[String], depth: usize) -> Option<&str> {
        if depth > LONGEST {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" | "$crate" => self.within(&[], rest, depth),
            "self" => self.within(from, rest, depth),
            "super" => self.within(&from[..from.len().checked_sub(1)?], rest, depth),
            _ => {
                let is_child =
                    self.modules.contains_key(&[from, std::slice::from_ref(first)].concat());
                let is_imported = self.import(from, first).is_some();
                let known = is_child || is_imported;
                known.then(|| self.within(from, path, depth)).flatten()
            }
        }
    }

    /// The file that defines `path` in module `at`.
    fn within(&self, at: &[String], path: &[String], depth: usize) -> Option<&str> {
        let (first, rest) = path.split_first()?;
        let module = self.modules.get(at)?;
        let child = [at, std::slice::from_ref(first)].concat();
        match first.as_str() {
            "super" => self.within(&at[..at.len().checked_sub(1)?], rest, depth),
            "*" => Some(&module.file),
            _ if self.modules.contains_key(&child) => self.within(&child, rest, depth),
            name => match self.import(at, name) {
                _ if module.defined.contains(name) => Some(&module.file),
                Some(import) => self.file(at, &[&import.path[..], rest].concat(), depth + 1),
                // A name that is not found is made by a macro.
                None => self.through_globs(at, name).or(Some(&module.file)),
            },
        }
    }

    /// The file that defines a name which a module has from `use other::*`.
    fn through_globs(&self, at: &[String], name: &str) -> Option<&str> {
        let globs = self.modules.get(at)?.imports.iter().filter(|import| import.name == "*");
        let mut files = globs.filter_map(|glob| self.file(at, &glob.path, 0));
        let defines = |file: &&str| {
            let mut modules = self.modules.values().filter(|module| module.file == *file);
            modules.any(|module| module.defined.contains(name))
        };
        files.find(defines)
    }

    fn import(&self, at: &[String], name: &str) -> Option<&Import> {
        self.modules.get(at)?.imports.iter().find(|import| import.name == name)
    }

    /// Circles among the files, each as short as possible and none part of another: `a.rs → b.rs →
    /// a.rs`.
    pub fn circles(&self) -> Vec<String> {
        let edges = self.edges();
        let mut circles: Vec<Vec<&str>> = Vec::new();
        for start in edges.keys() {
            let Some(circle) = shortest(&edges, start) else { continue };
            if !circles.iter().any(|known| known.contains(start)) {
                circles.push(circle);
            }
        }
        circles.iter().map(|circle| circle.join(" → ")).collect()
    }
}

/// The shortest path from a file to itself.
fn shortest<'a>(
    edges: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    start: &'a str,
) -> Option<Vec<&'a str>> {
    let mut ways = VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in edges.get(way.last()?).into_iter().flatten() {
            let longer = [&way[..], &[*next]].concat();
            if *next == start {
                return Some(longer);
            }
            if seen.insert(*next) {
                ways.push_back(longer);
            }
        }
    }
    None
}

/// The module of a file: `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module_of(file: &str) -> Path {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" | "main" => Vec::new(),
        path => path.split('/').map(String::from).collect(),
    }
}
