//! Normal and gamma variates on lanes, addressed by slot.

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::{Key, block_lanes};
use crate::lanes::{exp, ln, sin_cos_turns, small_to_float};

/// A gamma law of scale 1, prepared for [`Draws::gammas`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gamma {
    /// Marsaglia and Tsang's d = shape − 1/3 and c = 1/√(9 d), of the shape raised to at least 1.
    d: f32,
    c: f32,
    /// 1/shape where the shape is below 1.
    power: Option<f32>,
}

impl Gamma {
    /// The law of shape `shape` > 0.
    pub fn new(shape: f64) -> Gamma {
        let raised = if shape < 1.0 { shape + 1.0 } else { shape };
        let d = raised - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        Gamma { d: d as f32, c: c as f32, power: (shape < 1.0).then_some((1.0 / shape) as f32) }
    }
}

/// Draws for as many consecutive prompts as a register of `S` has lanes.
///
/// A slot is four words of one prompt; callers number the slots of a prompt from 0 and never use
/// one twice. Slots up to 2²⁶ are theirs; higher bits number the attempts of rejection sampling.
#[derive(Clone, Copy)]
pub struct Draws<S: Simd> {
    token: S,
    key: [u32; 4],
    prompt: S::u32s,
    step: u32,
}

const ATTEMPT_SHIFT: u32 = 26;
/// Largest number of candidates of one variate. At most one in twenty is refused, so the
/// probability of 32 refusals in a row is below 1e-41.
const ATTEMPTS: u32 = 32;
const TWO_POW_MINUS_32: f32 = 1.0 / 4_294_967_296.0;
const TWO_POW_MINUS_24: f32 = 1.0 / 16_777_216.0;

impl<S: Simd> Draws<S> {
    /// Draws of prompts `first`, `first + 1`, … at `key`.
    #[inline(always)]
    pub fn new(token: S, key: Key, first: u32) -> Self {
        let mut prompt = S::u32s::splat(token, first);
        for lane in 0..S::u32s::LEN {
            prompt[lane] = first.wrapping_add(lane as u32);
        }
        Draws { token, key: key.threefry_key(), prompt, step: key.step as u32 }
    }

    /// Proof of the instructions that draws are made with.
    #[inline(always)]
    pub fn token(&self) -> S {
        self.token
    }

    /// Four independent uniform variates on (0, 1) per lane, of 32 random bits each before they are
    /// rounded to f32.
    #[inline(always)]
    pub fn uniforms(&self, slot: u32) -> [S::f32s; 4] {
        let [words] = self.words([slot]);
        let mut uniforms = [self.splat(0.0); 4];
        for i in 0..4 {
            uniforms[i] = self.uniform(words[i]);
        }
        uniforms
    }

    #[inline(always)]
    fn words<const N: usize>(&self, slots: [u32; N]) -> [[S::u32s; 4]; N] {
        let step = S::u32s::splat(self.token, self.step);
        let zero = S::u32s::splat(self.token, 0);
        let mut counters = [[self.prompt, zero, step, zero]; N];
        for i in 0..N {
            counters[i][1] = S::u32s::splat(self.token, slots[i]);
        }
        block_lanes::<S, N>(self.key, counters)
    }

    /// Four independent N(0, 1) variates per lane and slot, by Box and Muller's method.
    ///
    /// The radius uses 40 random bits, so tails are exact in distribution to 7.5 standard
    /// deviations; the angle uses the remaining 24.
    #[inline(always)]
    pub fn normals<const N: usize>(&self, slots: [u32; N]) -> [[S::f32s; 4]; N] {
        self.token.vectorize(
            #[inline(always)]
            || {
                let words = self.words(slots);
                let mut normals = [[self.splat(0.0); 4]; N];
                for i in 0..N {
                    let w = words[i];
                    let (a, b) = self.normal_pair(w[0], w[1]);
                    let (c, d) = self.normal_pair(w[2], w[3]);
                    normals[i] = [a, b, c, d];
                }
                normals
            },
        )
    }

    #[inline(always)]
    fn normal_pair(&self, w0: S::u32s, w1: S::u32s) -> (S::f32s, S::f32s) {
        let low = small_to_float::<S>(w1 & 0xff_u32);
        let low = (low + 0.5) * (TWO_POW_MINUS_32 / 256.0);
        let radius_uniform: S::f32s =
            w0.to_float::<S::f32s>().mul_add(S::f32s::splat(self.token, TWO_POW_MINUS_32), low);
        let radius_uniform = self.below_one(radius_uniform);
        let radius = (ln(self.token, radius_uniform) * -2.0).sqrt();
        // Bits 30 and 31 are the quadrant; 22 bits are the angle within it, exact and never zero.
        let within: S::f32s = ((w1 << 2).bitcast::<S::i32s>() >> 10).to_float();
        let (sin, cos) = sin_cos_turns(self.token, w1, (within + 0.5) * TWO_POW_MINUS_24);
        (radius * cos, radius * sin)
    }

