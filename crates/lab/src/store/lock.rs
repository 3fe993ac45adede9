//! Advisory locks: they save work, nothing depends on them.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::Error;

/// Answer to a request to work on a run.
#[derive(Debug)]
pub enum Lock {
    /// Go ahead.
    Free(Guard),
    /// Another process is at work on this run.
    Busy,
}

/// Keeps other processes from starting the same work, until it is dropped or the process ends.
#[derive(Debug)]
#[must_use = "dropping the guard releases the lock"]
pub struct Guard {
    file: Option<File>,
}

impl Guard {
    /// Whether others are kept away; false on file systems without locks, where the same work
    /// may be done twice, with the same result.
    pub fn is_effective(&self) -> bool {
        self.file.is_some()
    }
}

pub(super) fn acquire(path: &Path) -> Result<Lock, Error> {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(Error::io("create", path))?;
    let answer = file.try_lock();
    Ok(interpret(file, answer))
}

fn interpret(file: File, answer: Result<(), TryLockError>) -> Lock {
    match answer {
        Ok(()) => Lock::Free(Guard { file: Some(file) }),
        Err(TryLockError::WouldBlock) => Lock::Busy,
        Err(TryLockError::Error(_)) => Lock::Free(Guard { file: None }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_file_system_without_locks_stops_nobody() {
        let unsupported = TryLockError::Error(Error::from(ErrorKind::Unsupported));
        let lock = interpret(tempfile::tempfile().unwrap(), Err(unsupported));
        assert!(matches!(lock, Lock::Free(guard) if !guard.is_effective()));
    }
}
