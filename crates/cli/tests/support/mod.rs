//! Runs the program as a user would.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program with a store of its own.
pub fn windtunnel(store: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windtunnel"));
    command.arg("--store").arg(store).args(args).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
fn run(store: &Path, args: &[&str]) -> Output {
    windtunnel(store, args).output().unwrap()
}

/// Standard output of a run that must succeed.
pub fn stdout(store: &Path, args: &[&str]) -> String {
    let output = run(store, args);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {:?}\n{errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error and exit code of a run that must fail.
pub fn failure(store: &Path, args: &[&str]) -> (String, i32) {
    let output = run(store, args);
    assert!(!output.status.success(), "{args:?} succeeded");
    (String::from_utf8(output.stderr).unwrap(), output.status.code().unwrap())
}
