//! The process that wrote a temporary file, and whether it is certainly gone.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process;
use std::sync::OnceLock;

use super::digest::sha256;

/// Mark in the names of this process's temporary files: `PLACE-PID`, or `PID` alone where the
/// system does not say in which place process ids count.
pub(super) fn mark() -> String {
    let place = place().map(|place| format!("{place}-")).unwrap_or_default();
    format!("{place}{}", process::id())
}

/// Whether the process of this place and number is certainly gone. A process of another machine,
/// boot, container or user may be alive without being seen here, and is not.
pub(super) fn is_gone(owner: &str, pid: &str, file: &Path) -> bool {
    place() == Some(owner)
        && pid.parse::<u32>().is_ok()
        && user(file).is_some_and(|own| Some(own) == user(Path::new("/proc/self")))
        && fs::metadata(format!("/proc/{pid}")).is_err_and(|e| e.kind() == ErrorKind::NotFound)
}

/// Eight hexadecimal digits that identify this boot and the namespace of process ids.
fn place() -> Option<&'static str> {
    static PLACE: OnceLock<Option<String>> = OnceLock::new();
    let find = || {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
        let mut digits = sha256(format!("{boot}{}", namespace.display()).as_bytes());
        digits.truncate(8);
        Some(digits)
    };
    PLACE.get_or_init(find).as_deref()
}

/// Owner of a file. `/proc` may hide the processes of others.
#[cfg(unix)]
fn user(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    Some(fs::metadata(path).ok()?.uid())
}

#[cfg(not(unix))]
fn user(_: &Path) -> Option<u32> {
    None
}
