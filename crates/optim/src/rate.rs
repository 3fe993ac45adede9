//! Learning rates as functions of the step.

use std::f64::consts::PI;

/// Course of a learning rate after its warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RateSchedule {
    /// Stays at its peak.
    Constant,
    /// Falls to 0 along half a cosine: ½η(1 + cos(π t/T)), t from 0 (Loshchilov & Hutter 2017).
    Cosine {
        /// Steps of the run, warm-up included: the rate would be 0 at the step after them.
        steps: u64,
    },
    /// Falls as 1/√t: η √(w/t), w the steps of the warm-up, at least 1 (Vaswani et al. 2017).
    InverseSquareRoot,
    /// Stays, then falls linearly in the last steps: η (T + 1 − t)/D in the last D, after the warm-up
    /// (warm-up, stable, decay; Hu et al. 2024, Hägele et al. 2024).
    StableThenDecay {
        /// Steps T of the run, warm-up included: the rate would be 0 at the step after them.
        steps: u64,
        /// D as a share of T, above 0 and at most 1.
        share: f64,
    },
    /// η f^⌊(t − 1)/k⌋: `torch.optim.lr_scheduler.StepLR`, whose epochs are our steps.
    Steps {
        /// Steps k between two falls.
        size: u64,
        /// Factor f of each.
        factor: f64,
    },
}

/// Learning rate of an optimizer: η at its peak, after a linear warm-up if there is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningRate {
    peak: f64,
    warmup: u64,
    schedule: RateSchedule,
}

impl LearningRate {
    /// η at every step.
    pub const fn constant(lr: f64) -> LearningRate {
        LearningRate { peak: lr, warmup: 0, schedule: RateSchedule::Constant }
    }

    /// This learning rate after a linear warm-up: η/w, 2η/w, …, η in the first w steps.
    #[must_use]
    pub const fn with_warmup(self, warmup: u64) -> LearningRate {
        LearningRate { warmup, ..self }
    }

    /// This learning rate with another schedule after the warm-up.
    #[must_use]
    pub const fn with_schedule(self, schedule: RateSchedule) -> LearningRate {
        LearningRate { schedule, ..self }
    }

    /// This learning rate with another peak.
    #[must_use]
    pub const fn with_peak(self, peak: f64) -> LearningRate {
        LearningRate { peak, ..self }
    }

    /// η, the largest rate.
    pub const fn peak(&self) -> f64 {
        self.peak
    }

    /// Steps of the warm-up.
    pub const fn warmup(&self) -> u64 {
        self.warmup
    }

    /// The schedule after the warm-up.
    pub const fn schedule(&self) -> RateSchedule {
        self.schedule
    }

