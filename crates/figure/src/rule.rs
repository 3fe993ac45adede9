//! Reference lines as paths, cut at the edges of the axes.

use super::color::Color;
use super::drawing::{Attribute, Drawing};
use super::frame::{Frame, runs};
use super::mark::{Line, Rule};
use super::path::Path;

/// Number of pieces of a rule that is a curve, because an axis is not linear.
const PIECES: usize = 256;

/// Attributes of a dashed line.
pub(super) fn style(color: Color) -> [Attribute; 4] {
    [
        Attribute::Fill(None),
        Attribute::Stroke(Some(color)),
        Attribute::StrokeWidth(1.1),
        Attribute::Dashes(5.0, 3.0),
    ]
}

pub(super) fn draw(drawing: &mut Drawing, frame: &Frame, rule: &Rule) {
    let kind = [Attribute::Class("rule"), Attribute::Data("name", rule.name.clone())];
    drawing.path(path(frame, rule.line), [&kind[..], &style(rule.color)].concat());
}

/// Whether any of the rule can be drawn.
pub(super) fn drawable(frame: &Frame, rule: &Rule) -> bool {
    !path(frame, rule.line).is_empty()
}

fn path(frame: &Frame, line: Line) -> Path {
    let path = match line {
        Line::Horizontal(y) => {
            frame.row(y).map(|y| Path::at(frame.left, y).horizontal_to(frame.right()))
        }
        Line::Vertical(x) => {
            frame.column(x).map(|x| Path::at(x, frame.top).vertical_to(frame.bottom()))
        }
        Line::Slope { slope, intercept } => Some(sloping(frame, |x| intercept + slope * x)),
    };
    path.unwrap_or_default()
}

fn sloping(frame: &Frame, y: impl Fn(f64) -> f64) -> Path {
    let place = |fraction: f64| {
        let row = frame.row(y(frame.x.value(fraction)))?;
        Some((frame.left + frame.width * fraction, row))
    };
    // A straight line is its ends, unless one of them overflows.
    let straight = frame.x.is_linear() && frame.y.is_linear();
    let straight = straight && place(0.0).and(place(1.0)).is_some();
    let pieces = if straight { 1 } else { PIECES };
    let place = |i| place(i as f64 / pieces as f64);
    let inside = |run: &Vec<_>| cut(run, frame.top, frame.bottom());
    let runs = runs((0..=pieces).map(place));
    runs.iter().flat_map(inside).map(Path::polyline).collect()
}

/// The stretches of a curve between the rows `top` and `bottom`.
fn cut(curve: &[(f64, f64)], top: f64, bottom: f64) -> Vec<Vec<(f64, f64)>> {
    let mut stretches: Vec<Vec<(f64, f64)>> = Vec::new();
    for pair in curve.windows(2) {
        let Some((a, b)) = piece(pair[0], pair[1], top, bottom) else { continue };
        match stretches.last_mut() {
            Some(stretch) if stretch.last() == Some(&a) => stretch.push(b),
            _ => stretches.push(vec![a, b]),
        }
    }
    stretches
}

type Point = (f64, f64);

/// The part of the line from `a` to `b` between the rows `top` and `bottom`.
fn piece(a: Point, b: Point, top: f64, bottom: f64) -> Option<(Point, Point)> {
    let inside = |y: f64| top <= y && y <= bottom;
    let above = a.1 < top && b.1 < top;
    if above || a.1 > bottom && b.1 > bottom {
        return None;
    }
    let end = |p: Point| {
        let y = p.1.clamp(top, bottom);
        // OK to divide: one end is outside a range that the other is not beyond on the same side.
        let x = a.0 + (b.0 - a.0) * ((y - a.1) / (b.1 - a.1));
        if inside(p.1) { p } else { (x, y) }
    };
    Some((end(a), end(b)))
}

#[cfg(test)]
mod tests {
    use super::super::axis::Axis;
    use super::super::scale::Scale;
    use super::super::svg::path_data;
    use super::*;

    fn frame(scale: Scale) -> Frame {
        let axis = || Axis::new(scale, [1.0, 100.0].into_iter(), 0.0);
        Frame { left: 10.0, top: 20.0, width: 100.0, height: 50.0, x: axis(), y: axis() }
    }

    fn drawn(frame: &Frame, line: Line) -> String {
        path_data(&path(frame, line))
    }

    #[test]
    fn a_slope_is_cut_at_the_edges() {
        let steep = Line::Slope { slope: 2.0, intercept: -51.0 };
        // y = 1 at x = 26, y = 100 at x = 75.5.
        assert_eq!(drawn(&frame(Scale::Linear), steep), "M35.25 70L85.25 20");
        let flat = Line::Slope { slope: 0.0, intercept: 1000.0 };
        assert_eq!(drawn(&frame(Scale::Linear), flat), "");
        let unknown = Line::Slope { slope: f64::NAN, intercept: 0.0 };
        assert_eq!(drawn(&frame(Scale::Linear), unknown), "");
        // Upright at x = 50.5, and beyond all numbers at the right end.
        let upright = Line::Slope { slope: 0.3e307, intercept: -50.5 * 0.3e307 };
        let d = drawn(&frame(Scale::Linear), upright);
        assert!(d.starts_with("M60 70") && d.ends_with("L60 20"), "{d}");
    }

    #[test]
    fn a_slope_is_a_straight_line_on_two_log_axes_if_it_meets_the_origin() {
        let d = drawn(&frame(Scale::Log), Line::Slope { slope: 10.0, intercept: 0.0 });
        let places: Vec<(f64, f64)> = (d[1..].split('L'))
            .map(|p| p.split_once(' ').unwrap())
            .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
            .collect();
        assert_eq!((places[0], places[places.len() - 1]), ((10.0, 45.0), (60.0, 20.0)));
        for (x, y) in places {
            // Two places rounded to 0.01, one of them halved.
            assert!((y - (45.0 - (x - 10.0) / 2.0)).abs() <= 0.0076, "({x}, {y})");
        }
        assert_eq!(drawn(&frame(Scale::Log), Line::Slope { slope: -1.0, intercept: 0.0 }), "");
    }

    #[test]
    fn horizontal_and_vertical_rules_cross_the_axes() {
        assert_eq!(drawn(&frame(Scale::Log), Line::Horizontal(10.0)), "M10 45H110");
        assert_eq!(drawn(&frame(Scale::Log), Line::Vertical(10.0)), "M60 20V70");
        assert_eq!(drawn(&frame(Scale::Log), Line::Horizontal(0.0)), "");
    }
}
