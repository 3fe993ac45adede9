//! Fast resampling of large samples.

use fearless_simd::prelude::*;

use super::{Interval, percentile_interval};
use windtunnel_math::lanes::{Isa, WithSimd};
use windtunnel_math::rng::{Purpose, block_lanes};

/// Number of resamples of large samples. An end of an interval rests on 25 of them, so it varies by
/// 0.09 standard errors of the statistic (√(0.025·0.975/1000)/φ(1.96)).
pub(super) const FEW: u32 = 1000;

/// Seed of all series.
const SEED: u32 = 1;

/// A uniform integer in `0..bound` of one word; bias below `bound`/2³².
pub(super) fn below(word: u32, bound: usize) -> usize {
    ((u64::from(word) * bound as u64) >> 32) as usize
}

/// Calls `visit` with the indices of each of `count` resamples of `len` units.
///
/// Deterministic: the resamples depend on `len` alone.
///
/// # Panics
/// If `len` is 0.
pub(super) fn resamples(count: u32, len: usize, visit: impl FnMut(&[usize])) {
    block_resamples(count, len, 1, visit);
}

/// Calls `visit` with the indices of each of `count` moving-block resamples of `len` units in
/// series: blocks of `block_len` neighbours that start anywhere, the last one cut (Künsch 1989).
///
/// # Panics
/// If `len` is 0 or `block_len` is not in 1..=`len`.
pub(super) fn block_resamples(
    count: u32,
    len: usize,
    block_len: usize,
    mut visit: impl FnMut(&[usize]),
) {
    assert!(len > 0, "nothing to resample");
    assert!((1..=len).contains(&block_len), "blocks of {block_len} in a series of {len}");
    let starts = len - block_len + 1;
    let isa = Isa::detect();
    let mut words = vec![0; len.div_ceil(block_len).next_multiple_of(WORDS)];
    let mut indices = Vec::with_capacity(len + block_len);
    for resample in 0..count {
        isa.run(Fill { resample, series: len as u32, words: &mut words });
        indices.clear();
        for &word in words.iter().take(len.div_ceil(block_len)) {
            let start = below(word, starts);
            indices.extend(start..start + block_len);
        }
        visit(&indices[..len]);
    }
}

/// Words made together: 16 lanes of four words, twice over.
const WORDS: usize = 2 * 4 * 16;

/// Fills `words` with those of `Key { seed: SEED, purpose: Bootstrap, step: series }` at prompt
/// `resample`, slots 0, 1, …: lanes of blocks cost a tenth of single ones.
struct Fill<'a> {
    resample: u32,
    series: u32,
    words: &'a mut [u32],
}

impl WithSimd for Fill<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, token: S) {
        let lanes = S::u32s::LEN;
        let splat = |x| S::u32s::splat(token, x);
        let key = [SEED, 0, Purpose::Bootstrap as u32, 0];
        for (i, words) in self.words.chunks_exact_mut(8 * lanes).enumerate() {
            let first = (2 * i * lanes) as u32;
            let slots = [first, first + lanes as u32].map(|first| {
                let mut slots = splat(first);
                (0..lanes).for_each(|lane| slots[lane] += lane as u32);
                slots
            });
            let counters =
                slots.map(|slot| [splat(self.resample), slot, splat(self.series), splat(0)]);
            for (half, block) in block_lanes::<S, 2>(key, counters).into_iter().enumerate() {
                for lane in 0..lanes {
                    for word in 0..4 {
                        words[4 * (half * lanes + lane) + word] = block[word][lane];
                    }
                }
            }
        }
    }
}

/// 95 % percentile interval of `statistic` over `count` resamples of `len` units; it gets the indices
/// of one resample. NaN if a statistic is.
pub(super) fn bootstrap_with(
    count: u32,
    len: usize,
    mut statistic: impl FnMut(&[usize]) -> f64,
) -> Interval {
    let mut values = Vec::with_capacity(count as usize);
    resamples(count, len, |indices| values.push(statistic(indices)));
    percentile_interval(&mut values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_math::rng::Key;

    #[test]
    fn lanes_of_words_are_the_words_of_a_key() {
        let key = Key { seed: SEED.into(), purpose: Purpose::Bootstrap, step: 300 };
        let single: Vec<u32> = (0..96).flat_map(|slot| key.words(7, slot)).collect();
        for isa in [Isa::Baseline, Isa::Avx2, Isa::Avx512] {
            let mut words = vec![0; 3 * WORDS];
            isa.run(Fill { resample: 7, series: 300, words: &mut words });
            assert_eq!(words, single, "{isa:?}");
        }
    }

    #[test]
    fn resampling_two_units_has_its_exact_distribution() {
        let mut counts = [0i32; 3];
        resamples(10_000, 2, |i| counts[i[0] + i[1]] += 1);
        // ¼, ½, ¼ of 10⁴ with standard errors 43 and 50.
        assert!((counts[0] - 2500).abs() < 4 * 43 && (counts[1] - 5000).abs() < 4 * 50);
    }

    #[test]
    fn blocks_are_neighbours_and_start_anywhere() {
        let mut starts = [0i32; 8];
        block_resamples(8000, 10, 3, |i| {
            assert_eq!(i.len(), 10);
            assert!(i[..9].chunks(3).all(|b| b[1] == b[0] + 1 && b[2] == b[0] + 2));
            starts[i[3]] += 1;
        });
        // 1000 each, standard error √(8000·⅛·⅞) = 30.
        assert!(starts.iter().all(|&c| (c - 1000).abs() < 4 * 30), "{starts:?}");
    }

    #[test]
    #[should_panic(expected = "blocks of 4 in a series of 3")]
    fn a_block_longer_than_the_series_is_refused() {
        block_resamples(1, 3, 4, |_| {});
    }
}
