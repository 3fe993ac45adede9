//! Marks of a panel beside curves: points, bars, rules, a heat map.

use super::color::Color;
use super::scale::Scale;

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
    /// Course of the line.
    pub line: Line,
}

/// Course of a [`Rule`]. The axes reach the horizontal and the vertical ones, not the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Line {
    /// At this y.
    Horizontal(f64),
    /// At this x.
    Vertical(f64),
    /// y = `intercept` + `slope` x, a curve if an axis is not linear.
    Slope {
        /// Growth of y with x.
        slope: f64,
        /// y at x = 0.
        intercept: f64,
    },
}

/// A matrix as coloured cells; a value without a colour on the scale, such as NaN, is grey.
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
    /// Names and numbers of columns that belong together, from the left.
    pub column_blocks: Vec<(String, usize)>,
    /// Scale of the colours.
    pub scale: Scale,
    /// Colours of the cells.
    pub color_map: ColorMap,
}

/// Map from numbers to colours that remain distinct with any of the common colour vision
/// deficiencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorMap {
    /// Colours from dark to bright in even steps: viridis, from the smallest to the largest number.
    #[default]
    Sequential,
    /// Blue, white, red: as far below zero as above, zero white (one on a log scale).
    Diverging,
}

impl Points {
    pub(super) fn check(&self) {
        let shade = self.shade.as_ref().map(|s| ("shade", s.len()));
        for (name, m) in [("y", self.y.len())].into_iter().chain(shade) {
            let n = self.x.len();
            assert_eq!(n, m, "points {:?}: x has {n} values, {name} has {m}", self.name);
        }
    }
}

impl Bars {
    pub(super) fn check(&self) {
        let (n, m) = (self.edges.len(), self.heights.len());
        let one_more = n == m + 1;
        assert!(one_more, "bars {:?}: {n} edges for {m} heights, not one more", self.name);
    }
}

impl HeatMap {
    pub(super) fn check(&self) {
        let (rows, columns, m) = (self.rows, self.columns, self.values.len());
        assert_eq!(rows * columns, m, "heat map: {rows} rows × {columns} columns, {m} values");
        let sides = [("row", &self.row_blocks, rows), ("column", &self.column_blocks, columns)];
        for (side, blocks, n) in sides.into_iter().filter(|(_, blocks, _)| !blocks.is_empty()) {
            let m: usize = blocks.iter().map(|(_, cells)| cells).sum();
            assert_eq!(n, m, "heat map: {n} {side}s, {m} in the {side} blocks");
        }
    }
}
