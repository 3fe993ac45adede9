//! A drawing as PDF, text as text in the bundled fonts.

use std::collections::{BTreeMap, BTreeSet};

use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{
    CidFontType, FontFlags, LineCapStyle, LineJoinStyle, SystemInfo, UnicodeCmap,
};
use pdf_writer::writers::{ExtGraphicsState, Resources};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::color::Color;
use super::drawing::{Canvas, Cells, Drawing, Pen, Text};
use super::font::{self, Font, GlyphRun};
use super::path::{Path, Step};
use super::style::INCHES;

/// Points of 1/72 inch to a pixel.
const POINTS: f32 = (72.0 * INCHES) as f32;
/// Level of compression.
const LEVEL: u8 = 9;
/// Width of the outline of the cells that lie below the others, in cells. Viewers smooth every
/// edge, so that the page would shine through between cells without them. They are cut at the edge
/// of all cells. Above the others they would favour the colours drawn last.
const GROUND: f32 = 0.3;

/// The drawing as a document of one page.
pub(super) fn pdf(drawing: &Drawing) -> Vec<u8> {
    let mut page = Page::new();
    let (width, height) = (POINTS * drawing.width as f32, POINTS * drawing.height as f32);
    // From pixels below the upper left corner to points above the lower left one.
    page.content.transform([POINTS, 0.0, 0.0, -POINTS, 0.0, height]);
    drawing.paint(&mut page);
    page.finish((width, height), &drawing.title)
}

/// The page being written, and what has to be in the document for it.
struct Page {
    content: Content,
    /// Opacities in use, in thousandths.
    opacities: BTreeSet<u16>,
    /// Characters in use of each font by glyph.
    characters: BTreeMap<usize, BTreeMap<u16, char>>,
}

impl Canvas for Page {
    fn fill(&mut self, path: &Path, color: Color, opacity: f64) {
        self.shape(opacity, |content| {
            let [r, g, b] = rgb(color);
            content.set_fill_rgb(r, g, b);
            trace(content, path);
            content.fill_nonzero();
        });
    }

    fn stroke(&mut self, path: &Path, pen: &Pen) {
        self.shape(pen.opacity, |content| {
            let [r, g, b] = rgb(pen.color);
            content.set_stroke_rgb(r, g, b).set_line_width(pen.width as f32);
            if let Some((dash, gap)) = pen.dashes {
                content.set_dash_pattern([dash as f32, gap as f32], 0.0);
            }
            if pen.round_caps {
                content.set_line_cap(LineCapStyle::RoundCap);
            }
            if pen.round_joins {
                content.set_line_join(LineJoinStyle::RoundJoin);
            } else {
                // As in SVG.
                content.set_miter_limit(4.0);
            }
            trace(content, path);
            content.stroke();
        });
    }

    fn text(&mut self, text: &Text, color: Color) {
        let start = text.start(font::width(&text.text, text.size));
        // The directions of reading and upwards.
        let ((x, y), (right, up)) =
            (text.place(0.0, 0.0), (text.place(1.0, 0.0), text.place(0.0, 1.0)));
        let [a, b, c, d] = [right.0 - x, right.1 - y, up.0 - x, up.1 - y].map(|v| v.round() as f32);
        let [red, green, blue] = rgb(color);
        for GlyphRun { font, size, along, above, glyphs } in font::glyph_runs(&text.text, text.size)
        {
            let (x, y) = text.place(start + along, above);
            let codes: Vec<u8> = glyphs.iter().flat_map(|(_, id)| id.0.to_be_bytes()).collect();
            let characters = self.characters.entry(font).or_default();
            characters.extend(glyphs.iter().map(|&(c, id)| (id.0, c)));
            self.content.begin_text().set_fill_rgb(red, green, blue);
            self.content.set_font(Name(font_name(font).as_bytes()), size as f32);
            self.content.set_text_matrix([a, b, c, d, x as f32, y as f32]);
            self.content.show(Str(&codes)).end_text();
        }
    }

    fn cells(&mut self, cells: &Cells) {
        let Cells { left, top, width, height, .. } = *cells;
        let [left, top, width, height] = [left, top, width, height].map(|v| v as f32);
        self.shape(1.0, |content| {
            content.transform([width, 0.0, 0.0, height, left, top]).set_line_width(GROUND);
            content
                .rect(0.0, 0.0, cells.columns as f32, cells.rows as f32)
                .clip_nonzero()
                .end_path();
            draw_cells(content, cells, Content::fill_nonzero_and_stroke);
            draw_cells(content, cells, Content::fill_nonzero);
        });
    }
}

