//! The legend: one entry for each name and colour, in centred lines.

use super::color::Color;
use super::drawing::{Anchor, Attribute, Drawing, Medium};
use super::figure::Figure;
use super::font::{shortened, width};
use super::mark::ColorMap;
use super::panel::Panel;
use super::path::Path;
use super::style::{LABEL, WIDER};
use super::{bars, curve, points, rule};

/// Length of the line of an entry, and the space between it and the name.
const SAMPLE: (f64, f64) = (24.0, 6.0);
/// Radius of a dot.
const DOT: f64 = 2.4;
/// Gap between two entries.
const GAP: f64 = 22.0;
/// Height of a line.
const PITCH: f64 = 1.5 * LABEL;
/// Gap below the last line.
const BELOW: f64 = 7.0;

/// Sample that stands for a mark, in the order of drawing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sample {
    Band,
    Bar,
    Rule,
    Curve,
    Dot,
    /// Dots coloured by value.
    Shades,
}

/// A name in the legend: its left end and the middle of its height.
#[derive(Clone)]
pub(super) struct Entry {
    name: String,
    /// Part of the name that a line has room for.
    shown: String,
    color: Color,
    samples: Vec<Sample>,
    x: f64,
    y: f64,
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

/// Named marks in order of appearance, not yet placed.
fn entries(figure: &Figure) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let named = figure.panels.iter().flat_map(marks).filter(|(name, ..)| !name.is_empty());
    for (name, color, sample) in named {
        let known = entries.iter().position(|e| e.name == name && e.color == color);
        let at = known.unwrap_or(entries.len());
        if known.is_none() {
            let (name, shown, samples) = (name.to_string(), String::new(), Vec::new());
            entries.push(Entry { name, shown, color, samples, x: 0.0, y: 0.0 });
        }
        let samples = &mut entries[at].samples;
        if let Err(at) = samples.binary_search(&sample) {
            samples.insert(at, sample);
        }
    }
    entries
}

/// Names, colours and samples of a panel: curves, dots, bars, rules.
fn marks(panel: &Panel) -> Vec<(&str, Color, Sample)> {
    let mut marks = Vec::new();
    for s in &panel.series {
        marks.push((&s.name[..], s.color, Sample::Curve));
        marks.extend(s.band.iter().map(|_| (&s.name[..], s.color, Sample::Band)));
    }
    for p in &panel.points {
        let sample = if p.shade.is_some() { Sample::Shades } else { Sample::Dot };
        marks.push((&p.name, p.color, sample));
    }
    marks.extend(panel.bars.iter().map(|b| (&b.name[..], b.color, Sample::Bar)));
    marks.extend(panel.rules.iter().map(|r| (&r.name[..], r.color, Sample::Rule)));
    marks
}

/// The entries in lines no wider than `room`, with x from the start of the line, and its width.
fn lines(entries: Vec<Entry>, room: f64) -> Vec<(Vec<Entry>, f64)> {
    let mut lines: Vec<(Vec<Entry>, f64)> = Vec::new();
    for mut entry in entries {
        entry.shown = shortened(&entry.name, LABEL, (room - SAMPLE.0 - SAMPLE.1) / WIDER);
        let wide = SAMPLE.0 + SAMPLE.1 + WIDER * width(&entry.shown, LABEL);
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

/// Draws samples and name of an entry.
pub(super) fn draw(drawing: &mut Drawing, entry: &Entry) {
    let page = drawing.medium == Medium::Page;
    if page {
        drawing.open([Attribute::Class("entry"), Attribute::Data("name", entry.name.clone())]);
    }
    for &sample in &entry.samples {
        draw_sample(drawing, entry, sample);
    }
    // Letters of this family are 0.72 of their size high.
    let place = (entry.x + SAMPLE.0 + SAMPLE.1, entry.y + 0.36 * LABEL);
    drawing.text(&entry.shown, place, LABEL, Anchor::Start);
    if page {
        drawing.close();
    }
}

fn draw_sample(drawing: &mut Drawing, entry: &Entry, sample: Sample) {
    let (x, y, color, length) = (entry.x, entry.y, entry.color, SAMPLE.0);
    let line = || Path::at(x, y).right(length);
    let swatch = || Path::at(x, y - 4.5).right(length).down(9.0).right(-length).close();
    let dot = |from_middle| Path::dot((x + length / 2.0 + from_middle, y));
    match sample {
        Sample::Band => drawing.path(swatch(), curve::band_style(color)),
        Sample::Bar => drawing.path(swatch(), bars::style(color)),
        Sample::Rule => drawing.path(line(), rule::style(color)),
        Sample::Curve => drawing.path(line(), curve::line_style(color)),
        Sample::Dot => drawing.path(dot(0.0), points::style(color, DOT)),
        Sample::Shades => {
            for (part, from_middle) in [(0.1, -7.0), (0.5, 0.0), (0.9, 7.0)] {
                let color = ColorMap::Sequential.color(part);
                drawing.path(dot(from_middle), points::style(color, DOT));
            }
        }
    }
}
