//! The bundled fonts, widths of texts, and glyphs of texts.
//!
//! The sans has the widths of Helvetica and Arial, which a browser will use: what is measured
//! here holds there. The second has the mathematical signs that the first lacks.

use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId};

/// Subset of Liberation Sans 2.1.5, SIL Open Font License (`fonts/sans-LICENSE.txt`).
const SANS: &[u8] = include_bytes!("fonts/sans.ttf");
/// Subset of DejaVu Sans 2.37, Bitstream Vera licence (`fonts/symbols-LICENSE.txt`).
const SYMBOLS: &[u8] = include_bytes!("fonts/symbols.ttf");

/// Families to try, alike in width as far as possible.
pub(super) const STACK: &str =
    "Helvetica, Arial, 'Liberation Sans', Arimo, 'Nimbus Sans', sans-serif";

/// Size of raised and lowered text, as a share of that of the text.
const SCRIPT: f64 = 0.72;

/// A bundled font.
pub(super) struct Font {
    /// Name in a PDF.
    pub(super) name: &'static str,
    /// The font file.
    pub(super) data: &'static [u8],
    pub(super) face: Face<'static>,
}

static FONTS: LazyLock<Vec<Font>> = LazyLock::new(|| {
    let files = [("WindtunnelSans", SANS), ("WindtunnelSymbols", SYMBOLS)];
    let font = |(name, data)| Some(Font { name, data, face: Face::parse(data, 0).ok()? });
    files.into_iter().filter_map(font).collect()
});

/// The bundled fonts and no others, so that every machine draws the same; the first one that has a
/// character is used.
pub(super) fn fonts() -> &'static [Font] {
    &FONTS
}

/// Position of a piece of text on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    /// On the line.
    None,
    /// Superscript.
    Up,
    /// Subscript.
    Down,
}

impl Shift {
    /// Height above the line, in letter sizes.
    pub(super) fn rise(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Up => 0.38,
            Self::Down => -0.22,
        }
    }

    /// Letter size as a share of that of the text.
    pub(super) fn scale(self) -> f64 {
        if self == Self::None { 1.0 } else { SCRIPT }
    }
}

/// The pieces of a text with `^{…}` and `_{…}` taken apart; an unclosed one is plain text.
pub(super) fn pieces(text: &str) -> Vec<(Shift, &str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((start, shift)) = next_script(rest)
        && let Some(length) = rest[start + 2..].find('}')
    {
        pieces.push((Shift::None, &rest[..start]));
        pieces.push((shift, &rest[start + 2..start + 2 + length]));
        rest = &rest[start + length + 3..];
    }
    pieces.push((Shift::None, rest));
    pieces.retain(|(_, piece)| !piece.is_empty());
    pieces
}

fn next_script(text: &str) -> Option<(usize, Shift)> {
    let up = text.find("^{").map(|at| (at, Shift::Up));
    let down = text.find("_{").map(|at| (at, Shift::Down));
    up.into_iter().chain(down).min_by_key(|&(at, _)| at)
}

/// Width of a text set at `size`, without kerning.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let of = |&(shift, piece): &(Shift, &str)| {
        size * shift.scale() * piece.chars().map(advance).sum::<f64>()
    };
    pieces(text).iter().map(of).sum()
}

/// Advance of a character in em; 0.6 for one that no bundled font has.
fn advance(c: char) -> f64 {
    glyph(c).map_or(0.6, |(font, id)| FONTS[font].advance(id))
}

/// The first font that has a character, and its glyph there.
fn glyph(c: char) -> Option<(usize, GlyphId)> {
    FONTS.iter().enumerate().find_map(|(i, font)| Some((i, font.face.glyph_index(c)?)))
}

impl Font {
    /// Advance of a glyph in em.
    pub(super) fn advance(&self, glyph: GlyphId) -> f64 {
        let advance = self.face.glyph_hor_advance(glyph).unwrap_or(0);
        f64::from(advance) / f64::from(self.face.units_per_em())
    }
}

/// Characters of one font and size, side by side.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GlyphRun {
    /// Index among [`fonts`].
    pub(super) font: usize,
    pub(super) size: f64,
    /// Left end, from that of the text.
    pub(super) along: f64,
    /// Height above the line.
    pub(super) above: f64,
    pub(super) glyphs: Vec<(char, GlyphId)>,
}

