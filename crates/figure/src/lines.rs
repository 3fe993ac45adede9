//! Lines of text under each other.

use super::drawing::{Anchor, Drawing};
use super::font::wrap;
use super::style::LEADING;

/// A text in lines.
pub(super) struct Lines {
    pub(super) lines: Vec<String>,
    pub(super) size: f64,
    /// Baseline of the first.
    pub(super) first: f64,
}

impl Lines {
    /// The text in lines no wider than `room`, the first one below `top`.
    pub(super) fn below(top: f64, text: &str, size: f64, room: f64) -> Self {
        // The highest letters with their accents reach 0.8 of their size above the baseline.
        Self { lines: wrap(text, size, room), size, first: top + 0.8 * size }
    }

    pub(super) fn height(&self) -> f64 {
        self.lines.len() as f64 * self.pitch()
    }

    pub(super) fn end(&self) -> f64 {
        self.first - 0.8 * self.size + self.height()
    }

    pub(super) fn moved(self, by: f64) -> Self {
        Self { first: self.first + by, ..self }
    }

    /// Writes the lines, anchored at the column `x`.
    pub(super) fn draw(&self, drawing: &mut Drawing, x: f64, anchor: Anchor) {
        for (i, line) in self.lines.iter().enumerate() {
            drawing.text(line, (x, self.first + i as f64 * self.pitch()), self.size, anchor);
        }
    }

    /// Writes the lines upwards, in columns right of `left`, their middle at the row `y`.
    pub(super) fn draw_upwards(&self, drawing: &mut Drawing, left: f64, y: f64) {
        for (i, line) in self.lines.iter().enumerate() {
            let column = left + self.first + i as f64 * self.pitch();
            drawing.text(line, (column, y), self.size, Anchor::Upwards);
        }
    }

    fn pitch(&self) -> f64 {
        self.size * LEADING
    }
}
