//! Ticks: round numbers inside a range, and their labels.

use super::drawing::{Anchor, Drawing};
use super::scale::power_of_ten;
use super::style::{TICK, TICK_LENGTH};

/// A mark on an axis; a minor one has no label.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// Number at which the tick stands.
    pub(super) value: f64,
    /// Label; superscripts as `10^{2}`.
    pub(super) label: String,
    /// Whether the axis has a mark there.
    pub(super) marked: bool,
}

impl Tick {
    /// A mark with its label, or without if that is empty.
    pub(super) fn new(value: f64, label: String) -> Self {
        Self { value, label, marked: true }
    }

    /// A name beside the axis, without a mark.
    pub(super) fn name(value: f64, label: String) -> Self {
        Self { value, label, marked: false }
    }

    /// Length of the mark in pixels.
    pub(super) fn length(&self) -> f64 {
        match (self.marked, self.label.is_empty()) {
            (false, _) => 0.0,
            (true, true) => 0.6 * TICK_LENGTH,
            (true, false) => TICK_LENGTH,
        }
    }

    /// Writes the label, if there is one.
    pub(super) fn draw_label(&self, drawing: &mut Drawing, place: (f64, f64), anchor: Anchor) {
        if !self.label.is_empty() {
            drawing.text(&self.label, place, TICK, anchor);
        }
    }
}

/// Multiples of 1, 2, 2.5 or 5 times a power of ten in `lo..=hi`, about `most` of them.
pub(super) fn linear(lo: f64, hi: f64, most: usize) -> Vec<Tick> {
    let Some((first, last, step, digits)) = grid(lo, hi, most) else { return Vec::new() };
    let size = lo.abs().max(hi.abs());
    let write = |value| Tick::new(value, number(value, size, digits));
    (first..=last).map(|k| write(k as f64 * step)).collect()
}

/// Ticks of a log axis whose ends are log₁₀ `lo` and `hi`: decades with unlabelled 2..9 between
/// them; if fewer than two decades are inside, 1, 2, 5 times a decade; else as [`linear`].
pub(super) fn log(lo: f64, hi: f64, most: usize) -> Vec<Tick> {
    let inside = mantissas(lo, hi);
    let decades = inside.iter().filter(|&&(m, _)| m == 1).count();
    if decades >= 2 {
        return decade_ticks(&inside, decades.div_ceil(most.max(2)));
    }
    if inside.iter().filter(|&&(m, _)| labelled_between(m)).count() >= 2 {
        return inside.into_iter().map(between_decades).collect();
    }
    linear(power_of_ten(lo), power_of_ten(hi), most)
}

/// Every decade, or every second, fifth, … one, at least `apart`, with labels.
fn decade_ticks(inside: &[(i32, i32)], apart: usize) -> Vec<Tick> {
    let strides = [1, 2, 5, 10, 20, 50, 100];
    let stride = strides.into_iter().find(|&s| s >= apart).unwrap_or(200) as i32;
    // Beyond some sixty decades unlabelled ones are a grey smear.
    let crowded = inside.len() > 9 * 60;
    let tick = |&(m, e): &(i32, i32)| match (m, e % stride) {
        (1, 0) => Some(Tick::new(power(1, e), decade(e))),
        (1, _) if !crowded => Some(unlabelled(m, e)),
        _ if stride == 1 => Some(unlabelled(m, e)),
        _ => None,
    };
    inside.iter().filter_map(tick).collect()
}

/// 10ᵉ as a label.
pub(super) fn decade(e: i32) -> String {
    signed(&format!("10^{{{e}}}"))
}

fn between_decades((m, e): (i32, i32)) -> Tick {
    let value = power(m, e);
    if labelled_between(m) { Tick::new(value, number(value, value, -e)) } else { unlabelled(m, e) }
}

fn labelled_between(m: i32) -> bool {
    matches!(m, 1 | 2 | 5)
}

/// All (m, e), m in 1..=9, with m × 10ᵉ inside the range.
fn mantissas(lo: f64, hi: f64) -> Vec<(i32, i32)> {
    let inside = |&(m, e): &(i32, i32)| {
        let u = f64::from(m).log10() + f64::from(e);
        lo - 1e-9 <= u && u <= hi + 1e-9
    };
    // Ranges are widened beyond the numbers that there are.
    let exists = |&(m, e): &(i32, i32)| power(m, e) > 0.0 && power(m, e).is_finite();
    let decades = lo.floor() as i32..=hi.ceil() as i32;
    let mantissas = decades.flat_map(|e| (1..=9).map(move |m| (m, e)));
    mantissas.filter(inside).filter(exists).collect()
}

fn unlabelled(m: i32, e: i32) -> Tick {
    Tick::new(power(m, e), String::new())
}

/// m × 10ᵉ, correctly rounded.
pub(super) fn power(m: i32, e: i32) -> f64 {
    format!("{m}e{e}").parse().unwrap_or(f64::NAN)
}

