//! Quantities of claims, and the specifications by which a run becomes a number.

use windtunnel_measure::landscape::{
    Convention as ConditionConvention, Curvature, Median, Parameters,
};
use windtunnel_measure::metric::{Metric, Name};
use windtunnel_measure::stats::{mean, median};

use super::noise::{InitialNoise, Statistic, Statistics};
use windtunnel_lab::chart::Member;
pub(super) use windtunnel_lab::ending::{LOSS, MEDIAN};
use windtunnel_lab::inference::{DIVERGED, Observation};

pub(super) const CONDITION: Metric = Metric::RobustConditionNumber;
pub(super) const SMOOTHNESS: Metric = Metric::DirectionalSmoothness;
pub(super) const HETEROGENEITY: Metric = Metric::JsDistance;
/// Error of the reference gradient of noise.
pub(super) const REFERENCE: Metric = Metric::NoiseReferenceError;
/// The metric of the largest draw over that of Gaussian noise, for mini-batches of this size.
///
/// A quantile does not work along a trajectory: if one draw has all the variance, the others are
/// small beside Gaussian noise of that variance.
pub(super) fn tail_metric(batch_size: usize) -> Metric {
    Metric::NoiseGaussianRatioMax(batch_size)
}

/// Steps of the paper's table of robust condition numbers.
pub const TABLE_STEPS: [u64; 2] = [750, 1250];

/// A quantity whose ratios are claimed. A pair in which one value is not positive has no ratio and
/// is left out; the number of pairs shows this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Held-out loss.
    Loss,
    /// max |H_ii| / median |H_ii|.
    RobustCondition,
    /// uᵀHu along the step.
    DirectionalSmoothness,
    /// Tail of the noise at initialization, over that of Gaussian noise.
    InitialNoise,
    /// Tail of the noise along the trajectory, mini-batches of 1000 prompts.
    NoiseInTraining,
}

/// Method that turns a run into a number: a statistic, steps, and held-out batches.
#[derive(Clone)]
pub struct Specification {
    /// Name: its choices, separated by commas.
    pub name: String,
    read: Read,
    batch: Batch,
}

/// Held-out prompts that a number is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// All fresh batches of the run: the geometric mean over them.
    Fresh,
    /// One fresh batch, from 1.
    One(usize),
    /// The batch that all runs share, as in the paper.
    Fixed,
}

impl Batch {
    /// All choices for runs with so many fresh batches, the primary one first.
    fn all(fresh: usize) -> Vec<Batch> {
        let pooled = (fresh > 0).then_some(Batch::Fresh);
        pooled.into_iter().chain([Batch::Fixed]).chain((1..=fresh).map(Batch::One)).collect()
    }

    fn name(self) -> String {
        match self {
            Batch::Fresh => "fresh batches".into(),
            Batch::One(k) => format!("fresh batch {k}"),
            Batch::Fixed => "fixed batch".into(),
        }
    }
}

