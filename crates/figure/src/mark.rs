//! What a panel shows beside curves: points, bars, rules, a heat map.

use super::{Color, Panel, Scale};

/// Dots, of one colour or coloured by a third number. All vectors are as long as `x`.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// Entry of the legend, which has one per name and colour; none when empty.
    pub name: String,
    /// Colour of the dots without `shade`.
    pub color: Color,
    /// Abscissae.
    pub x: Vec<f64>,
    /// Ordinates.
    pub y: Vec<f64>,
    /// Colours the dots by value; one colour bar serves all points of a panel.
    pub shade: Option<Vec<f64>>,
}

/// A histogram: bars side by side, standing on zero, or on the bottom of a log axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// Entry of the legend, which has one per name and colour; none when empty.
    pub name: String,
    /// Colour of outline and filling.
    pub color: Color,
    /// Ends of the bars from left to right, one more than `heights`.
    pub edges: Vec<f64>,
    /// Heights of the bars.
    pub heights: Vec<f64>,
}

/// A dashed line to compare with.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Entry of the legend, which has one per name and colour; none when empty.
    pub name: String,
    /// Its colour.
    pub color: Color,
    /// Where it runs.
    pub line: Line,
}

/// Where a [`Rule`] runs. The axes reach the horizontal and the vertical ones, not the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Line {
    /// Along this y.
    Horizontal(f64),
    /// Along this x.
    Vertical(f64),
    /// y = `intercept` + `slope` x, a curve if an axis is not linear.
    Slope {
        /// Growth of y with x.
        slope: f64,
        /// y at x = 0.
        intercept: f64,
    },
}

/// A matrix as coloured cells; what has no colour on the scale, such as NaN, is grey.
///
/// # Cost
/// Up to 15 bytes of SVG for a cell, less where neighbours have the same of 129 colours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeatMap {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Row by row, the upper one first.
    pub values: Vec<f64>,
    /// Names and numbers of rows that belong together, from the top; the indices are written
    /// when there are none.
    pub row_blocks: Vec<(String, usize)>,
    /// The same of the columns, from the left.
    pub column_blocks: Vec<(String, usize)>,
    /// Scale of the colours.
    pub scale: Scale,
    /// Which colours.
    pub color_map: ColorMap,
}

/// Numbers to colours, told apart with any of the common colour vision deficiencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorMap {
    /// From dark to bright in even steps: viridis, from the smallest to the largest number.
    #[default]
    Sequential,
    /// Blue, white, red: as far below zero as above, zero white (one on a log scale).
    Diverging,
}

impl Panel {
    /// Refuses vectors that do not belong together.
    ///
    /// # Panics
    /// If lengths differ, or a heat map has company.
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

impl Points {
    fn check(&self) {
        let shade = self.shade.as_ref().map(|s| ("shade", s.len()));
        for (name, m) in [("y", self.y.len())].into_iter().chain(shade) {
            let n = self.x.len();
            assert_eq!(n, m, "points {:?}: x has {n} values, {name} has {m}", self.name);
        }
    }
}

impl Bars {
    fn check(&self) {
        let (n, m) = (self.edges.len(), self.heights.len());
        let one_more = n == m + 1;
        assert!(one_more, "bars {:?}: {n} edges for {m} heights, not one more", self.name);
    }
}

impl HeatMap {
    fn check(&self) {
        let (rows, columns, m) = (self.rows, self.columns, self.values.len());
        assert_eq!(rows * columns, m, "heat map: {rows} rows × {columns} columns, {m} values");
        let sides = [("row", &self.row_blocks, rows), ("column", &self.column_blocks, columns)];
        for (side, blocks, n) in sides.into_iter().filter(|(_, blocks, _)| !blocks.is_empty()) {
            let m: usize = blocks.iter().map(|(_, cells)| cells).sum();
            assert_eq!(n, m, "heat map: {n} {side}s, {m} in the {side} blocks");
        }
    }
}

#[cfg(test)]
mod tests {
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