    #[inline(always)]
    fn splat(&self, x: f32) -> S::f32s {
        S::f32s::splat(self.token, x)
    }

    /// `uniform`, at most the largest number below 1. Rounding may reach 1, where the radius would
    /// be 0 and a direction undefined.
    #[inline(always)]
    fn below_one(&self, uniform: S::f32s) -> S::f32s {
        uniform.min(S::f32s::splat(self.token, 1.0 - TWO_POW_MINUS_24))
    }

    /// Uniform on (0, 1) with 32 random bits.
    #[inline(always)]
    fn uniform(&self, word: S::u32s) -> S::f32s {
        let u = (word.to_float::<S::f32s>() + 0.5) * TWO_POW_MINUS_32;
        self.below_one(u)
    }

    /// Independent gamma variates of scale 1 per lane; variate i has law `i % 2`, N is even.
    ///
    /// Marsaglia and Tsang (ACM TOMS 26, 2000); a shape below 1 is raised by 1 and multiplied by
    /// `U^(1/shape)`. Uses `N/2` slots from `slot` on.
    #[inline(always)]
    pub fn gammas<const N: usize>(&self, slot: u32, laws: [Gamma; 2]) -> [S::f32s; N] {
        self.token.vectorize(
            #[inline(always)]
            || self.gammas_inline(slot, laws),
        )
    }

    #[inline(always)]
    fn gammas_inline<const N: usize>(&self, slot: u32, laws: [Gamma; 2]) -> [S::f32s; N] {
        let mut values = [self.splat(0.0); N];
        let none = values[0].simd_gt(values[0]);
        let mut pending = [none; N];
        for i in (0..N).step_by(2) {
            let [words] = self.words([slot + i as u32 / 2]);
            let (first, refused) = self.attempt(words, laws);
            [values[i], values[i + 1]] = first;
            [pending[i], pending[i + 1]] = refused;
        }
        for attempt in 1..ATTEMPTS {
            let mut any = none;
            for i in 0..N {
                any |= pending[i];
            }
            if !any.any_true() {
                break;
            }
            // One candidate of each law per lane, for the first variate that still lacks one.
            let [words] = self.words([slot | attempt << ATTEMPT_SHIFT]);
            let (candidates, refused) = self.attempt(words, laws);
            let mut free = [!refused[0], !refused[1]];
            for i in 0..N {
                let take = pending[i] & free[i % 2];
                values[i] = take.select(candidates[i % 2], values[i]);
                pending[i] &= !take;
                free[i % 2] &= !take;
            }
        }
        values
    }

    /// One candidate of each law, and where it is refused.
    #[inline(always)]
    fn attempt(&self, w: [S::u32s; 4], laws: [Gamma; 2]) -> ([S::f32s; 2], [S::mask32s; 2]) {
        let (x0, x1) = self.normal_pair(w[0], w[1]);
        let (v0, refused0) = self.marsaglia_tsang(x0, self.uniform(w[2]), laws[0]);
        let (v1, refused1) = self.marsaglia_tsang(x1, self.uniform(w[3]), laws[1]);
        ([v0, v1], [refused0, refused1])
    }

