//! The laboratory of windtunnel.
//!
//! What is to be computed is a [`plan`]: runs, studies of noise, fits of baselines. An [`executor`]
//! brings the results into a store, in one process ([`local`]) or elsewhere; [`progress`] is told of
//! it. A [`search`] for learning rates is a plan that grows. Runs of the store are computed again under
//! instruments ([`measure`]), and drawn ([`measured`], [`chart`]); parameters of another program are
//! evaluated ([`evaluation`]).

pub mod baseline;
mod cached;
pub mod chart;
pub mod cost;
pub mod describe;
pub mod ending;
pub mod evaluation;
pub mod executor;
pub mod initial_noise;
pub mod laboratory;
pub mod local;
pub mod measure;
pub mod measured;
pub mod plan;
pub mod progress;
pub mod search;
pub mod theory;
pub mod training;
