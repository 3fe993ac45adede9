//! Progress on a terminal: one bar with an ETA, and plain lines elsewhere.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use windtunnel_lab::describe::short;
use windtunnel_lab::progress::{Batch, BatchKind, Event, Progress};
use windtunnel_lab::training::kind;

use crate::output::say;

/// Time between plain lines about a batch.
const PLAIN_EVERY: Duration = Duration::from_secs(60);
/// Batches of no more runs have a plain line for each of them.
const FEW: usize = 12;

/// Progress on the terminal; `quiet` shows warnings only.
pub struct Terminal {
    quiet: bool,
    shown: Mutex<Option<Shown>>,
    /// Cost of what follows after the batch.
    later: Mutex<u128>,
}

impl Terminal {
    /// A terminal without output so far.
    pub fn new(quiet: bool) -> Terminal {
        Terminal { quiet, shown: Mutex::new(None), later: Mutex::new(0) }
    }
}

impl Progress for Terminal {
    fn later(&self, cost: u128) {
        if let Ok(mut later) = self.later.lock() {
            *later = cost;
        }
    }

    fn begin(&self, batch: Batch) {
        let later = self.later.lock().map_or(0, |later| *later);
        if let Ok(mut shown) = self.shown.lock() {
            *shown = Some(Shown::new(batch, later, self.quiet));
        }
    }

    fn event(&self, item: usize, event: &Event) {
        if let Ok(mut shown) = self.shown.lock()
            && let Some(shown) = shown.as_mut()
        {
            shown.tell(item, event);
        }
    }

    /// Prints the learning rate that a search chose, or why it chose none, where progress is lines of
    /// text; on a terminal the report has it.
    fn searched(&self, label: &str, found: Result<f64, &str>) {
        if !self.quiet && !std::io::stderr().is_terminal() {
            match found {
                Ok(lr) => say(&format!("{label}: learning rate {}", short(lr))),
                Err(reason) => say(&format!("{label}: no learning rate: {reason}")),
            }
        }
    }

    fn end(&self) {
        if let Ok(mut shown) = self.shown.lock()
            && let Some(shown) = shown.take()
        {
            shown.finish();
        }
    }
}

/// Progress of the current batch.
struct Shown {
    batch: Batch,
    /// Cost of a step of each item, in thousandths of the highest.
    costs: Vec<u64>,
    /// Cost of what follows after the batch, in the same unit.
    later: f64,
    bar: ProgressBar,
    /// Whether plain lines are printed instead of the bar.
    plain: bool,
    /// Updates made, per item.
    steps: Vec<u64>,
    /// Cost of updates that were made before this invocation, which do not count for the speed.
    given: u64,
    done: usize,
    cached: usize,
    started: Instant,
    said: Instant,
    /// Reasons of missing numbers that were already printed.
    missing: BTreeSet<String>,
}

impl Shown {
    fn new(batch: Batch, later: u128, quiet: bool) -> Shown {
        let template = match batch.kind {
            BatchKind::Runs => "{msg} [{bar:30}] {percent}% of the work, ETA {eta}",
            BatchKind::Pieces => "{msg} [{bar:30}] {pos} of {len}, ETA {eta}",
            BatchKind::Measurement => "{msg} [{bar:30}] step {pos} of {len}",
        };
        // Integer shares, so that sums over ten thousand runs of 10¹² steps fit.
        let items = batch.items.iter();
        let dearest = items.clone().map(|item| item.step_cost).max().unwrap_or(1).max(1);
        let share = |cost: u64| (1000 * u128::from(cost) / u128::from(dearest)).max(1) as u64;
        let costs: Vec<u64> = items.clone().map(|item| share(item.step_cost)).collect();
        let total = match batch.kind {
            BatchKind::Runs => items.zip(&costs).map(|(item, cost)| item.steps * cost).sum(),
            BatchKind::Pieces => items.count() as u64,
            BatchKind::Measurement => items.map(|item| item.steps).sum(),
        };
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        if batch.kind != BatchKind::Runs {
            bar.set_message(batch.title.clone());
        }
        let (now, plain) = (Instant::now(), !quiet && bar.is_hidden());
        Shown {
            steps: vec![0; batch.items.len()],
            batch,
            costs,
            later: 1000.0 * later as f64 / dearest as f64,
            bar,
            plain,
            given: 0,
            done: 0,
            cached: 0,
            started: now,
            said: now,
            missing: BTreeSet::new(),
        }
    }

    fn tell(&mut self, index: usize, event: &Event) {
        match (self.batch.kind, event) {
            (BatchKind::Runs, event) => self.tell_of_run(index, event),
            (BatchKind::Pieces, Event::Cached | Event::Computed) => self.bar.inc(1),
            (BatchKind::Measurement, Event::Step { step }) => self.bar.set_position(*step),
            (BatchKind::Measurement, Event::Warning(text)) => self.warn(text),
            _ => {}
        }
    }

