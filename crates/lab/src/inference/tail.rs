//! Tails of the losses of single prompts, which decide whether their mean is a number to judge.

use windtunnel_figure::table::significant;
use windtunnel_measure::metric::Metric;
use windtunnel_measure::stats::median;

use super::effect::Effect;
use crate::chart::Member;

/// Tail index below which a mean over prompts has no verdict: of means of 1000 Pareto values with a
/// smaller index, the intervals over 20 pairs cover less than 90 % (docs/audit.md).
pub const TAIL_OF_A_MEAN: f64 = 1.75;

/// Tail of the losses of single prompts after training.
#[derive(Clone, Debug, PartialEq)]
pub struct Tail {
    /// Hill's tail index, the median over runs.
    pub index: f64,
    /// Name of the runs.
    pub of: String,
}

impl Tail {
    /// The heaviest tail of several groups of runs, each with its name; `None` if none was measured.
    pub fn heaviest<'a>(groups: impl IntoIterator<Item = (&'a str, &'a [Member])>) -> Option<Tail> {
        let of = |(name, members): (&str, &[Member])| {
            // A run that diverged has only the tail of its initial losses, which is lighter.
            let last = |m: &Member| {
                let mut rows = m.rows_of(Metric::LossTailIndex);
                Some(rows.rfind(|row| row.step > 0)?.value)
            };
            let found: Vec<f64> =
                members.iter().filter_map(last).filter(|index| index.is_finite()).collect();
            (!found.is_empty()).then(|| Tail { index: median(&found), of: name.into() })
        };
        groups.into_iter().filter_map(of).min_by(|a, b| a.index.total_cmp(&b.index))
    }

    /// An effect of means over prompts, without a verdict if the tail is too heavy.
    pub fn bar(tail: Option<&Tail>, effect: Effect) -> Effect {
        match tail {
            Some(Tail { index, of }) if *index < TAIL_OF_A_MEAN => effect.barred(format!(
                "a mean over prompts does not settle here, because the losses of single prompts have \
                 a tail index of {} after training with {of} (below 2 means settle more slowly than \
                 1/√n, below 1 not at all)",
                significant(*index, 2)
            )),
            _ => effect,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::{Ratios, Verdict};
    use windtunnel_runs::store::{Row, RunId};

    fn runs(indices: &[f64]) -> Vec<Member> {
        let row = |index: f64| {
            [(0, 0.5), (100, index)]
                .map(|(step, value)| Row::new(step, Metric::LossTailIndex, value))
        };
        let member = |(seed, index): (u64, &f64)| Member {
            run: RunId::from(seed),
            seed,
            rows: row(*index).to_vec().into(),
        };
        (0..).zip(indices).map(member).collect()
    }

    #[test]
    fn means_of_heavy_tails_have_no_verdict() {
        let (heavy, light) = (runs(&[1.0, 1.2, f64::NAN, 9.0]), runs(&[3.0, 2.0]));
        let tail = Tail::heaviest([("light", &light[..]), ("heavy", &heavy[..])]).unwrap();
        assert_eq!(tail, Tail { index: 1.2, of: "heavy".into() });
        let effect = || Effect::of_ratios("", &Ratios::of_logs(&[1.0, 1.1, 1.2]));
        assert_eq!(Tail::bar(Some(&tail), effect()).verdict(), Verdict::Barred);
        let tail = Tail::heaviest([("light", &light[..])]);
        assert_eq!(Tail::bar(tail.as_ref(), effect()).verdict(), Verdict::Supported);
        assert_eq!(Tail::heaviest([("none", &[][..])]), None);
        assert_eq!(Tail::bar(None, effect()).verdict(), Verdict::Supported);
    }
}
