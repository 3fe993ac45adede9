//! Advisory locks, which save work; no result depends on them.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::{Error, disk};

/// Answer to a request to work on a run.
#[derive(Debug)]
pub enum Lock {
    /// The run is free; the guard keeps other processes away, where locks work.
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

impl Drop for Guard {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process that another thread is just starting
        // has a copy of it until its exec. A failure leaves the lock to the end of the process.
        let _ = self.file.as_ref().map(File::unlock);
    }
}

pub(super) fn acquire(path: &Path) -> Result<Lock, Error> {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(Error::io("create", path))?;
    let answer = file.try_lock();
    Ok(interpret(file, answer))
}

/// Whether another process has the lock at `path`. Where locks do not work, nobody can say that it
/// has not.
pub(super) fn is_held(path: &Path) -> Result<bool, Error> {
    let Some(file) = disk::open_if_present(path)? else { return Ok(false) };
    // A shared lock: two that look at once do not see each other. Closing the file releases it.
    let answer = file.try_lock_shared();
    drop(Guard { file: Some(file) });
    Ok(answer.is_err())
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
    use std::io::{self, ErrorKind};

    use super::*;

    #[test]
    fn the_second_locker_is_told_busy_until_the_first_drops() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("1.lock"), folder.path().join("2.lock"));
        let Lock::Free(first) = acquire(&one).unwrap() else { panic!("busy") };
        assert!(first.is_effective());
        assert!(matches!(acquire(&one).unwrap(), Lock::Busy));
        assert!(matches!(acquire(&two).unwrap(), Lock::Free(_)));
        let inherited = first.file.as_ref().unwrap().try_clone().unwrap();
        drop(first);
        assert!(matches!(acquire(&one).unwrap(), Lock::Free(_)));
        drop(inherited);
    }

    #[test]
    fn whoever_looks_sees_a_holder_and_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.lock");
        assert!(!is_held(&path).unwrap());
        let Lock::Free(guard) = acquire(&path).unwrap() else { panic!("busy") };
        assert!(is_held(&path).unwrap());
        drop(guard);
        assert!(!is_held(&path).unwrap());
        assert!(matches!(acquire(&path).unwrap(), Lock::Free(_)));
    }

    #[test]
    fn a_file_system_without_locks_stops_nobody() {
        let unsupported = TryLockError::Error(io::Error::from(ErrorKind::Unsupported));
        let lock = interpret(tempfile::tempfile().unwrap(), Err(unsupported));
        assert!(matches!(lock, Lock::Free(guard) if !guard.is_effective()));
    }
}
