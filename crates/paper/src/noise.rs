//! Studies of the noise at initialization that the settings need.

use windtunnel_lab::initial_noise::NoiseStudy;
use windtunnel_runs::spec::SpecError;
use windtunnel_runs::store::Store;

use super::protocol::Protocol;
use super::setting::Setting;

pub use windtunnel_lab::initial_noise::{
    DRAWN_SEED, InitialNoise, MissingReason, Statistic, Statistics,
};

/// Divisor of the number of draws for seeds whose norms are not drawn.
const OTHER_SEEDS: usize = 5;
/// Divisor of the number of draws in a quick look.
const QUICK: usize = 20;
/// Prompts of the large batch per prompt of a mini-batch: the paper's 100.
const REFERENCE: usize = 100;

/// The study of a setting at one seed.
///
/// # Errors
/// As [`Setting::spec`].
pub fn noise_study(
    setting: &Setting,
    protocol: &Protocol,
    number: u64,
) -> Result<NoiseStudy, SpecError> {
    let spec = setting.bare_spec(setting.arms[0], 1, Some(1.0))?.with_seed(protocol.seed(number));
    let share = if protocol.quick { QUICK } else { 1 };
    let draws = setting.draws / if number == DRAWN_SEED { 1 } else { OTHER_SEEDS } / share;
    let draws = draws.max(20);
    // A quick look has few draws, so a far more accurate reference would not help.
    let reference = REFERENCE * spec.train.batch_size.min(10 * draws);
    Ok(NoiseStudy { spec, draws, reference })
}

/// Noise of a setting at one seed, from the cache of the store or computed and cached.
///
/// # Errors
/// A spec that does not resolve, or a store that can be neither read nor written.
pub fn initial_noise(
    store: &Store,
    setting: &Setting,
    protocol: &Protocol,
    seed: u64,
) -> Result<InitialNoise, String> {
    let study = noise_study(setting, protocol, seed).map_err(|error| error.to_string())?;
    study.obtain(store)
}
