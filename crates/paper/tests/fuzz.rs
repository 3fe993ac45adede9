//! Generated inputs: unusual specs, files and numbers. Each gives a result or an error, the same
//! every time: all draws are seeded, and their number is fixed.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

#[path = "fuzz/dice.rs"]
mod dice;
#[path = "fuzz/exchange.rs"]
mod exchange;
#[path = "fuzz/files.rs"]
mod files;
#[path = "fuzz/pictures.rs"]
mod pictures;
#[path = "fuzz/specs.rs"]
mod specs;
