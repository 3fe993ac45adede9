//! Numbers of windtunnel: in-context linear regression, linear Transformers and their exact
//! derivatives, optimizers and the training loop.
//!
//! No files, no clock, no environment, no printing: a run is a pure function of its settings.
//! Modules are listed from the ground floor up; each uses only those above it.

pub mod lanes;
pub mod rng;
pub mod parallel;
pub mod linalg;
pub mod task;
pub mod objective;
pub mod optim;
pub mod model;
pub mod train;
pub mod reference;
