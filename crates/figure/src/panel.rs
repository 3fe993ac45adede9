//! A panel as data: axes and what they show.

use super::mark::{Bars, HeatMap, Points, Rule};
use super::scale::Scale;
use super::series::Series;

/// One pair of axes. A label equal to that of the panel on the left (`y_label`) or below
/// (`x_label`) is written once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// Heading of the panel.
    pub title: String,
    /// Name of x, with its unit.
    pub x_label: String,
    /// Name of y, with its unit.
    pub y_label: String,
    /// Scale of x.
    pub x_scale: Scale,
    /// Scale of y.
    pub y_scale: Scale,
    /// Curves, the first one lowest.
    pub series: Vec<Series>,
    /// Histograms, below everything else.
    pub bars: Vec<Bars>,
    /// Dots, above everything else.
    pub points: Vec<Points>,
    /// Dashed lines between bars and curves.
    pub rules: Vec<Rule>,
    /// Coloured cells that fill the panel, alone: the axes count cells, the scales do not apply.
    pub heat_map: Option<HeatMap>,
    /// Meaning of the colours of shaded points or of the heat map, with its unit: label of the
    /// colour bar, which is drawn if there are any.
    pub shade_label: String,
    /// Scale of the colours of shaded points; a heat map has its own.
    pub shade_scale: Scale,
    /// Largest y for which the axis has room; `None` for all of them. Beyond it curves and bands run
    /// along the upper edge, single members have a triangle for each peak, and the small print
    /// counts those.
    pub y_most: Option<f64>,
    /// Sentences for the small print, such as what was left out before. In a panel with nothing to
    /// draw they stand as the reason.
    pub note: String,
}

impl Panel {
    /// Refuses vectors that do not belong together.
    ///
    /// # Panics
    /// If lengths differ, or a heat map shares the panel.
    pub(super) fn check(&self) {
        self.series.iter().for_each(|s| drop(s.curves()));
        self.points.iter().for_each(Points::check);
        self.bars.iter().for_each(Bars::check);
        if let Some(map) = &self.heat_map {
            map.check();
            let others = self.series.len() + self.points.len() + self.bars.len() + self.rules.len();
            assert_eq!(others, 0, "panel {:?}: a heat map leaves no room for marks", self.title);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::color::Color;
    use super::*;

    fn message(panel: Panel) -> String {
        let panic = std::panic::catch_unwind(|| panel.check()).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    }

    fn points(y: usize, shade: Option<usize>) -> Panel {
        let shade = shade.map(|n| vec![0.0; n]);
        let (x, y) = (vec![0.0; 2], vec![0.0; y]);
        let points = Points { name: "a".into(), color: Color::RED, x, y, shade };
        Panel { points: vec![points], ..Panel::default() }
    }

    fn map(values: usize, rows: usize, columns: usize) -> Panel {
        let block = |n| vec![("P".to_string(), 1), ("Q".to_string(), n)];
        let (row_blocks, column_blocks) = (block(rows), block(columns));
        let values = vec![0.0; values];
        let map = HeatMap {
            rows: 2,
            columns: 3,
            values,
            row_blocks,
            column_blocks,
            ..HeatMap::default()
        };
        Panel { heat_map: Some(map), ..Panel::default() }
    }

    #[test]
    fn both_lengths_are_in_the_message() {
        let heights = vec![1.0; 3];
        let bars = Bars { name: "b".into(), color: Color::RED, edges: vec![0.0; 3], heights };
        let bars = Panel { bars: vec![bars], ..Panel::default() };
        let crowded = Panel { heat_map: map(6, 1, 2).heat_map, ..points(2, None) };
        for (panel, expected) in [
            (points(3, None), "points \"a\": x has 2 values, y has 3"),
            (points(2, Some(1)), "points \"a\": x has 2 values, shade has 1"),
            (bars, "bars \"b\": 3 edges for 3 heights, not one more"),
            (map(5, 1, 2), "heat map: 2 rows × 3 columns, 5 values"),
            (map(6, 2, 2), "heat map: 2 rows, 3 in the row blocks"),
            (map(6, 1, 1), "heat map: 3 columns, 2 in the column blocks"),
            (crowded, "a heat map leaves no room for marks"),
        ] {
            let message = message(panel);
            assert!(message.contains(expected), "{message}");
        }
        map(6, 1, 2).check();
        points(2, Some(2)).check();
    }
}
