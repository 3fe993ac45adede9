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
