//! `windtunnel watch`: prints the rows of a run while it is trained; reads only.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use windtunnel_runs::store::{Row, RunId};
use windtunnel_runs::stored::{Activity, Follower};

use super::runs::{is_fresh, open};
use crate::args::{Global, Watch};
use crate::error::Error;
use crate::{output, session};

/// Time between two reads.
const POLL: Duration = Duration::from_millis(200);

/// A line of `--json`.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Row {
        step: u64,
        metric: &'a str,
        value: f64,
    },
    /// The rows above are no longer valid.
    Restart {
        restarted: bool,
    },
}

pub fn run(global: &Global, args: &Watch) -> Result<(), Error> {
    let store = open(global)?;
    let id = match args.run.parse::<RunId>() {
        Ok(id) => id,
        Err(_) => store.resolve(&args.run)?,
    };
    let stop = session::stop_on_signal()?;
    let mut follower = Follower::new(&store, &id);
    let mut is_waiting = false;
    loop {
        let found = follower.poll()?;
        let mut text = String::new();
        if found.restarted && global.json {
            text += &line(&Line::Restart { restarted: true })?;
        } else if found.restarted {
            output::say("the rows so far were damaged or replaced: these begin again at the first");
        }
        for row in &found.rows {
            if global.json {
                text += &json(row)?;
            } else if !is_fresh(&row.metric) {
                text += &plain(row);
            }
        }
        if !text.is_empty() {
            output::print(&text)?;
        }
        let was_waiting = is_waiting;
        is_waiting = found.activity == Activity::Stopped;
        if found.activity == Activity::Finished {
            return Ok(());
        }
        if is_waiting && !was_waiting && !global.quiet {
            let train = "train it in another terminal, or end this with Ctrl-C";
            output::say(&format!("nobody is training run {id} now; waiting: {train}"));
        }
        std::thread::sleep(POLL);
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
    }
}

fn plain(row: &Row) -> String {
    format!("{:>8}  {:<24}  {}\n", row.step, row.metric, row.value)
}

fn json(row: &Row) -> Result<String, Error> {
    line(&Line::Row { step: row.step, metric: &row.metric, value: row.value })
}

/// A value as one line of JSON. Numbers that JSON lacks become `null`.
fn line(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map(|text| text + "\n").map_err(|e| Error::Failed(e.to_string()))
}
