//! Small tables of text, and numbers in them.

use comfy_table::ContentArrangement;

/// Most columns of a text for a terminal.
pub const COLUMNS: u16 = 100;

/// A small table of text, for terminals and pages.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Title of the table.
    pub title: String,
    /// Column names.
    pub head: Vec<String>,
    /// Cells, row by row.
    pub rows: Vec<Vec<String>>,
}

/// Text of a number with three significant digits; words for NaN and infinity.
///
/// The words do not say why there is no finite number: a caller that knows the reason says it.
pub fn number(x: f64) -> String {
    significant(x, 3)
}

/// Text of a number with its interval, as "2.00 (1.00 to 4.00)".
///
/// With an end at infinity, "2.00 (from 1.00)" or "2.00 (to 4.00)"; without an interval,
/// "2.00 (no interval)"; without a number, [`number`]'s word for it alone.
pub fn with_interval(value: f64, lo: f64, hi: f64) -> String {
    if value.is_nan() {
        return number(value);
    }
    let span = if lo.is_finite() && hi.is_finite() {
        format!("{} to {}", number(lo), number(hi))
    } else if lo.is_finite() && hi == f64::INFINITY {
        format!("from {}", number(lo))
    } else if hi.is_finite() && lo == f64::NEG_INFINITY {
        format!("to {}", number(hi))
    } else {
        "no interval".into()
    };
    format!("{} ({span})", number(value))
}

/// Text of a number with `digits` significant digits, at least 1; words as [`number`].
pub fn significant(x: f64, digits: usize) -> String {
    if x.is_nan() {
        return "no number".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "infinite" } else { "minus infinity" }.into();
    }
    if x == 0.0 {
        return "0".into();
    }
    // Rounded first, so that 0.9996 is 1.00 and not 1.000.
    let decimals = digits.max(1) - 1;
    let rounded = format!("{x:.decimals$e}");
    let exponent = rounded.split_once('e').and_then(|(_, exponent)| exponent.parse().ok());
    match exponent {
        Some(exponent @ -4..=4_i32) => {
            format!("{x:.*}", usize::try_from(decimals as i32 - exponent).unwrap_or(0))
        }
        _ => rounded,
    }
}

impl Table {
    /// A table of the given columns.
    pub fn new(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> Table {
        Table { title: title.into(), head: head.iter().map(|h| (*h).into()).collect(), rows }
    }

    /// Aligned columns for a terminal, at most [`COLUMNS`] wide: long cells are wrapped.
    pub fn text(&self) -> String {
        let rows = std::iter::once(&self.head).chain(&self.rows);
        format!("{}{}", paragraph(&self.title), aligned(rows, Some(COLUMNS)))
    }

    /// Aligned columns with a line for each row, however long, for tools that read lines.
    pub fn lines(&self) -> String {
        let rows = std::iter::once(&self.head).chain(&self.rows);
        format!("{}\n{}", self.title, aligned(rows, None))
    }

    /// An HTML table.
    pub fn html(&self) -> String {
        let row = |tag: &str, cells: &[String]| {
            let cells = cells.iter().map(|c| format!("<{tag}>{}</{tag}>", escape(c)));
            format!("<tr>{}</tr>", cells.collect::<String>())
        };
        let rows: String = self.rows.iter().map(|r| row("td", r)).collect();
        format!(
            "<table><caption>{}</caption><thead>{}</thead><tbody>{rows}</tbody></table>",
            escape(&self.title),
            row("th", &self.head)
        )
    }
}

/// The text in lines of at most [`COLUMNS`] characters, each with its end; empty for an empty text.
pub fn paragraph(text: &str) -> String {
    let cell = [text.to_string()];
    if text.is_empty() { String::new() } else { aligned(std::iter::once(&cell), Some(COLUMNS)) }
}

/// Rows of cells as lines, columns two spaces apart, wrapped to a width.
fn aligned<'a>(
    rows: impl Iterator<Item = &'a (impl AsRef<[String]> + 'a)>,
    width: Option<u16>,
) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    if let Some(width) = width {
        // More, because the last column has its gap too.
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width + 2);
    }
    table.add_rows(rows.map(|row| row.as_ref().to_vec()));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Text made safe for HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (f64::MAX, "1.80e308"),
            (-5e-324, "-4.94e-324"),
            (1.0, "1.00"),
            (0.001_949, "0.00195"),
            (12.345, "12.3"),
            (98_765.0, "98765"),
            (0.9996, "1.00"),
            (-99_999.9, "-1.00e5"),
            (1.234e-7, "1.23e-7"),
            (-2.5e9, "-2.50e9"),
            (1e-320, "1.00e-320"),
            (f64::INFINITY, "infinite"),
            (f64::NEG_INFINITY, "minus infinity"),
            (f64::NAN, "no number"),
        ];
        for (x, text) in cases {
            assert_eq!(number(x), text);
        }
    }

    #[test]
    fn intervals_may_be_open_or_missing() {
        const INF: f64 = f64::INFINITY;
        let cases = [
            (1.0, 4.0, "2.00 (1.00 to 4.00)"),
            (1.0, INF, "2.00 (from 1.00)"),
            (-INF, 4.0, "2.00 (to 4.00)"),
            (f64::NAN, f64::NAN, "2.00 (no interval)"),
            (1.0, f64::NAN, "2.00 (no interval)"),
            (f64::NAN, INF, "2.00 (no interval)"),
            (-INF, INF, "2.00 (no interval)"),
            (INF, INF, "2.00 (no interval)"),
        ];
        for (lo, hi, text) in cases {
            assert_eq!(with_interval(2.0, lo, hi), text);
        }
        assert_eq!(with_interval(INF, 1.0, INF), "infinite (from 1.00)");
        assert_eq!(with_interval(f64::NAN, 1.0, 2.0), "no number");
    }

    #[test]
    fn text_tables_align() {
        let table = Table::new("T", &["a", "long"], vec![vec!["wide cell".into(), "1".into()]]);
        assert_eq!(table.text(), "T\na          long\nwide cell  1\n");
    }

    #[test]
    fn texts_are_wrapped_to_a_terminal() {
        let long = "word ".repeat(60);
        let row = vec![long.clone(), "1".into(), long.clone()];
        let text = Table::new(&long, &["a", "b", "c"], vec![row]).text();
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(COLUMNS)), "{text}");
        assert_eq!(text.matches("word").count(), 180);
        let row = vec![long.clone(), "1".into()];
        let lines = Table::new("T", &["a", "b"], vec![row.clone(), row]).lines();
        assert_eq!((lines.lines().count(), lines.matches(&long).count()), (4, 2));
        assert_eq!((paragraph(""), paragraph("one line")), (String::new(), "one line\n".into()));
    }

    #[test]
    fn pages_escape_what_they_show() {
        let table = Table::new("<t>", &["a&b"], vec![vec!["\"x\"".into()]]);
        let html = table.html();
        assert!(html.contains("&lt;t&gt;") && html.contains("a&amp;b") && html.contains("&quot;x"));
    }
}
