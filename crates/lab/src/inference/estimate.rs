//! A number with its interval, both of one estimator, and the reason if one is missing.

use windtunnel_measure::stats::{FEWEST_OF_MEDIAN, Interval, Location, rank_correlation, std_dev};

use super::observation::Ratios;
use windtunnel_figure::table::significant;

/// Estimator of a number and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    /// Geometric mean of paired ratios; Student's interval of the mean logarithm.
    GeometricMean,
    /// Median of paired ratios, of which some may be infinite or zero; interval of the sign test.
    Median,
    /// Arithmetic mean over runs; Student's interval.
    Mean,
    /// Spearman's rank correlation of independent points; Bonett and Wright's interval.
    RankCorrelation,
}

impl Estimator {
    /// Name in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Estimator::GeometricMean => "geometric mean of the pairs",
            Estimator::Median => "median of the pairs",
            Estimator::Mean => "mean over runs",
            Estimator::RankCorrelation => "rank correlation",
        }
    }

    /// Whether it is computed from logarithms.
    fn is_logarithmic(self) -> bool {
        matches!(self, Estimator::GeometricMean | Estimator::Median)
    }

    fn no_value(self) -> &'static str {
        match self {
            Estimator::Median => "no median",
            Estimator::RankCorrelation => "no correlation",
            Estimator::GeometricMean | Estimator::Mean => "no mean",
        }
    }

    fn constant(self, units: usize) -> String {
        match self {
            Estimator::GeometricMean | Estimator::Median => {
                format!("the same in all {units} pairs")
            }
            Estimator::Mean => format!("the same in all {units} runs"),
            Estimator::RankCorrelation => format!("the same in all {units} points"),
        }
    }
}

/// A number with its interval and tests. Constructors compute them from the same data, so that no
/// number is shown with the interval of another estimator.
#[derive(Clone, Debug)]
pub struct Estimate {
    estimator: Estimator,
    /// Value, interval and tests, as logarithms if the estimator is logarithmic; infinite or NaN if
    /// there is no number.
    location: Location,
    units: usize,
    /// Standard deviation of the values or logarithms that it is a mean or median of; NaN for a
    /// correlation.
    deviation: f64,
    /// Sentence about the missing data; empty if none is missing.
    lack: String,
}

/// Smallest number of points for a correlation.
const FEWEST: usize = 4;
/// Largest number of digits for an interval whose ends agree in the first digits.
const MOST_DIGITS: usize = 6;

impl Estimate {
    /// Geometric mean of paired ratios, or their median if some are infinite or zero. Pairs without
    /// a ratio are left out.
    pub fn of_ratios(ratios: &Ratios) -> Estimate {
        let logs = ratios.known();
        match logs.iter().any(|log| log.is_infinite()) {
            true => Estimate::of_median(ratios),
            false => Estimate::new(
                Estimator::GeometricMean,
                Location::mean(&logs),
                &logs,
                ratios.lack.clone(),
            ),
        }
    }

    /// Median of paired ratios. Pairs without a ratio are left out.
    pub fn of_median(ratios: &Ratios) -> Estimate {
        let logs = ratios.known();
        Estimate::new(Estimator::Median, Location::median(&logs), &logs, ratios.lack.clone())
    }

    /// Mean over runs. Runs without a value (NaN) are left out; `lack` gives the reason.
    pub fn of_values(values: &[f64], lack: String) -> Estimate {
        let known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        Estimate::new(Estimator::Mean, Location::mean(&known), &known, lack)
    }

    /// Spearman's rank correlation of independent points. Points without a number (NaN) are left
    /// out; `lack` gives the reason.
    pub fn of_ranks(points: &[(f64, f64)], lack: String) -> Estimate {
        let known = points.iter().filter(|(x, y)| !x.is_nan() && !y.is_nan());
        let (x, y): (Vec<f64>, Vec<f64>) = known.copied().unzip();
        let value = if x.len() < FEWEST { f64::NAN } else { rank_correlation(&x, &y) };
        let location = Location::rank_correlation(value, x.len());
        let estimator = Estimator::RankCorrelation;
        Estimate { estimator, location, units: x.len(), deviation: f64::NAN, lack }
    }

