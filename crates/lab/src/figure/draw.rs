//! A laid out figure as SVG.

use super::curve::Frame;
use super::layout::{self, CAPTION, LABEL, LEADING, Lines, Placed, TICK, TICK_GAP, TICK_LENGTH};
use super::legend::{Entry, SAMPLE};
use super::svg::{Anchor, FAINT_INK, INK, Svg, hex, px};
use super::tick::Tick;
use super::{Figure, Panel, Series};

const CENTER_WIDTH: f64 = 1.7;
const MEMBER_WIDTH: f64 = 0.6;
const MEMBER_OPACITY: f64 = 0.3;
const BAND_OPACITY: f64 = 0.2;
const AXIS_WIDTH: f64 = 0.8;

/// The figure as SVG.
pub(super) fn figure(figure: &Figure) -> String {
    let layout = layout::layout(figure);
    let mut svg = Svg::new(layout.width, layout.height, &figure.title);
    lines(&mut svg, &layout.title, layout.width / 2.0, Anchor::Middle);
    svg.open("class=\"legend\"");
    for entry in &layout.legend {
        legend_entry(&mut svg, entry);
    }
    svg.close();
    for (panel, placed) in figure.panels.iter().zip(&layout.panels) {
        draw_panel(&mut svg, panel, placed);
    }
    svg.open(&format!("class=\"caption\" fill=\"{FAINT_INK}\""));
    lines(&mut svg, &layout.caption, layout::MARGIN, Anchor::Start);
    svg.close();
    svg.finish()
}

fn lines(svg: &mut Svg, text: &Lines, x: f64, anchor: Anchor) {
    for (i, line) in text.lines.iter().enumerate() {
        svg.text(line, x, text.first + i as f64 * text.size * LEADING, text.size, anchor);
    }
}

fn legend_entry(svg: &mut Svg, entry: &Entry) {
    let (color, right) = (hex(entry.color), entry.x + SAMPLE.0);
    if entry.banded {
        let band = format!("M{} {}h{}v9h-{}Z", px(entry.x), px(entry.y - 4.5), SAMPLE.0, SAMPLE.0);
        svg.path(&band, &format!("fill=\"{color}\" fill-opacity=\"{BAND_OPACITY}\""));
    }
    let line = format!("M{} {}h{}", px(entry.x), px(entry.y), SAMPLE.0);
    svg.path(&line, &format!("stroke=\"{color}\" stroke-width=\"{CENTER_WIDTH}\""));
    // Letters of this family are 0.72 of their size high.
    svg.text(&entry.name, right + SAMPLE.1, entry.y + 0.36 * LABEL, LABEL, Anchor::Start);
}

fn draw_panel(svg: &mut Svg, panel: &Panel, placed: &Placed) {
    svg.open("class=\"panel\"");
    grid_lines(svg, placed);
    for series in &panel.series {
        draw_series(svg, &placed.frame, series);
    }
    axes(svg, placed);
    panel_texts(svg, placed);
    if !panel.series.iter().any(|s| drawable(&placed.frame, s)) {
        let (x, y) = placed.frame.middle();
        svg.text("nothing to draw", x, y, CAPTION, Anchor::Middle);
    }
    svg.close();
}

fn panel_texts(svg: &mut Svg, placed: &Placed) {
    let (x, y) = placed.frame.middle();
    lines(svg, &placed.title, x, Anchor::Middle);
    lines(svg, &placed.x_label, x, Anchor::Middle);
    for (i, line) in placed.y_label.lines.iter().enumerate() {
        let column = placed.y_label.first + i as f64 * LABEL * LEADING;
        svg.text(line, column, y, LABEL, Anchor::Upwards);
    }
}

fn drawable(frame: &Frame, series: &Series) -> bool {
    let point = |(&x, &y): (&f64, &f64)| frame.column(x).zip(frame.row(y)).is_some();
    series.curves().iter().any(|(_, y)| series.x.iter().zip(*y).any(point))
}

