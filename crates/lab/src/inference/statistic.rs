//! Statistics of a run: the metric, the steps and the held-out batches that make one number of it.

use windtunnel_measure::metric::{Metric, Name};
use windtunnel_measure::stats::{mean, median};

use super::observation::{DIVERGED, Observation};
use crate::chart::Member;
use crate::ending::{LOSS, MEDIAN};

/// Held-out prompts that a number is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldOutBatch {
    /// All fresh batches of the run: the geometric mean over them.
    Fresh,
    /// One fresh batch, from 1.
    One(usize),
    /// The batch that all runs share, as in the paper.
    Fixed,
}

impl HeldOutBatch {
    /// Beginning of the name of one fresh batch.
    pub const ONE: &str = "fresh batch ";

    /// The primary choice for runs with so many fresh batches.
    pub fn primary(fresh: usize) -> HeldOutBatch {
        if fresh > 0 { HeldOutBatch::Fresh } else { HeldOutBatch::Fixed }
    }

    /// All choices for runs with so many fresh batches, the primary one first.
    pub fn all(fresh: usize) -> Vec<HeldOutBatch> {
        let pooled = (fresh > 0).then_some(HeldOutBatch::Fresh);
        pooled
            .into_iter()
            .chain([HeldOutBatch::Fixed])
            .chain((1..=fresh).map(HeldOutBatch::One))
            .collect()
    }

    /// Names of a metric on these prompts, for runs with so many fresh batches.
    pub fn names(self, metric: &Metric, fresh: usize) -> Vec<Name> {
        match self {
            HeldOutBatch::Fixed => vec![metric.into()],
            HeldOutBatch::One(k) => vec![metric.on_batch(k)],
            HeldOutBatch::Fresh => (1..=fresh).map(|k| metric.on_batch(k)).collect(),
        }
    }

    /// Name of the choice.
    pub fn name(self) -> String {
        match self {
            HeldOutBatch::Fresh => "fresh batches".into(),
            HeldOutBatch::One(k) => format!("{}{k}", HeldOutBatch::ONE),
            HeldOutBatch::Fixed => "fixed batch".into(),
        }
    }
}

/// Steps of a run that make one number.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// One step.
    At(u64),
    /// The last step.
    Last,
    /// A statistic over a share of the steps, without the initial point unless the metric is read
    /// along a step.
    Over {
        /// Name of the statistic and the steps.
        name: &'static str,
        /// Share of the steps before the first one.
        from: f64,
        /// Share of the steps up to the last one.
        to: f64,
        /// The statistic.
        statistic: fn(&[f64]) -> f64,
    },
}

impl When {
    /// A statistic over a share of the steps.
    pub const fn over(
        name: &'static str,
        (from, to): (f64, f64),
        statistic: fn(&[f64]) -> f64,
    ) -> When {
        When::Over { name, from, to, statistic }
    }

    /// The last tenth of the steps, as [`crate::ending::late_loss`] reads it.
    pub const LAST_TENTH: When =
        When::over("geometric mean of the last tenth", (0.9, 1.0), geometric_mean);
    /// Steps of a loss at the end, the primary choice first.
    pub const ENDS: [When; 3] =
        [When::Last, When::LAST_TENTH, When::over("median of the last tenth", (0.9, 1.0), median)];

    fn name(self) -> String {
        match self {
            When::At(step) => format!("step {step}"),
            When::Last => "last step".into(),
            When::Over { name, .. } => name.into(),
        }
    }
}

/// Geometric mean; NaN if a value is negative.
pub fn geometric_mean(x: &[f64]) -> f64 {
    mean(&x.iter().map(|x| x.ln()).collect::<Vec<_>>()).exp()
}

/// Metric of a run at some steps on some held-out prompts.
#[derive(Clone, Debug)]
pub struct RunStatistic {
    /// Name: its choices, separated by commas.
    pub name: String,
    metric: Metric,
    when: When,
    batch: HeldOutBatch,
}

impl RunStatistic {
    /// A metric at some steps on some held-out prompts; `what` is its name.
    pub fn new(what: &str, metric: Metric, when: When, batch: HeldOutBatch) -> RunStatistic {
        let name = format!("{what}, {}, {}", when.name(), batch.name());
        RunStatistic { name, metric, when, batch }
    }