    fn new(estimator: Estimator, location: Location, sample: &[f64], lack: String) -> Estimate {
        let deviation = if sample.len() < 2 { f64::NAN } else { std_dev(sample) };
        Estimate { estimator, location, units: sample.len(), deviation, lack }
    }

    /// Estimator of the number and its interval.
    pub fn estimator(&self) -> Estimator {
        self.estimator
    }

    /// Number of pairs, runs or points.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Standard deviation of the values, or of the logarithms of ratios; NaN for a correlation and
    /// fewer than two units.
    pub fn deviation(&self) -> f64 {
        self.deviation
    }

    /// p-value of the one-sided test of "at most `null`"; 1 if there is no interval.
    pub fn p_above(&self, null: f64) -> f64 {
        self.location.p_above(self.raw(null))
    }

    /// p-value of the one-sided test of "at least `null`"; 1 if there is no interval.
    pub fn p_below(&self, null: f64) -> f64 {
        self.location.p_below(self.raw(null))
    }

    fn raw(&self, plain: f64) -> f64 {
        if self.estimator.is_logarithmic() { plain.ln() } else { plain }
    }

    /// The number, if it is finite.
    pub fn value(&self) -> Option<f64> {
        self.number(self.location.value)
    }

    /// Lower end of the interval, if it is finite.
    pub fn lo(&self) -> Option<f64> {
        self.number(self.location.interval.lo)
    }

    /// Upper end of the interval, if it is finite.
    pub fn hi(&self) -> Option<f64> {
        self.number(self.location.interval.hi)
    }

    fn number(&self, raw: f64) -> Option<f64> {
        let plain = self.plain(raw);
        let is_number = plain.is_finite() && !(self.estimator.is_logarithmic() && plain == 0.0);
        is_number.then_some(plain)
    }

    fn plain(&self, raw: f64) -> f64 {
        if self.estimator.is_logarithmic() { raw.exp() } else { raw }
    }

    /// The number for a picture, in which infinity and NaN are gaps.
    pub fn drawn(&self) -> f64 {
        self.plain(self.location.value)
    }

    /// The interval for a picture or a verdict, in which infinity and NaN are allowed.
    pub fn interval(&self) -> Interval {
        Interval {
            lo: self.plain(self.location.interval.lo),
            hi: self.plain(self.location.interval.hi),
        }
    }

    /// Reason why the number, an end of its interval or some of the runs are missing, if any are.
    pub fn reason(&self) -> Option<String> {
        let complete = self.value().and(self.lo()).and(self.hi()).is_some();
        let why = if complete { "" } else { self.why() };
        match (why, self.lack.as_str()) {
            ("", "") if complete => None,
            ("", "") => Some("not a finite number".into()),
            ("", lack) => Some(lack.into()),
            (why, "") => Some(why.into()),
            (why, lack) => Some(format!("{why}; {lack}")),
        }
    }

