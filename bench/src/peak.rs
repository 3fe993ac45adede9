//! Peak of the machine: independent chains of fused multiply-adds that never leave the registers.

use std::time::Instant;

use fearless_simd::Simd;
use windtunnel_math::lanes::{Isa, Lane, Packed, WithSimd};

/// Number of chains. Two pipes with a latency of four or five cycles need ten; twelve fit 16
/// registers.
const CHAINS: usize = 12;
const ROUNDS: usize = 1000;

struct Chains {
    repeats: usize,
}

impl WithSimd for Chains {
    type Output = f64;
    #[inline(always)]
    fn with_simd<S: Simd>(self, token: S) -> f64 {
        let factor = Packed::<S, f32>::splat(token, std::hint::black_box(0.5));
        let term = Packed::<S, f32>::splat(token, std::hint::black_box(1.0));
        let mut sums = [term; CHAINS];
        let start = Instant::now();
        for _ in 0..self.repeats {
            for _ in 0..ROUNDS {
                for sum in &mut sums {
                    *sum = sum.mul_add(factor, term);
                }
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        let mut out = [0.0; 16];
        for sum in sums {
            sum.store(0, &mut out[..Packed::<S, f32>::WIDTH]);
            std::hint::black_box(&out);
        }
        let flops = 2 * self.repeats * ROUNDS * CHAINS * Packed::<S, f32>::WIDTH;
        flops as f64 / seconds
    }
}

/// Floating-point operations per second of one core in single precision.
pub fn fma_peak(isa: Isa, repeats: usize) -> f64 {
    isa.run(Chains { repeats })
}
