//! Foundations of windtunnel: SIMD lanes, random streams, threads, linear algebra, and the function
//! of parameters that all other crates exchange ([`objective::Objective`]).
//!
//! Nothing here touches files, the clock, the environment or the terminal.

pub mod lanes;
pub mod linalg;
pub mod objective;
pub mod parallel;
pub mod rng;
pub mod stability;

/// Version of all numbers, part of every run's id, so that old results are never mistaken for new.
///
/// Raised whenever the numbers of an unchanged spec change: generator, kernels, order of sums,
/// arithmetic of an optimizer, or the list of recorded metrics.
pub const NUMERICS_VERSION: u32 = 3;
