//! Ticks of the scale of both signs: linear about zero, decades beyond.

use std::ops::RangeInclusive;

use super::scale::{symlog_coordinate as coordinate, symlog_value as value};
use super::tick::{self, Tick};

/// Least distance of two labels, in shares of what each would have if they were as many as asked.
const LABEL_GAP: f64 = 0.5;
/// Factor by which the threshold may be closer to zero: without it the axis cannot be read.
const CLOSER: f64 = 0.85;

/// Ticks between the coordinates `lo` and `hi`, no two labels closer than half the range over
/// `most`: zero, ±`linear`, and decades, every one or as many as have room.
pub(super) fn ticks(linear: f64, lo: f64, hi: f64, most: usize) -> Vec<Tick> {
    let apart = LABEL_GAP * (hi - lo) / most.max(1) as f64;
    let marks = if lo >= 1.0 {
        logarithmic(linear, lo, hi, most)
    } else if hi <= -1.0 {
        logarithmic(linear, -hi, -lo, most).into_iter().rev().map(negative).collect()
    } else {
        both_signs(linear, lo, hi, apart)
    };
    let labels = marks.iter().filter(|t| !t.label.is_empty()).count();
    let marks = if labels < 2 { round_numbers(linear, lo, hi, most) } else { marks };
    let inside = |t: &Tick| (lo - 1e-9..=hi + 1e-9).contains(&coordinate(linear, t.value));
    marks.into_iter().filter(inside).collect()
}

/// A range on one side of the linear part is a log axis.
fn logarithmic(linear: f64, lo: f64, hi: f64, most: usize) -> Vec<Tick> {
    let exponent = |u: f64| u - 1.0 + linear.log10();
    tick::log(exponent(lo), exponent(hi), most)
}

fn both_signs(linear: f64, lo: f64, hi: f64, apart: f64) -> Vec<Tick> {
    let inside = |t: &Tick| (lo - 1e-9..=hi + 1e-9).contains(&coordinate(linear, t.value));
    let (size, highest) = (linear.log10(), linear.log10() - 1.0 + hi.abs().max(lo.abs()));
    // 1e-9: a threshold that is a decade is not written twice.
    let decades = (size + 1e-9).ceil() as i32..=(highest + 1e-9).floor() as i32;
    let stride = stride(apart);
    let candidates = major(linear, decades.clone(), stride);
    let mut ticks = spaced(linear, candidates.into_iter().filter(inside), apart);
    if decades.clone().count() <= 60 {
        let labelled = ticks.clone();
        let free = |t: &Tick| labelled.iter().all(|l| l.value != t.value);
        ticks.extend(minor(linear, decades, stride).into_iter().filter(free));
    }
    ticks
}

/// Ticks that may be labelled, the most important first: zero, ±`linear`, every so many decades.
fn major(linear: f64, decades: RangeInclusive<i32>, stride: i32) -> Vec<Tick> {
    let threshold = Tick::new(linear, threshold_label(linear));
    let decades = decades.filter(|e| e % stride == 0);
    let decades = decades.map(|e| Tick::new(tick::power(1, e), tick::decade(e)));
    let positive = [threshold].into_iter().chain(decades);
    let both = positive.flat_map(|t| [t.clone(), negative(t)]);
    [Tick::new(0.0, "0".into())].into_iter().chain(both).collect()
}

/// Number of decades from one labelled one to the next; unlike a log axis this one has to fit two
/// halves.
fn stride(apart: f64) -> i32 {
    let strides = [1, 2, 3, 4, 5, 10, 20, 30, 50, 100, 200];
    strides.into_iter().find(|&s| f64::from(s) >= apart).unwrap_or(300)
}

/// Unlabelled ticks: ±`linear`, all decades, and unless some are left out, 2..9 of each.
fn minor(linear: f64, decades: RangeInclusive<i32>, stride: i32) -> Vec<Tick> {
    let size = linear.log10().floor() as i32;
    let between = |e: i32| (2..=9).map(move |m| tick::power(m, e)).filter(|&v| v > linear);
    let mut values = vec![linear];
    values.extend(decades.map(|e| tick::power(1, e)));
    if stride == 1 {
        values.extend((size..size + 61).flat_map(between));
    }
    values.into_iter().flat_map(|v| [v, -v]).map(|v| Tick::new(v, String::new())).collect()
}

/// Multiples of a round number, for a range with too few of the other labels.
fn round_numbers(linear: f64, lo: f64, hi: f64, most: usize) -> Vec<Tick> {
    let ticks = tick::linear(value(linear, lo), value(linear, hi), most);
    spaced(linear, ticks.into_iter(), LABEL_GAP * (hi - lo) / most.max(1) as f64)
}

/// The ticks that are not too close to one before them.
fn spaced(linear: f64, ticks: impl Iterator<Item = Tick>, apart: f64) -> Vec<Tick> {
    let mut kept: Vec<Tick> = Vec::new();
    for tick in ticks {
        let place = |t: &Tick| coordinate(linear, t.value);
        let apart = if tick.value.abs() == linear { CLOSER * apart } else { apart };
        if kept.iter().all(|k| (place(k) - place(&tick)).abs() >= apart - 1e-9) {
            kept.push(tick);
        }
    }
    kept.sort_by(|a, b| a.value.total_cmp(&b.value));
    kept
}

fn threshold_label(linear: f64) -> String {
    let exponent = linear.log10().round() as i32;
    if tick::power(1, exponent) == linear {
        return tick::decade(exponent);
    }
    // As many digits as it has, up to three.
    let exact = |&digits: &usize| format!("{linear:.digits$e}").parse() == Ok(linear);
    let digits = (0..2).find(exact).unwrap_or(2) as i32;
    tick::number(linear, linear, digits - linear.log10().floor() as i32)
}

