//! `windtunnel init`.

use std::io::ErrorKind;

use windtunnel_runs::spec::template;
use windtunnel_runs::store;
use windtunnel_runs::store::disk;

use super::folder;
use crate::args::{Global, Init};
use crate::error::Error;
use crate::output;

pub fn run(global: &Global, init: &Init) -> Result<(), Error> {
    let path = init.path.display();
    // This comes before `check`, which gives no reason for an existing folder of this name.
    if init.path.symlink_metadata().is_ok() {
        return Err(taken(init));
    }
    folder::check(global, ("the spec", &init.path), &[])?;
    disk::create(&init.path, template().as_bytes()).map_err(|error| match error {
        store::Error::Io { cause, .. } if cause.kind() == ErrorKind::AlreadyExists => taken(init),
        other => other.into(),
    })?;
    output::print(&format!("wrote {path}; run it: windtunnel train {path}\n"))
}

fn taken(init: &Init) -> Error {
    Error::Usage(format!(
        "{} exists and is not overwritten; name another file: windtunnel init NAME.toml",
        init.path.display()
    ))
}
