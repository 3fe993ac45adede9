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
    let family = args.family.unwrap_or(0);
    if args.replicate == Some(family) {
        return Err(Error::Usage(format!(
            "--replicate {family}: the runs of family {family} are those to be repeated; name another \
             family"
        )));
    }
    let protocol = Protocol { seeds: args.seeds, ..protocol.of_family(family) };
    let session = Session::new(global, &args.checkpoints)?;
    let gather = |protocol| gather(&session.lab(), &studies, protocol, jobs(global));
    let evidence = gather(protocol)?;
    let again = args.replicate.map(|family| gather(protocol.of_family(family))).transpose()?;
    publish::all(global, args, &studies, (&evidence, again.as_ref()))
}