    /// The rate of step `step`, from 1.
    pub fn at(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * (step as f64 / self.warmup as f64);
        }
        match self.schedule {
            RateSchedule::Constant => self.peak,
            RateSchedule::Cosine { steps } => {
                let length = steps.saturating_sub(self.warmup).max(1) as f64;
                let done = step.saturating_sub(self.warmup + 1) as f64;
                self.peak * 0.5 * (1.0 + (PI * (done / length).min(1.0)).cos())
            }
            RateSchedule::InverseSquareRoot => {
                self.peak * (self.warmup.max(1) as f64 / step.max(1) as f64).sqrt()
            }
            RateSchedule::StableThenDecay { steps, share } => {
                let left = (steps + 1).saturating_sub(step) as f64;
                let length = (share * steps as f64).max(1.0);
                self.peak * (left / length).min(1.0)
            }
            RateSchedule::Steps { size, factor } => {
                let falls = step.saturating_sub(1) / size.max(1);
                self.peak * factor.powf(falls as f64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_rate_is_the_same_number_at_every_step() {
        let rate = LearningRate::constant(0.02);
        assert!([1, 2, 10_000, u64::MAX].iter().all(|&step| rate.at(step) == 0.02));
    }

    #[test]
    fn a_warm_up_is_linear_and_ends_at_the_peak() {
        let rate = LearningRate::constant(0.5).with_warmup(4);
        let found: Vec<f64> = (1..=6).map(|step| rate.at(step)).collect();
        assert_eq!(found, [0.125, 0.25, 0.375, 0.5, 0.5, 0.5]);
    }

    /// cos² has its closed form at the quarters, and the sum of all rates is η(T + 1)/2.
    #[test]
    fn a_cosine_has_its_closed_form() {
        let rate = LearningRate::constant(2.0).with_schedule(RateSchedule::Cosine { steps: 1000 });
        let near = |found: f64, exact: f64| assert!((found - exact).abs() < 1e-12, "{found}");
        near(rate.at(1), 2.0);
        near(rate.at(251), 1.0 + 0.5_f64.sqrt());
        near(rate.at(501), 1.0);
        near(rate.at(1001), 0.0);
        near(rate.at(2000), 0.0);
        let sum: f64 = (1..=1000).map(|step| rate.at(step)).sum();
        assert!((sum - 1001.0).abs() < 1e-9, "{sum}");
        let warm = rate.with_warmup(100);
        near(warm.at(50), 1.0);
        near(warm.at(101), 2.0);
        near(warm.at(551), 1.0);
        near(warm.at(1001), 0.0);
        assert!((1..1000).all(|step| warm.at(step) > 0.0));
    }

    #[test]
    fn an_inverse_square_root_joins_its_warm_up() {
        let rate = LearningRate::constant(2.0).with_schedule(RateSchedule::InverseSquareRoot);
        assert_eq!([1, 4, 16].map(|step| rate.at(step)), [2.0, 1.0, 0.5]);
        let warm = rate.with_warmup(9);
        assert_eq!([9, 36, 81].map(|step| warm.at(step)), [2.0, 1.0, 2.0 / 3.0]);
        assert!(warm.at(8) < 2.0 && warm.at(10) < 2.0);
    }

    #[test]
    fn a_stable_rate_decays_in_its_last_steps() {
        let schedule = RateSchedule::StableThenDecay { steps: 100, share: 0.1 };
        let rate = LearningRate::constant(3.0).with_schedule(schedule).with_warmup(3);
        assert_eq!(rate.at(2), 2.0);
        assert!((3..=91).all(|step| rate.at(step) == 3.0));
        let near = |step, exact: f64| assert!((rate.at(step) - exact).abs() < 1e-12, "{step}");
        near(92, 2.7);
        near(100, 0.3);
        near(101, 0.0);
        near(500, 0.0);
        // The whole run, or less than a step of it.
        let whole = RateSchedule::StableThenDecay { steps: 4, share: 1.0 };
        let rate = LearningRate::constant(4.0).with_schedule(whole);
        assert_eq!([1, 2, 3, 4, 5].map(|step| rate.at(step)), [4.0, 3.0, 2.0, 1.0, 0.0]);
        let least = RateSchedule::StableThenDecay { steps: 4, share: 1e-9 };
        let rate = LearningRate::constant(4.0).with_schedule(least);
        assert_eq!([4, 5].map(|step| rate.at(step)), [4.0, 0.0]);
    }

    #[test]
    fn steps_fall_by_their_factor() {
        let schedule = RateSchedule::Steps { size: 3, factor: 0.5 };
        let rate = LearningRate::constant(8.0).with_schedule(schedule);
        let found: Vec<f64> = (1..=7).map(|step| rate.at(step)).collect();
        assert_eq!(found, [8.0, 8.0, 8.0, 4.0, 4.0, 4.0, 2.0]);
        assert_eq!(rate.at(u64::MAX), 0.0);
    }

    #[test]
    fn a_warm_up_longer_than_the_run_never_divides_by_zero() {
        let cosine = LearningRate::constant(1.0).with_schedule(RateSchedule::Cosine { steps: 5 });
        assert_eq!(cosine.with_warmup(5).at(5), 1.0);
        assert!((1..20).all(|step| cosine.with_warmup(9).at(step).is_finite()));
    }
}
