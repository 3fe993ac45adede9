//! `windtunnel reproduce`.

mod publish;

use windtunnel_paper::Protocol;
use windtunnel_paper::catalogue::chosen;
use windtunnel_paper::gather::gather;

use super::folder::create;
use crate::args::{Global, Reproduce};
use crate::error::Error;
use crate::session::{Session, jobs};

pub fn run(global: &Global, args: &Reproduce) -> Result<(), Error> {
    // Checked first, before an hour of runs whose pictures could not be written.
    create(global, &args.out)?;
    let studies = chosen(&args.figures);
    let protocol = if args.quick { Protocol::QUICK } else { Protocol::PUBLISHED };
    let session = Session::new(global, &args.checkpoints)?;
    let evidence = gather(&session.lab(), &studies, protocol, jobs(global))?;
    publish::all(global, args, &studies, &evidence)
}
