//! A laid out figure as a drawing.

use super::color::Color;
use super::drawing::{Anchor, Attribute, Drawing, Medium};
use super::figure::Figure;
use super::frame::Frame;
use super::layout::{self, Placed};
use super::lines::Lines;
use super::panel::Panel;
use super::path::Path;
use super::shade::Shading;
use super::style::{CAPTION, FAINT_INK, INK, MARGIN, TICK, TICK_GAP, TICK_LENGTH, WIDER};
use super::svg::px;
use super::{bars, curve, description, heat_map, legend, omitted, points, rule};

const AXIS_WIDTH: f64 = 0.8;
const GRID: Color = Color(0xe6, 0xe6, 0xe6);

/// The figure as a drawing.
///
/// # Panics
/// If lengths that should agree differ, or a heat map shares its panel.
pub(super) fn figure(figure: &Figure, medium: Medium) -> Drawing {
    figure.panels.iter().for_each(Panel::check);
    let layout = layout::layout(figure);
    let mut drawing = Drawing::new(medium, (layout.width, layout.height), &figure.title);
    drawing.description = description::of(figure);
    layout.title.draw(&mut drawing, layout.width / 2.0, Anchor::Middle);
    drawing.open([Attribute::Class("legend")]);
    for entry in &layout.legend {
        legend::draw(&mut drawing, entry);
    }
    drawing.close();
    for (panel, placed) in figure.panels.iter().zip(&layout.panels) {
        draw_panel(&mut drawing, panel, placed);
    }
    drawing.open([Attribute::Class("caption"), Attribute::Fill(Some(FAINT_INK))]);
    layout.caption.draw(&mut drawing, MARGIN, Anchor::Start);
    drawing.close();
    drawing
}

fn draw_panel(drawing: &mut Drawing, panel: &Panel, placed: &Placed) {
    let frame = &placed.frame;
    let place = [frame.left, frame.top, frame.width, frame.height].map(px).join(" ");
    drawing.open([
        Attribute::Class("panel"),
        Attribute::Data("frame", place),
        Attribute::Data("x", frame.x.described()),
        Attribute::Data("y", frame.y.described()),
    ]);
    let shading = placed.color_bar.as_ref().map(|bar| &bar.shading);
    draw_marks(drawing, panel, placed, shading);
    axes(drawing, placed);
    if let Some(bar) = &placed.color_bar {
        bar.draw(drawing, (frame.right(), frame.top));
    }
    let (x, y) = frame.middle();
    placed.title.draw(drawing, x, Anchor::Middle);
    placed.x_label.draw(drawing, x, Anchor::Middle);
    placed.y_label.draw_upwards(drawing, 0.0, y);
    if !drawable(frame, panel, shading) {
        empty(drawing, panel, frame);
    }
    drawing.close();
}

/// Writes the reason for an empty panel in the middle of its axes.
fn empty(drawing: &mut Drawing, panel: &Panel, frame: &Frame) {
    let (x, y) = frame.middle();
    let room = (frame.width - 2.0 * MARGIN) / WIDER;
    let text = Lines::below(y, &omitted::reason(panel), CAPTION, room);
    let half = text.height() / 2.0;
    drawing.open([Attribute::Class("reason")]);
    text.moved(-half).draw(drawing, x, Anchor::Middle);
    drawing.close();
}

fn draw_marks(drawing: &mut Drawing, panel: &Panel, placed: &Placed, shading: Option<&Shading>) {
    let frame = &placed.frame;
    if let Some((map, shading)) = panel.heat_map.as_ref().zip(shading) {
        return heat_map::draw(drawing, frame, map, shading);
    }
    grid_lines(drawing, placed);
    panel.bars.iter().for_each(|b| bars::draw(drawing, frame, b));
    panel.rules.iter().for_each(|r| rule::draw(drawing, frame, r));
    curve::draw_all(drawing, frame, &panel.series);
    panel.points.iter().for_each(|p| points::draw(drawing, frame, p, shading));
}

/// Whether anything of the panel can be drawn.
fn drawable(frame: &Frame, panel: &Panel, shading: Option<&Shading>) -> bool {
    let cell = |shading: &Shading| {
        let values = panel.heat_map.iter().flat_map(|map| &map.values);
        values.into_iter().any(|&value| shading.level(value).is_some())
    };
    shading.is_some_and(cell)
        || panel.series.iter().any(|s| curve::drawable(frame, s))
        || panel.points.iter().any(|p| points::drawable(frame, p))
        || panel.bars.iter().any(|b| bars::drawable(frame, b))
        || panel.rules.iter().any(|r| rule::drawable(frame, r))
}

/// Faint lines at the labelled ticks of y.
fn grid_lines(drawing: &mut Drawing, placed: &Placed) {
    let Placed { frame, y_ticks, .. } = placed;
    let rows = y_ticks.iter().filter(|t| !t.label.is_empty()).filter_map(|t| frame.row(t.value));
    let lines: Path = rows.map(|y| Path::at(frame.left, y).horizontal_to(frame.right())).collect();
    drawing.path(lines, [Attribute::Stroke(Some(GRID)), Attribute::StrokeWidth(0.6)]);
}

/// Left and bottom spine with their ticks and labels.
fn axes(drawing: &mut Drawing, placed: &Placed) {
    let Placed { frame, x_ticks, y_ticks, .. } = placed;
    let (left, bottom) = (frame.left, frame.bottom());
    let mut path = Path::at(left, frame.top).vertical_to(bottom).horizontal_to(frame.right());
    for (x, tick) in x_ticks.iter().filter_map(|t| Some((frame.column(t.value)?, t))) {
        path.push(Path::at(x, bottom).down(tick.length()));
        let y = bottom + TICK_LENGTH + TICK_GAP + 0.8 * TICK;
        tick.draw_label(drawing, (x, y), Anchor::Middle);
    }
    for (y, tick) in y_ticks.iter().filter_map(|t| Some((frame.row(t.value)?, t))) {
        path.push(Path::at(left, y).right(-tick.length()));
        let x = left - TICK_LENGTH - TICK_GAP;
        tick.draw_label(drawing, (x, y + 0.36 * TICK), Anchor::End);
    }
    let style = [
        Attribute::Class("axes"),
        Attribute::Stroke(Some(INK)),
        Attribute::StrokeWidth(AXIS_WIDTH),
        Attribute::Fill(None),
    ];
    drawing.path(path, style);
}
