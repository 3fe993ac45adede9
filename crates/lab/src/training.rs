//! Training of runs into the store: cached, resumed, interruptible, several in turns.

mod job;
mod pace;
mod session;

use windtunnel_runs::spec::Precision;
use windtunnel_runs::store::{Guard, RunId};
use windtunnel_runs::stored::Stored;

use self::job::Opened;
pub(crate) use self::job::{Job, Patience};
pub use self::job::{Options, Status, kind};
use self::session::{Refused, Session};

/// Trains runs in turns, those on the same prompts on prompts that are drawn once. All have the same
/// precision. Returns the status of each; `None` if another process computes it and `patience` says
/// to skip it.
pub(crate) fn train(jobs: &[Job<'_>], patience: Patience) -> Vec<Option<Status>> {
    let mut ends: Vec<Option<Status>> = jobs.iter().map(|_| None).collect();
    let mut open = Vec::new();
    for (place, job) in jobs.iter().enumerate() {
        match job.open(patience) {
            Ok(Opened::Ended(status)) => ends[place] = status,
            Ok(Opened::Free(id, guard)) => open.push((place, (id, guard))),
            Err(error) => ends[place] = Some(Status::Failed(error.to_string())),
        }
    }
    match jobs.first().map(|job| job.spec.train.precision) {
        Some(Precision::F32) => train_open::<f32>(jobs, open, &mut ends),
        Some(Precision::F64) => train_open::<f64>(jobs, open, &mut ends),
        None => {}
    }
    ends
}

fn train_open<T: Stored>(
    jobs: &[Job<'_>],
    open: Vec<(usize, (RunId, Guard))>,
    ends: &mut [Option<Status>],
) {
    let (mut sessions, turns) = (Vec::new(), open.len() as u32);
    for (place, held) in open {
        match Session::<T>::new(&jobs[place], held, turns) {
            Ok(session) => sessions.push((place, session)),
            Err(Refused::Config(error)) => ends[place] = Some(Status::Failed(error.to_string())),
            Err(Refused::Store(error)) => ends[place] = Some(Status::Failed(error.to_string())),
        }
    }
    session::train(sessions, |place, status| ends[place] = Some(status));
}
