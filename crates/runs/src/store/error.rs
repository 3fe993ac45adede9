//! What can go wrong in a store.

use std::io;
use std::path::{Path, PathBuf};

use super::{Damage, RunId};

/// Why the store could not do what it was asked; the message says where, why and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("cannot {action} `{}`: {cause}; {}", path.display(), remedy(cause.kind()))]
    Io {
        /// What was attempted, as in "cannot …".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system answered.
        cause: io::Error,
    },
    /// A file of a finished run does not hold what was written.
    #[error("`{}` is damaged: {reason}; delete the folder around it and run again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The checkpoint of an unfinished run cannot be used.
    #[error("{0}")]
    Checkpoint(Damage),
    /// A run of a version of windtunnel that reads or computes otherwise.
    #[error("`{}` is of another version of windtunnel: {reason}; use that version, or delete the folder around it and run again", path.display())]
    OtherVersion {
        /// The file that says so.
        path: PathBuf,
        /// What is different.
        reason: String,
    },
    /// The caller's rows or tensors do not fit the file format.
    #[error("cannot write `{}`: {reason}; nothing was stored", path.display())]
    Unstorable {
        /// The file that was to be written.
        path: PathBuf,
        /// What does not fit.
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
    /// No run, finished or not, begins so.
    #[error("no run in `{}` begins with `{prefix}`: `list --all` shows their ids", store.display())]
    UnknownPrefix {
        /// What was asked for.
        prefix: String,
        /// Folder of the store.
        store: PathBuf,
    },
    /// Several runs begin so.
    #[error("`{prefix}` could be any of {} in `{}`: add digits", join(candidates), store.display())]
    AmbiguousPrefix {
        /// What was asked for.
        prefix: String,
        /// All runs that begin so, sorted.
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

/// At most eight ids, so that the message stays a line.
fn join(ids: &[RunId]) -> String {
    const SHOWN: usize = 8;
    let mut text = ids.iter().take(SHOWN).map(RunId::as_str).collect::<Vec<_>>().join(", ");
    if ids.len() > SHOWN {
        text.push_str(&format!(" and {} more", ids.len() - SHOWN));
    }
    text
}
