//! Files and folders that appear whole or not at all.
//!
//! Contents go to a temporary name in the same folder tree, are flushed to the disk and then
//! renamed. Rename is the one atomic step that local disks, NFS and Lustre all have.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Error, process};

/// Ending of temporary names.
const TEMPORARY: &str = ".tmp";
/// Marker in the names of temporary files outside a store, among files of other programs.
const OWN: &str = ".windtunnel";
/// Bytes of a file's name that its temporary name keeps; names of more than 255 bytes are refused.
const STEM: usize = 150;

/// A file or folder under a temporary name, removed on drop unless it was renamed before.
///
/// The process that dies before that leaves it behind, for [`sweep`].
pub(super) struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// A new empty folder in `folder`.
    pub(super) fn folder(folder: &Path, stem: &str) -> Result<Self, Error> {
        let (temporary, ()) = Self::create(folder, stem, |path| fs::create_dir(path))?;
        Ok(temporary)
    }

    /// A new empty file in `folder`, open for writing.
    pub(super) fn file(folder: &Path, stem: &str) -> Result<(Self, File), Error> {
        Self::create(folder, stem, |path| File::create_new(path))
    }

    /// Creates a file or folder under a new temporary name. Process, time and counter make names
    /// that hardly ever collide; creation fails where they do, and the next name is tried.
    fn create<T>(
        folder: &Path,
        stem: &str,
        create: impl Fn(&Path) -> io::Result<T>,
    ) -> Result<(Self, T), Error> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
            let name = format!("{stem}.{}-{nanos:x}-{count}{TEMPORARY}", process::mark());
            let path = folder.join(name);
            match create(&path) {
                Ok(made) => return Ok((Temporary { path }, made)),
                Err(cause) if cause.kind() == ErrorKind::AlreadyExists => continue,
                Err(cause) => return Err(Error::io("create", &path)(cause)),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Renames it to its final name, in one step; [`sync_folder`] makes that durable.
    ///
    /// Replaces a file of that name; fails if there is a folder that is not empty.
    pub(super) fn rename(self, to: &Path) -> Result<(), Error> {
        fs::rename(&self.path, to).map_err(Error::io("rename a temporary file to", to))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing here; a failure leaves the rest to `sweep`.
        let _ = fs::remove_file(&self.path).or_else(|_| fs::remove_dir_all(&self.path));
    }
}

/// Writes `bytes` to `path`, durably: whole, or what was there stays.
///
/// A link is followed, and a device or pipe is written to as it is.
///
/// # Errors
/// A path that cannot be written, or a file that is write-protected.
pub fn save(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let old = if_present(fs::metadata(path)).map_err(Error::io("look at", path))?;
    if let Some(old) = &old {
        if !old.is_file() && !old.is_dir() {
            let opened = File::options().write(true).open(path);
            return opened
                .and_then(|mut file| file.write_all(bytes))
                .map_err(Error::io("write", path));
        }
        if old.is_dir() || old.permissions().readonly() {
            let kind =
                if old.is_dir() { ErrorKind::IsADirectory } else { ErrorKind::PermissionDenied };
            return Err(Error::io("write", path)(kind.into()));
        }
    }
    let target = target(path).map_err(Error::io("follow the link", path))?;
    let temporary = written(&target, bytes, old.as_ref())?;
    temporary.rename(&target)?;
    sync_folder(folder_of(&target))
}

/// Writes `bytes` to a new file, durably, and never over another one: whole, or there is none.
///
/// # Errors
/// A name that is taken, even by a link to nowhere; a path that cannot be written.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let temporary = written(path, bytes, None)?;
    match fs::hard_link(temporary.path(), path) {
        // Some file systems have no hard links.
        Err(cause)
            if matches!(cause.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) =>
        {
            let file = File::create_new(path).map_err(Error::io("create", path))?;
            fill(file, path, bytes).inspect_err(|_| drop(fs::remove_file(path)))?;
        }
        linked => linked.map_err(Error::io("create", path))?,
    }
    sync_folder(folder_of(path))
}

/// Removes temporary files that [`save`] and [`create`] left in `folder` and whose process is
/// certainly gone; returns their number.
///
/// # Errors
/// A folder that cannot be listed.
pub fn tidy_saved(folder: &Path) -> Result<usize, Error> {
    let own = |path: &PathBuf| path.to_str().is_some_and(|path| path.contains(OWN));
    let dead = temporaries(folder)?.into_iter().filter(own).filter(|path| is_orphan(path));
    Ok(dead.filter(|path| fs::remove_file(path).is_ok()).count())
}

