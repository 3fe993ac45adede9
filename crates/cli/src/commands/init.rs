//! `windtunnel init`.

use std::io::Write;

use windtunnel_lab::spec::template;

use crate::args::Init;
use crate::error::Error;
use crate::output;

pub fn run(init: &Init) -> Result<(), Error> {
    let path = init.path.display().to_string();
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&init.path);
    let mut file = file.map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AlreadyExists => Error::Usage(format!(
            "{path} exists and is not overwritten; name another file: windtunnel init NAME.toml"
        )),
        _ => Error::Usage(format!(
            "cannot write {path} ({cause}); name a file in a folder that exists"
        )),
    })?;
    file.write_all(template().as_bytes())
        .map_err(|cause| Error::Write { path: path.clone(), cause })?;
    output::print(&format!("wrote {path}; run it: windtunnel train {path}\n"))
}
