//! Many tests at once.

/// Holm's p-values (Scandinavian Journal of Statistics 6, 1979), in the order of `p`: rejecting
/// those of 5 % or less rejects any true hypothesis of the family with a probability of 5 % at most,
/// however the tests depend on each other.
///
/// `family` is the number of tests of the whole family. Those that are not among `p` are assumed to
/// have larger p-values, so that the result is valid, and never smaller than with all of them. NaN
/// counts as 1.
///
/// # Panics
/// If the family is smaller than `p`.
pub fn holm(p: &[f64], family: usize) -> Vec<f64> {
    assert!(family >= p.len(), "a family of {family} with {} tests", p.len());
    let known = |p: f64| if p.is_nan() { 1.0 } else { p };
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| known(p[a]).total_cmp(&known(p[b])));
    let mut adjusted = vec![1.0; p.len()];
    let mut largest = 0.0_f64;
    for (rank, &test) in order.iter().enumerate() {
        largest = largest.max(known(p[test]) * (family - rank) as f64);
        adjusted[test] = largest.min(1.0);
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusted_values_are_those_of_r() {
        // R 4.4: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005], 4);
        for (own, r) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((own - r).abs() < 1e-15, "{adjusted:?}");
        }
        assert_eq!(holm(&[], 3), Vec::<f64>::new());
        assert_eq!(holm(&[f64::NAN, 0.5], 2), [1.0, 1.0]);
    }

    #[test]
    fn a_part_of_a_family_is_never_judged_more_boldly_than_all_of_it() {
        let all = [0.001, 0.02, 0.004, 0.3, 0.012, 0.012, 0.9];
        let whole = holm(&all, all.len());
        for first in 0..all.len() {
            for last in first..all.len() {
                let part = holm(&all[first..=last], all.len());
                assert!(part.iter().zip(&whole[first..]).all(|(part, whole)| part >= whole));
            }
        }
    }
}
