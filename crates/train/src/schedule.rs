//! Steps at which something is done.

/// Steps at which something is done, beside the last of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Every n-th step from 0 on, n ≥ 1.
    Every(u64),
    /// Step 0 and round(10^(i/k)), i = 0, 1, …: k ≥ 1 in each decade, fewer where they coincide.
    PerDecade(u32),
    /// These steps, and not the last unless it is one of them.
    At(Vec<u64>),
}

impl Schedule {
    /// Number of times that it is due in a run of `steps` updates, or a few more.
    pub fn count(&self, steps: u64) -> u64 {
        match self {
            Schedule::Every(every) => steps / every.max(&1) + 2,
            Schedule::PerDecade(k) => {
                let decades = (steps as f64).log10().max(0.0);
                (f64::from(*k) * decades).ceil() as u64 + 2
            }
            Schedule::At(at) => at.iter().filter(|step| **step <= steps).count() as u64,
        }
    }

    /// Whether it is due at `step`, the `last` of the run or not.
    pub fn due(&self, step: u64, last: bool) -> bool {
        match self {
            Schedule::Every(every) => last || step.is_multiple_of(*every),
            Schedule::PerDecade(_) if last || step == 0 => true,
            Schedule::PerDecade(k) => {
                let k = f64::from(*k);
                let i = k * (step as f64).log10();
                // If any 10^(i/k) rounds to the step, then one of its two neighbours does.
                [i.floor(), i.ceil()].iter().any(|i| 10_f64.powf(i / k).round() as u64 == step)
            }
            Schedule::At(steps) => steps.contains(&step),
        }
    }
}