fn negative(tick: Tick) -> Tick {
    let label = if tick.label.is_empty() { tick.label } else { format!("−{}", tick.label) };
    Tick { value: -tick.value, label, ..tick }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(linear: f64, range: (f64, f64), most: usize) -> Vec<String> {
        let (lo, hi) = (coordinate(linear, range.0), coordinate(linear, range.1));
        let ticks = ticks(linear, lo, hi, most).into_iter();
        ticks.map(|t| t.label).filter(|l| !l.is_empty()).collect()
    }

    #[test]
    fn coordinates_are_continuous_odd_and_invertible() {
        for linear in [1e-300, 1e-3, 0.02, 1.0, 7e5, 1e300] {
            assert_eq!(coordinate(linear, linear), 1.0);
            assert_eq!(coordinate(linear, 0.0), 0.0);
            // Two logarithms of at most 300, rounded.
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * (1.0 + b.abs());
            assert!(close(coordinate(linear, 10.0 * linear), 2.0), "{linear}");
            assert!((coordinate(linear, linear * (1.0 + 1e-12)) - 1.0).abs() < 1e-12 + 600e-16);
            let mut last = f64::NEG_INFINITY;
            for i in -80..=80 {
                let u = f64::from(i) / 8.0;
                let v = value(linear, u);
                if v.abs() < f64::MAX {
                    assert!(close(coordinate(linear, v), u), "{linear}: {u} → {v}");
                    assert_eq!(coordinate(linear, -v), -coordinate(linear, v));
                    assert!(v > last, "{linear}: {v} after {last}");
                    last = v;
                }
            }
        }
    }

    #[test]
    fn ticks_are_zero_the_threshold_and_decades() {
        let decade = ["10^{−2}", "10^{−1}", "10^{0}", "10^{1}", "10^{2}"];
        let up_from_zero = [&["−10^{0}", "−10^{−1}", "−10^{−2}", "0"], &decade[..]].concat();
        let fourth = ["10^{−4}", "10^{0}", "10^{4}", "10^{8}"];
        let both = ["−10^{8}", "−10^{4}", "−10^{0}", "−10^{−4}", "0"];
        let both = [&both[..], &fourth].concat();
        type Case<'a> = (f64, (f64, f64), usize, &'a [&'a str]);
        let cases: [Case; 8] = [
            (1e-2, (-1.0, 100.0), 6, &up_from_zero),
            (1e-2, (-1.0, 100.0), 3, &["−10^{0}", "0", "10^{0}", "10^{2}"]),
            (0.03, (-0.01, 20.0), 6, &["0", "0.03", "10^{−1}", "10^{0}", "10^{1}"]),
            (
                0.025,
                (-1.0, 1.0),
                9,
                &["−10^{0}", "−10^{−1}", "−0.025", "0", "0.025", "10^{−1}", "10^{0}"],
            ),
            (1.0, (-0.5, 0.5), 5, &["−0.4", "−0.2", "0", "0.2", "0.4"]),
            (1.0, (10.0, 1000.0), 6, &["10^{1}", "10^{2}", "10^{3}"]),
            (1.0, (-1000.0, -10.0), 6, &["−10^{3}", "−10^{2}", "−10^{1}"]),
            (1e-9, (-1e9, 1e9), 6, &both),
        ];
        for (linear, range, most, expected) in cases {
            assert_eq!(labels(linear, range, most), expected, "{linear}: {range:?}");
        }
    }

    #[test]
    fn every_range_has_labels_with_room_between_them() {
        for linear in [f64::MIN_POSITIVE, 1e-290, 1e-6, 0.03, 1.0, 2e9, 1e295] {
            for (lo, hi) in [
                (-0.3, 0.2),
                (0.2, 1.5),
                (-7.0, 9.0),
                (-1.2, 2.2),
                (0.999, 1.001),
                (2.3, 2.4),
                (-2.4, -2.3),
                (-0.1, 250.0),
                (-1.001, -0.5),
                (0.0, 4.5),
            ] {
                for most in [2, 4, 6, 8] {
                    let ticks = ticks(linear, lo, hi, most);
                    let place = |t: &Tick| coordinate(linear, t.value);
                    let labelled: Vec<_> = ticks.iter().filter(|t| !t.label.is_empty()).collect();
                    assert!(!labelled.is_empty(), "{linear}: {lo}..{hi}");
                    assert!(ticks.iter().all(|t| lo - 1e-9 <= place(t) && place(t) <= hi + 1e-9));
                    let apart = CLOSER * LABEL_GAP * (hi - lo) / most as f64 - 1e-9;
                    for pair in labelled.windows(2) {
                        let gap = place(pair[1]) - place(pair[0]);
                        assert!(gap >= apart, "{linear}: {lo}..{hi} by {most}: {pair:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn any_threshold_serves_any_number() {
        let sizes = [5e-324, f64::MIN_POSITIVE, 1e-295, 1.0, 1e295, f64::MAX];
        for linear in sizes {
            assert_eq!(value(linear, 2000.0), f64::MAX);
            let places = sizes.map(|v| coordinate(linear, v));
            assert!(places.iter().all(|u| u.is_finite()) && places.is_sorted(), "{places:?}");
            assert_eq!(sizes.map(|v| -coordinate(linear, -v)), places);
            let ticks = ticks(linear, -places[5], places[5], 6);
            assert!(ticks.len() >= 3 && ticks.len() < 2000, "{linear}: {}", ticks.len());
            assert!(ticks.iter().all(|t| t.value.is_finite() && !t.label.contains("inf")));
        }
    }
}
