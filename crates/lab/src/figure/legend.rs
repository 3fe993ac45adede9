//! The legend: one entry for each name and colour, in centred lines.

use super::font::width;
use super::layout::{LABEL, WIDER};
use super::{Color, Figure};

/// Length of the line of an entry, and the space between it and the name.
pub(super) const SAMPLE: (f64, f64) = (24.0, 6.0);
/// Between two entries.
const GAP: f64 = 22.0;
/// Height of a line.
const PITCH: f64 = 1.5 * LABEL;
/// Below the last line.
const BELOW: f64 = 7.0;

/// A series in the legend: its left end and the middle of its height.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) color: Color,
    pub(super) banded: bool,
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The entries between `left` and `left + room`, and the height of them all.
pub(super) fn place(figure: &Figure, left: f64, room: f64, top: f64) -> (Vec<Entry>, f64) {
    let lines = lines(entries(figure), room);
    let mut placed = Vec::new();
    for (i, (line, used)) in lines.iter().enumerate() {
        let (start, y) = (left + (room - used).max(0.0) / 2.0, top + (i as f64 + 0.5) * PITCH);
        placed.extend(line.iter().map(|e| Entry { x: e.x + start, y, ..e.clone() }));
    }
    let height = if lines.is_empty() { 0.0 } else { lines.len() as f64 * PITCH + BELOW };
    (placed, height)
}

/// Named series in order of appearance, not yet placed.
fn entries(figure: &Figure) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for series in figure.panels.iter().flat_map(|p| &p.series).filter(|s| !s.name.is_empty()) {
        let banded = series.band.is_some();
        match entries.iter_mut().find(|e| e.name == series.name && e.color == series.color) {
            Some(entry) => entry.banded |= banded,
            None => {
                let (name, color) = (series.name.clone(), series.color);
                entries.push(Entry { name, color, banded, x: 0.0, y: 0.0 });
            }
        }
    }
    entries
}

/// The entries in lines no wider than `room`, with x from the start of the line, and its width.
fn lines(entries: Vec<Entry>, room: f64) -> Vec<(Vec<Entry>, f64)> {
    let mut lines: Vec<(Vec<Entry>, f64)> = Vec::new();
    for mut entry in entries {
        let wide = SAMPLE.0 + SAMPLE.1 + WIDER * width(&entry.name, LABEL);
        match lines.last_mut() {
            Some((line, used)) if *used + GAP + wide <= room => {
                entry.x = *used + GAP;
                *used += GAP + wide;
                line.push(entry);
            }
            _ => lines.push((vec![entry], wide)),
        }
    }
    lines
}
