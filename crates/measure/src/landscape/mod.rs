//! Curvature, conditioning, smoothness and noise at one point of parameter space.
//!
//! Everything here reads an [`Objective`](windtunnel_math::objective::Objective) or a
//! [`Stochastic`](windtunnel_math::objective::Stochastic) function, never a model. Estimators for
//! large models stand beside the exact value for small ones, and report their error.

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
pub use hutchinson::{DiagonalEstimate, ProbeMean, hutchinson_diag, hutchinson_trace};
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
