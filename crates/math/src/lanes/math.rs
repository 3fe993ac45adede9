//! Elementary functions on lanes, from arithmetic alone.
//!
//! The platform's `ln` and `sin` differ between C libraries in the last bit, and random draws and
//! kernels must not. Polynomials in f32: Cephes single precision (Moshier 1989), relative error
//! about 1e-7; in f64: Taylor's, about 1e-16.

use fearless_simd::Simd;
use fearless_simd::prelude::*;

/// Σ c_i x^(N−1−i), by Horner's scheme.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(token: S, x: S::f32s, coefficients: [f32; N]) -> S::f32s {
    let mut sum = S::f32s::splat(token, coefficients[0]);
    for i in 1..N {
        sum = sum.mul_add(x, S::f32s::splat(token, coefficients[i]));
    }
    sum
}

/// [`polynomial`] of many terms: even and odd powers are two chains that do not wait for each
/// other.
#[inline(always)]
fn long_polynomial<S: Simd, const N: usize>(
    token: S,
    x: S::f32s,
    coefficients: [f32; N],
) -> S::f32s {
    let x2 = x * x;
    let mut sums = [S::f32s::splat(token, coefficients[0]), S::f32s::splat(token, coefficients[1])];
    for i in 2..N {
        sums[i % 2] = sums[i % 2].mul_add(x2, S::f32s::splat(token, coefficients[i]));
    }
    // The last power is 0 and its chain is that of N − 1.
    sums[N % 2].mul_add(x, sums[(N - 1) % 2])
}

/// Integers below 2³¹ as floats: one instruction, where unsigned ones are five with AVX2.
#[inline(always)]
pub fn small_to_float<S: Simd>(x: S::u32s) -> S::f32s {
    x.bitcast::<S::i32s>().to_float()
}

/// Natural logarithm of positive normal numbers.
#[inline(always)]
pub fn ln<S: Simd>(token: S, x: S::f32s) -> S::f32s {
    const SQRT_HALF_BITS: u32 = 0x3f35_04f3;
    const ONE_BITS: u32 = 0x3f80_0000;
    // x = m · 2^e with m in [√½, √2): shifting the exponent field by √½ rounds it to nearest.
    let shifted: S::u32s = x.bitcast::<S::u32s>() + (ONE_BITS - SQRT_HALF_BITS);
    let exponent: S::f32s = small_to_float::<S>(shifted >> 23) - 127.0;
    let m: S::f32s = ((shifted & 0x007f_ffff_u32) + SQRT_HALF_BITS).bitcast();
    let f = m - 1.0;
    let f2 = f * f;
    let p = long_polynomial::<S, _>(
        token,
        f,
        [
            7.037_683_6e-2,
            -1.151_461e-1,
            1.167_699_9e-1,
            -1.242_014_1e-1,
            1.424_932_3e-1,
            -1.666_805_8e-1,
            2.000_071_5e-1,
            -2.499_999_4e-1,
            3.333_333e-1,
        ],
    );
    let tail = (p * f).mul_add(f2, exponent * S::f32s::splat(token, -2.121_944_4e-4));
    let tail = f2.mul_add(S::f32s::splat(token, -0.5), tail);
    exponent.mul_add(S::f32s::splat(token, 0.693_359_4), f + tail)
}

/// e^x, not for x above 87; e^−87 below −87, where f32 soon has no normal numbers left.
#[inline(always)]
pub fn exp<S: Simd>(token: S, x: S::f32s) -> S::f32s {
    /// Number whose addition leaves an integer in the lowest bits of the significand.
    const MAGIC: f32 = 12_582_912.0;
    /// Minimax polynomial of degree 5, within 7.5e-8 of e^r, relatively, for |r| ≤ ln 2/2.
    const MINIMAX: [f32; 6] =
        [8.297_648e-3, 4.191_543e-2, 1.666_757_6e-1, 4.999_889_4e-1, 9.999_997e-1, 1.000_000_1];
    let splat = |x: f32| S::f32s::splat(token, x);
    let x = x.max(splat(-87.0));
    let shifted = x.mul_add(splat(std::f32::consts::LOG2_E), splat(MAGIC));
    // ln 2 in two parts, the first exact in 9 bits (Cody and Waite).
    let n = shifted - MAGIC;
    let r = n.mul_add(splat(-0.693_359_4), x);
    let r = n.mul_add(splat(2.121_944_4e-4), r);
    let power: S::u32s = shifted.bitcast::<S::u32s>() << 23;
    let value: S::u32s = polynomial::<S, _>(token, r, MINIMAX).bitcast();
    (value + power).bitcast()
}

/// e^x in double precision; zero below −708, where f64 has no normal numbers left. Not for x above
/// 709.
#[inline(always)]
pub fn exp_wide<S: Simd>(token: S, x: S::f64s) -> S::f64s {
    // ln 2 in two parts, the first exact in 33 bits (Cody and Waite).
    const LN2_HI: f64 = 6.931_471_803_691_238e-1;
    const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
    /// Number whose addition leaves an integer in the lowest bits of the significand.
    const MAGIC: f64 = 4_503_599_627_370_496.0 + 1023.0;
    /// Taylor coefficients 1/13!, …, 1/2!: |r| ≤ ln 2/2, so the next term is below 5e-18.
    const TAYLOR: [f64; 12] = [
        1.605_904_383_682_161_3e-10,
        2.087_675_698_786_81e-9,
        2.505_210_838_544_172e-8,
        2.755_731_922_398_589e-7,
        2.755_731_922_398_589_3e-6,
        2.480_158_730_158_73e-5,
        1.984_126_984_126_984e-4,
        1.388_888_888_888_889e-3,
        8.333_333_333_333_333e-3,
        4.166_666_666_666_666_4e-2,
        1.666_666_666_666_666_6e-1,
        0.5,
    ];
    let splat = |x: f64| S::f64s::splat(token, x);
    let underflow = x.simd_lt(splat(-708.0));
    let x = x.max(splat(-708.0));
    let n = (x * std::f64::consts::LOG2_E).round_ties_even();
    let r = n.mul_add(splat(-LN2_HI), x);
    let r = n.mul_add(splat(-LN2_LO), r);
    let mut p = splat(TAYLOR[0]);
    for i in 1..TAYLOR.len() {
        p = p.mul_add(r, splat(TAYLOR[i]));
    }
    let value = p.mul_add(r * r, r + 1.0);
    let power: S::f64s = ((n + MAGIC).bitcast::<S::u64s>() << 52).bitcast();
    underflow.select(splat(0.0), value * power)
}