/// Steps of a run that make one number.
#[derive(Clone, Copy)]
enum When {
    /// One step.
    At(u64),
    /// The last step.
    Last,
    /// A statistic over a share of the steps.
    Over { name: &'static str, from: f64, to: f64, statistic: fn(&[f64]) -> f64 },
}

impl When {
    fn name(self) -> String {
        match self {
            When::At(step) => format!("step {step}"),
            When::Last => "last step".into(),
            When::Over { name, .. } => name.into(),
        }
    }
}

#[derive(Clone)]
enum Read {
    /// A metric of a run; a diverged run counts as infinite if it is a loss, else as missing.
    Run {
        metric: Metric,
        when: When,
    },
    Noise(fn(&Statistics) -> Statistic),
}

const fn over(name: &'static str, from: f64, to: f64, statistic: fn(&[f64]) -> f64) -> When {
    When::Over { name, from, to, statistic }
}

const LAST_TENTH: When = over("geometric mean of the last tenth", 0.9, 1.0, geometric);
/// Steps of a loss, the primary one first.
const ENDS: [When; 3] =
    [When::Last, LAST_TENTH, over("median of the last tenth", 0.9, 1.0, median)];
/// The typical robust condition number along a trajectory, without the common initial point.
const ALONG: When = over("geometric mean along the trajectory", 0.0, 1.0, geometric);
/// Steps of directional smoothness: the primary choice, then that of the paper.
const SPANS: [When; 9] = [
    over("median over all steps", 0.0, 1.0, median),
    over("mean over all steps", 0.0, 1.0, mean),
    over("mean size over all steps", 0.0, 1.0, mean_size),
    over("median over the first tenth", 0.0, 0.1, median),
    over("mean over the first tenth", 0.0, 0.1, mean),
    over("mean size over the first tenth", 0.0, 0.1, mean_size),
    over("median over the last half", 0.5, 1.0, median),
    over("mean over the last half", 0.5, 1.0, mean),
    over("mean size over the last half", 0.5, 1.0, mean_size),
];

impl Quantity {
    /// All specifications for runs of so many steps with so many fresh held-out batches: the primary
    /// one, that of the paper, all others. docs/audit.md argues the choice.
    pub fn specifications(self, steps: u64, fresh: usize) -> Vec<Specification> {
        let batches = Batch::all(fresh);
        let grid = |metric: &Metric, whens: &[When]| -> Vec<Specification> {
            let of = |when: &When| {
                let on = |batch: &Batch| Specification::of(metric.clone(), *when, *batch);
                batches.iter().map(on).collect::<Vec<_>>()
            };
            whens.iter().flat_map(of).collect()
        };
        match self {
            Quantity::Loss => {
                let fresh = Specification {
                    name: "median of means, last step, 10,000 fresh prompts".into(),
                    read: Read::Run { metric: Metric::LossMedianOfMeans, when: When::Last },
                    batch: Batch::Fixed,
                };
                let all = [grid(&MEDIAN, &ENDS), grid(&LOSS, &ENDS), vec![fresh]].concat();
                ordered(
                    all,
                    [
                        Specification::loss(MEDIAN, batches[0]),
                        Specification::loss(LOSS, Batch::Fixed),
                    ],
                )
            }
            Quantity::RobustCondition => {
                let table: Vec<u64> =
                    TABLE_STEPS.into_iter().filter(|step| *step < steps).collect();
                let at = table.iter().map(|step| When::At(*step));
                let whens: Vec<When> = [ALONG].into_iter().chain(at).chain([When::Last]).collect();
                let metrics = ConditionConvention::all().map(Metric::robust_condition_number);
                ordered(
                    metrics.flat_map(|metric| grid(&metric, &whens)).collect(),
                    [
                        Specification::of(CONDITION, ALONG, batches[0]),
                        Specification::of(CONDITION, whens[1], Batch::Fixed),
                    ],
                )
            }
            Quantity::DirectionalSmoothness => ordered(
                grid(&SMOOTHNESS, &SPANS),
                [
                    Specification::of(SMOOTHNESS, SPANS[0], batches[0]),
                    Specification::of(SMOOTHNESS, SPANS[1], Batch::Fixed),
                ],
            ),
            Quantity::InitialNoise => {
                let of = |name: &str, read| Specification {
                    name: name.into(),
                    read: Read::Noise(read),
                    batch: Batch::Fixed,
                };
                vec![
                    of("99.9 % quantile over Gaussian noise's", |n| n.q999),
                    of("largest over Gaussian noise's", |n| n.largest),
                    of("kurtosis of the norm over Gaussian noise's", Statistics::kurtosis_ratio),
                    of("kurtosis of the median coordinate, over 3", |n| {
                        Ok(n.coordinate_kurtosis? / 3.0 + 1.0)
                    }),
                    of("B = 1, 99.9 % quantile", |n| n.single),
                ]
            }
            Quantity::NoiseInTraining => {
                let of = |name: &str, metric| Specification {
                    name: name.into(),
                    read: Read::Run { metric, when: When::Last },
                    batch: Batch::Fixed,
                };
                vec![
                    of("largest over Gaussian noise's", tail_metric(1000)),
                    of(
                        "99.9 % quantile over Gaussian noise's",
                        Metric::NoiseGaussianRatioQ999(1000),
                    ),
                ]
            }
        }
    }
}

/// All specifications, two of them first.
fn ordered(all: Vec<Specification>, first: [Specification; 2]) -> Vec<Specification> {
    let is_other = |own: &Specification| first.iter().all(|first| first.name != own.name);
    let others: Vec<Specification> = all.into_iter().filter(is_other).collect();
    first.into_iter().chain(others).collect()
}

fn mean_size(x: &[f64]) -> f64 {
    mean(&x.iter().map(|x| x.abs()).collect::<Vec<_>>())
}

/// Geometric mean; NaN if a value is negative.
fn geometric(x: &[f64]) -> f64 {
    mean(&x.iter().map(|x| x.ln()).collect::<Vec<_>>()).exp()
}

fn words(convention: ConditionConvention) -> String {
    let curvature = match convention.curvature {
        Curvature::Diagonal => "diagonal",
        Curvature::Eigenvalues => "eigenvalues",
    };
    let median = match convention.median {
        Median::Lower => "lower median",
        Median::Midpoint => "midpoint median",
    };
    let parameters = match convention.parameters {
        Parameters::All => "all parameters",
        Parameters::Live => "live parameters",
    };
    [curvature, median, parameters].join(", ")
}

/// Name of the statistic that a metric is.
fn statistic(metric: &Metric) -> String {
    let conventions = ConditionConvention::all();
    let mut conventions =
        conventions.filter(|own| Metric::robust_condition_number(*own) == *metric);
    match conventions.next() {
        Some(convention) => words(convention),
        None if *metric == LOSS => "mean prompt".into(),
        None if *metric == MEDIAN => "median prompt".into(),
        None => metric.entry().axis.into(),
    }
}

impl Specification {
    /// A metric of runs at some steps on some held-out prompts.
    fn of(metric: Metric, when: When, batch: Batch) -> Specification {
        let choices = match metric {
            SMOOTHNESS => vec![when.name(), batch.name()],
            _ => vec![statistic(&metric), when.name(), batch.name()],
        };
        Specification { name: choices.join(", "), read: Read::Run { metric, when }, batch }
    }

