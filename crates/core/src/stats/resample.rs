//! Resamples of large samples, made cheaply.

use super::{Interval, percentile_interval};
use crate::rng::{Key, Purpose};

/// Resamples of large samples: an end rests on 25 of them, so that it wanders by 0.09 standard
/// errors of the statistic (√(0.025·0.975/1000)/φ(1.96)).
pub(super) const FEW: u32 = 1000;

/// Another seed than that of [`super::bootstrap`], whose resamples then are others.
const SEED: u64 = 1;

/// A uniform integer in `0..bound` of one word; bias below `bound`/2³².
pub(super) fn below(word: u32, bound: usize) -> usize {
    ((u64::from(word) * bound as u64) >> 32) as usize
}

/// Calls `visit` with the indices of each of `count` resamples of `len` units.
///
/// All four words of a block are used: a quarter of the draws of [`super::bootstrap`].
/// Deterministic: the resamples depend on `len` alone.
///
/// # Panics
/// When `len` is 0.
pub(super) fn resamples(count: u32, len: usize, visit: impl FnMut(&[usize])) {
    block_resamples(count, len, 1, visit);
}

/// Calls `visit` with the indices of each of `count` moving-block resamples of `len` units in
/// series: blocks of `block_len` neighbours that start anywhere, the last one cut (Künsch 1989).
///
/// # Panics
/// When `len` is 0 or `block_len` is not in 1..=`len`.
pub(super) fn block_resamples(
    count: u32,
    len: usize,
    block_len: usize,
    mut visit: impl FnMut(&[usize]),
) {
    assert!(len > 0, "nothing to resample");
    assert!((1..=len).contains(&block_len), "blocks of {block_len} in a series of {len}");
    let key = Key { seed: SEED, purpose: Purpose::Bootstrap, step: len as u64 };
    let starts = len - block_len + 1;
    let mut indices = Vec::with_capacity(len + 4 * block_len);
    for resample in 0..count {
        indices.clear();
        for slot in 0.. {
            for word in key.words(resample, slot) {
                let start = below(word, starts);
                indices.extend(start..start + block_len);
            }
            if indices.len() >= len {
                break;
            }
        }
        visit(&indices[..len]);
    }
}

/// [`super::bootstrap`] with `count` cheap resamples.
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
