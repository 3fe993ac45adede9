//! A drawing as PNG, text as the outlines of the bundled fonts.

use tiny_skia::{
    Color as Ink, FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, Stroke, StrokeDash,
    Transform,
};
use ttf_parser::OutlineBuilder;

use super::color::Color;
use super::drawing::{Canvas, Cells, Drawing, Pen, Text};
use super::font::{self, GlyphRun};
use super::path::{Path, Step};

/// Error returned when a figure cannot become a PNG.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scale is not usable.
    #[error("scale = {0} is not in (0, 16]; 2 suits most screens and papers")]
    Scale(f32),
    /// The PNG could not be encoded.
    #[error("cannot encode the PNG: {0}")]
    Png(String),
}

/// Largest number of dots of a PNG, 256 MB while it is drawn: a page of hundreds of panels gets
/// fewer to a pixel.
pub(super) const MOST_DOTS: f32 = 64e6;

/// The drawing in dots, `scale` to a pixel, or as many as [`MOST_DOTS`] allows.
pub(super) fn png(drawing: &Drawing, scale: f32) -> Result<Vec<u8>, Error> {
    if !(scale > 0.0 && scale <= 16.0) {
        return Err(Error::Scale(scale));
    }
    let (width, height) = (drawing.width as f32, drawing.height as f32);
    let scale = scale.min((MOST_DOTS / (width * height)).sqrt());
    let dots = |length: f32| (length * scale).ceil() as u32;
    let dots = Pixmap::new(dots(width), dots(height)).ok_or(Error::Scale(scale))?;
    let mut dots = Dots { dots, scale: Transform::from_scale(scale, scale) };
    drawing.paint(&mut dots);
    dots.dots.encode_png().map_err(|e| Error::Png(e.to_string()))
}

/// The picture being painted.
struct Dots {
    dots: Pixmap,
    /// Map from pixels to dots.
    scale: Transform,
}

impl Canvas for Dots {
    fn fill(&mut self, path: &Path, color: Color, opacity: f64) {
        if let Some(path) = traced(path) {
            self.fill_area(&path, &ink(color, opacity), self.scale);
        }
    }

    fn stroke(&mut self, path: &Path, pen: &Pen) {
        let stroke = Stroke {
            width: pen.width as f32,
            line_cap: if pen.round_caps { LineCap::Round } else { LineCap::Butt },
            line_join: if pen.round_joins { LineJoin::Round } else { LineJoin::Miter },
            dash: pen.dashes.and_then(|(a, b)| StrokeDash::new(vec![a as f32, b as f32], 0.0)),
            ..Stroke::default()
        };
        if let Some(path) = traced(path) {
            let ink = ink(pen.color, pen.opacity);
            self.dots.stroke_path(&path, &ink, &stroke, self.scale, None);
        }
    }

    fn text(&mut self, text: &Text, color: Color) {
        if let Some(letters) = letters(text) {
            self.fill_area(&letters, &ink(color, 1.0), self.scale);
        }
    }

    fn cells(&mut self, cells: &Cells) {
        let Cells { left, top, width, height, .. } = *cells;
        let [left, top, width, height] = [left, top, width, height].map(|v| v as f32);
        let place = self.scale.pre_concat(Transform::from_row(width, 0.0, 0.0, height, left, top));
        for (color, runs) in &cells.colors {
            let mut path = PathBuilder::new();
            for run in runs {
                let [left, top, length] = [run.column, run.row, run.length].map(|n| n as f32);
                let corners = tiny_skia::Rect::from_xywh(left, top, length, 1.0);
                corners.into_iter().for_each(|rect| path.push_rect(rect));
            }
            // A smoothed edge would let the background shine through.
            let ink = Paint { anti_alias: false, ..ink(*color, 1.0) };
            if let Some(path) = path.finish() {
                self.fill_area(&path, &ink, place);
            }
        }
    }
}

impl Dots {
    fn fill_area(&mut self, path: &tiny_skia::Path, ink: &Paint, place: Transform) {
        self.dots.fill_path(path, ink, FillRule::Winding, place, None);
    }
}

fn ink(Color(r, g, b): Color, opacity: f64) -> Paint<'static> {
    let mut color = Ink::from_rgba8(r, g, b, 255);
    color.apply_opacity(opacity as f32);
    let mut paint = Paint::default();
    paint.set_color(color);
    paint
}

/// The path, unless nothing is in it.
fn traced(path: &Path) -> Option<tiny_skia::Path> {
    let mut traced = PathBuilder::new();
    for step in path.steps() {
        match step {
            Step::Start((x, y)) => traced.move_to(x, y),
            Step::Line((x, y)) => traced.line_to(x, y),
            Step::Curve((a, b), (c, d), (x, y)) => traced.cubic_to(a, b, c, d, x, y),
            Step::Close => traced.close(),
        }
    }
    traced.finish()
}

/// The outlines of all letters, in pixels.
fn letters(text: &Text) -> Option<tiny_skia::Path> {
    let mut outlines = PathBuilder::new();
    let start = text.start(font::width(&text.text, text.size));
    for GlyphRun { font, size, along, above, glyphs } in font::glyph_runs(&text.text, text.size) {
        let font = &font::fonts()[font];
        let em = size / f64::from(font.face.units_per_em());
        let mut along = start + along;
        for (_, glyph) in glyphs {
            let mut letter = Letter { outlines: &mut outlines, text, em, along, above };
            // A space has no outline.
            let _ = font.face.outline_glyph(glyph, &mut letter);
            along += size * font.advance(glyph);
        }
    }
    outlines.finish()
}

/// Takes an outline from units of the font to its place on the page.
struct Letter<'a> {
    outlines: &'a mut PathBuilder,
    text: &'a Text,
    /// Pixels to a unit of the font.
    em: f64,
    along: f64,
    above: f64,
}

impl Letter<'_> {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        let along = self.along + self.em * f64::from(x);
        let (x, y) = self.text.place(along, self.above + self.em * f64::from(y));
        (x as f32, y as f32)
    }
}

impl OutlineBuilder for Letter<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.outlines.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.outlines.line_to(x, y);
    }

    fn quad_to(&mut self, a: f32, b: f32, x: f32, y: f32) {
        let ((a, b), (x, y)) = (self.place(a, b), self.place(x, y));
        self.outlines.quad_to(a, b, x, y);
    }

    fn curve_to(&mut self, a: f32, b: f32, c: f32, d: f32, x: f32, y: f32) {
        let [(a, b), (c, d), (x, y)] = [(a, b), (c, d), (x, y)].map(|(x, y)| self.place(x, y));
        self.outlines.cubic_to(a, b, c, d, x, y);
    }

    fn close(&mut self) {
        self.outlines.close();
    }
}
