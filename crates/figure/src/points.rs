//! Dots as path data, one path for each colour.

use std::collections::BTreeMap;

use super::Points;
use super::curve::Frame;
use super::shade::Shading;
use super::svg::{FAINT_INK, Svg, hex, px};

/// Around dots coloured by value, the brightest of which would fade into the page.
const RIM: f64 = 0.35;

/// Smaller ones where there are many.
fn radius(count: usize) -> f64 {
    match count {
        0..=60 => 2.4,
        61..=400 => 1.8,
        401..=3000 => 1.3,
        _ => 0.9,
    }
}

/// Attributes of dots: they are the round caps of lines without length.
pub(super) fn style(color: &str, radius: f64) -> String {
    let width = px(2.0 * radius);
    format!("fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" stroke-linecap=\"round\"")
}

/// A dot. Renderers disagree on lines of length zero.
pub(super) fn dot((x, y): (f64, f64)) -> String {
    format!("M{} {}h.01", px(x), px(y))
}

pub(super) fn draw(svg: &mut Svg, frame: &Frame, points: &Points, shading: Option<&Shading>) {
    let radius = radius(points.x.len());
    let name = svg.data("name", &points.name);
    svg.open(&format!("class=\"points\"{name}"));
    match points.shade.as_ref().zip(shading) {
        None => {
            let d: String = places(frame, points).flatten().map(dot).collect();
            svg.path(&d, &format!("{} stroke-opacity=\"0.75\"", style(&hex(points.color), radius)));
        }
        Some((shade, shading)) => {
            let d: String = places(frame, points).flatten().map(dot).collect();
            svg.path(&d, &format!("{} stroke-opacity=\"0.6\"", style(FAINT_INK, radius + RIM)));
            for (level, d) in shaded(frame, points, shade, shading) {
                svg.path(&d, &style(&hex(shading.color(level)), radius));
            }
        }
    }
    svg.close();
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
) -> BTreeMap<Option<usize>, String> {
    let mut paths: BTreeMap<_, String> = BTreeMap::new();
    for (place, &shade) in places(frame, points).zip(shade) {
        if let Some(place) = place {
            paths.entry(shading.level(shade)).or_default().push_str(&dot(place));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::super::axis::Axis;
    use super::*;
    use crate::{Color, Panel, Scale};

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
        assert_eq!(paths.into_iter().collect::<Vec<_>>(), expected);
        assert!(drawable(&frame, &points));
    }
}