/// (sin, cos) of 2π(q/4 + `t`), q the highest two bits of `quadrant`, `t` in [−⅛, ⅛].
#[inline(always)]
pub fn sin_cos_turns<S: Simd>(token: S, quadrant: S::u32s, t: S::f32s) -> (S::f32s, S::f32s) {
    let x = t * std::f32::consts::TAU;
    let z = x * x;
    let s = polynomial::<S, _>(token, z, [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1]);
    let s = (s * z).mul_add(x, x);
    let c = polynomial::<S, _>(token, z, [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2]);
    let c = (c * z).mul_add(z, z.mul_add(S::f32s::splat(token, -0.5), S::f32s::splat(token, 1.0)));
    // (s, c), (c, −s), (−s, −c), (−c, s): exchanged by the second bit, sin has the sign of the first
    // and cos of both.
    let second = quadrant << 1;
    let exchanged: S::u32s = (second.bitcast::<S::i32s>() >> 31).bitcast();
    let (s, c): (S::u32s, S::u32s) = (s.bitcast(), c.bitcast());
    let change = (s ^ c) & exchanged;
    let sin = s ^ change ^ (quadrant & SIGN);
    let cos = c ^ change ^ ((quadrant ^ second) & SIGN);
    (sin.bitcast(), cos.bitcast())
}

const SIGN: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{Isa, WithSimd};

    /// Largest errors of ln (absolute, inputs down to 2⁻⁴⁰), exp (relative), sin and cos.
    struct Worst;

    impl WithSimd for Worst {
        type Output = [f64; 4];
        fn with_simd<S: Simd>(self, token: S) -> [f64; 4] {
            let mut worst = [0.0_f64; 4];
            for i in 0..100_000_u32 {
                let u = f64::from(i) / 1e5;
                let x = (2f64.powf(-40.0 * u)) as f32;
                let err = f64::from(ln(token, S::f32s::splat(token, x))[0]) - f64::from(x).ln();
                worst[0] = worst[0].max(err.abs() / f64::from(x).ln().abs().max(1.0));
                let x = (-86.0 + 170.0 * u) as f32;
                let err = f64::from(exp(token, S::f32s::splat(token, x))[0]) / f64::from(x).exp();
                worst[1] = worst[1].max((err - 1.0).abs());
                let (quadrant, t) = (i % 4, 0.25 * u as f32 - 0.125);
                let (q, x) = (S::u32s::splat(token, quadrant << 30), S::f32s::splat(token, t));
                let (s, c) = sin_cos_turns(token, q, x);
                let angle = std::f64::consts::TAU * (f64::from(quadrant) / 4.0 + f64::from(t));
                worst[2] = worst[2].max((f64::from(s[0]) - angle.sin()).abs());
                worst[3] = worst[3].max((f64::from(c[0]) - angle.cos()).abs());
            }
            worst
        }
    }

    #[test]
    fn functions_are_accurate_to_single_precision() {
        for isa in [Isa::Avx512, Isa::Avx2, Isa::Baseline] {
            let worst = isa.run(Worst);
            // A few units in the last place of f32 (6e-8 each).
            assert!(worst.iter().all(|&e| e < 3e-7), "{isa:?}: {worst:?}");
        }
    }

    struct WorstWide;

    impl WithSimd for WorstWide {
        type Output = f64;
        fn with_simd<S: Simd>(self, token: S) -> f64 {
            let error = |i: u32| {
                let x = -700.0 + 1400.0 * f64::from(i) / 1e5;
                (exp_wide(token, S::f64s::splat(token, x))[0] / x.exp() - 1.0).abs()
            };
            (0..100_000).map(error).fold(0.0, f64::max)
        }
    }

    #[test]
    fn exp_is_accurate_to_double_precision() {
        for isa in [Isa::Avx512, Isa::Avx2, Isa::Baseline] {
            let worst = isa.run(WorstWide);
            // Two units in the last place; without fused operations n·ln 2 rounds once more.
            assert!(worst < 5e-16, "{isa:?}: {worst:e}");
        }
    }

    struct Tiny;

    impl WithSimd for Tiny {
        type Output = (f32, f64);
        fn with_simd<S: Simd>(self, token: S) -> (f32, f64) {
            let wide = exp_wide(token, S::f64s::splat(token, -800.0))[0];
            (exp(token, S::f32s::splat(token, -500.0))[0], wide)
        }
    }

    #[test]
    fn exp_underflows_gently() {
        for isa in [Isa::Avx512, Isa::Avx2, Isa::Baseline] {
            let (narrow, wide) = isa.run(Tiny);
            assert_eq!((narrow.is_normal(), narrow < 1.7e-38, wide), (true, true, 0.0), "{isa:?}");
        }
    }
}
