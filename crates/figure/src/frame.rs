//! The place of a panel's axes, and data as paths: curves with gaps, bands, and dots for points
//! without neighbours.

use super::axis::Axis;
use super::path::Path;

/// Width and height of the triangle of a peak.
const PEAK: f64 = 4.5;

/// The rectangle between the axes, in pixels, with the axes that map into it.
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Frame {
    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    pub(super) fn middle(&self) -> (f64, f64) {
        (self.left + self.width / 2.0, self.top + self.height / 2.0)
    }

    /// Pixel column of `x`.
    pub(super) fn column(&self, x: f64) -> Option<f64> {
        Some(self.left + self.width * self.x.fraction(x)?)
    }

    /// Pixel row of `y`.
    pub(super) fn row(&self, y: f64) -> Option<f64> {
        Some(self.bottom() - self.height * self.y.fraction(y)?)
    }

    /// Pixel row of `y`, or of the upper edge of the axes if it lies above them.
    fn row_within(&self, y: f64) -> Option<f64> {
        Some(self.row(y)?.max(self.top))
    }

    /// A triangle for each stretch of points above the axes, in a row below their upper edge.
    pub(super) fn peaks(&self, x: &[f64], y: &[f64], row: usize) -> Path {
        let above = |(&x, &y): (&f64, &f64)| self.column(x).filter(|_| self.is_above(y));
        let top = self.top + PEAK * row as f64;
        let triangle = |columns: Vec<f64>| {
            let middle = f64::midpoint(columns[0], columns[columns.len() - 1]);
            let corners = [(0.0, 0.0), (PEAK / 2.0, PEAK), (-PEAK / 2.0, PEAK)];
            Path::polyline(corners.map(|(right, down)| (middle + right, top + down))).close()
        };
        runs(x.iter().zip(y).map(above)).into_iter().map(triangle).collect()
    }

    /// Whether `y` lies above the axes.
    fn is_above(&self, y: f64) -> bool {
        self.y.fraction(y).is_some_and(|fraction| fraction > 1.0)
    }

    /// The ordinates without those above the axes.
    pub(super) fn within(&self, y: &[f64]) -> Vec<f64> {
        y.iter().map(|&y| if self.is_above(y) { f64::NAN } else { y }).collect()
    }

    /// The curve through the points, broken where one cannot be drawn.
    pub(super) fn curve(&self, x: &[f64], y: &[f64]) -> Path {
        self.runs(x, y).into_iter().filter(|run| run.len() > 1).map(Path::polyline).collect()
    }

    /// Discs in place of the points that have a break on both sides.
    pub(super) fn dots(&self, x: &[f64], y: &[f64], radius: f64) -> Path {
        let single = |run: &Vec<_>| run.len() == 1;
        let disc = |at| Path::disc(at, radius);
        self.runs(x, y).into_iter().filter(single).flatten().map(disc).collect()
    }

    fn runs(&self, x: &[f64], y: &[f64]) -> Vec<Vec<(f64, f64)>> {
        runs(x.iter().zip(y).map(|(&x, &y)| Some((self.column(x)?, self.row_within(y)?))))
    }

    /// The region between `lo` and `hi`, broken where either or `x` cannot be drawn; where `lo`
    /// is too small for a log axis it reaches the bottom.
    pub(super) fn region(&self, x: &[f64], lo: &[f64], hi: &[f64]) -> Path {
        let edge = |((&x, &lo), &hi)| {
            let below = f64::is_finite(lo) && lo < 1.0 && !self.y.admits(lo);
            let bottom = if below { self.bottom() } else { self.row_within(lo)? };
            Some((self.column(x)?, bottom, self.row_within(hi)?))
        };
        let outline = |run: Vec<(f64, f64, f64)>| {
            let forth = run.iter().map(|&(x, _, hi)| (x, hi));
            let back = run.iter().rev().map(|&(x, lo, _)| (x, lo));
            Path::polyline(forth.chain(back)).close()
        };
        runs(x.iter().zip(lo).zip(hi).map(edge)).into_iter().map(outline).collect()
    }
}

/// The stretches of consecutive items that are there.
pub(super) fn runs<T>(items: impl Iterator<Item = Option<T>>) -> Vec<Vec<T>> {
    let mut runs = vec![Vec::new()];
    for item in items {
        match (item, runs.last_mut()) {
            (Some(item), Some(run)) => run.push(item),
            (_, _) => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

#[cfg(test)]
mod tests {
    use super::super::scale::Scale;
    use super::super::svg::path_data;
    use super::*;

    fn frame(scale: Scale) -> Frame {
        let x = Axis::new(Scale::Linear, [0.0, 10.0].into_iter(), 0.0);
        let y = Axis::new(scale, [1.0, 100.0].into_iter(), 0.0);
        Frame { left: 10.0, top: 20.0, width: 100.0, height: 50.0, x, y }
    }

    #[test]
    fn what_cannot_be_drawn_leaves_a_gap() {
        let x = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        let y = [1.0, 10.0, f64::NAN, 100.0, 0.0, 1.0, f64::INFINITY, -1.0];
        assert_eq!(path_data(&frame(Scale::Log).curve(&x, &y)), "M10 70L20 45");
        let discs = "M38 20a2 2 0 1 0 4 0a2 2 0 1 0 -4 0ZM58 70a2 2 0 1 0 4 0a2 2 0 1 0 -4 0Z";
        assert_eq!(path_data(&frame(Scale::Log).dots(&x, &y, 2.0)), discs);
        assert_eq!(frame(Scale::Log).curve(&[f64::NAN], &[1.0]), Path::default());
    }

    #[test]
    fn what_is_above_the_axes_is_moved_to_their_edge_or_marked_there() {
        let (x, y) = ([0.0, 2.0, 4.0, 6.0, 10.0], [10.0, 1e4, 1e6, 10.0, 1e3]);
        let frame = frame(Scale::Log);
        assert_eq!(path_data(&frame.curve(&x, &y)), "M10 45L30 20L50 20L70 45L110 20");
        // The two neighbours are one peak.
        let triangles = "M40 20L42.25 24.5L37.75 24.5ZM110 20L112.25 24.5L107.75 24.5Z";
        assert_eq!(path_data(&frame.peaks(&x, &y, 0)), triangles);
        let lower = frame.peaks(&x[4..], &y[4..], 1);
        assert_eq!(path_data(&lower), "M110 24.5L112.25 29L107.75 29Z");
        let none = [1.0, 100.0, f64::NAN, f64::INFINITY, 0.0];
        assert_eq!(frame.peaks(&x, &none, 0), Path::default());
        assert!(frame.within(&y)[1..3].iter().all(|y| y.is_nan()) && frame.within(&y)[3] == 10.0);
    }

    #[test]
    fn a_band_reaches_the_bottom_of_a_log_axis() {
        let (lo, hi) = ([10.0, -1.0, f64::NAN], [100.0, 10.0, 10.0]);
        assert_eq!(
            path_data(&frame(Scale::Log).region(&[0.0, 5.0, 10.0], &lo, &hi)),
            "M10 20L60 45L60 70L10 45Z"
        );
    }
}