    /// Reason that is not already in the sentence about the missing data; empty if there is none.
    fn why(&self) -> &'static str {
        let finite = self.location.value.is_finite();
        if self.units == 0 {
            return if self.lack.is_empty() { "there are no runs" } else { "" };
        }
        match self.estimator {
            Estimator::RankCorrelation if !finite => "too few points, or all of one rank",
            Estimator::RankCorrelation => "a correlation of so few points has no interval",
            Estimator::Median if self.units < FEWEST_OF_MEDIAN => {
                "the range of fewer than 6 pairs is no 95 % interval"
            }
            Estimator::Median => "",
            _ if !finite => "",
            _ if self.units == 1 => "one pair has no interval",
            _ => "beyond the range of doubles",
        }
    }

    /// Text of number and interval, with the reason if one is missing.
    pub fn text(&self) -> String {
        let text = match self.units {
            0 => "not measured".into(),
            _ => format!("{} ({})", self.center(), self.bare_span()),
        };
        self.reason().map_or(text.clone(), |reason| format!("{text}: {reason}"))
    }

    /// Text of the number alone.
    pub fn center(&self) -> String {
        if self.units == 0 {
            return "not measured".into();
        }
        let median = if self.estimator == Estimator::Median { "median " } else { "" };
        match self.value() {
            Some(1.0) if self.is_constant() => "exactly 1".into(),
            Some(value) => format!("{median}{}", significant(value, self.digits().unwrap_or(3))),
            None => self.missing(self.location.value).unwrap_or(self.estimator.no_value()).into(),
        }
    }

    /// Text of the interval alone, with the reason if an end is missing.
    pub fn span(&self) -> String {
        let span = self.bare_span();
        match self.reason() {
            Some(reason) if self.units == 0 => reason,
            Some(reason) => format!("{span}: {reason}"),
            None => span,
        }
    }

    fn bare_span(&self) -> String {
        let Interval { lo, hi } = self.location.interval;
        if lo.is_nan() || hi.is_nan() {
            return "no interval".into();
        }
        if self.is_constant() && lo.is_finite() {
            return self.estimator.constant(self.units);
        }
        let Some(digits) = self.digits() else {
            return format!("{} to {MOST_DIGITS} digits", self.estimator.constant(self.units));
        };
        if lo == f64::INFINITY {
            return "above every number".into();
        }
        if hi == f64::NEG_INFINITY {
            return "below every positive number".into();
        }
        let end = |number: Option<f64>, raw: f64, open: &'static str| match number {
            Some(number) => significant(number, digits),
            None => self.missing(raw).unwrap_or(open).into(),
        };
        let (lo, hi) = (end(self.lo(), lo, "no lower end"), end(self.hi(), hi, "no upper end"));
        format!("{lo} to {hi}")
    }

    /// Text for a ratio whose logarithm is finite but which exceeds the range of doubles.
    fn missing(&self, raw: f64) -> Option<&'static str> {
        let known = self.estimator.is_logarithmic() && raw.is_finite();
        known.then_some(match raw > 0.0 {
            true => "beyond the largest double",
            false => "below the smallest double",
        })
    }

    fn is_constant(&self) -> bool {
        self.location.interval.lo == self.location.interval.hi
    }

    /// Number of digits that tell the ends of the interval from each other and from 1, at least 3;
    /// `None` if [`MOST_DIGITS`] are not enough.
    fn digits(&self) -> Option<usize> {
        let (Some(lo), Some(hi)) = (self.lo(), self.hi()) else { return Some(3) };
        let apart = |a: f64, b: f64, digits| significant(a, digits) != significant(b, digits);
        let from_one = |x: f64, digits| x == 1.0 || apart(x, 1.0, digits);
        let differ = (3..=MOST_DIGITS).find(|digits| apart(lo, hi, *digits))?;
        let clear = |digits: &usize| from_one(lo, *digits) && from_one(hi, *digits);
        Some((differ..=MOST_DIGITS).find(clear).unwrap_or(differ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn of(ratios: &[f64]) -> Estimate {
        let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
        Estimate::of_ratios(&Ratios::of_logs(&logs))
    }

    fn close(value: Option<f64>, expected: f64) -> bool {
        value.is_some_and(|value| (value / expected - 1.0).abs() < 1e-12)
    }

    #[test]
    fn point_and_interval_are_of_the_estimator_that_is_named() {
        // Ratios 2, 2, 2, 16: geometric mean 2^(7/4), and not the ratio of the means.
        let geometric = of(&[2.0, 2.0, 2.0, 16.0]);
        assert_eq!(geometric.estimator(), Estimator::GeometricMean);
        // Logs 1, 1, 1, 4 of base 2: mean 7/4, error ¾, and t of three degrees is 3.18245.
        let half = 3.182_446_305 * 0.75;
        assert!(close(geometric.value(), 2f64.powf(1.75)));
        assert!((geometric.lo().unwrap() / 2f64.powf(1.75 - half) - 1.0).abs() < 1e-8);
        assert!((geometric.hi().unwrap() / 2f64.powf(1.75 + half) - 1.0).abs() < 1e-8);
        let mean = Estimate::of_values(&[1.0, 2.0, f64::NAN], String::new());
        assert_eq!((mean.value(), mean.units()), (Some(1.5), 2));
        // 12.706 errors of ½ on either side.
        assert!((mean.lo().unwrap() + 4.853).abs() < 1e-3);
    }

    #[test]
    fn the_median_of_pairs_has_their_range() {
        let six = of(&[INF, 2.0, 3.0, 4.0, 9.0, 5.0]);
        assert_eq!((six.estimator(), six.hi()), (Estimator::Median, None));
        assert!(close(six.lo(), 2.0) && close(six.value(), 20f64.sqrt()));
        let logs = [INF, 2f64.ln(), 3f64.ln()];
        let lack = "SGDM diverged in 1 of 3 seeds".to_string();
        let few = Estimate::of_ratios(&Ratios { logs: logs.into(), lack });
        assert!(few.lo().is_none() && close(few.value(), 3.0));
        assert_eq!(
            few.text(),
            "median 3.00 (no interval): the range of fewer than 6 pairs is no 95 % interval; SGDM \
             diverged in 1 of 3 seeds"
        );
    }

    #[test]
    fn open_ends_and_missing_values_have_words_and_a_reason() {
        let text = |logs: &[f64]| {
            let lack = "Adam diverged".to_string();
            Estimate::of_ratios(&Ratios { logs: logs.to_vec(), lack }).text()
        };
        let mixed = [-INF, 0.0, 0.5, 1.0, 1.5, INF];
        assert_eq!(text(&mixed), "median 2.12 (no lower end to no upper end): Adam diverged");
        assert_eq!(text(&[INF; 6]), "no median (above every number): Adam diverged");
        assert_eq!(text(&[-INF; 6]), "no median (below every positive number): Adam diverged");
        assert_eq!(text(&[f64::NAN; 6]), "not measured: Adam diverged");
        assert_eq!(text(&[]), "not measured: Adam diverged");
        assert_eq!(
            text(&[1000.0; 6]),
            "beyond the largest double (the same in all 6 pairs): beyond the range of doubles; Adam \
             diverged"
        );
        assert_eq!(of(&[]).text(), "not measured: there are no runs");
        assert_eq!(of(&[2.0]).text(), "2.00 (no interval): one pair has no interval");
        let torn = [-INF, -INF, -INF, INF, INF, INF];
        assert_eq!(text(&torn), "no median (no lower end to no upper end): Adam diverged");
    }

    #[test]
    fn what_has_no_width_is_not_shown_as_an_interval() {
        assert_eq!(of(&[1.0; 6]).text(), "exactly 1 (the same in all 6 pairs)");
        assert_eq!(of(&[3.0; 2]).text(), "3.00 (the same in all 2 pairs)");
        // As many digits as are needed to tell the ends apart.
        assert_eq!(of(&[1.0002, 0.9996, 1.0]).text(), "0.9999 (0.9992 to 1.001)");
        let alike = of(&[1.0, 1.0 + 1e-9, 1.0 + 2e-9]).text();
        assert_eq!(alike, "1.00 (the same in all 3 pairs to 6 digits)");
        assert_eq!(of(&[1.19, 1.23, 1.21]).text(), "1.21 (1.16 to 1.26)");
    }

    #[test]
    fn correlations_are_of_independent_points() {
        let of = |points: &[(f64, f64)]| Estimate::of_ranks(points, String::new());
        let rising: Vec<(f64, f64)> = (0..9).map(|i| (f64::from(i), f64::from(i * i))).collect();
        let all = of(&rising);
        assert_eq!((all.units(), all.value(), all.hi()), (9, Some(1.0), Some(1.0)));
        assert!(all.lo() > Some(0.8) && all.p_above(0.0) < 0.001, "{all:?}");
        let none = of(&[(0.0, 1.0), (f64::NAN, 1.0)]);
        assert_eq!(none.value(), None);
        assert_eq!(none.text(), "no correlation (no interval): too few points, or all of one rank");
        assert_eq!(of(&[]).text(), "not measured: there are no runs");
    }

    #[test]
    fn large_and_small_ratios_have_their_mean() {
        assert!(close(of(&[1e300, 1e-300]).value(), 1.0));
    }
}
