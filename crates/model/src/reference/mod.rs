//! Naive twins of the fast code, which tests compare it with.
//!
//! Plain loops over tokens in f64, with the attention matrix and the mask as the paper defines
//! them. Nothing here is fast, and nothing here shares code with what it checks.

mod tokens;
mod transformer;

pub use tokens::{Tokens, network, sample};
pub use transformer::{loss, prediction};
