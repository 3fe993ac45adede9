//! Foundations of windtunnel: SIMD lanes, random streams, threads, linear algebra, and the function
//! of parameters that all other crates exchange ([`objective::Objective`]).
//!
//! ```
//! use windtunnel_math::linalg::{normals, symmetric_eigenvalues};
//! use windtunnel_math::objective::{Objective, ObjectiveError};
//! use windtunnel_math::rng::Key;
//!
//! /// ½(x² + y²) + xy
//! struct Valley;
//!
//! impl Objective for Valley {
//!     fn dim(&self) -> usize {
//!         2
//!     }
//!     fn value(&mut self, p: &[f64]) -> Result<f64, ObjectiveError> {
//!         Ok(0.5 * (p[0] + p[1]).powi(2))
//!     }
//!     fn gradient(&mut self, p: &[f64], grad: &mut [f64]) -> Result<f64, ObjectiveError> {
//!         grad.fill(p[0] + p[1]);
//!         self.value(p)
//!     }
//!     fn hvp(&mut self, p: &[f64], v: &[f64], out: &mut [f64]) -> Result<f64, ObjectiveError> {
//!         out.fill(v[0] + v[1]);
//!         Ok((p[0] + p[1]) * (v[0] + v[1]))
//!     }
//! }
//!
//! // A key names a stream of random numbers: the same key, the same draws.
//! let at = normals(Key::parameters(7), 2);
//! assert_eq!(at, normals(Key::parameters(7), 2));
//!
//! // By default, one Hessian-vector product for each column.
//! let mut hessian = [0.0; 4];
//! Valley.hessian(&at, &mut hessian)?;
//! let eigenvalues = symmetric_eigenvalues(2, &hessian).unwrap();
//! assert!(eigenvalues[0].abs() < 1e-14 && (eigenvalues[1] - 2.0).abs() < 1e-14);
//! # Ok::<(), ObjectiveError>(())
//! ```
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
/// arithmetic of an optimizer, or the list of recorded metrics. Where only one attention moves, its own
/// version is raised instead (`Activation::NUMERICS` of the crate `model`), beyond this one.
pub const NUMERICS_VERSION: u32 = 3;
