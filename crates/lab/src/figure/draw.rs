//! A laid out figure as SVG.

use super::curve::Frame;
use super::layout::{
    self, CAPTION, Entry, LABEL, LEADING, Lines, Placed, SAMPLE, TICK, TICK_GAP, TICK_LENGTH,
};
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
    for entry in &layout.entries {
        legend_entry(&mut svg, entry);
    }
    for (panel, placed) in figure.panels.iter().zip(&layout.panels) {
        draw_panel(&mut svg, panel, placed);
    }
    svg.open(&format!("fill=\"{FAINT_INK}\""));
    lines(&mut svg, &layout.caption, layout::MARGIN, Anchor::Start);
    svg.close();
    svg.finish()
}

fn lines(svg: &mut Svg, text: &Lines, x: f64, anchor: Anchor) {
    for (i, line) in text.lines.iter().enumerate() {
        svg.text(line, x, text.top + i as f64 * text.size * LEADING, text.size, anchor);
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
    let frame = &placed.frame;
    grid_lines(svg, placed);
    for series in &panel.series {
        draw_series(svg, frame, series);
    }
    axes(svg, placed);
    let middle = frame.left + frame.width / 2.0;
    lines(svg, &placed.title, middle, Anchor::Middle);
    lines(svg, &placed.x_label, middle, Anchor::Middle);
    for (i, line) in placed.y_label.lines.iter().enumerate() {
        let x = placed.y_label.top + i as f64 * LABEL * LEADING;
        svg.text(line, x, frame.top + frame.height / 2.0, LABEL, Anchor::Upwards);
    }
    let drawn = |s: &Series| s.curves().iter().any(|(_, y)| !frame.curve(&s.x, y).is_empty());
    if !panel.series.iter().any(drawn) {
        svg.text(
            "nothing to draw",
            middle,
            frame.top + frame.height / 2.0,
            CAPTION,
            Anchor::Middle,
        );
    }
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
    svg.open(&format!(
        "stroke=\"{color}\" stroke-linejoin=\"round\" stroke-linecap=\"round\" fill=\"none\""
    ));
    for member in &series.members {
        let style = format!("stroke-width=\"{MEMBER_WIDTH}\" stroke-opacity=\"{MEMBER_OPACITY}\"");
        svg.path(&frame.curve(&series.x, &member.y), &style);
    }
    if let Some(band) = &series.band {
        let style = format!("stroke=\"none\" fill=\"{color}\" fill-opacity=\"{BAND_OPACITY}\"");
        svg.path(&frame.region(&series.x, &band.lo, &band.hi), &style);
    }
    let style = format!("stroke-width=\"{CENTER_WIDTH}\"");
    svg.path(&frame.curve(&series.x, &series.center), &style);
    svg.close();
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
    svg.path(&d, &format!("stroke=\"{INK}\" stroke-width=\"{AXIS_WIDTH}\" fill=\"none\""));
}

fn length(tick: &Tick) -> f64 {
    if tick.label.is_empty() { 0.6 * TICK_LENGTH } else { TICK_LENGTH }
}

fn label(svg: &mut Svg, tick: &Tick, (x, y): (f64, f64), anchor: Anchor) {
    if !tick.label.is_empty() {
        svg.text(&tick.label, x, y, TICK, anchor);
    }
}
