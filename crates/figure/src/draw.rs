//! A laid out figure as SVG.

use super::curve::Frame;
use super::layout::{
    self, CAPTION, LABEL, LEADING, Lines, MARGIN, Placed, TICK, TICK_GAP, TICK_LENGTH, WIDER,
};
use super::shade::Shading;
use super::svg::{Anchor, FAINT_INK, INK, Medium, Svg, hex, px};
use super::{Figure, Panel, Series, bars, heat_map, legend, omitted, points, rule};

const CENTER_WIDTH: f64 = 1.7;
const MEMBER_WIDTH: f64 = 0.6;
const MEMBER_OPACITY: f64 = 0.3;
const BAND_OPACITY: f64 = 0.2;
const AXIS_WIDTH: f64 = 0.8;

/// The figure as SVG.
pub(super) fn figure(figure: &Figure, medium: Medium) -> String {
    let layout = layout::layout(figure);
    let mut svg = Svg::new(medium, (layout.width, layout.height), &figure.title);
    lines(&mut svg, &layout.title, layout.width / 2.0, Anchor::Middle);
    svg.open("class=\"legend\"");
    for entry in &layout.legend {
        legend::draw(&mut svg, entry);
    }
    svg.close();
    for (panel, placed) in figure.panels.iter().zip(&layout.panels) {
        draw_panel(&mut svg, panel, placed);
    }
    svg.open(&format!("class=\"caption\" fill=\"{FAINT_INK}\""));
    lines(&mut svg, &layout.caption, MARGIN, Anchor::Start);
    svg.close();
    svg.finish()
}

fn lines(svg: &mut Svg, text: &Lines, x: f64, anchor: Anchor) {
    for (i, line) in text.lines.iter().enumerate() {
        svg.text(line, x, text.first + i as f64 * text.size * LEADING, text.size, anchor);
    }
}

/// Attributes of the central curve of a series in the legend.
pub(super) fn line_style(color: &str) -> String {
    format!("stroke=\"{color}\" stroke-width=\"{CENTER_WIDTH}\"")
}

/// Attributes of a band in the legend.
pub(super) fn band_style(color: &str) -> String {
    format!("fill=\"{color}\" fill-opacity=\"{BAND_OPACITY}\"")
}

fn draw_panel(svg: &mut Svg, panel: &Panel, placed: &Placed) {
    let frame = &placed.frame;
    let place = [frame.left, frame.top, frame.width, frame.height].map(px).join(" ");
    let data = [
        svg.data("frame", &place),
        svg.data("x", &frame.x.described()),
        svg.data("y", &frame.y.described()),
    ];
    svg.open(&format!("class=\"panel\"{}", data.concat()));
    let shading = placed.color_bar.as_ref().map(|bar| &bar.shading);
    draw_marks(svg, panel, placed, shading);
    axes(svg, placed);
    if let Some(bar) = &placed.color_bar {
        bar.draw(svg, (placed.frame.right(), placed.frame.top));
    }
    panel_texts(svg, placed);
    if !drawable(&placed.frame, panel, shading) {
        empty(svg, panel, frame);
    }
    svg.close();
}

/// Why there is nothing, in the middle of the axes.
fn empty(svg: &mut Svg, panel: &Panel, frame: &Frame) {
    let (x, y) = frame.middle();
    let room = (frame.width - 2.0 * MARGIN) / WIDER;
    let mut text = Lines::below(y, &omitted::reason(panel), CAPTION, room);
    text.first -= text.lines.len() as f64 * CAPTION * LEADING / 2.0;
    svg.open("class=\"reason\"");
    lines(svg, &text, x, Anchor::Middle);
    svg.close();
}

fn draw_marks(svg: &mut Svg, panel: &Panel, placed: &Placed, shading: Option<&Shading>) {
    let frame = &placed.frame;
    if let Some(shading) = shading.filter(|_| panel.heat_map.is_some()) {
        return heat_map::draw(svg, frame, panel, shading);
    }
    grid_lines(svg, placed);
    panel.bars.iter().for_each(|b| bars::draw(svg, frame, b));
    panel.rules.iter().for_each(|r| rule::draw(svg, frame, r));
    panel.series.iter().for_each(|s| draw_series(svg, frame, s));
    panel.points.iter().for_each(|p| points::draw(svg, frame, p, shading));
}

/// Whether anything of the panel can be drawn.
fn drawable(frame: &Frame, panel: &Panel, shading: Option<&Shading>) -> bool {
    let cell = |shading: &Shading| {
        let values = panel.heat_map.iter().flat_map(|map| &map.values);
        values.into_iter().any(|&value| shading.level(value).is_some())
    };
    shading.is_some_and(cell)
        || panel.series.iter().any(|s| drawable_series(frame, s))
        || panel.points.iter().any(|p| points::drawable(frame, p))
        || panel.bars.iter().any(|b| bars::drawable(frame, b))
        || panel.rules.iter().any(|r| rule::drawable(frame, r))
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

fn drawable_series(frame: &Frame, series: &Series) -> bool {
    let point = |(&x, &y): (&f64, &f64)| frame.column(x).zip(frame.row(y)).is_some();
    let lines = series.members.iter().map(|member| &member.y).chain([&series.center]);
    let band = series.band.as_ref();
    let mut lines = lines.map(|y| series.x.iter().zip(y).any(point));
    lines.any(|drawn| drawn)
        || band.is_some_and(|band| !frame.region(&series.x, &band.lo, &band.hi).is_empty())
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
    let name = svg.data("name", &series.name);
    svg.open(&format!("class=\"series\"{name} stroke=\"{color}\" fill=\"{color}\" {joined}"));
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
        d.push_str(&format!("M{} {}v{}", px(x), px(bottom), px(tick.length())));
        let y = bottom + TICK_LENGTH + TICK_GAP + 0.8 * TICK;
        svg.tick_label(tick, (x, y), Anchor::Middle);
    }
    for (y, tick) in y_ticks.iter().filter_map(|t| Some((frame.row(t.value)?, t))) {
        d.push_str(&format!("M{} {}h{}", px(left), px(y), px(-tick.length())));
        let x = left - TICK_LENGTH - TICK_GAP;
        svg.tick_label(tick, (x, y + 0.36 * TICK), Anchor::End);
    }
    svg.path(
        &d,
        &format!("class=\"axes\" stroke=\"{INK}\" stroke-width=\"{AXIS_WIDTH}\" fill=\"none\""),
    );
}