    fn tell_of_run(&mut self, index: usize, event: &Event) {
        match event {
            Event::Busy if self.plain => {
                say(&format!("{}: waiting for another process that computes it", self.name(index)));
            }
            Event::Busy => self.bar.set_message("waiting for another process"),
            Event::Warning(text) => self.warn(&format!("{}: {text}", self.name(index))),
            // Printed once for all runs, because all seeds of one optimizer share the reason.
            Event::Missing { step, what, reason } => {
                if self.missing.insert(kind(reason)) {
                    self.warn(&format!(
                        "{}: step {step}: no {what}: {reason} (said once; `windtunnel measure RUN \
                         --at {step}` tells of all metrics of a run)",
                        self.name(index)
                    ));
                }
            }
            Event::Cached => {
                self.cached += 1;
                self.given += self.length(index) * self.costs[index];
                self.advance(index, self.length(index));
            }
            Event::Started { step } => {
                self.given += step * self.costs[index];
                self.advance(index, *step);
                if *step > 0 && self.plain {
                    say(&format!("{}: resumed at step {step}", self.name(index)));
                }
            }
            Event::Step { step } => {
                self.advance(index, *step);
                self.say_now_and_then();
            }
            Event::Done { meta } => {
                let how = match meta.diverged() {
                    true => format!("diverged at step {}", meta.step),
                    false => format!("{} steps", meta.step),
                };
                self.ended(index, &format!("{how}, {:.1} s", meta.wall_seconds));
            }
            Event::Computed => self.ended(index, "computed"),
        }
    }

    fn name(&self, index: usize) -> &str {
        &self.batch.items[index].name
    }

    fn length(&self, index: usize) -> u64 {
        self.batch.items[index].steps
    }

    fn warn(&self, text: &str) {
        self.bar.suspend(|| say(&format!("warning: {text}")));
    }

    fn ended(&mut self, index: usize, how: &str) {
        self.done += 1;
        self.advance(index, self.length(index));
        if self.plain && self.batch.items.len() <= FEW {
            say(&format!("{}: {how}; {}", self.name(index), self.summary()));
        } else {
            self.say_now_and_then();
        }
    }

    fn say_now_and_then(&mut self) {
        if self.plain && self.said.elapsed() > PLAIN_EVERY {
            self.said = Instant::now();
            say(&format!("{}: {}", self.batch.title, self.summary()));
        }
    }

    fn advance(&mut self, index: usize, step: u64) {
        self.steps[index] = step;
        self.bar.set_message(format!("{}{}", self.runs(), self.whole()));
        // The bar counts this invocation alone, so that cached runs do not distort its ETA.
        self.bar.set_length(self.total() - self.given);
        self.bar.set_position(self.made() - self.given);
    }

    /// Cost of all steps of every run.
    fn total(&self) -> u64 {
        self.batch.items.iter().zip(&self.costs).map(|(item, cost)| item.steps * cost).sum()
    }

    /// Cost of the completed steps.
    fn made(&self) -> u64 {
        self.steps.iter().zip(&self.costs).map(|(steps, cost)| steps * cost).sum()
    }

    fn summary(&self) -> String {
        let (total, made) = (self.total(), self.made());
        match self.seconds((total - made) as f64) {
            Some(seconds) if made < total => {
                let percent = 100 * made / total;
                format!(
                    "{}, {percent} % of the work, ETA {seconds:.0} s{}",
                    self.runs(),
                    self.whole()
                )
            }
            _ => self.runs(),
        }
    }

    fn runs(&self) -> String {
        format!("{}/{} runs", self.done + self.cached, self.batch.items.len())
    }

    /// Seconds for so much work at the speed so far; `None` before any is done.
    fn seconds(&self, work: f64) -> Option<f64> {
        let here = self.made() - self.given;
        (here > 0).then(|| self.started.elapsed().as_secs_f64() * work / here as f64)
    }

    /// Time for the batch and what is known to follow, in words after a comma; empty if nothing
    /// follows.
    fn whole(&self) -> String {
        let left = (self.total() - self.made()) as f64 + self.later;
        match self.seconds(left) {
            Some(seconds) if self.later > 0.0 => {
                format!(", everything in about {:.0} min", (seconds / 60.0).ceil())
            }
            _ => String::new(),
        }
    }

    /// Clears the bar and prints how much came from the store.
    fn finish(self) {
        self.bar.finish_and_clear();
        if self.batch.kind == BatchKind::Runs && self.plain && self.cached > 0 {
            let (cached, runs) = (self.cached, self.batch.items.len());
            say(&format!("{cached} of {runs} runs were in the store already"));
        }
    }
}