fn draw_cells(content: &mut Content, cells: &Cells, paint: fn(&mut Content) -> &mut Content) {
    for (color, runs) in &cells.colors {
        let [r, g, b] = rgb(*color);
        content.set_fill_rgb(r, g, b).set_stroke_rgb(r, g, b);
        for run in runs {
            let [left, top, length] = [run.column, run.row, run.length].map(|n| n as f32);
            content.rect(left, top, length, 1.0);
        }
        paint(content);
    }
}

impl Page {
    fn new() -> Self {
        let (opacities, characters) = (BTreeSet::new(), BTreeMap::new());
        Self { content: Content::new(), opacities, characters }
    }

    /// Draws one shape; its settings end with it.
    fn shape(&mut self, opacity: f64, draw: impl FnOnce(&mut Content)) {
        self.content.save_state();
        if opacity < 1.0 {
            let thousandths = (1000.0 * opacity).round() as u16;
            self.opacities.insert(thousandths);
            self.content.set_parameters(Name(opacity_name(thousandths).as_bytes()));
        }
        draw(&mut self.content);
        self.content.restore_state();
    }

    fn finish(self, (width, height): (f32, f32), title: &str) -> Vec<u8> {
        let mut pdf = Pdf::new();
        let [catalog, pages, page, content, info] = [1, 2, 3, 4, 5].map(Ref::new);
        pdf.catalog(catalog).pages(pages);
        pdf.pages(pages).kids([page]).count(1);
        let mut written = pdf.page(page);
        written.parent(pages).contents(content).media_box(Rect::new(0.0, 0.0, width, height));
        written.group().transparency().color_space().device_rgb();
        self.list_resources(written.resources());
        written.finish();
        let data = compress_to_vec_zlib(&self.content.finish(), LEVEL);
        pdf.stream(content, &data).filter(Filter::FlateDecode);
        for (&font, characters) in &self.characters {
            embed(&mut pdf, font, characters);
        }
        if !title.is_empty() {
            pdf.document_info(info).title(TextStr(title));
        }
        pdf.finish()
    }

    /// The opacities and fonts in use by their names.
    fn list_resources(&self, mut resources: Resources) {
        let mut states = resources.ext_g_states();
        for &thousandths in &self.opacities {
            let opacity = f32::from(thousandths) / 1000.0;
            let name = opacity_name(thousandths);
            let mut state = states.insert(Name(name.as_bytes())).start::<ExtGraphicsState>();
            state.non_stroking_alpha(opacity).stroking_alpha(opacity);
        }
        states.finish();
        let mut fonts = resources.fonts();
        for &font in self.characters.keys() {
            fonts.pair(Name(font_name(font).as_bytes()), font_refs(font)[0]);
        }
    }
}

/// Adds a font whole: the bundled ones are small.
fn embed(pdf: &mut Pdf, index: usize, characters: &BTreeMap<u16, char>) {
    let [font, cid_font, descriptor, file, unicode] = font_refs(index);
    let bundled = &font::fonts()[index];
    let name = Name(bundled.name.as_bytes());
    pdf.type0_font(font)
        .base_font(name)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(cid_font)
        .to_unicode(unicode);

    let identity =
        SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
    let mut written = pdf.cid_font(cid_font);
    written.subtype(CidFontType::Type2).base_font(name).system_info(identity);
    written.font_descriptor(descriptor).cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = written.widths();
    for &glyph in characters.keys() {
        let advance = bundled.advance(ttf_parser::GlyphId(glyph));
        widths.same(glyph, glyph, (1000.0 * advance) as f32);
    }
    widths.finish();
    written.finish();

    let mut map = UnicodeCmap::new(Name(b"Unicode"), identity);
    characters.iter().for_each(|(&glyph, &c)| map.pair(glyph, c));
    pdf.cmap(unicode, &map.finish());
    embed_file(pdf, (descriptor, file), bundled);
}

/// Adds the file and the descriptor of a font.
fn embed_file(pdf: &mut Pdf, (descriptor, file): (Ref, Ref), font: &Font) {
    let Font { name, data, face } = font;
    let thousandths = |units: f32| 1000.0 * units / f32::from(face.units_per_em());
    let bounds = face.global_bounding_box();
    let [left, bottom, right, top] =
        [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(|v| thousandths(v.into()));
    pdf.font_descriptor(descriptor)
        .name(Name(name.as_bytes()))
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(left, bottom, right, top))
        .italic_angle(0.0)
        .ascent(thousandths(face.ascender().into()))
        .descent(thousandths(face.descender().into()))
        .cap_height(thousandths(face.capital_height().unwrap_or(face.ascender()).into()))
        .stem_v(80.0)
        .font_file2(file);
    let compressed = compress_to_vec_zlib(data, LEVEL);
    let mut written = pdf.stream(file, &compressed);
    written.filter(Filter::FlateDecode).pair(Name(b"Length1"), data.len() as i32);
    written.finish();
}

fn font_name(font: usize) -> String {
    format!("F{font}")
}

fn opacity_name(thousandths: u16) -> String {
    format!("A{thousandths}")
}

