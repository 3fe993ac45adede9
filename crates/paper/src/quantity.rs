//! Quantities of claims, and the conventions by which a run becomes a number.

use windtunnel_measure::landscape::{
    Convention as ConditionConvention, Curvature, Median, Parameters,
};
use windtunnel_measure::metric::Metric;
use windtunnel_measure::stats::{mean, median};

use super::noise::{InitialNoise, Statistic, Statistics};
use super::reading::{DIVERGED, Reading};
use windtunnel_lab::chart::Member;
use windtunnel_lab::ending::{self, late_loss};
pub(super) use windtunnel_lab::ending::{LOSS, MEDIAN};

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
/// Other steps at which it is judged.
const OTHER_STEPS: [u64; 5] = [250, 2500, 5000, 7500, 10_000];

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

/// Method that turns a run into a number.
pub struct Convention {
    /// Name: its choices, separated by commas.
    pub name: String,
    read: Read,
}

enum Read {
    /// The metric at a step, or at the last one; infinite if the run diverged before.
    Loss {
        metric: Metric,
        late: bool,
    },
    /// Over fresh prompts at the last step.
    Fresh,
    At {
        metric: Metric,
        step: u64,
    },
    /// The value of a metric at the last step.
    Last {
        metric: Metric,
    },
    /// A statistic over a share of the steps.
    Over {
        from: f64,
        to: f64,
        statistic: fn(&[f64]) -> f64,
    },
    Noise(fn(&Statistics) -> Statistic),
}

impl Quantity {
    /// All conventions for runs of so many steps, the paper's first.
    pub fn conventions(self, steps: u64) -> Vec<Convention> {
        let convention = |name: &str, read| Convention { name: name.into(), read };
        match self {
            Quantity::Loss => vec![
                convention("mean prompt, last step", Read::Loss { metric: LOSS, late: false }),
                convention("mean prompt, last tenth", Read::Loss { metric: LOSS, late: true }),
                convention("median prompt, last step", Read::Loss { metric: MEDIAN, late: false }),
                convention("median prompt, last tenth", Read::Loss { metric: MEDIAN, late: true }),
                convention("10,000 fresh prompts, median of means", Read::Fresh),
            ],
            Quantity::RobustCondition => condition(steps),
            Quantity::DirectionalSmoothness => {
                let over = |name, from, to, statistic| {
                    convention(name, Read::Over { from, to, statistic })
                };
                vec![
                    over("mean over all steps", 0.0, 1.0, mean),
                    over("median over all steps", 0.0, 1.0, median),
                    over("mean over the first tenth", 0.0, 0.1, mean),
                    over("mean over the last half", 0.5, 1.0, mean),
                    over("mean of |uᵀHu|", 0.0, 1.0, mean_size),
                ]
            }
            Quantity::InitialNoise => vec![
                convention("99.9 % quantile over Gaussian noise's", Read::Noise(|n| n.q999)),
                convention("largest over Gaussian noise's", Read::Noise(|n| n.largest)),
                convention(
                    "kurtosis of the norm over Gaussian noise's",
                    Read::Noise(Statistics::kurtosis_ratio),
                ),
                convention(
                    "kurtosis of the median coordinate, over 3",
                    Read::Noise(|n| Ok(n.coordinate_kurtosis? / 3.0 + 1.0)),
                ),
                convention("B = 1, 99.9 % quantile", Read::Noise(|n| n.single)),
            ],
            Quantity::NoiseInTraining => vec![
                convention("largest over Gaussian noise's", {
                    Read::Last { metric: tail_metric(1000) }
                }),
                convention("99.9 % quantile over Gaussian noise's", {
                    Read::Last { metric: Metric::NoiseGaussianRatioQ999(1000) }
                }),
            ],
        }
    }

