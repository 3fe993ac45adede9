//! Curvature, conditioning, smoothness and gradient noise of a function of its parameters: at one
//! point ([`landscape`]), with the statistics behind them ([`stats`]), as named instruments
//! ([`instrument`]) that record metrics of one catalogue ([`metric`]).
//!
//! This crate knows nothing of models, tasks or training. It reads an
//! [`Objective`](windtunnel_math::objective::Objective), such as one of your own:
//!
//! ```
//! use windtunnel_measure::landscape::{Hessian, robust_condition_numbers};
//! use windtunnel_math::objective::{Objective, ObjectiveError};
//!
//! /// x² + 3xy
//! struct Saddle;
//!
//! impl Objective for Saddle {
//!     fn dim(&self) -> usize {
//!         2
//!     }
//!     fn value(&mut self, p: &[f64]) -> Result<f64, ObjectiveError> {
//!         Ok(p[0] * p[0] + 3.0 * p[0] * p[1])
//!     }
//!     fn gradient(&mut self, p: &[f64], grad: &mut [f64]) -> Result<f64, ObjectiveError> {
//!         grad.copy_from_slice(&[2.0 * p[0] + 3.0 * p[1], 3.0 * p[0]]);
//!         self.value(p)
//!     }
//!     fn hvp(
//!         &mut self,
//!         p: &[f64],
//!         v: &[f64],
//!         out: &mut [f64],
//!     ) -> Result<f64, ObjectiveError> {
//!         out.copy_from_slice(&[2.0 * v[0] + 3.0 * v[1], 3.0 * v[0]]);
//!         Ok((2.0 * p[0] + 3.0 * p[1]) * v[0] + 3.0 * p[0] * v[1])
//!     }
//! }
//!
//! let hessian = Hessian::at(&mut Saddle, &[1.0, 1.0])?;
//! let spectrum = hessian.spectrum().unwrap();
//! assert!((spectrum.sharpness() - (1.0 + 10f64.sqrt())).abs() < 1e-14);
//! assert!(spectrum.negative_mass() > 0.3);
//! let (convention, value) = robust_condition_numbers(&hessian, &Saddle.blocks())[0];
//! assert_eq!((convention.name().as_str(), value), ("diag.lower.all", f64::INFINITY));
//! # Ok::<(), ObjectiveError>(())
//! ```

pub mod instrument;
pub mod landscape;
pub mod metric;
pub mod stats;
