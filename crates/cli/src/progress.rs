//! Progress of a sweep: one bar with an ETA on a terminal, plain lines elsewhere.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use windtunnel_lab::sweep::{Event, kind};

use crate::output::say;

/// Time between plain lines about unfinished runs.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// A bar for the steps of one run that is measured; nothing but on a terminal.
pub fn steps(name: String, length: u64, quiet: bool) -> ProgressBar {
    bar(name, length, quiet, "{msg} [{bar:30}] step {pos} of {len}")
}

/// A bar for so many things of one kind; nothing but on a terminal.
pub fn count(name: String, length: u64, quiet: bool) -> ProgressBar {
    bar(name, length, quiet, "{msg} [{bar:30}] {pos} of {len}, ETA {eta}")
}

fn bar(name: String, length: u64, quiet: bool, template: &str) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(length), target).with_message(name);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// Progress of all runs of one sweep.
pub struct Progress<'a> {
    names: &'a [String],
    lengths: &'a [u64],
    /// Cost of a step of each run, in thousandths of the dearest.
    costs: Vec<u64>,
    bar: ProgressBar,
    plain: bool,
    state: Mutex<State>,
}

struct State {
    /// Updates made, per run.
    steps: Vec<u64>,
    /// Cost of updates that were made before this invocation: no part of the speed.
    given: u64,
    done: usize,
    cached: usize,
    started: Instant,
    said: Instant,
    /// Reasons of missing numbers that were given.
    missing: BTreeSet<String>,
}

impl<'a> Progress<'a> {
    /// Progress of runs of the given names, numbers of steps and relative costs of a step; `quiet`
    /// shows warnings only.
    pub fn new(
        names: &'a [String],
        lengths: &'a [u64],
        costs: &'a [u64],
        quiet: bool,
    ) -> Progress<'a> {
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        // So that sums over ten thousand runs of 10¹² steps fit.
        let dearest = u128::from(costs.iter().copied().max().unwrap_or(1).max(1));
        let share = |&cost: &u64| (1000 * u128::from(cost) / dearest).max(1) as u64;
        let costs: Vec<u64> = costs.iter().map(share).collect();
        let total = lengths.iter().zip(&costs).map(|(length, cost)| length * cost).sum();
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let plain = !quiet && bar.is_hidden();
        let template = "{msg} [{bar:30}] {percent}% of the work, ETA {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        let now = Instant::now();
        let steps = vec![0; names.len()];
        let missing = BTreeSet::new();
        let state = State { steps, given: 0, done: 0, cached: 0, started: now, said: now, missing };
        Progress { names, lengths, costs, bar, plain, state: Mutex::new(state) }
    }

    /// Takes an event of run `index`.
    pub fn tell(&self, index: usize, event: &Event) {
        let Ok(mut state) = self.state.lock() else { return };
        match event {
            Event::Busy if self.plain => {
                let name = &self.names[index];
                say(&format!("{name}: waiting for another process that computes it"));
            }
            Event::Busy => self.bar.set_message("waiting for another process"),
            Event::Warning(text) => {
                let line = format!("warning: {}: {text}", self.names[index]);
                self.bar.suspend(|| say(&line));
            }
            // Once for all runs: what one optimizer cannot be measured by, its other seeds cannot.
            Event::Missing { step, what, reason } => {
                if state.missing.insert(kind(reason)) {
                    let line = format!(
                        "warning: {}: step {step}: no {what}: {reason} (said once; `windtunnel \
                         measure RUN --at {step}` tells of all metrics of a run)",
                        self.names[index]
                    );
                    self.bar.suspend(|| say(&line));
                }
            }
            Event::Cached => {
                state.cached += 1;
                state.given += self.lengths[index] * self.costs[index];
                self.advance(&mut state, index, self.lengths[index]);
            }
            Event::Started { step } => {
                state.given += step * self.costs[index];
                self.advance(&mut state, index, *step);
                if *step > 0 && self.plain {
                    say(&format!("{}: resumed at step {step}", self.names[index]));
                }
            }
            Event::Step { step } => {
                self.advance(&mut state, index, *step);
                if self.plain && state.said.elapsed() > PLAIN_EVERY {
                    state.said = Instant::now();
                    say(&self.summary(&state));
                }
            }
            Event::Done { meta } => {
                state.done += 1;
                self.advance(&mut state, index, self.lengths[index]);
                if self.plain {
                    let how = if meta.diverged() {
                        format!("diverged at step {}", meta.step)
                    } else {
                        format!("{} steps", meta.step)
                    };
                    let name = &self.names[index];
                    let summary = self.summary(&state);
                    say(&format!("{name}: {how}, {:.1} s; {summary}", meta.wall_seconds));
                }
            }
        }
    }

    fn advance(&self, state: &mut State, index: usize, step: u64) {
        state.steps[index] = step;
        let runs = self.names.len();
        self.bar.set_message(format!("{}/{runs} runs", state.done + state.cached));
        // The bar counts this invocation alone, so that its ETA is not fooled by cached runs.
        self.bar.set_length(self.work(self.lengths) - state.given);
        self.bar.set_position(self.work(&state.steps) - state.given);
    }

    /// Cost of so many steps of every run.
    fn work(&self, steps: &[u64]) -> u64 {
        steps.iter().zip(&self.costs).map(|(steps, cost)| steps * cost).sum()
    }

    fn summary(&self, state: &State) -> String {
        let (total, made) = (self.work(self.lengths), self.work(&state.steps));
        let here = made - state.given;
        let runs = format!("{}/{} runs", state.done + state.cached, self.names.len());
        if made == total || here == 0 {
            return runs;
        }
        let seconds = state.started.elapsed().as_secs_f64() * (total - made) as f64 / here as f64;
        format!("{runs}, {} % of the work, ETA {seconds:.0} s", 100 * made / total)
    }

    /// Clears the bar and says what came from the store.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
        let Ok(state) = self.state.lock() else { return };
        if self.plain && state.cached > 0 {
            let (cached, runs) = (state.cached, self.names.len());
            say(&format!("{cached} of {runs} runs were in the store already"));
        }
    }
}
