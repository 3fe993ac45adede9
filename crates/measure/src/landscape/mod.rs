//! Curvature, conditioning, smoothness and noise at one point of parameter space.
//!
//! Everything here looks at an [`Objective`](windtunnel_math::objective::Objective) or a
//! [`Stochastic`](windtunnel_math::objective::Stochastic) function, never at a model. Estimators for large
//! models stand beside the exact value for small ones, and say how wrong they are.
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

mod conditioning;
mod geometry;
mod hessian;
mod heterogeneity;
mod hutchinson;
mod lanczos;
mod noise;
mod operator;
mod probe;
mod smoothness;
mod summary;

pub use conditioning::{
    Convention, Curvature, Median, Parameters, robust_condition_number, robust_condition_numbers,
};
pub use geometry::{UpdateGeometry, cosine, update_geometry};
pub use hessian::{Hessian, Spectrum, negative_mass};
pub use heterogeneity::{BINS, Heterogeneity, block_heterogeneity};
pub use hutchinson::{DiagonalEstimate, Estimate, hutchinson_diag, hutchinson_trace};
pub use lanczos::{
    Lanczos, LanczosMemory, LanczosPlan, SpectralDensity, lanczos, random_start, slq,
};
pub use noise::{
    NoiseSample, Reference, Resampled, large_batch_gradient, noise_sample, reference_parts,
    reference_samples, streamed_gradient,
};
pub use operator::{
    Affine, Diagonal, HessianOperator, Preconditioned, Selected, Sum, SymmetricOperator,
};
pub use probe::Probe;
pub use smoothness::{directional_smoothness, path_smoothness};
pub use summary::NoiseSummary;
