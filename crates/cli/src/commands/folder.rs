//! Folders of results: pictures in every format, files written as a whole, and no overwritten user
//! data.

use std::path::{Path, PathBuf};

use windtunnel_figure::Figure;
use windtunnel_runs::store::{RunId, disk};

use crate::args::Global;
use crate::error::Error;

/// Writes a figure in every format; returns the names of the files.
pub fn draw(out: &Path, stem: &str, figure: &Figure) -> Result<Vec<String>, Error> {
    let failed = |error: windtunnel_figure::Error| Error::Failed(error.to_string());
    let formats = [
        ("svg", figure.svg().into_bytes()),
        ("pdf", figure.pdf()),
        ("png", figure.png(2.0).map_err(failed)?),
        ("csv", figure.csv().into_bytes()),
    ];
    let mut files = Vec::new();
    for (extension, bytes) in formats {
        let name = format!("{stem}.{extension}");
        write(out, &name, &bytes)?;
        files.push(name);
    }
    Ok(files)
}

/// Prefix of file names for results of several runs, different for every set of runs.
pub fn stem(ids: &[&RunId]) -> String {
    match ids {
        [] => String::new(),
        [only] => only.to_string(),
        [first, rest @ ..] => {
            let others = rest.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(" ");
            format!("{first}-and-{}-{}", rest.len(), checksum(&others))
        }
    }
}

/// `name`, or its beginning and its checksum if it is too long for a file name.
pub fn bounded(name: &str) -> String {
    const LONGEST: usize = 60;
    match name.char_indices().nth(LONGEST) {
        None => name.into(),
        Some((end, _)) => format!("{}-{}", &name[..end], checksum(name)),
    }
}

/// Checksum of eight digits that tells texts apart.
fn checksum(text: &str) -> String {
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}

/// Creates a folder unless it exists, and removes temporary files of a killed process.
///
/// # Errors
/// A folder of a store, in which results would lie among runs; one that cannot be created.
pub fn create(global: &Global, dir: &Path) -> Result<(), Error> {
    let place = Place::of(dir);
    if place.is_in_a_store(global) || place.is_store(global) {
        let dir = dir.display();
        return Err(Error::Usage(format!(
            "--out {dir} is a folder of the store of runs; name another one, as --out windtunnel-out"
        )));
    }
    std::fs::create_dir_all(dir).map_err(|cause| {
        let dir = dir.display();
        Error::Usage(format!("cannot make the folder {dir} ({cause}); name another with --out DIR"))
    })?;
    sweep(dir);
    Ok(())
}

/// Writes a file of a folder of results durably; on failure the old file stays.
pub fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    Ok(disk::save(&dir.join(name), bytes)?)
}

/// Refuses the output file of `option` if it is among the files of a store, if it is one of
/// `inputs` (pairs of option and path), or if its folder does not exist. Removes temporary files of
/// a killed process beside it.
pub fn check(
    global: &Global,
    (option, path): (&str, &Path),
    inputs: &[(&str, &Path)],
) -> Result<(), Error> {
    let shown = path.display();
    if let Some((input, _)) = inputs.iter().find(|(_, input)| is_same(path, input)) {
        return Err(Error::Usage(format!(
            "{option} {shown} is the file of {input}, which would be overwritten; name another file"
        )));
    }
    if Place::of(path).is_in_a_store(global) {
        return Err(Error::Usage(format!(
            "{option} {shown} is among the files of a store of runs; name a file elsewhere"
        )));
    }
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    if !folder.is_dir() || path.is_dir() {
        return Err(Error::Usage(format!(
            "cannot write {option} {shown}: name a file in a folder that exists"
        )));
    }
    sweep(folder);
    Ok(())
}

/// Removes temporary files, as far as possible; a remaining one is harmless.
fn sweep(folder: &Path) {
    let _ = disk::tidy_saved(folder);
}

/// Whether two paths lead to one file, through symbolic or hard links.
fn is_same(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: &Path| path.metadata().ok().map(|m| (m.dev(), m.ino()));
        identity(a).is_some_and(|own| Some(own) == identity(b))
    }
    #[cfg(not(unix))]
    {
        a.canonicalize().is_ok_and(|own| b.canonicalize().is_ok_and(|other| own == other))
    }
}

/// A path without links, as far as it exists.
struct Place(PathBuf);

impl Place {
    fn of(path: &Path) -> Place {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
        let existing = absolute.ancestors().find_map(|ancestor| {
            let rest = absolute.strip_prefix(ancestor).ok()?;
            Some(ancestor.canonicalize().ok()?.join(rest))
        });
        // Joining an empty path leaves a trailing separator, which comparisons ignore.
        Place(existing.unwrap_or(absolute))
    }

    /// Whether the folder is the named store, or looks like one.
    fn is_store(&self, global: &Global) -> bool {
        let parts = STORE_FOLDERS.iter().all(|part| self.0.join(part).is_dir());
        parts || self.0 == Place::of(&global.store).0
    }

    /// Whether the folder is, or is below, a folder in which a store has its files.
    fn is_in_a_store(&self, global: &Global) -> bool {
        self.0.ancestors().any(|folder| {
            let kept =
                folder.file_name().is_some_and(|name| STORE_FOLDERS.iter().any(|f| name == *f));
            kept && folder.parent().is_some_and(|root| Place(root.into()).is_store(global))
        })
    }
}

/// Folders of every store.
const STORE_FOLDERS: [&str; 3] = ["runs", "partial", "kept"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_of_runs_has_files_of_its_own() {
        let id = RunId::from;
        let (a, b, c) = (id(1), id(2 << 40), id(3));
        assert_eq!(stem(&[&a]), a.to_string());
        let names = [stem(&[&a, &b]), stem(&[&a, &c]), stem(&[&a, &b, &c]), stem(&[&a, &c, &b])];
        for (k, name) in names.iter().enumerate() {
            assert!(name.starts_with(&format!("{a}-and-")), "{name}");
            assert!(!names[..k].contains(name), "{name}");
        }
    }
}
