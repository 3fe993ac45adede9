//! Largest values of keys that several sections have.

/// Largest seed: TOML integers are signed.
pub(super) const MAX_SEED: u64 = i64::MAX as u64;
/// Largest batch.
pub(super) const MAX_BATCH: usize = 1_000_000;
/// Largest number of fresh held-out batches.
pub(super) const MAX_FRESH_BATCHES: u64 = 64;
/// Largest number of steps.
pub(super) const MAX_STEPS: u64 = 1_000_000_000_000;