    /// A metric that reads no held-out batch, at the last step, under this name.
    pub fn fresh_prompts(name: &str, metric: Metric) -> RunStatistic {
        RunStatistic { name: name.into(), metric, when: When::Last, batch: HeldOutBatch::Fixed }
    }

    /// The mean or the median of the held-out losses of single prompts.
    ///
    /// # Panics
    /// For another metric.
    pub fn loss(metric: Metric, when: When, batch: HeldOutBatch) -> RunStatistic {
        let what = match metric {
            LOSS => "mean prompt",
            MEDIAN => "median prompt",
            other => panic!("{other} is no statistic of held-out losses"),
        };
        RunStatistic::new(what, metric, when, batch)
    }

    /// Every metric under every choice of steps and batches.
    pub fn grid(
        (what, metric): (&str, &Metric),
        whens: &[When],
        batches: &[HeldOutBatch],
    ) -> Vec<RunStatistic> {
        let of = |when: &When| {
            let on = |batch: &HeldOutBatch| RunStatistic::new(what, metric.clone(), *when, *batch);
            batches.iter().map(on).collect::<Vec<_>>()
        };
        whens.iter().flat_map(of).collect()
    }

    /// All statistics of the loss at the end of runs with so many fresh batches: the primary one
    /// (median prompt, last step, fresh batches), that of Ahn et al. (mean prompt, last step, fixed
    /// batch), all others.
    pub fn losses(fresh: usize) -> Vec<RunStatistic> {
        let batches = HeldOutBatch::all(fresh);
        let mut all = RunStatistic::grid(("median prompt", &MEDIAN), &When::ENDS, &batches);
        all.extend(RunStatistic::grid(("mean prompt", &LOSS), &When::ENDS, &batches));
        all.push(RunStatistic::fresh_prompts(
            "median of means, last step, 10,000 fresh prompts",
            Metric::LossMedianOfMeans,
        ));
        RunStatistic::ordered(
            all,
            [
                RunStatistic::loss(MEDIAN, When::Last, batches[0]),
                RunStatistic::loss(LOSS, When::Last, HeldOutBatch::Fixed),
            ],
        )
    }

    /// All statistics, with two of them first.
    pub fn ordered(all: Vec<RunStatistic>, first: [RunStatistic; 2]) -> Vec<RunStatistic> {
        let is_other = |own: &RunStatistic| first.iter().all(|first| first.name != own.name);
        let others: Vec<RunStatistic> = all.into_iter().filter(is_other).collect();
        first.into_iter().chain(others).collect()
    }

    /// Name of the steps.
    pub fn steps(&self) -> String {
        self.when.name()
    }

    /// Whether it is a mean over prompts, which settles only if their tail is light enough: a mean
    /// loss, or the curvature along a step of the mean loss on the batch that all runs share. (On
    /// batches that differ from run to run, the typical curvature of a batch is a number of its own.)
    pub fn is_mean_over_prompts(&self) -> bool {
        let along = self.metric == Metric::DirectionalSmoothness;
        self.metric == LOSS || (along && self.batch == HeldOutBatch::Fixed)
    }

    /// Observation of a run of `steps` steps. A diverged run counts as infinitely bad if the metric
    /// is a loss, else it has none.
    pub fn of(&self, member: &Member, steps: u64) -> Observation {
        let names = self.batch.names(&self.metric, fresh_batches(member));
        let all: Vec<Observation> =
            names.iter().map(|name| self.read(member, name, steps)).collect();
        Observation::pooled(&all)
    }

    fn read(&self, member: &Member, name: &Name, steps: u64) -> Observation {
        let is_loss = [LOSS, MEDIAN, Metric::LossMedianOfMeans].contains(&self.metric);
        let diverged = diverged(member, steps);
        match self.when {
            _ if is_loss && diverged => Observation::Infinite(DIVERGED),
            When::At(step) => reached(member, name, step, steps),
            When::Last => reached(member, name, steps, steps),
            When::Over { .. } if diverged => Observation::Missing(DIVERGED),
            When::Over { from, to, statistic, .. } => {
                let along = self.metric == Metric::DirectionalSmoothness;
                let first = ((from * steps as f64).floor() as u64).max(u64::from(!along));
                let range = first..=(to * steps as f64) as u64;
                let own = member.rows_of(name).filter(|row| range.contains(&row.step));
                let own: Vec<f64> = own.map(|row| row.value).collect();
                Observation::of((!own.is_empty()).then(|| statistic(&own)))
            }
        }
    }
}