    /// The candidate d·v with v = (1 + t)³, t = c·x, refused unless ln u < x²/2 + d(1 − v + ln v).
    ///
    /// As d = 1/(9c²), the bound is 3d(ln(1 + t) − t + t²/2 − t³/3), whose terms are as small as t
    /// for large shapes, where those of the textbook's cancel.
    #[inline(always)]
    fn marsaglia_tsang(&self, x: S::f32s, u: S::f32s, law: Gamma) -> (S::f32s, S::mask32s) {
        let one = self.splat(1.0);
        let root = x.mul_add(self.splat(law.c), one);
        let positive = root.simd_gt(self.splat(0.0));
        // The clamp only keeps the logarithm defined where the candidate is refused anyway.
        let log = ln(self.token, root.max(self.splat(f32::MIN_POSITIVE)));
        let t = root - one;
        let series = t.mul_add(self.splat(1.0 / 3.0), self.splat(-0.5)).mul_add(t, one) * t;
        let bound = (log - series) * (3.0 * law.d);
        let log_u = ln(self.token, u);
        let accepted = log_u.simd_lt(bound);
        let mut value = root * root * root * law.d;
        if let Some(power) = law.power {
            // Given that u is below exp(bound), u/exp(bound) is uniform, whatever the candidate.
            value *= exp(self.token, (log_u - bound) * power);
        }
        (value, !(positive & accepted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{Isa, WithSimd};
    use crate::rng::Purpose;

    const KEY: Key = Key { seed: 11, purpose: Purpose::Train, step: 5 };
    const ISAS: [Isa; 3] = [Isa::Avx512, Isa::Avx2, Isa::Baseline];

    struct RadiusError;

    /// Largest relative error of the squared radius against −2 ln u, u the 40-bit uniform.
    impl WithSimd for RadiusError {
        type Output = f64;
        fn with_simd<S: Simd>(self, token: S) -> f64 {
            let draws = Draws::new(token, KEY, 0);
            let mut worst = 0.0_f64;
            for i in 0..2000_u32 {
                // High words from 0, where 7.5 standard deviations lie, to 2³⁰, in even ratios.
                let high = (1.0105_f64.powi(i as i32) - 1.0) as u32;
                let word = high << 8 ^ i.wrapping_mul(0x9e37_79b9);
                let u = (f64::from(high) + (f64::from(word & 0xff) + 0.5) / 256.0) / 2f64.powi(32);
                let (x, y) =
                    draws.normal_pair(S::u32s::splat(token, high), S::u32s::splat(token, word));
                let radius2 = f64::from(x[0]).powi(2) + f64::from(y[0]).powi(2);
                worst = worst.max((radius2 / (-2.0 * u.ln()) - 1.0).abs());
            }
            worst
        }
    }

    #[test]
    fn radii_are_exact_to_seven_standard_deviations() {
        for isa in ISAS {
            let worst = isa.run(RadiusError);
            assert!(worst < 2e-6, "{isa:?}: {worst}");
        }
    }

    const THRESHOLDS: [f32; 5] = [3.0, 4.0, 5.0, 5.5, 6.0];

    struct Exceedances {
        calls: u32,
    }

    /// Draws above each threshold in absolute value, and their number.
    impl WithSimd for Exceedances {
        type Output = ([u64; 5], u64);
        #[inline(always)]
        fn with_simd<S: Simd>(self, token: S) -> Self::Output {
            let mut counts = [0; 5];
            let lanes = S::f32s::LEN as u32;
            for prompt in (0..64).step_by(S::f32s::LEN) {
                let draws = Draws::new(token, KEY, prompt);
                for slot in (0..self.calls).step_by(2) {
                    for z in draws.normals([slot, slot + 1]).as_flattened() {
                        let size = z.abs();
                        if !size.simd_gt(S::f32s::splat(token, THRESHOLDS[0])).any_true() {
                            continue;
                        }
                        for (count, threshold) in counts.iter_mut().zip(THRESHOLDS) {
                            *count +=
                                (0..lanes as usize).filter(|&i| size[i] > threshold).count() as u64;
                        }
                    }
                }
            }
            (counts, 64 * 4 * u64::from(self.calls))
        }
    }

    #[test]
    fn normals_have_gaussian_tails_beyond_six_standard_deviations() {
        let (counts, draws) = Isa::detect().run(Exceedances { calls: 1 << 22 });
        // 2·(1 − Φ(t)).
        let tails = [2.699_796e-3, 6.334_248e-5, 5.733_031e-7, 3.797_913e-8, 1.973_175e-9];
        for ((count, tail), threshold) in counts.into_iter().zip(tails).zip(THRESHOLDS) {
            let expected = tail * draws as f64;
            let slack = 4.5 * expected.sqrt() + 1.0;
            let off = (count as f64 - expected).abs();
            assert!(off < slack, "beyond {threshold}: {count} of {draws}, expected {expected}");
        }
    }

    struct Gammas {
        laws: [Gamma; 2],
        calls: u32,
    }

    /// Variates of the first and of the second law.
    impl WithSimd for Gammas {
        type Output = [Vec<f64>; 2];
        fn with_simd<S: Simd>(self, token: S) -> Self::Output {
            let mut values = [Vec::new(), Vec::new()];
            let draws = Draws::new(token, KEY, 0);
            for call in 0..self.calls {
                for (i, x) in draws.gammas::<4>(2 * call, self.laws).into_iter().enumerate() {
                    values[i % 2].extend((0..S::f32s::LEN).map(|lane| f64::from(x[lane])));
                }
            }
            values
        }
    }

    #[test]
    fn gammas_have_their_moments() {
        for [a, b] in [[0.1, 0.5], [1.0, 2.5], [10.0, 8.0], [5e3, 5e5]] {
            let laws = [Gamma::new(a), Gamma::new(b)];
            let samples = Isa::detect().run(Gammas { laws, calls: 10_000 });
            for (shape, x) in [a, b].into_iter().zip(samples) {
                // Cumulants of Gamma(k): k, k, 2k, 6k; standardized ones are of order one.
                let n = x.len() as f64;
                let scale = f64::sqrt(shape);
                let moment =
                    |p: i32| x.iter().map(|x| ((x - shape) / scale).powi(p)).sum::<f64>() / n;
                let exact = [0.0, 1.0, 2.0 / scale, 3.0 + 6.0 / shape];
                for (p, exact) in (1..).zip(exact) {
                    let slack = 4.5 * ((moment(2 * p) - moment(p).powi(2)) / n).sqrt() + 1e-4;
                    let off = (moment(p) - exact).abs();
                    assert!(off < slack, "shape {shape}: moment {p} {} for {exact}", moment(p));
                }
            }
        }
    }
}
