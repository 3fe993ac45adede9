//! The bundled fonts, and how much room a text takes.
//!
//! The sans has the widths of Helvetica and Arial, which a browser will use: what is measured
//! here holds there. The second has the mathematical signs that the first lacks.

use std::sync::{Arc, LazyLock};

use resvg::usvg::fontdb::Database;
use ttf_parser::Face;

/// Subset of Liberation Sans 2.1.5, SIL Open Font License (`fonts/sans-LICENSE.txt`).
const SANS: &[u8] = include_bytes!("fonts/sans.ttf");
/// Subset of DejaVu Sans 2.37, Bitstream Vera licence (`fonts/symbols-LICENSE.txt`).
const SYMBOLS: &[u8] = include_bytes!("fonts/symbols.ttf");

/// Families to try, alike in width as far as possible.
pub(super) const STACK: &str =
    "Helvetica, Arial, 'Liberation Sans', Arimo, 'Nimbus Sans', sans-serif";

/// Raised and lowered text is this much smaller.
pub(super) const SCRIPT: f64 = 0.72;

static FACES: LazyLock<Vec<Face<'static>>> =
    LazyLock::new(|| [SANS, SYMBOLS].iter().filter_map(|font| Face::parse(font, 0).ok()).collect());

static DATABASE: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut database = Database::new();
    database.load_font_data(SANS.to_vec());
    database.load_font_data(SYMBOLS.to_vec());
    database.set_sans_serif_family("Windtunnel Sans");
    Arc::new(database)
});

/// The bundled fonts and no others, so that every machine draws the same.
pub(super) fn database() -> Arc<Database> {
    DATABASE.clone()
}

/// How a piece of text stands on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    /// On it.
    None,
    /// Superscript.
    Up,
    /// Subscript.
    Down,
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

/// Width of a text set at `size`, kerning aside.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let of = |&(shift, piece): &(Shift, &str)| {
        let scale = if shift == Shift::None { size } else { size * SCRIPT };
        scale * piece.chars().map(advance).sum::<f64>()
    };
    pieces(text).iter().map(of).sum()
}

/// Advance of a character in em; 0.6 for one that no bundled font has.
fn advance(c: char) -> f64 {
    let of = |face: &Face| {
        let advance = face.glyph_hor_advance(face.glyph_index(c)?)?;
        Some(f64::from(advance) / f64::from(face.units_per_em()))
    };
    FACES.iter().find_map(of).unwrap_or(0.6)
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
        assert_eq!(FACES.len(), 2);
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
}
