//! A series as paths: the faint curves, the band, the bold curve.

use super::color::Color;
use super::drawing::{Attribute, Drawing};
use super::frame::Frame;
use super::series::{MemberCurve, Series};

const CENTER_WIDTH: f64 = 1.7;
const MEMBER_WIDTH: f64 = 0.6;
/// Behind a band.
const MEMBER_OPACITY: f64 = 0.3;
/// Without a band, where they are all that shows how far runs differ.
const LONE_MEMBER_OPACITY: f64 = 0.5;
const PEAK_OPACITY: f64 = 0.7;
const BAND_OPACITY: f64 = 0.2;

/// Attributes of the central curve of a series in the legend.
pub(super) fn line_style(color: Color) -> [Attribute; 2] {
    [Attribute::Stroke(Some(color)), Attribute::StrokeWidth(CENTER_WIDTH)]
}

/// Attributes of a band in the legend.
pub(super) fn band_style(color: Color) -> [Attribute; 2] {
    [Attribute::Fill(Some(color)), Attribute::FillOpacity(BAND_OPACITY)]
}

/// Draws all series: members and bands of all below the centres of all, so that no curve hides behind
/// the spikes of another.
pub(super) fn draw_all(drawing: &mut Drawing, frame: &Frame, all: &[Series]) {
    for (row, series) in all.iter().enumerate() {
        if series.band.is_some() || !series.members.is_empty() {
            open(drawing, series);
            draw_behind(drawing, frame, series, row);
            drawing.close();
        }
    }
    for series in all {
        open(drawing, series);
        let style = Style { class: "center", width: CENTER_WIDTH, opacity: 1.0 };
        draw_curve(drawing, frame, (&series.x, &series.center), style);
        drawing.close();
    }
}

/// Opens a group of marks of a series.
fn open(drawing: &mut Drawing, series: &Series) {
    drawing.open([
        Attribute::Class("series"),
        Attribute::Data("name", series.name.clone()),
        Attribute::Stroke(Some(series.color)),
        Attribute::Fill(Some(series.color)),
        Attribute::RoundJoins,
        Attribute::RoundCaps,
    ]);
}

/// Members, then the band. Peaks of members above the axes are triangles in a row of their own.
fn draw_behind(drawing: &mut Drawing, frame: &Frame, series: &Series, row: usize) {
    let opacity = if series.band.is_some() { MEMBER_OPACITY } else { LONE_MEMBER_OPACITY };
    for member in &series.members {
        let style = Style { class: "member", width: MEMBER_WIDTH, opacity };
        draw_curve(drawing, frame, (&series.x, &frame.within(&member.y)), style);
    }
    let peaks = |member: &MemberCurve| frame.peaks(&series.x, &member.y, row);
    let peaks = series.members.iter().map(peaks).collect();
    let style =
        [Attribute::Class("peaks"), Attribute::Stroke(None), Attribute::FillOpacity(PEAK_OPACITY)];
    drawing.path(peaks, style);
    if let Some(band) = &series.band {
        let style = [
            Attribute::Class("band"),
            Attribute::Stroke(None),
            Attribute::FillOpacity(BAND_OPACITY),
        ];
        drawing.path(frame.region(&series.x, &band.lo, &band.hi), style);
    }
}

/// Whether any of the series can be drawn.
pub(super) fn drawable(frame: &Frame, series: &Series) -> bool {
    let point = |(&x, &y): (&f64, &f64)| frame.column(x).zip(frame.row(y)).is_some();
    let lines = series.members.iter().map(|member| &member.y).chain([&series.center]);
    let band = series.band.as_ref();
    let mut lines = lines.map(|y| series.x.iter().zip(y).any(point));
    lines.any(|drawn| drawn)
        || band.is_some_and(|band| !frame.region(&series.x, &band.lo, &band.hi).is_empty())
}

/// Style of a curve.
struct Style {
    class: &'static str,
    width: f64,
    opacity: f64,
}

/// The curve, and its lone points as dots two and a half lines wide.
fn draw_curve(drawing: &mut Drawing, frame: &Frame, (x, y): (&[f64], &[f64]), style: Style) {
    let Style { class, width, opacity } = style;
    let line = [
        Attribute::Class(class),
        Attribute::Fill(None),
        Attribute::StrokeWidth(width),
        Attribute::StrokeOpacity(opacity),
    ];
    drawing.path(frame.curve(x, y), line);
    let dots = [Attribute::Class(class), Attribute::Stroke(None), Attribute::FillOpacity(opacity)];
    drawing.path(frame.dots(x, y, 1.25 * width), dots);
}