/// Objects of a font: itself, its glyphs, their metrics, the file, the characters.
fn font_refs(font: usize) -> [Ref; 5] {
    [0, 1, 2, 3, 4].map(|i| Ref::new(10 + 5 * font as i32 + i))
}

fn rgb(Color(r, g, b): Color) -> [f32; 3] {
    // Three digits are enough for 256 steps.
    [r, g, b].map(|channel| (f32::from(channel) / 0.255).round() / 1000.0)
}

fn trace(content: &mut Content, path: &Path) {
    for step in path.steps() {
        match step {
            Step::Start((x, y)) => content.move_to(x, y),
            Step::Line((x, y)) => content.line_to(x, y),
            Step::Curve((a, b), (c, d), (x, y)) => content.cubic_to(a, b, c, d, x, y),
            Step::Close => content.close_path(),
        };
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::inflate::decompress_to_vec_zlib;

    use super::super::drawing::{Anchor, Attribute, Medium, Run};
    use super::*;

    fn text(text: &str) -> Drawing {
        let mut drawing = Drawing::new(Medium::Picture, (200.0, 100.0), text);
        drawing.text(text, (100.0, 50.0), 10.0, Anchor::Middle);
        drawing
    }

    /// Content of the page.
    fn content(drawing: &Drawing) -> String {
        let mut page = Page::new();
        drawing.paint(&mut page);
        String::from_utf8_lossy(&page.content.finish()).into_owned()
    }

    fn has(pdf: &[u8], text: &str) -> bool {
        pdf.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[test]
    fn every_character_can_be_read_back_and_its_font_is_embedded() {
        let written = text("λ_{max} ≤ 2/η ⋆ ∇f^{⊤}");
        let mut page = Page::new();
        written.paint(&mut page);
        let read: String = page.characters.values().flat_map(|of| of.values()).collect();
        for c in "λmax ≤2/η⋆∇f⊤".chars() {
            assert!(read.contains(c), "{c} is not among {read:?}");
        }
        let pdf = pdf(&written);
        for font in font::fonts() {
            assert!(has(&pdf, &format!("/BaseFont /{}", font.name)), "{} is not there", font.name);
            let file = compress_to_vec_zlib(font.data, LEVEL);
            assert!(pdf.windows(file.len()).any(|window| window == file));
            assert_eq!(decompress_to_vec_zlib(&file).unwrap(), font.data);
        }
        assert!(has(&pdf, "<03BB>") && has(&pdf, "<22C6>"), "no λ or ⋆ among the characters");
    }

    #[test]
    fn characters_that_no_font_has_leave_a_gap() {
        for unknown in ["", " ", "\u{fffd}", "漢字", "\u{1f600}^{漢}", "\n\u{1}"] {
            let mut page = Page::new();
            text(unknown).paint(&mut page);
            let known: String = page.characters.values().flat_map(|of| of.values()).collect();
            assert!(known.trim().is_empty(), "{unknown:?} is written as {known:?}");
            assert!(pdf(&text(unknown)).ends_with(b"%%EOF"));
        }
    }

    #[test]
    fn what_a_shape_sets_does_not_outlive_it() {
        let mut drawing = Drawing::new(Medium::Picture, (100.0, 100.0), "");
        let dashed = [
            Attribute::Stroke(Some(Color::RED)),
            Attribute::StrokeOpacity(0.3),
            Attribute::Dashes(5.0, 3.0),
            Attribute::RoundCaps,
        ];
        drawing.path(Path::at(0.0, 0.0).horizontal_to(9.5), dashed);
        drawing.path(
            Path::at(0.0, 0.0).horizontal_to(9.0).vertical_to(9.0).close(),
            [Attribute::Fill(None)],
        );
        let run = Run { column: 1, row: 2, length: 3 };
        let colors = vec![(Color::RED, vec![run])];
        let (left, top, width, height) = (10.0, 20.0, 4.0, 5.0);
        drawing.cells(Cells { left, top, width, height, columns: 6, rows: 7, colors });
        let content = content(&drawing);
        let red = "0.8 0.2 0.067 rg 0.8 0.2 0.067 RG 1 2 3 1 re";
        let expected = [
            "q 1 1 1 rg 0 0 m 100 0 l 100 100 l 0 100 l h f Q",
            "q /A300 gs 0.8 0.2 0.067 RG 1 w [5 3] 0 d 1 J 4 M 0 0 m 9.5 0 l S Q",
            // Within the edges of all cells: larger ones, then the cells themselves.
            &format!("q 4 0 0 5 10 20 cm 0.3 w 0 0 6 7 re W n {red} B {red} f Q"),
        ];
        assert_eq!(content.replace('\n', " "), expected.join(" "));
        assert!(has(&pdf(&drawing), "/ca 0.3"));
    }
}
