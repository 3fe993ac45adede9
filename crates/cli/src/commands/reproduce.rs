//! `windtunnel reproduce`.

mod looks;
mod publish;

use windtunnel_paper::Protocol;
use windtunnel_paper::catalogue::chosen;
use windtunnel_paper::gather::{gather, gather_shown};

use self::looks::Looks;
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
    let (lab, threads) = (session.lab(), jobs(global));
    let evidence = match args.quick {
        true => gather(&lab, &studies, protocol, threads)?,
        false => {
            let mut looks = Looks::new(global, args, &studies);
            let evidence = gather_shown(&lab, &studies, protocol, threads, &mut |own, first| {
                looks.show(own, first);
            });
            looks.end()?;
            evidence?
        }
    };
    let again = args
        .replicate
        .map(|family| gather(&lab, &studies, protocol.of_family(family), threads))
        .transpose()?;
    publish::all(global, args, &studies, (&evidence, again.as_ref()))
}
