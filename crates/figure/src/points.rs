//! Dots as paths, one for each colour.

use std::collections::BTreeMap;

use super::color::Color;
use super::drawing::{Attribute, Drawing};
use super::frame::Frame;
use super::mark::Points;
use super::path::Path;
use super::shade::Shading;
use super::style::FAINT_INK;

/// Width of the rim around dots coloured by value, the brightest of which would fade into the page.
const RIM: f64 = 0.35;

/// Radius of dots, smaller where there are many.
fn radius(count: usize) -> f64 {
    match count {
        0..=60 => 2.4,
        61..=400 => 1.8,
        401..=3000 => 1.3,
        _ => 0.9,
    }
}

/// Attributes of dots: they are the round caps of lines without length.
pub(super) fn style(color: Color, radius: f64) -> [Attribute; 4] {
    [
        Attribute::Fill(None),
        Attribute::Stroke(Some(color)),
        Attribute::StrokeWidth(2.0 * radius),
        Attribute::RoundCaps,
    ]
}

fn faint(color: Color, radius: f64, opacity: f64) -> Vec<Attribute> {
    [&style(color, radius)[..], &[Attribute::StrokeOpacity(opacity)]].concat()
}

pub(super) fn draw(
    drawing: &mut Drawing,
    frame: &Frame,
    points: &Points,
    shading: Option<&Shading>,
) {
    let radius = radius(points.x.len());
    drawing.open([Attribute::Class("points"), Attribute::Data("name", points.name.clone())]);
    let dots: Path = places(frame, points).flatten().map(Path::dot).collect();
    match points.shade.as_ref().zip(shading) {
        None => drawing.path(dots, faint(points.color, radius, 0.75)),
        Some((shade, shading)) => {
            drawing.path(dots, faint(FAINT_INK, radius + RIM, 0.6));
            for (level, dots) in shaded(frame, points, shade, shading) {
                drawing.path(dots, style(shading.color(level), radius));
            }
        }
    }
    drawing.close();
}

/// Whether any point can be drawn.
pub(super) fn drawable(frame: &Frame, points: &Points) -> bool {
    places(frame, points).flatten().next().is_some()
}

fn places(frame: &Frame, points: &Points) -> impl Iterator<Item = Option<(f64, f64)>> {
    points.x.iter().zip(&points.y).map(|(&x, &y)| Some((frame.column(x)?, frame.row(y)?)))
}

/// Dots of each colour, the larger shades on top.
fn shaded(
    frame: &Frame,
    points: &Points,
    shade: &[f64],
    shading: &Shading,
) -> BTreeMap<Option<usize>, Path> {
    let mut paths: BTreeMap<_, Path> = BTreeMap::new();
    for (place, &shade) in places(frame, points).zip(shade) {
        if let Some(place) = place {
            paths.entry(shading.level(shade)).or_default().push(Path::dot(place));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::super::axis::Axis;
    use super::super::panel::Panel;
    use super::super::scale::Scale;
    use super::super::svg::path_data;
    use super::*;

    #[test]
    fn dots_are_grouped_by_colour_and_gaps_left_out() {
        let axis = |hi| Axis::new(Scale::Linear, [0.0, hi].into_iter(), 0.0);
        let (x, y) = (axis(4.0), axis(1.0));
        let frame = Frame { left: 0.0, top: 0.0, width: 40.0, height: 100.0, x, y };
        let points = Points {
            name: String::new(),
            color: Color::RED,
            x: vec![0.0, 1.0, 2.0, 3.0, 4.0],
            y: vec![0.0, 1.0, f64::NAN, 0.5, 0.25],
            shade: Some(vec![7.0, 8.0, 9.0, 7.0, f64::NAN]),
        };
        let panel = Panel { points: vec![points.clone()], ..Panel::default() };
        let shading = Shading::of(&panel).unwrap();
        let paths = shaded(&frame, &points, points.shade.as_ref().unwrap(), &shading);
        let expected =
            [(None, "M40 75h.01"), (Some(0), "M0 100h.01M30 50h.01"), (Some(64), "M10 0h.01")];
        let expected = expected.map(|(level, d)| (level, d.to_string()));
        let paths = paths.into_iter().map(|(level, path)| (level, path_data(&path)));
        assert_eq!(paths.collect::<Vec<_>>(), expected);
        assert!(drawable(&frame, &points));
    }
}
