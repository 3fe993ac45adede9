//! The commands, one module each.

pub mod baselines;
pub mod compare;
pub mod eval;
mod folder;
pub mod init;
pub mod list;
pub mod measure;
pub mod metrics;
pub mod reproduce;
pub mod runs;
pub mod train;
pub mod watch;
