//! The end of a run, computed from its rows.

use windtunnel_measure::metric::{Absent, Metric};
use windtunnel_measure::stats::mean;
use windtunnel_runs::store::Row;
use windtunnel_runs::stored::Run;

/// Held-out loss, mean over prompts: the metric by which runs are compared.
pub const LOSS: Metric = Metric::HeldOutLoss;

/// Held-out loss, median over prompts.
pub const MEDIAN: Metric = Metric::HeldOutMedian;

/// Whether a run of `steps` steps ended before its last one.
pub fn diverged(rows: &[Row], steps: u64) -> bool {
    let name = LOSS.to_string();
    let last = rows.iter().rev().find(|row| row.metric == name);
    last.is_none_or(|row| row.step < steps)
}

/// Geometric mean of a loss over the last tenth of a run of `steps` steps: infinite if it diverged,
/// `None` if the loss was not recorded.
pub fn late_loss(rows: &[Row], metric: &Metric, steps: u64) -> Option<f64> {
    if diverged(rows, steps) {
        return Some(f64::INFINITY);
    }
    let name = metric.to_string();
    let late = rows.iter().filter(|row| row.metric == name && row.step >= steps - steps / 10);
    let logs: Vec<f64> = late.map(|row| row.value.ln()).collect();
    (!logs.is_empty()).then(|| mean(&logs).exp())
}

/// The last value of a metric, and the reason if it is not a finite number. A diverged run has
/// none, unless the metric was recorded at that very step.
pub fn last(run: &Run, metric: &Metric) -> (f64, Option<String>) {
    let name = metric.to_string();
    let row = run.rows.iter().rev().find(|row| row.metric == name);
    let row = row.filter(|row| !run.diverged() || row.step == run.step());
    let value = row.map_or(f64::NAN, |row| row.value);
    let reason = match row {
        _ if value.is_finite() => return (value, None),
        _ if run.diverged() => format!("the run diverged at step {}", run.step()),
        None => {
            let recorded = run.rows.iter().map(|row| row.metric.as_str());
            Absent::from_names(metric.into(), recorded).to_string()
        }
        Some(_) if value.is_nan() => "it is not a number".into(),
        Some(_) => "it exceeds the largest number of the run's precision".into(),
    };
    (value, Some(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[(u64, f64)]) -> Vec<Row> {
        values.iter().map(|(step, value)| Row::new(*step, LOSS, *value)).collect()
    }

    #[test]
    fn late_losses_are_geometric_means_of_runs_that_reached_their_end() {
        let whole = rows(&[(0, 9.0), (89, 5.0), (90, 1.0), (100, 4.0)]);
        let late = late_loss(&whole, &LOSS, 100).unwrap();
        assert!(!diverged(&whole, 100) && (late - 2.0).abs() < 1e-15);
        assert!(diverged(&whole, 101) && late_loss(&whole, &LOSS, 101) == Some(f64::INFINITY));
        assert!(diverged(&[], 0) && late_loss(&[], &LOSS, 0) == Some(f64::INFINITY));
        // Another metric that was not recorded is no loss of zero.
        assert_eq!(late_loss(&whole, &MEDIAN, 100), None);
        assert_eq!(late_loss(&rows(&[(0, 3.0)]), &LOSS, 0), Some(3.0_f64.ln().exp()));
    }
}
