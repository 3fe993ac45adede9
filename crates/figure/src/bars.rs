//! Histograms as paths: the outline of bars side by side.

use super::color::Color;
use super::drawing::{Attribute, Drawing};
use super::frame::{Frame, runs};
use super::mark::Bars;
use super::path::Path;

const OPACITY: f64 = 0.3;
const OUTLINE: f64 = 0.9;

/// Attributes of the filling, in the legend as in the panel.
pub(super) fn style(color: Color) -> [Attribute; 4] {
    [
        Attribute::Fill(Some(color)),
        Attribute::FillOpacity(OPACITY),
        Attribute::Stroke(Some(color)),
        Attribute::StrokeWidth(OUTLINE),
    ]
}

pub(super) fn draw(drawing: &mut Drawing, frame: &Frame, bars: &Bars) {
    let kind = [Attribute::Class("bars"), Attribute::Data("name", bars.name.clone())];
    drawing.path(outline(frame, bars), [&kind[..], &style(bars.color)].concat());
}

/// Whether any bar can be drawn.
pub(super) fn drawable(frame: &Frame, bars: &Bars) -> bool {
    !outline(frame, bars).is_empty()
}

/// The outline of neighbouring bars, broken where one cannot be drawn.
fn outline(frame: &Frame, bars: &Bars) -> Path {
    let ground = frame.row(0.0).unwrap_or(frame.bottom());
    let bar = |(edges, &height): (&[f64], &f64)| {
        Some((frame.column(edges[0])?, frame.column(edges[1])?, frame.row(height)?))
    };
    let outline = |run: Vec<(f64, f64, f64)>| {
        let start = Path::at(run[0].0, ground);
        let tops = run
            .iter()
            .fold(start, |path, &(_, right, top)| path.vertical_to(top).horizontal_to(right));
        tops.vertical_to(ground).close()
    };
    runs(bars.edges.windows(2).zip(&bars.heights).map(bar)).into_iter().map(outline).collect()
}

#[cfg(test)]
mod tests {
    use super::super::axis::Axis;
    use super::super::scale::Scale;
    use super::super::svg::path_data;
    use super::*;

    fn outlined(scale: Scale, heights: [f64; 4]) -> String {
        let x = Axis::new(Scale::Linear, [0.0, 4.0].into_iter(), 0.0);
        let y = Axis::new(scale, [1.0, 100.0].into_iter().chain([0.0]), 0.0);
        let frame = Frame { left: 0.0, top: 0.0, width: 40.0, height: 100.0, x, y };
        let (name, edges) = (String::new(), vec![0.0, 1.0, 2.0, 3.0, 4.0]);
        let bars = Bars { name, color: Color::RED, edges, heights: heights.into() };
        path_data(&outline(&frame, &bars))
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