    /// A loss at the last step.
    pub(super) fn loss(metric: Metric, batch: Batch) -> Specification {
        Specification::of(metric, When::Last, batch)
    }

    /// The geometric mean of a loss over the last tenth of the steps.
    pub(super) fn late_loss(metric: Metric, batch: Batch) -> Specification {
        Specification::of(metric, LAST_TENTH, batch)
    }

    /// The robust condition number at a step by the paper's convention, on the fixed batch.
    pub(super) fn condition(step: u64) -> Specification {
        Specification::of(CONDITION, When::At(step), Batch::Fixed)
    }

    /// Whether it is a mean over prompts, which settles only if their tail is light enough.
    pub(super) fn is_mean_over_prompts(&self) -> bool {
        matches!(&self.read, Read::Run { metric, .. } if *metric == LOSS)
    }

    /// Observation of a run of `steps` steps; missing if the specification reads noise at
    /// initialization.
    pub fn of_run(&self, member: &Member, steps: u64) -> Observation {
        let Read::Run { metric, when } = &self.read else { return Observation::of(None) };
        match self.batch {
            Batch::Fixed => observed(member, &metric.into(), *when, steps),
            Batch::One(k) => observed(member, &metric.on_batch(k), *when, steps),
            Batch::Fresh => {
                let names = (1..=fresh_batches(member)).map(|k| metric.on_batch(k));
                let all: Vec<Observation> =
                    names.map(|name| observed(member, &name, *when, steps)).collect();
                Observation::pooled(&all)
            }
        }
    }

    /// Whether it reads noise at initialization instead of runs.
    pub fn is_of_noise(&self) -> bool {
        matches!(self.read, Read::Noise(_))
    }

    /// Observation of noise at initialization; missing if the specification reads runs.
    pub fn of_noise(&self, noise: &InitialNoise) -> Observation {
        match self.read {
            Read::Noise(read) => match read(&noise.statistics) {
                Ok(value) => Observation::of(Some(value)),
                Err(missing) => Observation::Missing(missing.text()),
            },
            Read::Run { .. } => Observation::of(None),
        }
    }
}

/// Number of fresh held-out batches on which a run was evaluated.
pub(super) fn fresh_batches(member: &Member) -> usize {
    (1..).take_while(|&k| member.rows_of(LOSS.on_batch(k)).next().is_some()).count()
}

fn observed(member: &Member, name: &Name, when: When, steps: u64) -> Observation {
    let is_loss = [LOSS, MEDIAN, Metric::LossMedianOfMeans].contains(name.metric());
    match when {
        _ if is_loss && diverged(member, steps) => Observation::Infinite(DIVERGED),
        When::Over { .. } if diverged(member, steps) => Observation::Missing(DIVERGED),
        When::At(step) => reached(member, name, step, steps),
        When::Last => reached(member, name, steps, steps),
        When::Over { from, to, statistic, .. } => {
            // Rounded down, so that a tenth of the steps begins where `late_loss` does.
            let first = ((from * steps as f64).floor() as u64).max(u64::from(!is_smoothness(name)));
            let range = first..=(to * steps as f64) as u64;
            let own = member.rows_of(name).filter(|row| range.contains(&row.step));
            let own: Vec<f64> = own.map(|row| row.value).collect();
            Observation::of((!own.is_empty()).then(|| statistic(&own)))
        }
    }
}

/// Whether a metric is read along a step, so that it is of the trajectory at step 0 already.
fn is_smoothness(name: &Name) -> bool {
    *name.metric() == SMOOTHNESS
}

/// Observation of a metric at a step of a run of `steps` steps.
pub(super) fn reached(
    member: &Member,
    name: impl Into<Name>,
    step: u64,
    steps: u64,
) -> Observation {
    let name = name.into();
    let poor = || name.metric().batch_size().is_some() && member.value(REFERENCE, step).is_some();
    match member.value(&name, step) {
        None if diverged(member, steps) => Observation::Missing(DIVERGED),
        None if poor() => Observation::Missing("was measured against too poor a reference"),
        value => Observation::of(value),
    }
}

/// Whether a run ended before its last step.
pub(super) fn diverged(member: &Member, steps: u64) -> bool {
    member.rows_of(LOSS).next_back().is_none_or(|row| row.step < steps)
}
