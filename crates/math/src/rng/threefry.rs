//! Threefry-4x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011): a keyed permutation of 128-bit counters made of additions, rotations and xors,
//! which every SIMD set has for 32-bit lanes.

use fearless_simd::Simd;

const ROUNDS: usize = 20;
/// Key-schedule parity, `SKEIN_KS_PARITY32` of the paper's reference implementation.
const PARITY: u32 = 0x1BD1_1BDA;
const ROTATIONS: [[u32; 2]; 8] =
    [[10, 26], [11, 21], [13, 27], [23, 5], [6, 20], [17, 11], [25, 10], [18, 20]];

/// Random words at one counter.
pub fn block(key: [u32; 4], counter: [u32; 4]) -> [u32; 4] {
    let k = extended(key);
    let mut x: [u32; 4] = std::array::from_fn(|i| counter[i].wrapping_add(k[i]));
    for round in 0..ROUNDS {
        let [r0, r1] = ROTATIONS[round % 8];
        let (a, b) = if round % 2 == 0 { (1, 3) } else { (3, 1) };
        x[0] = x[0].wrapping_add(x[a]);
        x[a] = x[a].rotate_left(r0) ^ x[0];
        x[2] = x[2].wrapping_add(x[b]);
        x[b] = x[b].rotate_left(r1) ^ x[2];
        if round % 4 == 3 {
            let injection = round / 4 + 1;
            for i in 0..4 {
                x[i] = x[i].wrapping_add(k[(injection + i) % 5]);
            }
            x[3] = x[3].wrapping_add(injection as u32);
        }
    }
    x
}

fn extended(key: [u32; 4]) -> [u32; 5] {
    [key[0], key[1], key[2], key[3], PARITY ^ key[0] ^ key[1] ^ key[2] ^ key[3]]
}

/// [`block`] on lanes: the same key, one counter per lane, for N registers of counters at once.
///
/// One block is a chain of dependent operations; several in step keep the processor busy.
#[inline(always)]
pub fn block_lanes<S: Simd, const N: usize>(
    key: [u32; 4],
    counters: [[S::u32s; 4]; N],
) -> [[S::u32s; 4]; N] {
    let k = extended(key);
    let mut x = counters;
    for x in &mut x {
        for i in 0..4 {
            x[i] += k[i];
        }
    }
    // Written out, so that every rotation is by a constant: a loop over tables costs five times
    // as much.
    four_rounds::<S, N, 0>(&mut x);
    inject::<S, N>(&mut x, k, 1);
    four_rounds::<S, N, 4>(&mut x);
    inject::<S, N>(&mut x, k, 2);
    four_rounds::<S, N, 0>(&mut x);
    inject::<S, N>(&mut x, k, 3);
    four_rounds::<S, N, 4>(&mut x);
    inject::<S, N>(&mut x, k, 4);
    four_rounds::<S, N, 0>(&mut x);
    inject::<S, N>(&mut x, k, 5);
    x
}

#[inline(always)]
fn four_rounds<S: Simd, const N: usize, const FIRST: usize>(x: &mut [[S::u32s; 4]; N]) {
    let r = const {
        [ROTATIONS[FIRST], ROTATIONS[FIRST + 1], ROTATIONS[FIRST + 2], ROTATIONS[FIRST + 3]]
    };
    mix::<S, N>(x, 1, 3, r[0]);
    mix::<S, N>(x, 3, 1, r[1]);
    mix::<S, N>(x, 1, 3, r[2]);
    mix::<S, N>(x, 3, 1, r[3]);
}

#[inline(always)]
fn mix<S: Simd, const N: usize>(x: &mut [[S::u32s; 4]; N], a: usize, b: usize, [r0, r1]: [u32; 2]) {
    for x in x {
        x[0] += x[a];
        x[a] = (x[a] << r0 | x[a] >> (32 - r0)) ^ x[0];
        x[2] += x[b];
        x[b] = (x[b] << r1 | x[b] >> (32 - r1)) ^ x[2];
    }
}

#[inline(always)]
fn inject<S: Simd, const N: usize>(x: &mut [[S::u32s; 4]; N], k: [u32; 5], injection: usize) {
    for x in x {
        for i in 0..4 {
            x[i] += k[(injection + i) % 5];
        }
        x[3] += injection as u32;
    }
}

#[cfg(test)]
mod tests {
    use fearless_simd::prelude::*;

    use super::*;
    use crate::lanes::{Isa, WithSimd};

    /// Known answers of the reference implementation, Random123 `kat_vectors`, threefry4x32 20.
    const KNOWN: [([u32; 4], [u32; 4], [u32; 4]); 3] = [
        ([0; 4], [0; 4], [0x9c6c_a96a, 0xe17e_ae66, 0xfc10_ecd4, 0x5256_a7d8]),
        ([!0; 4], [!0; 4], [0x2a88_1696, 0x5701_2287, 0xf6c7_446e, 0xa16a_6732]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0, 0x082e_fa98, 0xec4e_6c89],
            [0x59cd_1dbb, 0xb887_9579, 0x86b5_d00c, 0xac8b_6d84],
        ),
    ];

    #[test]
    fn blocks_equal_the_reference_implementation() {
        for (counter, key, expected) in KNOWN {
            assert_eq!(block(key, counter), expected);
        }
    }

    struct Lanes([u32; 4], [u32; 4]);

    impl WithSimd for Lanes {
        type Output = Vec<[u32; 4]>;
        fn with_simd<S: Simd>(self, token: S) -> Self::Output {
            let counter: [S::u32s; 4] = std::array::from_fn(|i| {
                S::u32s::from_fn(token, |lane| self.1[i].wrapping_add(lane as u32))
            });
            let [_, x] = block_lanes::<S, 2>(self.0, [[S::u32s::splat(token, 7); 4], counter]);
            (0..S::u32s::LEN).map(|lane| std::array::from_fn(|i| x[i][lane])).collect()
        }
    }

    #[test]
    fn lanes_equal_scalar_blocks_on_every_isa() {
        for isa in [Isa::Avx512, Isa::Avx2, Isa::Baseline] {
            for (counter, key, _) in KNOWN {
                for (lane, words) in isa.run(Lanes(key, counter)).into_iter().enumerate() {
                    let shifted = counter.map(|c| c.wrapping_add(lane as u32));
                    assert_eq!(words, block(key, shifted), "{isa:?} lane {lane}");
                }
            }
        }
    }
}
