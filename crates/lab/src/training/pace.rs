//! Schedule of checkpoints: at intervals of wall time, and before steps that may take long.

use std::time::Duration;

use windtunnel_train::Schedule;

use windtunnel_runs::spec::RunSpec;

/// Duration from which a step counts as long: the user may stop it before its end.
const LONG: Duration = Duration::from_millis(250);
/// Smallest amount of work for which a checkpoint before a long step is worthwhile.
const LEAST: Duration = Duration::from_millis(100);
/// Saving before long steps takes at most one part in `SHARE` of the time.
const SHARE: u32 = 20;

/// Decides before every step of one invocation whether to save. Times are measured from its
/// beginning.
pub(super) struct Pace {
    every: Duration,
    steps: u64,
    parts: Vec<Part>,
    /// Step and time of the last checkpoint, or of the beginning.
    saved: (u64, Duration),
    /// Duration of the last checkpoint.
    cost: Duration,
    /// The previous step and its start time.
    before: (u64, Duration),
}

/// Part of a step: the update itself, the evaluation, or an instrument.
struct Part {
    schedule: Schedule,
    /// True until the part was in a step that was not long.
    is_long: bool,
}

impl Pace {
    /// The schedule of a run of `spec` that begins at `step`, with a checkpoint after every
    /// `every`.
    pub(super) fn new(spec: &RunSpec, every: Duration, step: u64) -> Pace {
        let schedules = spec.instruments.schedules.iter().map(|(_, schedule)| schedule.clone());
        let own = [Schedule::Every(1), Schedule::Every(spec.eval.every)];
        let part = |schedule| Part { schedule, is_long: true };
        let begin = (step, Duration::ZERO);
        Pace {
            every,
            steps: spec.train.steps,
            parts: own.into_iter().chain(schedules).map(part).collect(),
            saved: begin,
            cost: Duration::ZERO,
            before: begin,
        }
    }

    /// Whether to save before `step`, which begins now.
    pub(super) fn is_due(&mut self, step: u64, now: Duration) -> bool {
        let last = now - self.before.1;
        if last < LONG && step > self.before.0 {
            self.learn(self.before.0);
        }
        self.before = (step, now);
        let work = now - self.saved.1;
        let is_worth = || work >= LEAST.max(self.cost * SHARE);
        let is_long =
            || last >= LONG || self.parts.iter().any(|p| p.is_long && self.takes(p, step));
        step > self.saved.0 && (work >= self.every || is_worth() && is_long())
    }

    /// Records that a checkpoint was written.
    pub(super) fn saved(&mut self, step: u64, began: Duration, ended: Duration) {
        self.saved = (step, ended);
        self.before.1 = ended;
        self.cost = ended - began;
    }

    /// Marks all parts of `step` as not long.
    fn learn(&mut self, step: u64) {
        let last = step >= self.steps;
        for part in self.parts.iter_mut().filter(|part| part.is_long) {
            part.is_long = !part.schedule.due(step, last);
        }
    }

    fn takes(&self, part: &Part, step: u64) -> bool {
        part.schedule.due(step, step >= self.steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_runs::spec::Document;

    fn pace(sets: &[&str], every: f64) -> Pace {
        let mut document = Document::empty();
        sets.iter().for_each(|set| document.set(set).unwrap());
        Pace::new(&document.resolve().unwrap(), Duration::from_secs_f64(every), 0)
    }

    /// Steps before which it saves. Saving takes 5 ms, a step as many milliseconds as
    /// `milliseconds` says.
    fn saves(mut pace: Pace, milliseconds: impl Fn(u64) -> u64, steps: u64) -> Vec<u64> {
        let mut now = Duration::ZERO;
        let mut saved = Vec::new();
        for step in 0..=steps {
            if pace.is_due(step, now) {
                saved.push(step);
                let began = now;
                now += Duration::from_millis(5);
                pace.saved(step, began, now);
            }
            now += Duration::from_millis(milliseconds(step));
        }
        saved
    }

    #[test]
    fn short_steps_are_saved_every_so_often_and_no_more() {
        let sets = ["train.steps=1000", "eval.every=10"];
        assert_eq!(saves(pace(&sets, 2.0), |_| 5, 1000), [400, 800]);
        assert_eq!(saves(pace(&sets, 0.0), |_| 5, 3), [1, 2, 3]);
    }

    #[test]
    fn every_long_step_begins_saved() {
        assert_eq!(saves(pace(&["train.steps=4"], 86_400.0), |_| 250, 4), [1, 2, 3, 4]);
    }

    #[test]
    fn what_was_long_or_is_unknown_begins_saved_and_the_rest_does_not() {
        // The noise is long, the spectrum is not, and neither are updates.
        let instruments =
            ["instruments.noise={ at = [0, 500, 505, 900] }", "instruments.spectrum=50"];
        let sets = [&["train.steps=1000", "eval.every=10"], &instruments[..]].concat();
        let long = |step| if [0, 500, 505, 900].contains(&step) { 1000 } else { 5 };
        // Step 1 follows the long step 0. The spectrum was a part of that, until 50 shows that it
        // is short. At 505 there was too little work since 501.
        assert_eq!(saves(pace(&sets, 86_400.0), long, 1000), [1, 50, 500, 501, 506, 900, 901]);
    }

    #[test]
    fn the_time_that_saving_takes_is_bounded() {
        // Every step is long by its observers, and each save takes half a second.
        let mut pace = pace(&["train.steps=1000", "eval.every=1"], 86_400.0);
        let (mut now, mut spent) = (Duration::ZERO, Duration::ZERO);
        for step in 0..=1000 {
            if pace.is_due(step, now) {
                let cost = Duration::from_millis(500);
                pace.saved(step, now, now + cost);
                (now, spent) = (now + cost, spent + cost);
            }
            now += Duration::from_millis(300);
        }
        // The first save happens before its cost is known.
        assert!(
            spent > Duration::ZERO && spent * SHARE <= now + Duration::from_millis(500) * SHARE
        );
    }
}
