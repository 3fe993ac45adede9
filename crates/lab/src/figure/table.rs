//! The numbers of a figure as CSV (RFC 4180).

use super::Figure;

/// `panel,series,member,x,y`, one number to a row.
pub(super) fn csv(figure: &Figure) -> String {
    let mut csv = String::from("panel,series,member,x,y\n");
    for panel in &figure.panels {
        for series in &panel.series {
            for (member, y) in series.curves() {
                let names = [&panel.title[..], &series.name, member].map(quoted).join(",");
                for (&x, &y) in series.x.iter().zip(y) {
                    csv.push_str(&format!("{names},{},{}\n", number(x), number(y)));
                }
            }
        }
    }
    csv
}

/// The shortest digits that read back to the same bits, with an exponent if very large or small.
fn number(value: f64) -> String {
    // Within these bounds positional notation is no longer than 17 digits and a few zeros.
    let positional = value == 0.0 || !value.is_finite() || (1e-5..1e16).contains(&value.abs());
    if positional { value.to_string() } else { format!("{value:e}") }
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.into()
    }
}