/// A text set at `size`; a character that no bundled font has leaves a gap.
pub(super) fn glyph_runs(text: &str, size: f64) -> Vec<GlyphRun> {
    let mut runs: Vec<GlyphRun> = Vec::new();
    let mut along = 0.0;
    for (shift, piece) in pieces(text) {
        let (above, size) = (size * shift.rise(), size * shift.scale());
        // A piece begins a run, as does a character of another font or after a gap.
        let mut last = None;
        for c in piece.chars() {
            let found = glyph(c);
            if let Some((font, id)) = found {
                match runs.last_mut().filter(|_| last == Some(font)) {
                    Some(run) => run.glyphs.push((c, id)),
                    None => {
                        runs.push(GlyphRun { font, size, along, above, glyphs: vec![(c, id)] });
                    }
                }
            }
            last = found.map(|(font, _)| font);
            along += size * advance(c);
        }
    }
    runs
}

/// The text, or as much of its beginning as fits into `room` with an ellipsis.
pub(super) fn shortened(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.into();
    }
    let starts = text.char_indices().rev().map(|(at, _)| &text[..at]);
    // A cut within `^{…}` would leave its beginning as plain text.
    let whole = |start: &&str| start.rfind('{') <= start.rfind('}') && !start.ends_with(['^', '_']);
    let cut = starts.filter(whole).map(|start| format!("{}…", start.trim_end()));
    cut.into_iter().find(|short| width(short, size) <= room).unwrap_or_default()
}

/// The text in lines no wider than `room`, broken at spaces, or within a word that is too long.
pub(super) fn wrap(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines().filter(|l| !l.trim().is_empty()) {
        let mut line = String::new();
        for word in paragraph.split_whitespace().flat_map(|word| chunks(word, size, room)) {
            if !line.is_empty() && width(&format!("{line} {word}"), size) > room {
                lines.push(std::mem::take(&mut line));
            }
            line = if line.is_empty() { word } else { format!("{line} {word}") };
        }
        lines.push(line);
    }
    lines
}

fn chunks(word: &str, size: f64, room: f64) -> Vec<String> {
    if width(word, size) <= room {
        return vec![word.into()];
    }
    let mut chunks = vec![String::new()];
    for c in word.chars() {
        if let Some(last) = chunks.last_mut() {
            last.push(c);
            if width(last, size) > room - size {
                chunks.push(String::new());
            }
        }
    }
    chunks.retain(|chunk| !chunk.is_empty());
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widths_are_those_of_arial() {
        // Advances of Arial in 1/2048 em: digits 1139, N 1479, space 569, W 1933.
        assert_eq!(FONTS.len(), 2);
        assert_eq!(width("10", 2048.0), 2278.0);
        assert_eq!(width("N W", 2048.0), 3981.0);
        assert!((width("10^{2}", 2048.0) - (2278.0 + SCRIPT * 1139.0)).abs() < 1e-9);
    }

    #[test]
    fn scripts_are_taken_apart() {
        let pieces_of_both = [(Shift::None, "‖g‖"), (Shift::Up, "2"), (Shift::Down, "λ")];
        assert_eq!(pieces("‖g‖^{2}_{λ}"), pieces_of_both);
        assert_eq!(pieces("a ^{b"), [(Shift::None, "a ^{b")]);
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn shortened_text_fits_and_keeps_scripts_whole() {
        assert_eq!(shortened("P^{⊤}Q", 10.0, 60.0), "P^{⊤}Q");
        let room = width("layer…", 10.0) + 0.01;
        assert_eq!(shortened("layer norm 1", 10.0, room), "layer…");
        assert_eq!(shortened("P^{1234}", 10.0, width("P…", 10.0) + 4.0), "P…");
        assert_eq!(shortened("P", 10.0, 1.0), "");
    }

    #[test]
    fn wrapped_text_loses_nothing_and_fits() {
        let text = "six seeds, band of means, 0123456789abcdef0123456789abcdef of a spec";
        let lines = wrap(text, 10.0, 80.0);
        assert!(lines.len() > 3 && lines.iter().all(|line| width(line, 10.0) <= 80.0), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
    }

    #[test]
    fn glyphs_stand_where_the_width_of_what_is_before_them_ends() {
        let runs = glyph_runs("ab^{2}⋆漢c", 10.0);
        let read = |run: &GlyphRun| run.glyphs.iter().map(|&(c, _)| c).collect::<String>();
        let found: Vec<_> = runs.iter().map(|run| (read(run), run.font, run.size)).collect();
        let size = 10.0 * SCRIPT;
        let expected = [("ab", 0, 10.0), ("2", 0, size), ("⋆", 1, 10.0), ("c", 0, 10.0)];
        assert_eq!(found, expected.map(|(text, font, size)| (text.to_string(), font, size)));
        for (run, before) in runs.iter().zip(["", "ab", "ab^{2}", "ab^{2}⋆漢"]) {
            assert!((run.along - width(before, 10.0)).abs() < 1e-12, "{run:?} after {before:?}");
        }
        assert_eq!(runs[1].above, 3.8);
        assert_eq!(glyph_runs("漢\u{fffd}", 10.0), []);
        assert_eq!(glyph_runs("", 10.0), []);
    }
}
