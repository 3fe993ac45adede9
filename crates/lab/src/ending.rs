//! Ends of runs, read off their rows.

use windtunnel_measure::stats::mean;
use windtunnel_runs::store::Row;
use windtunnel_runs::stored::Run;

/// Held-out loss, mean over prompts: the metric by which runs are compared.
pub const LOSS: &str = "held_out_loss";

/// Held-out loss, median over prompts.
pub const MEDIAN: &str = "held_out_median";

/// Whether a run of `steps` steps ended before its last one.
pub fn diverged(rows: &[Row], steps: u64) -> bool {
    let last = rows.iter().rev().find(|row| row.metric == LOSS);
    last.is_none_or(|row| row.step < steps)
}

/// Geometric mean of a loss over the last tenth of a run of `steps` steps; infinite if it diverged.
pub fn late_loss(rows: &[Row], metric: &str, steps: u64) -> f64 {
    if diverged(rows, steps) {
        return f64::INFINITY;
    }
    let rows = rows.iter().filter(|row| row.metric == metric);
    let late = rows.filter(|row| row.step >= steps - steps / 10);
    mean(&late.map(|row| row.value.ln()).collect::<Vec<_>>()).exp()
}

/// The last value of a metric, NaN if there is none. A diverged run has none, unless the metric was
/// recorded at that very step.
pub fn last(run: &Run, metric: &str) -> f64 {
    let row = run.rows.iter().rev().find(|row| row.metric == metric);
    row.filter(|row| !run.diverged() || row.step == run.step()).map_or(f64::NAN, |row| row.value)
}

/// The reason why [`last`] of a run is not a finite number; nothing where it is one.
pub fn without_last(run: &Run, value: f64) -> Option<String> {
    match (value.is_finite(), run.diverged()) {
        (true, _) => None,
        (_, true) => Some(format!("the run diverged at step {}", run.step())),
        _ if value.is_nan() => Some("it was not recorded, or is not a number".into()),
        _ => Some("it exceeds the largest number of the run's precision".into()),
    }
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
        assert!(!diverged(&whole, 100) && (late_loss(&whole, LOSS, 100) - 2.0).abs() < 1e-15);
        assert!(diverged(&whole, 101) && late_loss(&whole, LOSS, 101) == f64::INFINITY);
        assert!(diverged(&[], 0) && late_loss(&[], LOSS, 0) == f64::INFINITY);
        // Another metric that was not recorded is no loss of zero.
        assert!(late_loss(&whole, MEDIAN, 100).is_nan());
        assert_eq!(late_loss(&rows(&[(0, 3.0)]), LOSS, 0), 3.0_f64.ln().exp());
    }
}