/// A temporary file beside `path` with its contents.
fn written(path: &Path, bytes: &[u8], old: Option<&Metadata>) -> Result<Temporary, Error> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut stem = format!(".{}", name.unwrap_or_default());
    stem.truncate(stem.floor_char_boundary(STEM));
    stem.push_str(OWN);
    let (temporary, file) = Temporary::file(folder_of(path), &stem)?;
    if let Some(old) = old {
        // Without this it has the permissions of any new file.
        let _ = file.set_permissions(old.permissions());
    }
    // Errors name the file that is meant.
    fill(file, path, bytes)?;
    Ok(temporary)
}

/// Target of a path, through links of which the last may lead to no file yet.
fn target(path: &Path) -> io::Result<PathBuf> {
    const LINKS: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = folder_of(&path).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links"))
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Replaces the file `folder/name` by `bytes`; readers see the old or the new contents.
pub(super) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let (temporary, file) = Temporary::file(folder, name)?;
    fill(file, temporary.path(), bytes)?;
    temporary.rename(&folder.join(name))?;
    sync_folder(folder)
}

/// Writes `bytes` to a new file and flushes it to the disk.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    fill(File::create_new(path).map_err(Error::io("create", path))?, path, bytes)
}

fn fill(mut file: File, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io("write", path))
}

/// Makes the names in `folder` durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Error> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems cannot; a crash of the machine, not of the process, may then undo
        // the last renames, which loses work but damages nothing.
        Err(cause) if matches!(cause.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Ok(())
        }
        result => result.map_err(Error::io("flush", folder)),
    }
}

/// A file, open for reading.
pub(super) fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(Error::io("open", path))
}

/// A file that is there, open for reading.
pub(super) fn open_if_present(path: &Path) -> Result<Option<File>, Error> {
    if_present(File::open(path)).map_err(Error::io("open", path))
}

/// Contents of a file; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    if_present(fs::read(path)).map_err(Error::io("read", path))
}

/// Time at which a file was written last, if there is one.
pub(super) fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// Removes a file if there is one.
pub(super) fn remove(path: &Path) -> Result<bool, Error> {
    let removed = if_present(fs::remove_file(path)).map_err(Error::io("remove", path))?;
    Ok(removed.is_some())
}

/// Whether there is a folder of this name.
pub(super) fn is_folder(path: &Path) -> Result<bool, Error> {
    let metadata = if_present(fs::metadata(path)).map_err(Error::io("look at", path))?;
    Ok(metadata.is_some_and(|metadata| metadata.is_dir()))
}

/// Makes a folder, and those around it, unless it is there.
pub(super) fn make_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(Error::io("create the folder", path))
}

/// Names in `folder` that are valid text, as all names of the store are; none if there is no
/// folder.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let entries = if_present(entries).map_err(Error::io("list", folder))?.unwrap_or_default();
    Ok(entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// Removes temporary files and folders in `folder` whose process is certainly gone, or that nobody
/// has touched for `age`; returns their number.
pub(super) fn sweep(folder: &Path, age: Duration) -> Result<usize, Error> {
    let (orphans, others): (Vec<_>, Vec<_>) =
        temporaries(folder)?.into_iter().partition(|path| is_orphan(path));
    let mut swept = 0;
    for path in orphans {
        swept += usize::from(claim(folder, &path)?.is_some());
    }
    for path in untouched(folder, others, age)? {
        swept += usize::from(claim(folder, &path)?.is_some());
    }
    Ok(swept)
}

/// The `paths` in `folder` that nobody has touched for `age`.
pub(super) fn untouched(
    folder: &Path,
    mut paths: Vec<PathBuf>,
    age: Duration,
) -> Result<Vec<PathBuf>, Error> {
    if paths.is_empty() {
        return Ok(paths);
    }
    let now = file_system_now(folder)?;
    // A file that cannot be looked at has just been renamed or swept by someone else.
    let idle = |path: &Path| now.duration_since(modified(path)?).ok();
    paths.retain(|path| idle(path).is_some_and(|idle| idle >= age));
    Ok(paths)
}

fn temporaries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let names = names(folder)?.into_iter().filter(|name| name.ends_with(TEMPORARY));
    Ok(names.map(|name| folder.join(name)).collect())
}

