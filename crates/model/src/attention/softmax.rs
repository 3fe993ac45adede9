//! Softmax over the keys.

use super::Activation;
use windtunnel_math::lanes::Lane;

/// φ(s) = exp(s) / Σ exp(s).
pub struct Softmax;

/// Weights below e^−`NEGLIGIBLE` of the largest are zero: 3e-20, beyond the last bit of any sum with
/// the largest. Their products with errors would leave the normal numbers of f32, on which some
/// processors are a hundred times slower; trained scores are far enough apart for that.
const NEGLIGIBLE: f64 = 45.0;

impl Activation for Softmax {
    const NAME: &'static str = "softmax";
    const SUMMARY: &'static str = "exp(s) over its sum over the keys that mask tells";
    const NORMALIZED: bool = true;
    const SMOOTH: bool = true;
    const NUMERICS: u32 = 4;

    /// exp(s − `largest`): the largest score cancels in the quotient.
    #[inline(always)]
    fn value<V: Lane>(token: V::Token, s: V, largest: V) -> V {
        let s = s - largest;
        (s + V::splat(token, NEGLIGIBLE)).gate(token, s.exp(token))
    }
    #[inline(always)]
    fn adjoint<V: Lane>(_: V::Token, e: V, bar: V) -> V {
        e * bar
    }
    fn naive(s: f64) -> f64 {
        s.exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_math::lanes::{Dual, Isa, Packed, Real, Simd, WithSimd};

    struct Weights;

    impl WithSimd for Weights {
        type Output = Vec<[f64; 3]>;
        fn with_simd<S: Simd>(self, token: S) -> Vec<[f64; 3]> {
            fn of<V: Lane>(token: V::Token, s: f64, part: usize) -> f64 {
                let mut out = vec![V::Scalar::nearest(0.0); V::WIDTH];
                let value = Softmax::value(token, V::splat(token, s), V::splat(token, 5.0));
                value.store(part, &mut out);
                out[0].widen()
            }
            let all = |s: f64| {
                [
                    of::<Packed<S, f32>>(token, s, 0),
                    of::<Packed<S, f64>>(token, s, 0),
                    of::<Dual<Packed<S, f64>>>(token, s, 0),
                ]
            };
            [5.0, -39.0, -41.0, -500.0, -900.0].map(all).to_vec()
        }
    }

    #[test]
    fn weights_are_normal_numbers_or_zero() {
        for isa in [Isa::Avx512, Isa::Avx2, Isa::Baseline] {
            let weights = isa.run(Weights);
            assert!(weights[0].iter().all(|w| (w - 1.0).abs() < 2e-7), "{isa:?}: {weights:?}");
            // e^-44: its product with an error of 1e-18 is still a normal number of f32.
            assert!(weights[1].iter().all(|w| (w / (-44f64).exp() - 1.0).abs() < 1e-5), "{weights:?}");
            assert!(weights[2..].iter().flatten().all(|w| *w == 0.0), "{isa:?}: {weights:?}");
        }
    }
}