/// Faint lines at the labelled ticks of y.
fn grid_lines(svg: &mut Svg, placed: &Placed) {
    let Placed { frame, y_ticks, .. } = placed;
    let rows = y_ticks.iter().filter(|t| !t.label.is_empty()).filter_map(|t| frame.row(t.value));
    let line = |y| format!("M{} {}H{}", px(frame.left), px(y), px(frame.right()));
    svg.path(&rows.map(line).collect::<String>(), "stroke=\"#e6e6e6\" stroke-width=\"0.6\"");
}

/// Members below, then the band, the centre on top.
fn draw_series(svg: &mut Svg, frame: &Frame, series: &Series) {
    let color = hex(series.color);
    let joined = "stroke-linejoin=\"round\" stroke-linecap=\"round\"";
    svg.open(&format!("class=\"series\" stroke=\"{color}\" fill=\"{color}\" {joined}"));
    for member in &series.members {
        let pen = Pen { class: "member", width: MEMBER_WIDTH, opacity: MEMBER_OPACITY };
        draw_curve(svg, frame, (&series.x, &member.y), pen);
    }
    if let Some(band) = &series.band {
        let style = format!("class=\"band\" stroke=\"none\" fill-opacity=\"{BAND_OPACITY}\"");
        svg.path(&frame.region(&series.x, &band.lo, &band.hi), &style);
    }
    let pen = Pen { class: "center", width: CENTER_WIDTH, opacity: 1.0 };
    draw_curve(svg, frame, (&series.x, &series.center), pen);
    svg.close();
}

/// How a curve is drawn.
struct Pen {
    class: &'static str,
    width: f64,
    opacity: f64,
}

/// The curve, and its lone points as dots two and a half lines wide.
fn draw_curve(svg: &mut Svg, frame: &Frame, (x, y): (&[f64], &[f64]), pen: Pen) {
    let Pen { class, width, opacity } = pen;
    let line = format!("fill=\"none\" stroke-width=\"{width}\" stroke-opacity=\"{opacity}\"");
    svg.path(&frame.curve(x, y), &format!("class=\"{class}\" {line}"));
    let dot = format!("stroke=\"none\" fill-opacity=\"{opacity}\"");
    svg.path(&frame.dots(x, y, 1.25 * width), &format!("class=\"{class}\" {dot}"));
}

/// Left and bottom spine with their ticks and labels.
fn axes(svg: &mut Svg, placed: &Placed) {
    let Placed { frame, x_ticks, y_ticks, .. } = placed;
    let (left, bottom) = (frame.left, frame.bottom());
    let mut d = format!("M{} {}V{}H{}", px(left), px(frame.top), px(bottom), px(frame.right()));
    for (x, tick) in x_ticks.iter().filter_map(|t| Some((frame.column(t.value)?, t))) {
        d.push_str(&format!("M{} {}v{}", px(x), px(bottom), px(length(tick))));
        let y = bottom + TICK_LENGTH + TICK_GAP + 0.8 * TICK;
        label(svg, tick, (x, y), Anchor::Middle);
    }
    for (y, tick) in y_ticks.iter().filter_map(|t| Some((frame.row(t.value)?, t))) {
        d.push_str(&format!("M{} {}h{}", px(left), px(y), px(-length(tick))));
        let x = left - TICK_LENGTH - TICK_GAP;
        label(svg, tick, (x, y + 0.36 * TICK), Anchor::End);
    }
    svg.path(
        &d,
        &format!("class=\"axes\" stroke=\"{INK}\" stroke-width=\"{AXIS_WIDTH}\" fill=\"none\""),
    );
}

fn length(tick: &Tick) -> f64 {
    if tick.label.is_empty() { 0.6 * TICK_LENGTH } else { TICK_LENGTH }
}

fn label(svg: &mut Svg, tick: &Tick, (x, y): (f64, f64), anchor: Anchor) {
    if !tick.label.is_empty() {
        svg.text(&tick.label, x, y, TICK, anchor);
    }
}
