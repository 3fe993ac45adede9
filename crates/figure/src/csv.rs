//! The numbers of a figure as CSV (RFC 4180).

use super::figure::Figure;
use super::mark::{Bars, HeatMap, Line, Points, Rule};
use super::panel::Panel;
use super::series::Series;

/// `panel,series,member,x,y`, one number to a row.
///
/// # Panics
/// If lengths that should agree differ, or a heat map shares its panel.
pub(super) fn csv(figure: &Figure) -> String {
    figure.panels.iter().for_each(Panel::check);
    let mut csv = String::from("panel,series,member,x,y\n");
    for panel in &figure.panels {
        let mut rows = Rows { csv: &mut csv, panel: &panel.title };
        rows.add_panel(panel);
    }
    csv
}

/// The rows of a panel.
struct Rows<'a> {
    csv: &'a mut String,
    panel: &'a str,
}

impl Rows<'_> {
    fn add_panel(&mut self, panel: &Panel) {
        panel.series.iter().for_each(|s| self.add_series(s));
        panel.bars.iter().for_each(|b| self.add_bars(b));
        panel.points.iter().for_each(|p| self.add_points(p));
        panel.rules.iter().for_each(|r| self.add_rule(r));
        panel.heat_map.iter().for_each(|m| self.add_heat_map(m));
    }

    fn add_series(&mut self, series: &Series) {
        for (member, y) in series.curves() {
            self.add(&series.name, member, zip(&series.x, y));
        }
    }

    fn add_points(&mut self, points: &Points) {
        self.add(&points.name, "points", zip(&points.x, &points.y));
        if let Some(shade) = &points.shade {
            self.add(&points.name, "shade", zip(&points.x, shade));
        }
    }

    fn add_bars(&mut self, bars: &Bars) {
        self.add(&bars.name, "bar", zip(&bars.edges, &bars.heights));
        self.add(&bars.name, "bar_end", bars.edges.last().map(|&edge| (edge, 0.0)));
    }

    fn add_rule(&mut self, rule: &Rule) {
        let (member, numbers) = match rule.line {
            Line::Horizontal(y) => ("rule", (f64::NAN, y)),
            Line::Vertical(x) => ("rule", (x, f64::NAN)),
            Line::Slope { slope, intercept } => ("rule_slope", (slope, intercept)),
        };
        self.add(&rule.name, member, [numbers]);
    }

    fn add_heat_map(&mut self, map: &HeatMap) {
        for (r, row) in map.values.chunks(map.columns.max(1)).enumerate() {
            let cells = row.iter().enumerate().map(|(c, &value)| (c as f64, value));
            self.add(&format!("row {r}"), "cell", cells);
        }
        for (member, blocks) in
            [("row_block", &map.row_blocks), ("column_block", &map.column_blocks)]
        {
            let mut first = 0;
            for (name, cells) in blocks {
                self.add(name, member, [(first as f64, *cells as f64)]);
                first += cells;
            }
        }
    }

    fn add(&mut self, series: &str, member: &str, rows: impl IntoIterator<Item = (f64, f64)>) {
        let names = [self.panel, series, member].map(quoted).join(",");
        for (x, y) in rows {
            self.csv.push_str(&format!("{names},{},{}\n", number(x), number(y)));
        }
    }
}

fn zip<'a>(x: &'a [f64], y: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    x.iter().copied().zip(y.iter().copied())
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
