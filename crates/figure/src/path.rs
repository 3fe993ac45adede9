//! The outline of a mark: lines from place to place, and discs.

/// Length of the line whose round caps are a dot. Renderers disagree on lines of length zero.
pub(super) const DOT_LENGTH: f64 = 0.01;

/// Farthest place: farther ones are moved here, so that no reader of PNG or PDF meets numbers it
/// cannot hold.
const FARTHEST: f64 = 1e6;

/// A number of subpaths, in pixels from the upper left corner of the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Path {
    segments: Vec<Segment>,
}

/// A piece of a path, as SVG has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Segment {
    /// A subpath begins at (x, y).
    Start(f64, f64),
    /// A line to (x, y).
    Line(f64, f64),
    /// A horizontal line to x.
    Horizontal(f64),
    /// A vertical line to y.
    Vertical(f64),
    /// A line to the right, of this length.
    Right(f64),
    /// A line downwards, of this length.
    Down(f64),
    /// A line back to where the subpath began.
    Close,
    /// A line of [`DOT_LENGTH`] at (x, y).
    Dot(f64, f64),
    /// A disc about (x, y).
    Disc { x: f64, y: f64, radius: f64 },
}

/// A point in pixels, to a hundredth, as in the SVG.
pub(super) type Point = (f32, f32);

/// A piece of a path in absolute places, as PNG and PDF need them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// A subpath begins there.
    Start(Point),
    /// A straight line.
    Line(Point),
    /// A Bézier curve: two control points and the end.
    Curve(Point, Point, Point),
    /// A line back to where the subpath began.
    Close,
}

impl Path {
    /// The path that begins at (x, y).
    pub(super) fn at(x: f64, y: f64) -> Self {
        Self { segments: vec![Segment::Start(x, y)] }
    }

    /// A dot: the round caps of a line that is as good as without length.
    pub(super) fn dot((x, y): (f64, f64)) -> Self {
        Self { segments: vec![Segment::Dot(x, y)] }
    }

    /// A disc about a point.
    pub(super) fn disc((x, y): (f64, f64), radius: f64) -> Self {
        Self { segments: vec![Segment::Disc { x, y, radius }] }
    }

    /// The points joined by straight lines.
    pub(super) fn polyline(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut path = Self::default();
        for (x, y) in points {
            path = if path.is_empty() { Self::at(x, y) } else { path.line_to(x, y) };
        }
        path
    }

    pub(super) fn line_to(self, x: f64, y: f64) -> Self {
        self.with(Segment::Line(x, y))
    }

    pub(super) fn horizontal_to(self, x: f64) -> Self {
        self.with(Segment::Horizontal(x))
    }

    pub(super) fn vertical_to(self, y: f64) -> Self {
        self.with(Segment::Vertical(y))
    }

    pub(super) fn right(self, by: f64) -> Self {
        self.with(Segment::Right(by))
    }

    pub(super) fn down(self, by: f64) -> Self {
        self.with(Segment::Down(by))
    }

    pub(super) fn close(self) -> Self {
        self.with(Segment::Close)
    }

    fn with(mut self, segment: Segment) -> Self {
        self.segments.push(segment);
        self
    }

    /// Adds the subpaths of another path.
    pub(super) fn push(&mut self, other: Self) {
        self.segments.extend(other.segments);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether any subpath goes round an area, however small: only those are filled.
    pub(super) fn encloses(&self) -> bool {
        let mut lines = 0;
        self.segments.iter().any(|segment| {
            lines = match segment {
                Segment::Start(..) | Segment::Dot(..) => 0,
                _ => lines + 1,
            };
            lines > 1 || matches!(segment, Segment::Disc { .. })
        })
    }

    /// The path in absolute places.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::with_capacity(self.segments.len());
        let mut end = (0.0, 0.0);
        for &segment in &self.segments {
            end = match segment {
                Segment::Start(x, y) | Segment::Line(x, y) | Segment::Dot(x, y) => (x, y),
                Segment::Horizontal(x) => (x, end.1),
                Segment::Vertical(y) => (end.0, y),
                Segment::Right(by) => (end.0 + by, end.1),
                Segment::Down(by) => (end.0, end.1 + by),
                // Nothing continues from there.
                Segment::Close | Segment::Disc { .. } => end,
            };
            match segment {
                Segment::Start(..) => steps.push(Step::Start(point(end))),
                Segment::Close => steps.push(Step::Close),
                Segment::Dot(x, y) => {
                    steps.push(Step::Start(point(end)));
                    steps.push(Step::Line(point((x + DOT_LENGTH, y))));
                }
                Segment::Disc { x, y, radius } => steps.extend(disc(x, y, radius)),
                _ => steps.push(Step::Line(point(end))),
            }
        }
        steps
    }
}

