//! Files that a figure becomes: SVG, PNG, PDF and CSV.

use super::drawing::Medium;
use super::figure::Figure;
use super::png::Error;
use super::{csv, draw, pdf, png, svg};

impl Figure {
    /// The figure as an SVG document whose text is text, in Helvetica, Arial or their twins.
    ///
    /// # Units
    /// Pixels of 1/96 inch. Up to 760 wide unless three columns of long labels need more: in a
    /// text 6.75 inch wide, letters of 7 to 8 points.
    ///
    /// # Panics
    /// If lengths that should agree differ, or a heat map shares its panel.
    pub fn svg(&self) -> String {
        svg::svg(&draw::figure(self, Medium::Picture))
    }

    /// The figure as SVG for a page whose script can hide what has a name and read values off the
    /// axes: named marks have `data-name`, panels `data-frame` (left, top, width, height), `data-x`
    /// and `data-y` (scale, its linear part, both ends in the coordinate of the scale).
    ///
    /// # Panics
    /// As [`Figure::svg`].
    pub fn inline_svg(&self) -> String {
        svg::svg(&draw::figure(self, Medium::Page))
    }

    /// The figure as a PNG on white, `scale` dots to a pixel of the SVG (2 for most uses); fewer
    /// where that would be more than 64 million.
    ///
    /// # Errors
    /// If `scale` is not in (0, 16].
    ///
    /// # Panics
    /// As [`Figure::svg`].
    pub fn png(&self, scale: f32) -> Result<Vec<u8>, Error> {
        png::png(&draw::figure(self, Medium::Picture), scale)
    }

    /// The figure as a PDF of one page, whose text can be selected; fonts embedded.
    ///
    /// # Panics
    /// As [`Figure::svg`].
    pub fn pdf(&self) -> Vec<u8> {
        pdf::pdf(&draw::figure(self, Medium::Picture))
    }

