//! Histograms as path data: the outline of bars side by side.

use super::Bars;
use super::curve::Frame;
use super::svg::{Svg, hex, px};

const OPACITY: f64 = 0.3;
const OUTLINE: f64 = 0.9;

/// Attributes of the filling, in the legend as in the panel.
pub(super) fn style(bars: &str) -> String {
    format!(
        "fill=\"{bars}\" fill-opacity=\"{OPACITY}\" stroke=\"{bars}\" stroke-width=\"{OUTLINE}\""
    )
}

pub(super) fn draw(svg: &mut Svg, frame: &Frame, bars: &Bars) {
    let style = style(&hex(bars.color));
    let name = svg.data("name", &bars.name);
    svg.path(&outline(frame, bars), &format!("class=\"bars\"{name} {style}"));
}

/// Whether any bar can be drawn.
pub(super) fn drawable(frame: &Frame, bars: &Bars) -> bool {
    !outline(frame, bars).is_empty()
}

/// The outline of neighbouring bars, broken where one cannot be drawn.
fn outline(frame: &Frame, bars: &Bars) -> String {
    let ground = frame.row(0.0).unwrap_or(frame.bottom());
    let mut d = String::new();
    let mut end = None;
    for (edges, &height) in bars.edges.windows(2).zip(&bars.heights) {
        let sides = frame.column(edges[0]).zip(frame.column(edges[1]));
        if let Some(((left, right), top)) = sides.zip(frame.row(height)) {
            if end.is_none() {
                d.push_str(&format!("M{} {}", px(left), px(ground)));
            }
            d.push_str(&format!("V{}H{}", px(top), px(right)));
            end = Some(right);
        } else if end.take().is_some() {
            d.push_str(&format!("V{}Z", px(ground)));
        }
    }
    if end.is_some() {
        d.push_str(&format!("V{}Z", px(ground)));
    }
    d
}

#[cfg(test)]
mod tests {
    use super::super::axis::Axis;
    use super::*;
    use crate::{Color, Scale};

    fn outlined(scale: Scale, heights: [f64; 4]) -> String {
        let x = Axis::new(Scale::Linear, [0.0, 4.0].into_iter(), 0.0);
        let y = Axis::new(scale, [1.0, 100.0].into_iter().chain([0.0]), 0.0);
        let frame = Frame { left: 0.0, top: 0.0, width: 40.0, height: 100.0, x, y };
        let (name, edges) = (String::new(), vec![0.0, 1.0, 2.0, 3.0, 4.0]);
        outline(&frame, &Bars { name, color: Color::RED, edges, heights: heights.into() })
    }

    #[test]
    fn bars_stand_on_zero_or_on_the_bottom_of_a_log_axis() {
        let heights = [10.0, 100.0, 0.0, 1.0];
        assert_eq!(outlined(Scale::Linear, heights), "M0 100V90H10V0H20V100H30V99H40V100Z");
        assert_eq!(outlined(Scale::Log, heights), "M0 100V50H10V0H20V100ZM30 100V100H40V100Z");
    }

    #[test]
    fn a_bar_without_a_height_is_a_gap() {
        let heights = [f64::NAN, 100.0, f64::INFINITY, f64::NAN];
        assert_eq!(outlined(Scale::Linear, heights), "M10 100V0H20V100Z");
    }
}
