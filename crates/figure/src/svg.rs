//! SVG as text: the few elements that a figure is made of.

use super::Color;
use super::font::{self, Shift};
use super::layout::TICK;
use super::tick::Tick;

/// Ink of text and axes.
pub(super) const INK: &str = "#1a1a1a";
/// Ink of what matters less.
pub(super) const FAINT_INK: &str = "#555555";

/// Where the point given for a text is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// At its left end.
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
    /// In its middle, the text running upwards.
    Upwards,
}

/// What will show the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// A browser or rasteriser, which can be asked for unsmoothed edges.
    Screen,
    /// A PDF, whose viewers smooth every edge.
    Paper,
    /// A page with a script, which finds names and scales in `data-` attributes.
    Page,
}

/// A document being written.
pub(super) struct Svg {
    text: String,
    pub(super) medium: Medium,
}

impl Svg {
    /// A white page.
    pub(super) fn new(medium: Medium, (width, height): (f64, f64), title: &str) -> Self {
        let (w, h) = (px(width), px(height));
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" \
             viewBox=\"0 0 {w} {h}\" role=\"img\" font-family=\"{}\" fill=\"{INK}\">\n",
            font::STACK,
        );
        let mut svg = Self { text, medium };
        if !title.is_empty() {
            svg.line(format!("<title>{}</title>", escaped(title)));
        }
        svg.line(format!("<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>"));
        svg
    }

    /// What a page's script finds at a mark; nothing elsewhere.
    pub(super) fn data(&self, key: &str, value: &str) -> String {
        match self.medium {
            Medium::Page => format!(" data-{key}=\"{}\"", escaped(value).replace('"', "&quot;")),
            Medium::Screen | Medium::Paper => String::new(),
        }
    }

    /// Opens a group, which [`Svg::close`] ends.
    pub(super) fn open(&mut self, attributes: &str) {
        self.line(format!("<g {attributes}>"));
    }

    pub(super) fn close(&mut self) {
        self.line("</g>".into());
    }

    /// A path with the data `d`, unless that is empty.
    pub(super) fn path(&mut self, d: &str, attributes: &str) {
        if !d.is_empty() {
            self.line(format!("<path d=\"{d}\" {attributes}/>"));
        }
    }

    /// One line of text with its baseline through (x, y).
    pub(super) fn text(&mut self, text: &str, x: f64, y: f64, size: f64, anchor: Anchor) {
        let (at, anchor) = match anchor {
            Anchor::Start => (format!("x=\"{}\" y=\"{}\"", px(x), px(y)), "start"),
            Anchor::Middle => (format!("x=\"{}\" y=\"{}\"", px(x), px(y)), "middle"),
            Anchor::End => (format!("x=\"{}\" y=\"{}\"", px(x), px(y)), "end"),
            Anchor::Upwards => {
                (format!("transform=\"translate({} {}) rotate(-90)\"", px(x), px(y)), "middle")
            }
        };
        let spans = spans(text, size);
        self.line(format!(
            "<text {at} font-size=\"{}\" text-anchor=\"{anchor}\">{spans}</text>",
            px(size)
        ));
    }

    /// What is written at a tick, if anything.
    pub(super) fn tick_label(&mut self, tick: &Tick, (x, y): (f64, f64), anchor: Anchor) {
        if !tick.label.is_empty() {
            self.text(&tick.label, x, y, TICK, anchor);
        }
    }

    /// The finished document.
    pub(super) fn finish(mut self) -> String {
        self.line("</svg>".into());
        self.text
    }

    fn line(&mut self, line: String) {
        self.text.push_str(&line);
        self.text.push('\n');
    }
}

/// A length or place to a hundredth of a pixel, without trailing zeros.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// `#rrggbb`.
pub(super) fn hex(Color(r, g, b): Color) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Raised and lowered pieces as spans that return to the baseline afterwards.
fn spans(text: &str, size: f64) -> String {
    let mut spans = String::new();
    let mut height = 0.0;
    for (shift, piece) in font::pieces(text) {
        let (target, scale) = match shift {
            Shift::None => (0.0, 1.0),
            Shift::Up => (-0.38 * size, font::SCRIPT),
            Shift::Down => (0.22 * size, font::SCRIPT),
        };
        let piece = escaped(piece);
        if target == height && shift == Shift::None {
            spans.push_str(&piece);
        } else {
            let (dy, size) = (px(target - height), px(scale * size));
            spans.push_str(&format!("<tspan dy=\"{dy}\" font-size=\"{size}\">{piece}</tspan>"));
        }
        height = target;
    }
    spans
}

/// The text as XML; what XML has no way to write as U+FFFD.
fn escaped(text: &str) -> String {
    let forbidden = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    let text = text.replace(forbidden, "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
