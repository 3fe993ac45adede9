//! A figure as a list of elements, from which SVG, PNG and PDF are made.

use super::color::Color;
use super::path::Path;
use super::style::INK;

/// A page with its elements, the first one lowest.
pub(super) struct Drawing {
    pub(super) medium: Medium,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) title: String,
    /// Description for readers who do not see the figure; none when empty.
    pub(super) description: String,
    pub(super) elements: Vec<Element>,
}

/// Medium that a drawing is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// A picture to be looked at.
    Picture,
    /// A page with a script, which finds names and scales in `data-` attributes.
    Page,
}

/// Element of a page.
pub(super) enum Element {
    /// Begins a group whose attributes hold for all that is in it.
    Open(Vec<Attribute>),
    /// Ends the group begun last.
    Close,
    /// A mark.
    Path(Path, Vec<Attribute>),
    /// A line of text, in the fill of its group.
    Text(Text),
    /// The cells of a heat map.
    Cells(Cells),
}

/// Attribute of a group or a path, as in SVG and in the order of writing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Attribute {
    /// Part of the figure that it is.
    Class(&'static str),
    /// Key and value for the script of a page.
    Data(&'static str, String),
    Fill(Option<Color>),
    FillOpacity(f64),
    Stroke(Option<Color>),
    StrokeWidth(f64),
    StrokeOpacity(f64),
    /// Lengths of a dash and of the gap after it.
    Dashes(f64, f64),
    RoundCaps,
    RoundJoins,
}

/// One line of text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text {
    /// The characters, with `^{…}` and `_{…}` for raised and lowered ones.
    pub(super) text: String,
    /// A point of the baseline.
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) size: f64,
    pub(super) anchor: Anchor,
}

/// Place of the given point in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// At its left end.
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
    /// In its middle, the text running upwards.
    Upwards,
}

/// Cells of equal size, those of one colour together. No background shows between neighbours.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cells {
    /// Upper left corner of all.
    pub(super) left: f64,
    pub(super) top: f64,
    /// Size of a cell.
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) colors: Vec<(Color, Vec<Run>)>,
}

/// Cells of one colour side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) column: usize,
    pub(super) row: usize,
    pub(super) length: usize,
}

impl Text {
    /// The place that is `along` the text from its anchor and `above` its baseline, in pixels.
    pub(super) fn place(&self, along: f64, above: f64) -> (f64, f64) {
        match self.anchor {
            Anchor::Upwards => (self.x - above, self.y - along),
            Anchor::Start | Anchor::Middle | Anchor::End => (self.x + along, self.y - above),
        }
    }

    /// Start of the text, along it from its anchor, if it is `width` wide.
    pub(super) fn start(&self, width: f64) -> f64 {
        match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle | Anchor::Upwards => -width / 2.0,
            Anchor::End => -width,
        }
    }
}

impl Drawing {
    /// A white page.
    pub(super) fn new(medium: Medium, (width, height): (f64, f64), title: &str) -> Self {
        let (title, description) = (title.into(), String::new());
        Self { medium, width, height, title, description, elements: Vec::new() }
    }

    /// Opens a group, which [`Drawing::close`] ends.
    pub(super) fn open(&mut self, attributes: impl Into<Vec<Attribute>>) {
        self.elements.push(Element::Open(attributes.into()));
    }

    pub(super) fn close(&mut self) {
        self.elements.push(Element::Close);
    }

    /// Adds a path, unless it is empty.
    pub(super) fn path(&mut self, path: Path, attributes: impl Into<Vec<Attribute>>) {
        if !path.is_empty() {
            self.elements.push(Element::Path(path, attributes.into()));
        }
    }

    /// Adds a line of text.
    pub(super) fn text(&mut self, text: &str, (x, y): (f64, f64), size: f64, anchor: Anchor) {
        self.elements.push(Element::Text(Text { text: text.into(), x, y, size, anchor }));
    }

    /// Adds the cells of a heat map.
    pub(super) fn cells(&mut self, cells: Cells) {
        self.elements.push(Element::Cells(cells));
    }

    /// Paints the page on `canvas`, every element with the attributes that hold for it.
    pub(super) fn paint(&self, canvas: &mut impl Canvas) {
        let (width, height) = (self.width, self.height);
        let page =
            Path::at(0.0, 0.0).horizontal_to(width).vertical_to(height).horizontal_to(0.0).close();
        canvas.fill(&page, Color(255, 255, 255), 1.0);
        let mut groups = Vec::new();
        let mut paint = Paint::default();
        for element in &self.elements {
            match element {
                Element::Open(attributes) => {
                    groups.push(paint);
                    paint = paint.with(attributes);
                }
                Element::Close => paint = groups.pop().unwrap_or_default(),
                Element::Path(path, attributes) => paint.with(attributes).path(canvas, path),
                Element::Text(text) => paint.text(canvas, text),
                Element::Cells(cells) => canvas.cells(cells),
            }
        }
    }
}

/// Surface that a drawing is painted on.
pub(super) trait Canvas {
    /// Fills what the path encloses.
    fn fill(&mut self, path: &Path, color: Color, opacity: f64);
    /// Draws along the path.
    fn stroke(&mut self, path: &Path, pen: &Pen);
    /// Writes a line of text.
    fn text(&mut self, text: &Text, color: Color);
    /// Fills the cells.
    fn cells(&mut self, cells: &Cells);
}

