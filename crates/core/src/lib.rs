//! Numbers of windtunnel: in-context linear regression, linear Transformers and their exact
//! derivatives, optimizers and the training loop.
//!
//! No files, no clock, no environment, no printing: a run is a pure function of its settings.
//! Modules are listed from the ground floor up; each uses only those above it.

// Ground floor.
pub mod lanes;
pub mod linalg;
pub mod parallel;
pub mod rng;
// First floor.
pub mod objective;
pub mod stats;
pub mod task;
// Second floor.
pub mod landscape;
pub mod model;
pub mod optim;
// Third floor.
pub mod baseline;
pub mod train;
// Fourth floor.
pub mod instrument;
// Beside the house: the slow twins that tests compare with.
pub mod reference;