    /// Metrics that are drawn over the steps if a verdict changes, the paper's first.
    pub fn curves(self) -> Vec<(String, Metric)> {
        match self {
            Quantity::Loss => [("mean prompt", LOSS), ("median prompt", MEDIAN)]
                .map(|(name, metric)| (name.into(), metric))
                .into(),
            Quantity::RobustCondition => {
                let others = ConditionConvention::all();
                let others = others.filter(|c| *c != ConditionConvention::PAPER);
                std::iter::once(ConditionConvention::PAPER)
                    .chain(others)
                    .map(|c| (words(c), Metric::robust_condition_number(c)))
                    .collect()
            }
            _ => Vec::new(),
        }
    }
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

/// The paper's convention at every step, then the others at the steps of its table.
fn condition(steps: u64) -> Vec<Convention> {
    let made = |step: &u64| *step <= steps;
    let paper = TABLE_STEPS.into_iter().chain(OTHER_STEPS).filter(made);
    let paper = paper.map(Convention::condition);
    let others = TABLE_STEPS.into_iter().filter(made).flat_map(|step| {
        let others = ConditionConvention::all().filter(|c| *c != ConditionConvention::PAPER);
        others.map(move |convention| (convention, step))
    });
    paper.chain(others.map(|(convention, step)| condition_at(convention, step))).collect()
}

fn condition_at(convention: ConditionConvention, step: u64) -> Convention {
    Convention {
        name: format!("step {step}, {}", words(convention)),
        read: Read::At { metric: Metric::robust_condition_number(convention), step },
    }
}

impl Convention {
    /// The robust condition number at a step by the paper's convention.
    pub(super) fn condition(step: u64) -> Convention {
        condition_at(ConditionConvention::PAPER, step)
    }

    /// Reading of a run of `steps` steps; missing if the convention reads noise at initialization.
    pub fn of_run(&self, member: &Member, steps: u64) -> Reading {
        let diverged = diverged(member, steps);
        match &self.read {
            Read::Loss { .. } | Read::Fresh if diverged => Reading::Infinite(DIVERGED),
            Read::Over { .. } if diverged => Reading::Missing(DIVERGED),
            Read::Loss { metric, late: true } => {
                Reading::of(late_loss(&member.rows, metric, steps))
            }
            Read::Loss { metric, late: false } => Reading::of(member.value(metric, steps)),
            Read::Fresh => Reading::of(member.value(Metric::LossMedianOfMeans, steps)),
            Read::At { metric, step } => reached(member, metric, *step, steps),
            Read::Last { metric } => reached(member, metric, steps, steps),
            Read::Over { from, to, statistic } => {
                let range = from * steps as f64..=to * steps as f64;
                let own =
                    member.rows_of(SMOOTHNESS).filter(|row| range.contains(&(row.step as f64)));
                let own: Vec<f64> = own.map(|row| row.value).collect();
                Reading::of((!own.is_empty()).then(|| statistic(&own)))
            }
            Read::Noise(_) => Reading::of(None),
        }
    }

    /// Whether it reads noise at initialization instead of runs.
    pub fn is_of_noise(&self) -> bool {
        matches!(self.read, Read::Noise(_))
    }

    /// Reading of noise at initialization; missing if the convention reads runs.
    pub fn of_noise(&self, noise: &InitialNoise) -> Reading {
        match self.read {
            Read::Noise(read) => match read(&noise.statistics) {
                Ok(value) => Reading::of(Some(value)),
                Err(missing) => Reading::Missing(missing.text()),
            },
            _ => Reading::of(None),
        }
    }
}

/// Reading of a metric at a step of a run of `steps` steps.
pub(super) fn reached(member: &Member, metric: &Metric, step: u64, steps: u64) -> Reading {
    let poor = || metric.batch_size().is_some() && member.value(REFERENCE, step).is_some();
    match member.value(metric, step) {
        None if diverged(member, steps) => Reading::Missing(DIVERGED),
        None if poor() => Reading::Missing("was measured against too poor a reference"),
        value => Reading::of(value),
    }
}

/// Whether a run ended before its last step.
pub(super) fn diverged(member: &Member, steps: u64) -> bool {
    ending::diverged(&member.rows, steps)
}