    /// Every number of the figure, one to a row: `panel,series,member,x,y`.
    ///
    /// | mark | `series` | `member` | `x`, `y` |
    /// |---|---|---|---|
    /// | [`Series`] | its name | `center`, `band_lo`, `band_hi` or the name of a [`MemberCurve`] | the point |
    /// | [`Points`] | their name | `points` | the point |
    /// | | | `shade` | x of the point, its shade |
    /// | [`Bars`] | their name | `bar` | left edge, height |
    /// | | | `bar_end` | right edge of the last bar, 0 |
    /// | [`Rule`] | its name | `rule` | NaN, y if horizontal; x, NaN if vertical |
    /// | | | `rule_slope` | slope, intercept |
    /// | [`HeatMap`] | `row 0`, `row 1`, … | `cell` | column from 0, value |
    /// | | name of the block | `row_block`, `column_block` | first row or column, how many |
    ///
    /// Numbers are the shortest that read back to the same bits, or `NaN`, `inf`, `-inf`.
    ///
    /// # Panics
    /// As [`Figure::svg`].
    ///
    /// [`Bars`]: super::Bars
    /// [`HeatMap`]: super::HeatMap
    /// [`MemberCurve`]: super::MemberCurve
    /// [`Points`]: super::Points
    /// [`Rule`]: super::Rule
    /// [`Series`]: super::Series
    pub fn csv(&self) -> String {
        csv::csv(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::color::Color;
    use super::super::drawing::{Anchor, Canvas, Cells, Pen, Text};
    use super::super::font::{self, Font, GlyphRun};
    use super::super::mark::{Bars, ColorMap, HeatMap, Line, Points, Rule};
    use super::super::panel::Panel;
    use super::super::path::Path;
    use super::super::scale::Scale;
    use super::super::series::Series;
    use super::*;

    /// Left, top, right and bottom.
    #[derive(Clone, Copy, Debug)]
    struct Rect([f64; 4]);

    impl Rect {
        /// The rectangle around two points on the page.
        fn around((a, b): (f64, f64), (c, d): (f64, f64)) -> Self {
            Self([a.min(c), b.min(d), a.max(c), b.max(d)])
        }

        fn and(self, other: Self) -> Self {
            let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
            Self([a.min(e), b.min(f), c.max(g), d.max(h)])
        }

        fn holds(self, other: Self) -> bool {
            let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
            a <= e && b <= f && c >= g && d >= h
        }
    }

    /// The boxes of all texts of a page, and of their ink where it reaches beyond.
    #[derive(Default)]
    struct Boxes(Vec<Rect>);

    impl Canvas for Boxes {
        fn fill(&mut self, _: &Path, _: Color, _: f64) {}
        fn stroke(&mut self, _: &Path, _: &Pen) {}
        fn cells(&mut self, _: &Cells) {}

        fn text(&mut self, text: &Text, _: Color) {
            let boxes = [text_box(text), ink_box(text)];
            self.0.extend(boxes.into_iter().flatten().reduce(Rect::and));
        }
    }

    fn em(font: &Font, size: f64, units: i16) -> f64 {
        size * f64::from(units) / f64::from(font.face.units_per_em())
    }

    /// The box of a text by its widths and sizes: from its left end to the right one, from the
    /// highest letters of its fonts to the lowest.
    fn text_box(text: &Text) -> Option<Rect> {
        let start = text.start(font::width(&text.text, text.size));
        let of = |run: GlyphRun| {
            let font = &font::fonts()[run.font];
            let advances = run.glyphs.iter().map(|&(_, glyph)| font.advance(glyph));
            let width = run.size * advances.sum::<f64>();
            let below = run.above + em(font, run.size, font.face.descender());
            let above = run.above + em(font, run.size, font.face.ascender());
            let left = start + run.along;
            Rect::around(text.place(left, below), text.place(left + width, above))
        };
        font::glyph_runs(&text.text, text.size).into_iter().map(of).reduce(Rect::and)
    }

    /// The box that the outlines of the letters cover; nothing if they are spaces.
    fn ink_box(text: &Text) -> Option<Rect> {
        let mut ink: Option<Rect> = None;
        let start = text.start(font::width(&text.text, text.size));
        for run in font::glyph_runs(&text.text, text.size) {
            let font = &font::fonts()[run.font];
            let mut left = start + run.along;
            for &(_, glyph) in &run.glyphs {
                let place = |x, y| {
                    let (x, y) = (em(font, run.size, x), em(font, run.size, y));
                    text.place(left + x, run.above + y)
                };
                if let Some(b) = font.face.glyph_bounding_box(glyph) {
                    let letter = Rect::around(place(b.x_min, b.y_min), place(b.x_max, b.y_max));
                    ink = Some(ink.map_or(letter, |ink| ink.and(letter)));
                }
                left += run.size * font.advance(glyph);
            }
        }
        ink
    }

    fn crowded(panels: usize, size: f64, y_scale: Scale) -> Figure {
        let x = || vec![0.0, 0.3 * size, size];
        let series = |i| Series::new(format!("optimizer {i}"), Color::CYCLE[i], x(), x());
        let panel = |i| Panel {
            title: "A title that is too long for one line of a small panel".into(),
            x_label: format!("step {i}"),
            y_label: format!("‖g − ∇f‖^{{2}}, panel {i}, by a name longer than the axis is high"),
            x_scale: Scale::Linear,
            y_scale,
            series: (0..7).map(series).collect(),
            ..Panel::default()
        };
        let caption = "six seeds, shaded: 95 % interval, spec 0123456789abcdef ".repeat(8);
        Figure { title: "A ⋆ title".into(), panels: (0..panels).map(panel).collect(), caption }
    }

    /// Every kind of mark, in turn a panel of bars, points and rules and one of cells.
    fn crowded_marks(panels: usize, size: f64, y_scale: Scale) -> Figure {
        let values = || vec![-size, 0.3 * size, size];
        let name = |what: &str| format!("{what} of the optimizer");
        let color = Color::RED;
        let rule = |what: &str, line| Rule { name: name(what), color, line };
        let marks = |panel: Panel| Panel {
            bars: vec![Bars { name: name("bars"), color, edges: values(), heights: vec![size; 2] }],
            points: vec![Points {
                name: name("points"),
                color,
                x: values(),
                y: values(),
                shade: Some(values()),
            }],
            rules: vec![
                rule("level", Line::Horizontal(2.0 * size)),
                rule("place", Line::Vertical(0.5 * size)),
                rule("slope", Line::Slope { slope: -1.0, intercept: size }),
            ],
            x_scale: y_scale,
            ..panel
        };
        let blocks = |long: &str| {
            let names = ["P_{1}", "Q_{1}", long, "P_{2}", "Q_{2}", long].into_iter();
            names.zip([1, 9, 1, 2, 1, 6]).map(|(name, cells)| (name.into(), cells)).collect()
        };
        let cells = |i: usize, panel: Panel| Panel {
            series: Vec::new(),
            heat_map: Some(HeatMap {
                rows: 20,
                columns: 20,
                values: (0..400).map(|i| size * (f64::from(i) - 200.0).powi(3)).collect(),
                row_blocks: if i % 4 == 1 { blocks("a block with a long name") } else { vec![] },
                column_blocks: if i % 4 == 1 { blocks("a long name, too") } else { vec![] },
                scale: y_scale,
                color_map: ColorMap::Diverging,
            }),
            ..panel
        };
        let shade_label = "∂²f/∂θ_{i}∂θ_{j}, by a name longer than the bar is high or nearly so";
        let mut figure = crowded(panels, size, y_scale);
        for (i, panel) in figure.panels.iter_mut().enumerate() {
            let old = std::mem::take(panel);
            let old =
                if i == 2 || panels == 1 { Panel { title: String::new(), ..old } } else { old };
            let new = if i % 2 == 0 { marks(old) } else { cells(i, old) };
            *panel = Panel { shade_label: shade_label.into(), ..new };
        }
        figure
    }

    fn assert_apart(figure: &Figure, case: &str) {
        let drawing = draw::figure(figure, Medium::Picture);
        let page = Rect([0.0, 0.0, drawing.width, drawing.height]);
        let mut boxes = Boxes::default();
        drawing.paint(&mut boxes);
        let Boxes(boxes) = boxes;
        let panels = figure.panels.len();
        assert!(boxes.len() > 10 * panels, "{} texts in {panels} panels", boxes.len());
        for (i, a) in boxes.iter().enumerate() {
            assert!(page.holds(*a), "{case}: {a:?} leaves {page:?}");
            for b in &boxes[..i] {
                let ([left, top, right, bottom], [l, t, r, b_end]) = (a.0, b.0);
                let wide = right.min(r) - left.max(l);
                let high = bottom.min(b_end) - top.max(t);
                assert!(wide <= 0.0 || high <= 0.0, "{case}: {a:?} covers {b:?}");
            }
        }
    }

    #[test]
    fn letters_stay_in_the_boxes_of_their_texts() {
        let bundled = |c: &char| font::fonts().iter().any(|f| f.face.glyph_index(*c).is_some());
        let characters: Vec<char> = ('\0'..'\u{2ffff}').filter(bundled).collect();
        assert!(characters.len() > 400, "{}", characters.len());
        let anchors = [Anchor::Start, Anchor::Middle, Anchor::End, Anchor::Upwards];
        for (i, c) in characters.into_iter().enumerate() {
            for text in [format!("{c}"), format!("x^{{{c}}}_{{{c}}}{c}y")] {
                let (x, y, size, anchor) = (50.0, 60.0, 100.0, anchors[i % 4]);
                let text = Text { text, x, y, size, anchor };
                // Spaces cover nothing.
                let (Some(written), Some(ink)) = (text_box(&text), ink_box(&text)) else {
                    continue;
                };
                let ([l, t, r, b], [left, top, right, bottom]) = (written.0, ink.0);
                let mut over = [l - left, right - r, t - top, bottom - b];
                if anchor == Anchor::Upwards {
                    over.rotate_left(2);
                }
                // Bows of j and ∫ reach under their neighbours; ∕ is made for 1∕2; ∛ is high.
                let beside = if c == '∕' { 0.21 * size } else { 0.052 * size };
                let [left, right, above, below] = over;
                assert!(left <= beside && right <= beside, "{c} is wider than its box: {over:?}");
                let high = 0.005 * size;
                assert!(above <= high && below <= 0.0, "{c} is higher than its box: {over:?}");
            }
        }
    }

    #[test]
    fn a_page_of_hundreds_of_panels_has_a_png_of_bounded_size() {
        let figure = Figure { panels: vec![Panel::default(); 900], ..Figure::default() };
        let dots = tiny_skia::Pixmap::decode_png(&figure.png(2.0).unwrap()).unwrap();
        let dots = dots.width() as f32 * dots.height() as f32;
        assert!(dots <= 1.01 * png::MOST_DOTS && dots > 0.9 * png::MOST_DOTS, "{dots}");
    }

    #[test]
    fn no_text_leaves_the_page_or_covers_another() {
        let ordinary = [(1, 1.0), (2, 1e5), (3, 123456.0), (4, 1e-7), (5, 1e300), (7, 12.5)];
        for (panels, size) in ordinary.into_iter().chain([(2, f64::MAX), (3, 1e-300), (1, 1e-305)])
        {
            let small = Scale::SymLog { linear: 2.5e-6 * size };
            let large = Scale::SymLog { linear: 0.9 * size };
            for scale in [Scale::Linear, Scale::Log, small, large] {
                let case = format!("{panels} panels to {size}, {scale:?}");
                assert_apart(&crowded(panels, size, scale), &case);
                assert_apart(&crowded_marks(panels, size, scale), &format!("{case}, marks"));
            }
        }
    }
}
