//! A drawing as SVG, whose text is text.

use super::color::Color;
use super::drawing::{Anchor, Attribute, Cells, Drawing, Element, Medium, Run, Text};
use super::font;
use super::path::{Path, Segment};
use super::style::INK;

/// The drawing as an SVG document.
pub(super) fn svg(drawing: &Drawing) -> String {
    let (w, h) = (px(drawing.width), px(drawing.height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" \
         viewBox=\"0 0 {w} {h}\" role=\"img\" font-family=\"{}\" fill=\"{}\">\n",
        font::STACK,
        hex(INK),
    );
    if !drawing.title.is_empty() {
        svg.push_str(&format!("<title>{}</title>\n", escaped(&drawing.title)));
    }
    if !drawing.description.is_empty() {
        svg.push_str(&format!("<desc>{}</desc>\n", escaped(&drawing.description)));
    }
    svg.push_str(&format!("<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n"));
    for element in &drawing.elements {
        svg.push_str(&match element {
            Element::Open(with) => format!("<g{}>", attributes(with, drawing.medium)),
            Element::Close => "</g>".into(),
            Element::Path(path, with) => {
                format!("<path d=\"{}\"{}/>", path_data(path), attributes(with, drawing.medium))
            }
            Element::Text(of) => text(of),
            Element::Cells(of) => cells(of),
        });
        svg.push('\n');
    }
    svg + "</svg>\n"
}

/// The attributes, each with a space before it.
fn attributes(attributes: &[Attribute], medium: Medium) -> String {
    let shown = |a: &&Attribute| medium == Medium::Page || !matches!(a, Attribute::Data(..));
    attributes.iter().filter(shown).map(attribute).collect()
}

fn attribute(attribute: &Attribute) -> String {
    let paint = |color: &Option<Color>| color.map_or("none".into(), hex);
    match attribute {
        Attribute::Class(class) => format!(" class=\"{class}\""),
        Attribute::Data(key, value) => {
            format!(" data-{key}=\"{}\"", escaped(value).replace('"', "&quot;"))
        }
        Attribute::Fill(color) => format!(" fill=\"{}\"", paint(color)),
        Attribute::FillOpacity(opacity) => format!(" fill-opacity=\"{}\"", px(*opacity)),
        Attribute::Stroke(color) => format!(" stroke=\"{}\"", paint(color)),
        Attribute::StrokeWidth(width) => format!(" stroke-width=\"{}\"", px(*width)),
        Attribute::StrokeOpacity(opacity) => format!(" stroke-opacity=\"{}\"", px(*opacity)),
        Attribute::Dashes(dash, gap) => {
            format!(" stroke-dasharray=\"{} {}\"", px(*dash), px(*gap))
        }
        Attribute::RoundCaps => " stroke-linecap=\"round\"".into(),
        Attribute::RoundJoins => " stroke-linejoin=\"round\"".into(),
    }
}

/// The path in the notation of the attribute `d`.
pub(super) fn path_data(path: &Path) -> String {
    let segment = |segment: &Segment| match *segment {
        Segment::Start(x, y) => format!("M{} {}", px(x), px(y)),
        Segment::Line(x, y) => format!("L{} {}", px(x), px(y)),
        Segment::Horizontal(x) => format!("H{}", px(x)),
        Segment::Vertical(y) => format!("V{}", px(y)),
        Segment::Right(by) => format!("h{}", px(by)),
        Segment::Down(by) => format!("v{}", px(by)),
        Segment::Close => "Z".into(),
        Segment::Dot(x, y) => format!("M{} {}h.01", px(x), px(y)),
        Segment::Disc { x, y, radius } => {
            let (r, d) = (px(radius), px(2.0 * radius));
            format!("M{} {}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0Z", px(x - radius), px(y))
        }
    };
    path.segments().iter().map(segment).collect()
}

fn text(text: &Text) -> String {
    let (x, y, size) = (px(text.x), px(text.y), px(text.size));
    let (at, anchor) = match text.anchor {
        Anchor::Start => (format!("x=\"{x}\" y=\"{y}\""), "start"),
        Anchor::Middle => (format!("x=\"{x}\" y=\"{y}\""), "middle"),
        Anchor::End => (format!("x=\"{x}\" y=\"{y}\""), "end"),
        Anchor::Upwards => (format!("transform=\"translate({x} {y}) rotate(-90)\""), "middle"),
    };
    let spans = spans(&text.text, text.size);
    format!("<text {at} font-size=\"{size}\" text-anchor=\"{anchor}\">{spans}</text>")
}

/// Raised and lowered pieces as spans that return to the baseline afterwards.
fn spans(text: &str, size: f64) -> String {
    let mut spans = String::new();
    let mut height = 0.0;
    for (shift, piece) in font::pieces(text) {
        let (target, scale) = (-shift.rise() * size, shift.scale());
        let piece = escaped(piece);
        if target == height && scale == 1.0 {
            spans.push_str(&piece);
        } else {
            let (dy, size) = (px(target - height), px(scale * size));
            spans.push_str(&format!("<tspan dy=\"{dy}\" font-size=\"{size}\">{piece}</tspan>"));
        }
        height = target;
    }
    spans
}

/// The cells in units of cells, with edges that are not smoothed.
fn cells(cells: &Cells) -> String {
    let Cells { left, top, width, height, .. } = *cells;
    let place = format!("translate({} {}) scale({width:.6} {height:.6})", px(left), px(top));
    let mut svg = format!(
        "<g fill=\"currentColor\" class=\"cells\" transform=\"{place}\" \
         shape-rendering=\"crispEdges\">\n"
    );
    let run = |run: &Run| {
        let Run { column, row, length } = run;
        format!("M{column} {row}h{length}v1h-{length}z")
    };
    for (color, runs) in &cells.colors {
        let d: String = runs.iter().map(run).collect();
        svg.push_str(&format!("<path d=\"{d}\" color=\"{}\"/>\n", hex(*color)));
    }
    svg + "</g>"
}

/// A length or place to a hundredth of a pixel, without trailing zeros.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// `#rrggbb`.
fn hex(Color(r, g, b): Color) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The text as XML; what XML has no way to write as U+FFFD.
fn escaped(text: &str) -> String {
    let forbidden = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    let text = text.replace(forbidden, "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
