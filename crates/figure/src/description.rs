//! A figure in words, for readers who do not see it.

use super::figure::Figure;
use super::mark::{Bars, HeatMap, Points, Rule};
use super::panel::Panel;
use super::series::Series;
use super::table::number;

/// Sentence for each panel: curves by their ends, other marks by their number.
pub(super) fn of(figure: &Figure) -> String {
    figure.panels.iter().map(panel).collect::<Vec<_>>().join(" ")
}

fn panel(panel: &Panel) -> String {
    let map = panel.heat_map.iter().map(heat_map);
    let curves = panel.series.iter().map(curve);
    let dots = panel.points.iter().map(dots);
    let bars = panel.bars.iter().map(bars);
    let rules = panel.rules.iter().map(rule);
    let marks: Vec<String> = map.chain(curves).chain(dots).chain(bars).chain(rules).collect();
    let name = if panel.title.is_empty() { "Panel" } else { &panel.title };
    let axes = match (panel.y_label.as_str(), panel.x_label.as_str()) {
        ("", "") => String::new(),
        ("", x) => format!(" over {x}"),
        (y, "") => format!(" of {y}"),
        (y, x) => format!(" of {y} over {x}"),
    };
    let shown = if marks.is_empty() { "no marks".into() } else { marks.join("; ") };
    format!("{name},{axes}: {shown}.").replace(",:", ":")
}

fn curve(series: &Series) -> String {
    let points =
        || series.x.iter().zip(&series.center).filter(|(x, y)| x.is_finite() && y.is_finite());
    let ends = points().next().zip(points().next_back());
    match ends {
        Some(((x, y), (last, end))) if x < last => format!(
            "{} from {} at {} to {} at {}",
            series.name,
            number(*y),
            number(*x),
            number(*end),
            number(*last)
        ),
        Some(((x, y), _)) => format!("{}: {} at {}", series.name, number(*y), number(*x)),
        None => format!("{}: no number", series.name),
    }
}

fn dots(points: &Points) -> String {
    format!("{}: {} dots", points.name, points.x.len())
}

fn bars(bars: &Bars) -> String {
    format!("{}: histogram of {} bins", bars.name, bars.heights.len())
}

fn rule(rule: &Rule) -> String {
    format!("line: {}", rule.name)
}

fn heat_map(map: &HeatMap) -> String {
    format!("matrix of {} times {} coloured cells", map.rows, map.columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Color, Line};

    #[test]
    fn curves_are_told_by_their_ends() {
        let nan = f64::NAN;
        let series = |name: &str, y: [f64; 3]| {
            Series::new(name, Color::RED, vec![0.0, 10.0, 20.0], y.into())
        };
        let own = Panel {
            title: "Setting 1".into(),
            x_label: "step".into(),
            y_label: "loss".into(),
            series: vec![
                series("Adam", [5.0, 1.0, 0.5]),
                series("cut", [nan, 2.0, nan]),
                series("none", [nan; 3]),
            ],
            rules: vec![Rule { name: "GD".into(), color: Color::RED, line: Line::Horizontal(1.0) }],
            ..Panel::default()
        };
        let figure = Figure { panels: vec![own, Panel::default()], ..Figure::default() };
        assert_eq!(
            of(&figure),
            "Setting 1, of loss over step: Adam from 5.00 at 0 to 0.500 at 20.0; cut: 2.00 at 10.0; \
             none: no number; line: GD. Panel: no marks."
        );
    }
}
