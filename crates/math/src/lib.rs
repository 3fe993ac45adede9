//! The ground floor of windtunnel: SIMD lanes, random streams, threads, linear algebra, and the
//! function of parameters that all other crates exchange ([`objective::Objective`]).
//!
//! No files, no clock, no environment, no printing.

pub mod lanes;
pub mod linalg;
pub mod objective;
pub mod parallel;
pub mod rng;
pub mod stability;
