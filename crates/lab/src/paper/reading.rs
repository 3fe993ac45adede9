//! What a run says under a convention, and ratios of such readings over paired seeds.

use windtunnel_core::stats::mean;

/// The number of a run, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A positive number.
    Known(f64),
    /// Larger than any number, and why: it counts as infinite.
    Infinite(&'static str),
    /// None, and why: the pair is left out.
    Missing(&'static str),
}

/// Why a run has no number that it would have if it had gone on.
pub const DIVERGED: &str = "diverged";
/// Why a measured value is larger than any number.
const OVERFLOWED: &str = "is beyond the largest double";

impl Reading {
    /// The reading of a value of which a ratio is made.
    pub fn of(value: Option<f64>) -> Reading {
        match value {
            None => Reading::Missing("was not measured"),
            Some(value) if value.is_nan() => Reading::Missing("is not a number"),
            Some(f64::INFINITY) => Reading::Infinite(OVERFLOWED),
            Some(value) if value <= 0.0 => Reading::Missing("is not positive"),
            Some(value) => Reading::Known(value),
        }
    }

    fn log(&self) -> f64 {
        match self {
            Reading::Known(value) => value.ln(),
            Reading::Infinite(_) => f64::INFINITY,
            Reading::Missing(_) => f64::NAN,
        }
    }

    /// The number, infinite or NaN where there is none.
    pub fn value(&self) -> f64 {
        match self {
            Reading::Known(value) => *value,
            Reading::Infinite(_) => f64::INFINITY,
            Reading::Missing(_) => f64::NAN,
        }
    }

    fn lack(&self) -> Option<&'static str> {
        match self {
            Reading::Known(_) => None,
            Reading::Infinite(why) | Reading::Missing(why) => Some(why),
        }
    }
}

/// Readings of the same runs, one to a seed.
#[derive(Clone, Debug)]
pub struct Readings {
    /// Whose they are, as the subject of a sentence.
    pub of: String,
    /// Seed by seed.
    pub readings: Vec<Reading>,
}

impl Readings {
    /// How many lack a number and why, as "SGDM diverged in 1 of 6 seeds"; empty if none does.
    pub fn lack(&self) -> String {
        let lacks: Vec<&str> = self.readings.iter().filter_map(Reading::lack).collect();
        let mut kinds: Vec<&str> = Vec::new();
        for lack in &lacks {
            if !kinds.contains(lack) {
                kinds.push(lack);
            }
        }
        let sentence = |kind: &&str| {
            let count = lacks.iter().filter(|lack| *lack == kind).count();
            format!("{} {kind} in {count} of {} seeds", self.of, self.readings.len())
        };
        kinds.iter().map(sentence).collect::<Vec<_>>().join("; ")
    }

    /// The numbers, infinite or NaN where there is none.
    pub fn values(&self) -> Vec<f64> {
        self.readings.iter().map(Reading::value).collect()
    }

    /// Their mean, or why there is none.
    pub fn mean(&self) -> Result<f64, String> {
        let values = self.values();
        if values.is_empty() {
            return Err("there are no runs".into());
        }
        match self.lack() {
            lack if !lack.is_empty() => Err(lack),
            _ => Ok(mean(&values)),
        }
    }
}

/// What several lack, in one sentence.
pub fn lacks<'a>(all: impl IntoIterator<Item = &'a Readings>) -> String {
    let mut lacks: Vec<String> = Vec::new();
    for lack in all.into_iter().map(Readings::lack) {
        if !lack.is_empty() && !lacks.contains(&lack) {
            lacks.push(lack);
        }
    }
    lacks.join("; ")
}

/// The ratio of the means of two, or why there is none: a number without an interval, which is not that
/// of any other ratio.
pub fn ratio_of_means(a: &Readings, b: &Readings) -> Result<f64, String> {
    match (a.mean(), b.mean()) {
        (Ok(a), Ok(b)) if (a / b).is_finite() => Ok(a / b),
        (Ok(_), Ok(_)) => Err("beyond the largest double".into()),
        _ => Err(lacks([a, b])),
    }
}

/// Logarithms of ratios, one to a pair of runs with the same seed.
#[derive(Clone, Debug)]
pub struct Ratios {
    /// Infinite where one of the runs is infinitely bad, NaN where there is no ratio.
    pub logs: Vec<f64>,
    /// Which numbers are missing, and why; empty if none is.
    pub lack: String,
}

impl Ratios {
    /// The product of powers for every seed, as many as the least factor has.
    pub fn of(factors: &[(Readings, i32)]) -> Ratios {
        let seeds = factors.iter().map(|(own, _)| own.readings.len()).min().unwrap_or(0);
        let log = |seed: usize| -> f64 {
            factors.iter().map(|(own, power)| f64::from(*power) * own.readings[seed].log()).sum()
        };
        let lack = lacks(factors.iter().map(|(own, _)| own));
        Ratios { logs: (0..seeds).map(log).collect(), lack }
    }

    /// Those that are given.
    pub fn of_logs(logs: &[f64]) -> Ratios {
        Ratios { logs: logs.to_vec(), lack: String::new() }
    }

    /// Logarithms without those that are no number.
    pub fn known(&self) -> Vec<f64> {
        self.logs.iter().copied().filter(|log| !log.is_nan()).collect()
    }

    /// The same without pairs of which a run is infinitely bad.
    #[must_use]
    pub fn finite(&self) -> Ratios {
        let logs = self.logs.iter().map(|log| if log.is_finite() { *log } else { f64::NAN });
        Ratios { logs: logs.collect(), lack: self.lack.clone() }
    }
}
