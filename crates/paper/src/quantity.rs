//! Quantities of claims, and the specifications by which a run becomes a number.

use windtunnel_measure::landscape::{
    Convention as ConditionConvention, Curvature, Median, Parameters,
};
use windtunnel_measure::metric::Metric;
use windtunnel_measure::stats::{mean, median};

use super::noise::{InitialNoise, Statistic, Statistics};
use windtunnel_lab::chart::Member;
pub(super) use windtunnel_lab::ending::{LOSS, MEDIAN};
use windtunnel_lab::inference::{HeldOutBatch, Observation, RunStatistic, When, geometric_mean};

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

/// Method that turns the runs of a seed into a number.
#[derive(Clone)]
pub struct Specification {
    /// Name: its choices, separated by commas.
    pub name: String,
    read: Read,
}

#[derive(Clone)]
enum Read {
    /// A statistic of a run.
    Run(RunStatistic),
    /// A statistic of the noise at initialization.
    Noise(fn(&Statistics) -> Statistic),
}

/// The typical robust condition number along a trajectory, without the common initial point.
const ALONG: When = When::over("geometric mean along the trajectory", (0.0, 1.0), geometric_mean);
/// Steps of directional smoothness: the primary choice, then that of the paper.
const SPANS: [When; 9] = [
    When::over("median over all steps", ALL, median),
    When::over("mean over all steps", ALL, mean),
    When::over("mean size over all steps", ALL, mean_size),
    When::over("median over the first tenth", FIRST, median),
    When::over("mean over the first tenth", FIRST, mean),
    When::over("mean size over the first tenth", FIRST, mean_size),
    When::over("median over the last half", HALF, median),
    When::over("mean over the last half", HALF, mean),
    When::over("mean size over the last half", HALF, mean_size),
];
const ALL: (f64, f64) = (0.0, 1.0);
const FIRST: (f64, f64) = (0.0, 0.1);
const HALF: (f64, f64) = (0.5, 1.0);

impl Quantity {
    /// All specifications for runs of so many steps with so many fresh held-out batches: the primary
    /// one, that of the paper, all others. docs/audit.md argues the choice.
    pub fn specifications(self, steps: u64, fresh: usize) -> Vec<Specification> {
        let batches = HeldOutBatch::all(fresh);
        let runs = match self {
            Quantity::Loss => RunStatistic::losses(fresh),
            Quantity::RobustCondition => {
                let table = TABLE_STEPS.into_iter().filter(|step| *step < steps).map(When::At);
                let whens: Vec<When> =
                    [ALONG].into_iter().chain(table).chain([When::Last]).collect();
                let of = |convention| {
                    let metric = Metric::robust_condition_number(convention);
                    RunStatistic::grid((&words(convention), &metric), &whens, &batches)
                };
                RunStatistic::ordered(
                    ConditionConvention::all().flat_map(of).collect(),
                    [condition(ALONG, batches[0]), condition(whens[1], HeldOutBatch::Fixed)],
                )
            }
            Quantity::DirectionalSmoothness => {
                let of = |when, batch| RunStatistic::new("uᵀHu", SMOOTHNESS, when, batch);
                RunStatistic::ordered(
                    RunStatistic::grid(("uᵀHu", &SMOOTHNESS), &SPANS, &batches),
                    [of(SPANS[0], batches[0]), of(SPANS[1], HeldOutBatch::Fixed)],
                )
            }
            Quantity::InitialNoise => return initial_noise(),
            Quantity::NoiseInTraining => vec![
                RunStatistic::fresh_prompts("largest over Gaussian noise's", tail_metric(1000)),
                RunStatistic::fresh_prompts(
                    "99.9 % quantile over Gaussian noise's",
                    Metric::NoiseGaussianRatioQ999(1000),
                ),
            ],
        };
        runs.into_iter().map(Specification::of_runs).collect()
    }
}

fn initial_noise() -> Vec<Specification> {
    let of = |name: &str, read| Specification { name: name.into(), read: Read::Noise(read) };
    vec![
        of("99.9 % quantile over Gaussian noise's", |n| n.q999),
        of("largest over Gaussian noise's", |n| n.largest),
        of("kurtosis of the norm over Gaussian noise's", Statistics::kurtosis_ratio),
        of("kurtosis of the median coordinate, over 3", |n| Ok(n.coordinate_kurtosis? / 3.0 + 1.0)),
        of("B = 1, 99.9 % quantile", |n| n.single),
    ]
}

fn mean_size(x: &[f64]) -> f64 {
    mean(&x.iter().map(|x| x.abs()).collect::<Vec<_>>())
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

/// The robust condition number by the paper's convention.
fn condition(when: When, batch: HeldOutBatch) -> RunStatistic {
    RunStatistic::new(&words(ConditionConvention::PAPER), CONDITION, when, batch)
}

impl Specification {
    fn of_runs(statistic: RunStatistic) -> Specification {
        Specification { name: statistic.name.clone(), read: Read::Run(statistic) }
    }

    /// A loss at some steps.
    pub(super) fn loss(metric: Metric, when: When, batch: HeldOutBatch) -> Specification {
        Specification::of_runs(RunStatistic::loss(metric, when, batch))
    }

    /// The robust condition number at a step by the paper's convention, on the fixed batch.
    pub(super) fn condition(step: u64) -> Specification {
        Specification::of_runs(condition(When::At(step), HeldOutBatch::Fixed))
    }

    /// Name of the steps that it reads; empty for noise at initialization.
    pub(super) fn steps(&self) -> String {
        match &self.read {
            Read::Run(statistic) => statistic.steps(),
            Read::Noise(_) => String::new(),
        }
    }

    /// Whether it is a mean over prompts, which settles only if their tail is light enough.
    pub(super) fn is_mean_over_prompts(&self) -> bool {
        matches!(&self.read, Read::Run(statistic) if statistic.is_mean_over_prompts())
    }

    /// Observation of a run of `steps` steps; missing if the specification reads noise at
    /// initialization.
    pub fn of_run(&self, member: &Member, steps: u64) -> Observation {
        match &self.read {
            Read::Run(statistic) => statistic.of(member, steps),
            Read::Noise(_) => Observation::of(None),
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
            Read::Run(_) => Observation::of(None),
        }
    }
}