/// First and last multiple of a round step inside `lo..=hi`, the step, and its decimal places;
/// nothing if the range is empty.
fn grid(lo: f64, hi: f64, most: usize) -> Option<(i64, i64, f64, i32)> {
    let most = most.max(1) as f64;
    let raw = if (hi - lo).is_finite() { (hi - lo) / most } else { hi / most - lo / most };
    if !(raw > 0.0 && raw.is_finite()) {
        return None;
    }
    let exponent = raw.log10().floor() as i32;
    let rounds = [(10, 0), (20, 0), (25, 1), (50, 0), (100, -1)];
    let step_of = |tenths| power(tenths, exponent - 1);
    let round = rounds.into_iter().find(|&(tenths, _)| step_of(tenths) >= raw * (1.0 - 1e-9));
    // Of the largest numbers the next round one may not exist.
    let round = round.filter(|&(tenths, _)| step_of(tenths).is_finite());
    let (tenths, more) = round.unwrap_or((10, 0));
    let step = step_of(tenths);
    // OK to cast: the range is no narrower than 1e-10 of its ends.
    let (first, last) = ((lo / step - 1e-6).ceil() as i64, (hi / step + 1e-6).floor() as i64);
    Some((first, last, step, more - exponent))
}

/// `value` with `digits` decimal places, as m×10ᵉ if numbers of that `size` would be long.
pub(super) fn number(value: f64, size: f64, digits: i32) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if (1e-3..1e6).contains(&size) && digits < 7 {
        return signed(&format!("{value:.*}", digits.max(0) as usize));
    }
    let scientific = format!("{size:e}");
    let exponent: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    // The smallest powers of ten are zero or have few bits.
    let raised = if exponent < -300 { 100 } else { 0 };
    let mantissa = value * power(1, raised) / power(1, exponent + raised);
    signed(&format!("{mantissa:.*}×10^{{{exponent}}}", (digits + exponent).max(0) as usize))
}

/// The text with true minus signs.
fn signed(text: &str) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|t| &t.label[..]).filter(|l| !l.is_empty()).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        let cases: [(f64, f64, usize, &[&str]); 12] = [
            (0.0, 1e4, 4, &["0", "2500", "5000", "7500", "10000"]),
            (0.0, 1.0, 5, &["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
            (-0.13, 0.11, 5, &["−0.10", "−0.05", "0", "0.05", "0.10"]),
            (0.0, 2e6, 4, &["0", "0.5×10^{6}", "1.0×10^{6}", "1.5×10^{6}", "2.0×10^{6}"]),
            (0.0, 1e300, 2, &["0", "0.5×10^{300}", "1.0×10^{300}"]),
            (0.0, 1e-300, 2, &["0", "0.5×10^{−300}", "1.0×10^{−300}"]),
            (0.0, 1e-320, 2, &["0", "0.5×10^{−320}", "1.0×10^{−320}"]),
            (f64::MIN, f64::MAX, 2, &["−1×10^{308}", "0", "1×10^{308}"]),
            (1.0, 1.0, 2, &[]),
            (f64::NAN, 1.0, 2, &[]),
            (0.0, f64::INFINITY, 2, &[]),
            (99.9, 100.1, 2, &["99.9", "100.0", "100.1"]),
        ];
        for (lo, hi, most, expected) in cases {
            assert_eq!(labels(&linear(lo, hi, most)), expected, "{lo}..{hi}");
        }
    }

    #[test]
    fn log_ticks_are_decades_inside() {
        for (lo, hi) in [(-2.7, 0.7), (-3.0, 2.0), (-330.0, 310.0), (-12.0, 40.0)] {
            let ticks = log(lo, hi, 6);
            assert!((2..=7).contains(&labels(&ticks).len()), "{lo}..{hi}: {:?}", labels(&ticks));
            for tick in ticks {
                let u = tick.value.log10();
                // The smallest numbers have few bits.
                let lo = if lo < -308.0 { lo - 0.5 } else { lo };
                assert!(lo - 1e-9 <= u && u <= hi + 1e-9, "{tick:?} is outside {lo}..{hi}");
                let decade = u.round() as i32;
                let label = format!("10^{{{}}}", signed(&decade.to_string()));
                assert!(
                    tick.label.is_empty()
                        || (tick.label == label && tick.value == power(1, decade))
                );
            }
        }
        assert_eq!(labels(&log(-2.7, 0.7, 6)), ["10^{−2}", "10^{−1}", "10^{0}"]);
        let minors = log(-2.7, 0.7, 6).iter().filter(|t| t.label.is_empty()).count();
        assert_eq!(minors, 8 + 8 + 8 + 4); // 2e-3..9e-3, two full decades, 2..5.
    }

    #[test]
    fn a_log_axis_without_two_decades_is_still_labelled() {
        assert_eq!(labels(&log(-0.6, 0.5, 6)), ["0.5", "1", "2"]);
        assert_eq!(labels(&log(0.81_f64.log10(), 0.86_f64.log10(), 3)), ["0.82", "0.84", "0.86"]);
        assert!(labels(&log(250.1, 250.9, 6)).len() >= 2);
        assert!(labels(&log(-322.5, -309.5, 6)).len() >= 3);
    }
}
