//! Peaks of the machine: independent chains of fused multiply-adds that never leave the registers,
//! and sums of an array that no cache holds.

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

/// Numbers read by [`read_bandwidth`]: 256 MiB.
const LONG: usize = 1 << 26;
/// Sums that do not wait for each other.
const SUMS: usize = 8;

struct Sums<'a> {
    values: &'a [f32],
}

impl WithSimd for Sums<'_> {
    type Output = f64;
    #[inline(always)]
    fn with_simd<S: Simd>(self, token: S) -> f64 {
        let width = Packed::<S, f32>::WIDTH;
        let mut sums = [Packed::<S, f32>::splat(token, 0.0); SUMS];
        let start = Instant::now();
        for values in self.values.chunks_exact(SUMS * width) {
            for (sum, values) in sums.iter_mut().zip(values.chunks_exact(width)) {
                *sum = *sum + Packed::load(token, values);
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        let mut out = [0.0; 16];
        for sum in sums {
            sum.store(0, &mut out[..width]);
            std::hint::black_box(&out);
        }
        size_of_val(self.values) as f64 / seconds
    }
}

/// Bytes per second that one core reads from memory.
pub fn read_bandwidth(isa: Isa) -> f64 {
    let values = vec![1.0_f32; LONG];
    isa.run(Sums { values: &values })
}
