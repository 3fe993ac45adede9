//! Observations of runs under a convention, and ratios of them over paired seeds.

use windtunnel_measure::stats::mean;

/// Number of a run, or the reason why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// Positive number.
    Known(f64),
    /// Counts as infinite, with the predicate that gives the reason.
    Infinite(&'static str),
    /// Missing, with the predicate that gives the reason; the pair is left out.
    Missing(&'static str),
}

/// Reason for a number that a run would have had if it had not diverged.
pub const DIVERGED: &str = "diverged";
/// Reason for an infinite measured value: it overflows, or it is a ratio with denominator 0.
const INFINITE: &str = "is infinite";

impl Observation {
    /// Observation of a measured value: known only if it is positive and finite.
    pub fn of(value: Option<f64>) -> Observation {
        match value {
            None => Observation::Missing("was not measured"),
            Some(value) if value.is_nan() => Observation::Missing("is not a number"),
            Some(f64::INFINITY) => Observation::Infinite(INFINITE),
            Some(value) if value <= 0.0 => Observation::Missing("is not positive"),
            Some(value) => Observation::Known(value),
        }
    }

    /// Geometric mean of observations of one run, one to a held-out batch: missing if one is.
    pub fn pooled(all: &[Observation]) -> Observation {
        // One stays as it is, also if it has no logarithm.
        if let [own] = all {
            return own.clone();
        }
        let missing = all.iter().find(|own| matches!(own, Observation::Missing(_)));
        let infinite = || all.iter().find(|own| matches!(own, Observation::Infinite(_)));
        match missing.or_else(infinite) {
            Some(own) => own.clone(),
            None if all.is_empty() => Observation::of(None),
            None => {
                let logs: Vec<f64> = all.iter().map(Observation::log).collect();
                Observation::of(Some(mean(&logs).exp()))
            }
        }
    }

    fn log(&self) -> f64 {
        match self {
            Observation::Known(value) => value.ln(),
            Observation::Infinite(_) => f64::INFINITY,
            Observation::Missing(_) => f64::NAN,
        }
    }

    /// Number of the run; infinite or NaN if there is none.
    pub fn value(&self) -> f64 {
        match self {
            Observation::Known(value) => *value,
            Observation::Infinite(_) => f64::INFINITY,
            Observation::Missing(_) => f64::NAN,
        }
    }

    fn lack(&self) -> Option<&'static str> {
        match self {
            Observation::Known(_) => None,
            Observation::Infinite(why) | Observation::Missing(why) => Some(why),
        }
    }
}

/// Observations of the same runs, one to a seed.
#[derive(Clone, Debug)]
pub struct Observations {
    /// Name of the quantity, as the subject of a sentence.
    pub of: String,
    /// Observations in the order of the seeds.
    pub observations: Vec<Observation>,
}

impl Observations {
    /// Sentence about the missing numbers, as "SGDM diverged in 1 of 6 seeds"; empty if none is.
    pub fn lack(&self) -> String {
        let lacks: Vec<&str> = self.observations.iter().filter_map(Observation::lack).collect();
        let mut kinds: Vec<&str> = Vec::new();
        for lack in &lacks {
            if !kinds.contains(lack) {
                kinds.push(lack);
            }
        }
        let sentence = |kind: &&str| {
            let count = lacks.iter().filter(|lack| *lack == kind).count();
            format!("{} {kind} in {count} of {} seeds", self.of, self.observations.len())
        };
        kinds.iter().map(sentence).collect::<Vec<_>>().join("; ")
    }

    /// Numbers of all seeds; infinite or NaN if there is none.
    pub fn values(&self) -> Vec<f64> {
        self.observations.iter().map(Observation::value).collect()
    }

    /// Mean over the seeds.
    ///
    /// # Errors
    /// The reason why there is none.
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

/// Sentence about the missing numbers of several; empty if none is.
pub fn lacks<'a>(all: impl IntoIterator<Item = &'a Observations>) -> String {
    let mut lacks: Vec<String> = Vec::new();
    for lack in all.into_iter().map(Observations::lack) {
        if !lack.is_empty() && !lacks.contains(&lack) {
            lacks.push(lack);
        }
    }
    lacks.join("; ")
}

/// Ratio of two means. It has no interval, because the interval of a geometric mean of ratios belongs
/// to another number.
///
/// # Errors
/// The reason why there is none.
pub fn ratio_of_means(a: &Observations, b: &Observations) -> Result<f64, String> {
    match (a.mean(), b.mean()) {
        (Ok(a), Ok(b)) if (a / b).is_finite() => Ok(a / b),
        (Ok(_), Ok(_)) => Err("beyond the largest double".into()),
        _ => Err(lacks([a, b])),
    }
}

/// Ratios of paired runs, one for each seed.
#[derive(Clone, Debug)]
pub struct Ratios {
    /// Logarithms of the ratios: infinite if one run counts as infinite, NaN if there is none.
    pub logs: Vec<f64>,
    /// Sentence about the missing numbers; empty if none is.
    pub lack: String,
}

impl Ratios {
    /// Products of powers of observations, for the seeds that all factors have.
    pub fn of(factors: &[(Observations, i32)]) -> Ratios {
        let seeds = factors.iter().map(|(own, _)| own.observations.len()).min().unwrap_or(0);
        let log = |seed: usize| -> f64 {
            factors
                .iter()
                .map(|(own, power)| f64::from(*power) * own.observations[seed].log())
                .sum()
        };
        let lack = lacks(factors.iter().map(|(own, _)| own));
        Ratios { logs: (0..seeds).map(log).collect(), lack }
    }

    /// Ratios from their logarithms, with none missing.
    pub fn of_logs(logs: &[f64]) -> Ratios {
        Ratios { logs: logs.to_vec(), lack: String::new() }
    }

    /// Logarithms of the ratios, without the missing ones.
    pub fn known(&self) -> Vec<f64> {
        self.logs.iter().copied().filter(|log| !log.is_nan()).collect()
    }

    /// Ratios without the pairs in which a run counts as infinite.
    #[must_use]
    pub fn finite(&self) -> Ratios {
        let logs = self.logs.iter().map(|log| if log.is_finite() { *log } else { f64::NAN });
        Ratios { logs: logs.collect(), lack: self.lack.clone() }
    }
}
