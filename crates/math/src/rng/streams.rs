//! Registry of random streams: every stream that the program draws from has its constructor here,
//! so that no two share their draws.
//!
//! | stream | purpose | step |
//! |---|---|---|
//! | [`Key::parameters`] | [`Purpose::Init`] | 0 |
//! | [`Key::encoder`] | [`Purpose::Init`] | 1 |
//! | [`Key::train`] | [`Purpose::Train`] | step of training |
//! | [`Key::held_out`] | [`Purpose::HeldOut`] | 0 |
//! | [`Key::fresh_held_out`] | [`Purpose::HeldOut`] | batch, from 1, at the seed of the run |
//! | [`Key::rotation`] | [`Purpose::Rotation`] | 0 |
//! | resamples | [`Purpose::Bootstrap`] | series, at seed 1 |
//! | [`Key::samples`] | [`Purpose::Samples`] | draw |
//! | [`Key::lanczos`] | [`Purpose::Probe`] | start, below 2³² |
//! | [`Key::signs`] | [`Purpose::Probe`] | 2³² + probe |
//! | [`Key::gaussian_noise`] | [`Purpose::Probe`] | 2⁴⁰ |
//! | [`Key::goodness_of_fit`] | [`Purpose::Probe`] | 2⁴¹ |
//! | [`Key::trial`] | [`Purpose::Probe`] | 2⁴² + draw |
//! | [`Key::labels`] | [`Purpose::Labels`] | layer |
//! | [`Key::baseline_prompts`] | [`Purpose::Baseline`] | 0, at seed 0 |
//! | [`Key::baseline_start`] | [`Purpose::Baseline`] | start, at seed 1 |

use super::{Key, Purpose};

/// First step of the random signs.
const SIGNS: u64 = 1 << 32;
const GAUSSIAN_NOISE: u64 = 1 << 40;
const GOODNESS_OF_FIT: u64 = 1 << 41;
const TRIAL: u64 = 1 << 42;

impl Key {
    /// Stream of the initial matrices of a model.
    pub fn parameters(seed: u64) -> Key {
        Key { seed, purpose: Purpose::Init, step: 0 }
    }

    /// Stream of the initial parameters of an encoder.
    pub fn encoder(seed: u64) -> Key {
        Key { seed, purpose: Purpose::Init, step: 1 }
    }

    /// Stream of the prompts of a training step.
    pub fn train(seed: u64, step: u64) -> Key {
        Key { seed, purpose: Purpose::Train, step }
    }

    /// Stream of the held-out prompts.
    pub fn held_out(seed: u64) -> Key {
        Key { seed, purpose: Purpose::HeldOut, step: 0 }
    }

    /// Stream of a held-out batch that no other run has, `batch` from 1.
    pub fn fresh_held_out(seed: u64, batch: u64) -> Key {
        Key { seed, purpose: Purpose::HeldOut, step: batch.max(1) }
    }

    /// Stream of a random rotation.
    pub fn rotation(seed: u64) -> Key {
        Key { seed, purpose: Purpose::Rotation, step: 0 }
    }

    /// Stream of a draw of fresh samples, never trained on.
    pub fn samples(seed: u64, draw: u64) -> Key {
        Key { seed, purpose: Purpose::Samples, step: draw }
    }

    /// Stream of a start vector of Lanczos, `start` < 2³².
    pub fn lanczos(seed: u64, start: u64) -> Key {
        Key { seed, purpose: Purpose::Probe, step: start }
    }

    /// Stream of a probe vector of random signs.
    pub fn signs(seed: u64, probe: u64) -> Key {
        Key { seed, purpose: Purpose::Probe, step: SIGNS + probe }
    }

    /// Stream of the Gaussian noise that measured noise is compared with.
    pub fn gaussian_noise() -> Key {
        Key { seed: 0, purpose: Purpose::Probe, step: GAUSSIAN_NOISE }
    }

    /// Stream of the synthetic samples of a goodness of fit.
    pub fn goodness_of_fit() -> Key {
        Key { seed: 0, purpose: Purpose::Probe, step: GOODNESS_OF_FIT }
    }

    /// Stream of a start, a gradient or a rotation that an optimizer is tried on, `draw` < 2⁴².
    pub fn trial(draw: u64) -> Key {
        Key { seed: 0, purpose: Purpose::Probe, step: TRIAL + draw }
    }

    /// Stream of a layer of the network of nonlinear labels.
    pub fn labels(seed: u64, layer: u64) -> Key {
        Key { seed, purpose: Purpose::Labels, step: layer }
    }

    /// Stream of the prompts that baselines are fitted on.
    pub fn baseline_prompts() -> Key {
        Key { seed: 0, purpose: Purpose::Baseline, step: 0 }
    }

    /// Stream of a starting point of a fit.
    pub fn baseline_start(start: u32) -> Key {
        Key { seed: 1, purpose: Purpose::Baseline, step: u64::from(start) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_streams_share_their_draws() {
        let mut keys = Vec::new();
        for n in [0, 1, 2, 7, 999, u64::from(u32::MAX)] {
            for seed in [0, 1, 99, u64::MAX] {
                keys.extend([Key::train(seed, n), Key::samples(seed, n), Key::lanczos(seed, n)]);
                keys.extend([Key::signs(seed, n), Key::labels(seed, n)]);
                keys.push(Key::fresh_held_out(seed, n + 1));
            }
            keys.extend([Key::baseline_start(n as u32), Key::trial(n)]);
        }
        for seed in [0, 1, 99, u64::MAX] {
            keys.extend([Key::parameters(seed), Key::encoder(seed)]);
            keys.extend([Key::held_out(seed), Key::rotation(seed)]);
        }
        keys.extend([Key::gaussian_noise(), Key::goodness_of_fit(), Key::baseline_prompts()]);
        let words: HashSet<[u32; 4]> = keys.iter().map(|key| key.words(0, 0)).collect();
        assert_eq!(words.len(), keys.len());
    }
}
