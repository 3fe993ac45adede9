//! Normal and gamma variates on lanes, addressed by slot.

use fearless_simd::Simd;
use fearless_simd::prelude::*;

use super::{Key, block_lanes};
use crate::lanes::{exp, ln, sin_cos_turns};

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
/// Both candidates of an attempt are refused with probability below 0.003, so that 32 attempts
/// fail with probability below 1e-80.
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

    #[inline(always)]
    fn words(&self, slot: u32) -> [S::u32s; 4] {
        let slot = S::u32s::splat(self.token, slot);
        let step = S::u32s::splat(self.token, self.step);
        let zero = S::u32s::splat(self.token, 0);
        block_lanes::<S>(self.key, [self.prompt, slot, step, zero])
    }

    /// Four independent N(0, 1) variates per lane, by Box and Muller's method.
    ///
    /// The radius uses 40 random bits, so tails are exact in distribution to 7.5 standard
    /// deviations; the angle uses the remaining 24.
    #[inline(always)]
    pub fn normals(&self, slot: u32) -> [S::f32s; 4] {
        let w = self.words(slot);
        let (a, b) = self.normal_pair(w[0], w[1]);
        let (c, d) = self.normal_pair(w[2], w[3]);
        [a, b, c, d]
    }

    #[inline(always)]
    fn normal_pair(&self, w0: S::u32s, w1: S::u32s) -> (S::f32s, S::f32s) {
        let low: S::f32s = (w1 & 0xff_u32).to_float();
        let low = (low + 0.5) * (TWO_POW_MINUS_32 / 256.0);
        let radius_uniform: S::f32s =
            w0.to_float::<S::f32s>().mul_add(S::f32s::splat(self.token, TWO_POW_MINUS_32), low);
        let radius_uniform = self.below_one(radius_uniform);
        let radius = (ln(self.token, radius_uniform) * -2.0).sqrt();
        let turns = ((w1 >> 8).to_float::<S::f32s>() + 0.5) * TWO_POW_MINUS_24;
        let (sin, cos) = sin_cos_turns(self.token, self.below_one(turns));
        (radius * cos, radius * sin)
    }

    #[inline(always)]
    fn splat(&self, x: f32) -> S::f32s {
        S::f32s::splat(self.token, x)
    }

    /// Rounding may reach 1, where the radius would be 0 and a direction undefined.
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

    /// Gamma variates of the given shape and scale 1, per lane.
    ///
    /// Marsaglia and Tsang (ACM TOMS 26, 2000); a shape below 1 is raised by 1 and multiplied by
    /// `U^(1/shape)`. Uses slots `slot` and `slot + 1`.
    #[inline(always)]
    pub fn gamma(&self, slot: u32, shape: f64) -> S::f32s {
        if shape >= 1.0 {
            return self.gamma_above_one(slot, shape);
        }
        let raised = self.gamma_above_one(slot, shape + 1.0);
        let uniform = self.uniform_40(slot + 1);
        let power = ln(self.token, uniform) * (1.0 / shape) as f32;
        raised * exp(self.token, power)
    }

    #[inline(always)]
    fn uniform_40(&self, slot: u32) -> S::f32s {
        let w = self.words(slot);
        let low = (w[1] >> 24).to_float::<S::f32s>() * (TWO_POW_MINUS_32 / 256.0);
        self.below_one(self.uniform(w[0]) + low)
    }

    #[inline(always)]
    fn gamma_above_one(&self, slot: u32, shape: f64) -> S::f32s {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        let (d, c) = (d as f32, c as f32);
        let mut value = S::f32s::splat(self.token, d);
        let mut pending = value.simd_eq(value);
        for attempt in 0..ATTEMPTS {
            let w = self.words(slot | attempt << ATTEMPT_SHIFT);
            let (x0, x1) = self.normal_pair(w[0], w[1]);
            for (x, word) in [(x0, w[2]), (x1, w[3])] {
                let (candidate, accepted) = self.marsaglia_tsang(x, self.uniform(word), d, c);
                value = (pending & accepted).select(candidate, value);
                pending &= !accepted;
            }
            if !pending.any_true() {
                break;
            }
        }
        value
    }

    #[inline(always)]
    fn marsaglia_tsang(&self, x: S::f32s, u: S::f32s, d: f32, c: f32) -> (S::f32s, S::mask32s) {
        let one = self.splat(1.0);
        let root = x.mul_add(self.splat(c), one);
        let positive = root.simd_gt(self.splat(0.0));
        // The clamp only keeps the logarithm defined where the candidate is refused anyway.
        let v = root * root * root;
        let log_v = ln(self.token, v.max(self.splat(f32::MIN_POSITIVE)));
        let bound = (x * x).mul_add(self.splat(0.5), (one - v + log_v) * d);
        let accepted = ln(self.token, u).simd_lt(bound);
        (v * d, positive & accepted)
    }
}