/// Properties of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pen {
    pub(super) color: Color,
    pub(super) opacity: f64,
    pub(super) width: f64,
    pub(super) dashes: Option<(f64, f64)>,
    pub(super) round_caps: bool,
    pub(super) round_joins: bool,
}

/// The attributes that hold for an element.
#[derive(Clone, Copy)]
struct Paint {
    fill: Option<Color>,
    fill_opacity: f64,
    /// None where `pen` is not used.
    stroke: Option<Color>,
    pen: Pen,
}

impl Default for Paint {
    /// The attributes outside all groups, as in SVG but for the ink.
    fn default() -> Self {
        let (dashes, round_caps, round_joins) = (None, false, false);
        let pen = Pen { color: INK, opacity: 1.0, width: 1.0, dashes, round_caps, round_joins };
        Self { fill: Some(INK), fill_opacity: 1.0, stroke: None, pen }
    }
}

impl Paint {
    fn with(mut self, attributes: &[Attribute]) -> Self {
        for attribute in attributes {
            match *attribute {
                Attribute::Class(_) | Attribute::Data(..) => {}
                Attribute::Fill(color) => self.fill = color,
                Attribute::FillOpacity(opacity) => self.fill_opacity = opacity,
                Attribute::Stroke(color) => self.stroke = color,
                Attribute::StrokeWidth(width) => self.pen.width = width,
                Attribute::StrokeOpacity(opacity) => self.pen.opacity = opacity,
                Attribute::Dashes(dash, gap) => self.pen.dashes = Some((dash, gap)),
                Attribute::RoundCaps => self.pen.round_caps = true,
                Attribute::RoundJoins => self.pen.round_joins = true,
            }
        }
        self
    }

    fn path(self, canvas: &mut impl Canvas, path: &Path) {
        if let Some(color) = self.fill.filter(|_| path.encloses()) {
            canvas.fill(path, color, self.fill_opacity);
        }
        if let Some(color) = self.stroke {
            canvas.stroke(path, &Pen { color, ..self.pen });
        }
    }

    fn text(self, canvas: &mut impl Canvas, text: &Text) {
        if let Some(color) = self.fill {
            canvas.text(text, color);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Canvas that lists what is painted.
    #[derive(Default)]
    struct Log(Vec<String>);

    impl Canvas for Log {
        fn fill(&mut self, _: &Path, color: Color, opacity: f64) {
            self.0.push(format!("fill {color:?} {opacity}"));
        }

        fn stroke(&mut self, _: &Path, pen: &Pen) {
            self.0.push(format!("stroke {:?} {} {}", pen.color, pen.opacity, pen.width));
        }

        fn text(&mut self, text: &Text, color: Color) {
            self.0.push(format!("{} {color:?}", text.text));
        }

        fn cells(&mut self, cells: &Cells) {
            self.0.push(format!("{} colours", cells.colors.len()));
        }
    }

    #[test]
    fn attributes_hold_to_the_end_of_their_group() {
        let mut drawing = Drawing::new(Medium::Picture, (10.0, 10.0), "");
        let text = |drawing: &mut Drawing, text| drawing.text(text, (0.0, 0.0), 9.0, Anchor::End);
        let triangle = || Path::at(0.0, 0.0).horizontal_to(1.0).vertical_to(1.0).close();
        drawing.open([Attribute::Fill(Some(Color::RED)), Attribute::Stroke(Some(Color::BLACK))]);
        drawing.open([Attribute::StrokeWidth(2.0)]);
        drawing.path(triangle(), [Attribute::FillOpacity(0.5)]);
        drawing.path(triangle(), [Attribute::Fill(None), Attribute::StrokeOpacity(0.25)]);
        text(&mut drawing, "red");
        drawing.close();
        drawing.path(Path::at(0.0, 0.0).horizontal_to(1.0), []);
        drawing.close();
        drawing.path(triangle(), []);
        drawing.path(Path::default(), []);
        text(&mut drawing, "ink");
        let mut log = Log::default();
        drawing.paint(&mut log);
        let expected = [
            "fill Color(255, 255, 255) 1",
            "fill Color(204, 51, 17) 0.5",
            "stroke Color(0, 0, 0) 1 2",
            "stroke Color(0, 0, 0) 0.25 2",
            "red Color(204, 51, 17)",
            "stroke Color(0, 0, 0) 1 1",
            "fill Color(26, 26, 26) 1",
            "ink Color(26, 26, 26)",
        ];
        assert_eq!(log.0, expected);
    }

    #[test]
    fn a_text_is_placed_along_its_direction() {
        let text = |anchor| Text { text: "a".into(), x: 10.0, y: 20.0, size: 9.0, anchor };
        assert_eq!(text(Anchor::Start).place(3.0, 1.0), (13.0, 19.0));
        assert_eq!(text(Anchor::Upwards).place(3.0, 1.0), (9.0, 17.0));
        let starts = [Anchor::Start, Anchor::Middle, Anchor::End, Anchor::Upwards];
        assert_eq!(starts.map(|anchor| text(anchor).start(8.0)), [0.0, -4.0, -8.0, -4.0]);
    }
}
