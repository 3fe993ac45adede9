//! Errors of a store.

use std::io;
use std::path::{Path, PathBuf};

use super::{Damage, RunId};

/// Error returned when the store cannot do what it was asked; the message says where, why and what
/// to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("cannot {action} `{}`: {cause}; {}", path.display(), remedy(cause.kind()))]
    Io {
        /// Action that was attempted, as in "cannot …".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Answer of the system.
        cause: io::Error,
    },
    /// A file of a finished run does not hold what was written.
    #[error("`{}` is damaged: {reason}; delete the folder around it and run again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Description of the damage.
        reason: String,
    },
    /// The checkpoint of an unfinished run cannot be used.
    #[error("{0}")]
    Checkpoint(Damage),
    /// The run is of a version of windtunnel that reads or computes otherwise.
    #[error("`{}` is of another version of windtunnel: {reason}; use that version, or delete the folder around it and run again", path.display())]
    OtherVersion {
        /// The file that names the version.
        path: PathBuf,
        /// Description of the difference.
        reason: String,
    },
    /// The caller's rows or tensors do not fit the file format.
    #[error("cannot write `{}`: {reason}; nothing was stored", path.display())]
    Unstorable {
        /// The file that was to be written.
        path: PathBuf,
        /// Description of what does not fit.
        reason: String,
    },
    /// No finished run has this id.
    #[error("no finished run {id} in `{}`: start or resume it, or look at another store", store.display())]
    NotFinished {
        /// The run that was asked for.
        id: RunId,
        /// Folder of the store.
        store: PathBuf,
    },
    /// No run, finished or not, has an id with this prefix.
    #[error("no run in `{}` begins with `{prefix}`: `list --all` shows their ids", store.display())]
    UnknownPrefix {
        /// Prefix that was asked for.
        prefix: String,
        /// Folder of the store.
        store: PathBuf,
    },
    /// Several runs have ids with this prefix.
    #[error("`{prefix}` could be any of {} in `{}`: add digits", join(candidates), store.display())]
    AmbiguousPrefix {
        /// Prefix that was asked for.
        prefix: String,
        /// Ids of all these runs, sorted.
        candidates: Vec<RunId>,
        /// Folder of the store.
        store: PathBuf,
    },
}

impl Error {
    /// Turns the system's answer to `action` on `path` into an error.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |cause| Error::Io { action, path: path.to_owned(), cause }
    }

    pub(super) fn damaged(path: &Path) -> impl FnOnce(String) -> Error {
        move |reason| Error::Damaged { path: path.to_owned(), reason }
    }

    pub(super) fn unstorable(path: &Path) -> impl FnOnce(String) -> Error {
        move |reason| Error::Unstorable { path: path.to_owned(), reason }
    }
}

fn remedy(kind: io::ErrorKind) -> &'static str {
    use io::ErrorKind::*;
    match kind {
        PermissionDenied | ReadOnlyFilesystem => "get access to it or choose another place",
        StorageFull | QuotaExceeded => {
            "free some space and give the command again; what was there is intact"
        }
        NotADirectory | AlreadyExists | IsADirectory => {
            "something else has this name; choose another place"
        }
        NotFound => "it is not there; check the path",
        _ => "try again, and check the file system if it persists",
    }
}

/// Joins at most eight ids, so that the message stays a line.
fn join(ids: &[RunId]) -> String {
    const SHOWN: usize = 8;
    let mut text = ids.iter().take(SHOWN).map(RunId::as_str).collect::<Vec<_>>().join(", ");
    if ids.len() > SHOWN {
        text.push_str(&format!(" and {} more", ids.len() - SHOWN));
    }
    text
}
