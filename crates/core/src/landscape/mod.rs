//! Curvature, conditioning, smoothness and noise at one point of parameter space.
//!
//! Everything here looks at an [`Objective`](crate::objective::Objective) or a
//! [`Stochastic`](crate::objective::Stochastic) function, never at a model. Estimators for large
//! models stand beside the exact value for small ones, and say how wrong they are.

mod conditioning;
mod geometry;
mod hessian;
mod heterogeneity;
mod hutchinson;
mod lanczos;
mod noise;
mod probe;
mod smoothness;
mod stability;

pub use conditioning::{
    Convention, Curvature, Median, Parameters, robust_condition_number, robust_condition_numbers,
};
pub use geometry::{UpdateGeometry, cosine, update_geometry};
pub use hessian::{Hessian, Spectrum, negative_mass};
pub use heterogeneity::{BINS, Heterogeneity, block_heterogeneity};
pub use hutchinson::{Estimate, hutchinson_diag, hutchinson_trace};
pub use lanczos::{Lanczos, SpectralDensity, lanczos, random_start, slq};
pub use noise::{NoiseSample, Reference, Resampled, large_batch_gradient, noise_sample};
pub use probe::Probe;
pub use smoothness::{directional_smoothness, path_smoothness};
pub use stability::{
    adam_threshold, gradient_descent_threshold, heavy_ball_threshold, nesterov_threshold,
    preconditioned,
};
