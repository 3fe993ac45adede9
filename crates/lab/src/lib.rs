//! The laboratory of windtunnel.
//!
//! A [`plan`] lists the results to compute: runs, studies of noise, fits of baselines. An
//! [`executor`] brings them into a store, in one process ([`local`]) or elsewhere, and reports to
//! [`progress`]. A [`search`] for learning rates is a plan that grows. Instruments [`measure`]
//! stored runs again, and their results are drawn ([`measured`], [`chart`]). [`inference`] judges
//! differences between runs. Parameters of another
//! program are evaluated ([`evaluation`]).

pub mod baseline;
mod cached;
pub mod chart;
pub mod comparison;
pub mod cost;
pub mod describe;
pub mod ending;
pub mod evaluation;
pub mod executor;
pub mod inference;
pub mod initial_noise;
pub mod laboratory;
pub mod local;
pub mod measure;
pub mod measured;
pub mod plan;
pub mod progress;
pub mod rows;
pub mod search;
pub mod theory;
pub mod training;