impl FromIterator<Path> for Path {
    fn from_iter<I: IntoIterator<Item = Path>>(paths: I) -> Self {
        Self { segments: paths.into_iter().flat_map(|path| path.segments).collect() }
    }
}

/// Four quarters, each off the circle by less than 0.0003 of the radius.
fn disc(x: f64, y: f64, radius: f64) -> [Step; 6] {
    // 4/3 (√2 − 1): the middle of each quarter lies on the circle.
    let handle = 4.0 / 3.0 * (std::f64::consts::SQRT_2 - 1.0);
    let at = |right: f64, down: f64| point((x + radius * right, y + radius * down));
    let quarter = |(a, b): (f64, f64), (c, d): (f64, f64)| {
        let (first, second) =
            (at(a + handle * c, b + handle * d), at(c + handle * a, d + handle * b));
        Step::Curve(first, second, at(c, d))
    };
    let [left, up, right, down] = [(-1.0, 0.0), (0.0, -1.0), (1.0, 0.0), (0.0, 1.0)];
    [
        Step::Start(at(-1.0, 0.0)),
        quarter(left, up),
        quarter(up, right),
        quarter(right, down),
        quarter(down, left),
        Step::Close,
    ]
}

fn point((x, y): (f64, f64)) -> Point {
    let rounded = |v: f64| ((100.0 * v.clamp(-FARTHEST, FARTHEST)).round() / 100.0) as f32;
    (rounded(x), rounded(y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_where_the_segments_lead() {
        let path =
            Path::at(1.0, 2.0).horizontal_to(5.0).down(2.5).right(-4.0).vertical_to(3.0).close();
        let line = |x, y| Step::Line((x, y));
        let expected = [
            Step::Start((1.0, 2.0)),
            line(5.0, 2.0),
            line(5.0, 4.5),
            line(1.0, 4.5),
            line(1.0, 3.0),
        ];
        assert_eq!(path.steps(), [&expected[..], &[Step::Close]].concat());
        assert_eq!(Path::dot((1.0, 2.0)).steps(), [Step::Start((1.0, 2.0)), line(1.01, 2.0)]);
        assert_eq!(Path::default().steps(), []);
    }

    #[test]
    fn a_disc_is_round() {
        let mut start = (0.0, 0.0);
        for step in Path::disc((10.0, 20.0), 100.0).steps() {
            match step {
                Step::Start(at) => start = at,
                Step::Curve(a, b, end) => {
                    for i in 0..=10 {
                        let (t, s) = (i as f32 / 10.0, 1.0 - i as f32 / 10.0);
                        let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
                        let along = |of: fn(Point) -> f32| {
                            let places = [start, a, b, end].map(of);
                            weights.iter().zip(places).map(|(w, v)| w * v).sum::<f32>()
                        };
                        let radius = (along(|p| p.0) - 10.0).hypot(along(|p| p.1) - 20.0);
                        // Places are rounded to 0.01.
                        assert!((radius - 100.0).abs() < 0.03 + 0.01, "{radius}");
                    }
                    start = end;
                }
                Step::Line(..) => panic!("a disc has no straight line"),
                Step::Close => assert_eq!(start, (-90.0, 20.0)),
            }
        }
    }

    #[test]
    fn lines_enclose_nothing_and_far_places_stay_numbers() {
        let lines: Path =
            [Path::at(0.0, 0.0).horizontal_to(1.0), Path::at(0.0, 1.0).horizontal_to(1.0)]
                .into_iter()
                .collect();
        assert!(!lines.encloses() && !Path::default().encloses());
        assert!(!Path::dot((0.0, 0.0)).encloses() && Path::disc((0.0, 0.0), 1.0).encloses());
        assert!(Path::at(0.0, 0.0).horizontal_to(1.0).vertical_to(1.0).encloses());
        let steps = Path::at(1e304, -1e304).steps();
        assert_eq!(steps, [Step::Start((1e6, -1e6))]);
    }
}
