//! Experiments with windtunnel: specs, the store of runs, sweeps, the paper's figures, reports.
//!
//! A spec names a run; `sweep` turns specs into stored runs; figures, verdicts and reports only
//! read the store.

// Third floor.
pub mod spec;
// Fourth floor.
pub mod baseline;
pub mod exchange;
pub mod figure;
pub mod store;
pub mod table;
// Fifth floor.
pub mod stored;
pub mod sweep;
// Sixth floor.
pub mod chart;
pub mod measure;
pub mod paper;
// Seventh floor.
pub mod report;