/// Observation of a metric at a step of a run of `steps` steps, which may have diverged later.
pub fn reached(member: &Member, name: impl Into<Name>, step: u64, steps: u64) -> Observation {
    let name = name.into();
    let reference = Metric::NoiseReferenceError;
    let is_noise = name.metric().batch_size().is_some();
    match member.value(&name, step) {
        None if diverged(member, steps) => Observation::Missing(DIVERGED),
        None if is_noise && member.value(reference, step).is_some() => {
            Observation::Missing("was measured against too poor a reference")
        }
        value => Observation::of(value),
    }
}

/// Number of fresh held-out batches on which a run was evaluated.
pub fn fresh_batches(member: &Member) -> usize {
    (1..).take_while(|&k| member.rows_of(LOSS.on_batch(k)).next().is_some()).count()
}

/// Whether a run ended before its last step.
pub fn diverged(member: &Member, steps: u64) -> bool {
    member.rows_of(LOSS).next_back().is_none_or(|row| row.step < steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_runs::store::{Row, RunId};

    /// A run of 100 steps, every tenth measured, with two fresh batches.
    fn member(end: u64) -> Member {
        let mut rows = Vec::new();
        for step in (0..=end).step_by(10) {
            let loss = 200.0 - step as f64;
            rows.push(Row::new(step, LOSS, loss));
            rows.push(Row::new(step, MEDIAN, 0.5 * loss));
            rows.push(Row::new(step, MEDIAN.on_batch(1), loss));
            rows.push(Row::new(step, MEDIAN.on_batch(2), 4.0 * loss));
            rows.push(Row::new(step, LOSS.on_batch(1), loss));
            rows.push(Row::new(step, LOSS.on_batch(2), loss));
        }
        Member { run: RunId::from(1), seed: 1, rows: rows.into() }
    }

    fn value(when: When, batch: HeldOutBatch) -> f64 {
        RunStatistic::loss(MEDIAN, when, batch).of(&member(100), 100).value()
    }

    #[test]
    fn a_run_is_read_at_steps_and_on_batches() {
        assert_eq!(value(When::Last, HeldOutBatch::Fixed), 50.0);
        assert_eq!(value(When::At(30), HeldOutBatch::Fixed), 85.0);
        assert_eq!(value(When::Last, HeldOutBatch::One(2)), 400.0);
        // √(100 · 400).
        assert!((value(When::Last, HeldOutBatch::Fresh) - 200.0).abs() < 1e-12);
        let late = value(When::LAST_TENTH, HeldOutBatch::Fixed);
        assert!((late - (55.0_f64 * 50.0).sqrt()).abs() < 1e-12, "{late}");
        // Without the initial point.
        let all = When::over("mean over all steps", (0.0, 1.0), mean);
        assert_eq!(value(all, HeldOutBatch::Fixed), 72.5);
        assert_eq!(fresh_batches(&member(100)), 2);
    }

    #[test]
    fn losses_of_runs_that_diverged_are_infinite() {
        let short = member(50);
        assert!(diverged(&short, 100) && !diverged(&short, 50));
        let of = |statistic: RunStatistic| statistic.of(&short, 100);
        let loss = of(RunStatistic::loss(LOSS, When::Last, HeldOutBatch::Fresh));
        assert_eq!(loss, Observation::Infinite(DIVERGED));
        let condition = Metric::RobustConditionNumber;
        let other = RunStatistic::new("R", condition, When::At(30), HeldOutBatch::Fixed);
        assert_eq!(of(other), Observation::Missing(DIVERGED));
    }

    #[test]
    fn losses_are_listed_once_the_primary_first() {
        let all = RunStatistic::losses(2);
        assert_eq!(all[0].name, "median prompt, last step, fresh batches");
        assert_eq!(all[1].name, "mean prompt, last step, fixed batch");
        let names: std::collections::BTreeSet<&str> =
            all.iter().map(|own| own.name.as_str()).collect();
        // Two statistics, three choices of steps, four of batches, and the median of means.
        assert_eq!((all.len(), names.len()), (25, 25));
        assert_eq!(RunStatistic::losses(0)[0].name, "median prompt, last step, fixed batch");
    }
}