/// Whether the process that wrote a temporary file is certainly gone.
fn is_orphan(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let stem = name.and_then(|name| name.strip_suffix(TEMPORARY));
    let Some((_, mark)) = stem.and_then(|stem| stem.rsplit_once('.')) else { return false };
    match mark.split('-').collect::<Vec<_>>()[..] {
        [place, pid, _, _] => process::is_gone(place, pid, path),
        _ => false,
    }
}

/// Takes `path` from its owner, in one step; dropping the claim removes it.
///
/// Should the owner be alive after all, its own rename now fails. Without this step it could
/// publish a folder of which half the files are already removed.
fn claim(folder: &Path, path: &Path) -> Result<Option<Temporary>, Error> {
    let place = Temporary::folder(folder, "swept")?;
    let target = place.path().join("claimed");
    let claimed = if_present(fs::rename(path, &target)).map_err(Error::io("sweep", path))?;
    Ok(claimed.map(|()| place))
}

/// The time of the machine that keeps the files, whose clock may differ from ours.
fn file_system_now(folder: &Path) -> Result<SystemTime, Error> {
    let (probe, file) = Temporary::file(folder, "clock")?;
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    modified.map_err(Error::io("look at", probe.path()))
}

fn if_present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Finish, Record, Resume, RunId, Store};
    use super::*;

    #[test]
    fn leftovers_of_dead_processes_are_ignored_and_swept_when_old() {
        let root = tempfile::tempdir().unwrap();
        let (store, id) = (Store::open(root.path()).unwrap(), RunId::from(1));
        let partial = root.path().join("partial");
        let folder = partial.join(format!("{id}.4711-17f-0.tmp"));
        let file = partial.join(format!("{id}.ckpt.4711-17f-1.tmp"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("spec.toml"), "half a s").unwrap();
        fs::write(&file, "half a c").unwrap();
        assert!(matches!(store.checkpoint(&id).unwrap(), Resume::Fresh));
        assert!(store.ids().unwrap().is_empty());
        assert!(store.resolve("").is_err());

        assert_eq!(store.tidy(Store::TIDY_AGE).unwrap(), 0);
        assert!(folder.exists() && file.exists());
        for path in [&folder, &file] {
            let old = SystemTime::now() - 2 * Store::TIDY_AGE;
            File::open(path).unwrap().set_modified(old).unwrap();
        }
        assert_eq!(store.tidy(Store::TIDY_AGE).unwrap(), 2);
        assert_eq!(names(&partial).unwrap(), [""; 0]);
        assert_eq!(store.finish(&id, &Record::default()).unwrap(), Finish::Published);
    }

    #[test]
    fn leftovers_of_killed_processes_of_this_machine_are_swept_at_once() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let (partial, id) = (root.path().join("partial"), RunId::from(1));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = child.id();
        child.wait().unwrap();
        let own = Temporary::file(&partial, id.as_str()).unwrap().0;
        let name = own.path().file_name().unwrap().to_str().unwrap();
        let pid = std::process::id().to_string();
        let (place, rest) = name.split_once(&format!("-{pid}-")).unwrap();
        let place = place.rsplit_once('.').unwrap().1;
        // A process that is gone; one of another machine; one that did not say of which; no number.
        let names = [
            format!("{id}.ckpt.{place}-{dead}-{rest}"),
            format!("{id}.ckpt.00000000-{dead}-{rest}"),
            format!("{id}.ckpt.{dead}-{rest}"),
            format!("{id}.ckpt.{place}-x{dead}-{rest}"),
        ];
        names.iter().for_each(|name| fs::write(partial.join(name), "half a c").unwrap());
        fs::create_dir(partial.join(format!("{id}.{place}-{dead}-{rest}"))).unwrap();
        assert_eq!(store.tidy(Store::TIDY_AGE).unwrap(), 2);
        let left: Vec<bool> = names.iter().map(|name| partial.join(name).exists()).collect();
        assert_eq!(left, [false, true, true, true]);
        assert!(own.path().exists(), "a live process lost its file");
    }

    #[test]
    fn a_live_process_cannot_publish_what_was_swept() {
        let root = tempfile::tempdir().unwrap();
        let temporary = Temporary::folder(root.path(), "run").unwrap();
        write(&temporary.path().join("spec.toml"), b"whole").unwrap();
        assert_eq!(sweep(root.path(), Duration::ZERO).unwrap(), 1);
        let target = root.path().join("published");
        assert!(temporary.rename(&target).is_err());
        assert_eq!(names(root.path()).unwrap(), [""; 0]);
    }
}
