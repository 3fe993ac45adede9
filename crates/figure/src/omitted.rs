//! Sentences on what a panel omits, and the reasons.

use super::figure::Figure;
use super::frame::runs;
use super::mark::{Bars, Line, Points};
use super::panel::Panel;
use super::scale::Scale;
use super::series::Series;
use super::table::significant;

/// Reason for which a number has no place on a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    NotANumber,
    Infinite,
    NotPositive,
    NoThreshold,
}

impl Reason {
    const ALL: [Reason; 4] =
        [Self::NotANumber, Self::Infinite, Self::NotPositive, Self::NoThreshold];

    /// The reason for which `value` has no place; nothing if it has one.
    fn of(scale: Scale, value: f64) -> Option<Self> {
        match scale {
            _ if scale.admits(value) => None,
            _ if value.is_nan() => Some(Self::NotANumber),
            _ if value.is_infinite() => Some(Self::Infinite),
            Scale::SymLog { .. } => Some(Self::NoThreshold),
            Scale::Linear | Scale::Log => Some(Self::NotPositive),
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::NotANumber => "not a number",
            Self::Infinite => "infinite",
            Self::NotPositive => "not above zero, on a logarithmic scale",
            Self::NoThreshold => "on a scale whose threshold is not a positive number",
        }
    }
}

/// Marks of one kind: how many there are, and for how many of them each reason holds.
struct Tally {
    what: &'static str,
    all: usize,
    missing: [usize; Reason::ALL.len()],
}

impl Tally {
    fn new(what: &'static str, marks: impl Iterator<Item = Option<Reason>>) -> Self {
        let mut tally = Self { what, all: 0, missing: [0; Reason::ALL.len()] };
        for mark in marks {
            tally.all += 1;
            let missing = tally.missing.iter_mut().zip(Reason::ALL);
            missing.filter(|(_, reason)| mark == Some(*reason)).for_each(|(count, _)| *count += 1);
        }
        tally
    }

    /// Each reason that holds for any, and for how many.
    fn reasons(&self) -> Vec<(usize, &'static str)> {
        let counted = self.missing.iter().zip(Reason::ALL);
        counted.filter(|(count, _)| **count > 0).map(|(&n, reason)| (n, reason.text())).collect()
    }

    /// "3 of 40 points (2 infinite; 1 not a number)"; nothing if none is missing.
    fn text(&self) -> Option<String> {
        let (reasons, all) = (self.reasons(), self.all);
        let missing: usize = self.missing.iter().sum();
        let listed = match reasons.as_slice() {
            [] => return None,
            [(_, only)] => (*only).into(),
            several => {
                several.iter().map(|(n, text)| format!("{n} {text}")).collect::<Vec<_>>().join("; ")
            }
        };
        Some(format!("{missing} of {all} {} ({listed})", self.what))
    }
}

/// Lines of small print, each with a line break before it: what panels say of themselves, and what
/// they do not draw.
pub(super) fn notes(figure: &Figure) -> String {
    let several = figure.panels.len() > 1;
    let line = |panel: &Panel| {
        let text = [panel.note.clone(), omitted(panel)].join(" ");
        match (text.trim(), panel.title.as_str()) {
            ("", _) => String::new(),
            (text, title) if several && !title.is_empty() => format!("\n“{title}”: {text}"),
            (text, _) => format!("\n{text}"),
        }
    };
    figure.panels.iter().map(line).collect()
}

/// The reason for which a panel shows nothing at all.
pub(super) fn reason(panel: &Panel) -> String {
    let tallies: Vec<Tally> = drawn(panel).into_iter().chain(colored(panel)).collect();
    let mut reasons: Vec<&str> = Vec::new();
    for (_, text) in tallies.iter().flat_map(Tally::reasons) {
        if !reasons.contains(&text) {
            reasons.push(text);
        }
    }
    let reason = match (panel.note.as_str(), reasons.as_slice()) {
        ("", []) if tallies.iter().all(|tally| tally.all == 0) => "there are no numbers".into(),
        ("", []) => "nothing of it lies within the axes".into(),
        ("", reasons) => format!("no mark has a place ({})", reasons.join("; ")),
        (note, _) => note.to_string(),
    };
    format!("nothing to draw: {reason}")
}

fn omitted(panel: &Panel) -> String {
    let sentence = |what: &str, tallies: Vec<Tally>| {
        let texts: Vec<String> = tallies.iter().filter_map(Tally::text).collect();
        if texts.is_empty() { String::new() } else { format!("{what}: {}.", texts.join(", ")) }
    };
    let sentences =
        [peaks(panel), sentence("Not drawn", drawn(panel)), sentence("Grey", colored(panel))];
    sentences.join(" ").trim().into()
}

/// Stretches of single members above the axes, series by series: "Above the axes (triangles): Adam
/// 3 peaks of 2 of 20, up to 7e8."; empty if there are none.
fn peaks(panel: &Panel) -> String {
    let most = panel.y_most.unwrap_or(f64::INFINITY);
    let of = |series: &Series| {
        let stretches =
            |y: &[f64]| runs(y.iter().map(|y| (*y > most && y.is_finite()).then_some(*y)));
        let all: Vec<_> = series.members.iter().map(|member| stretches(&member.y)).collect();
        let peaks: usize = all.iter().map(Vec::len).sum();
        let curves = all.iter().filter(|own| !own.is_empty()).count();
        let highest = all.iter().flatten().flatten().copied().fold(0.0, f64::max);
        let plural = if peaks == 1 { "" } else { "s" };
        (peaks > 0).then(|| {
            format!(
                "{} {peaks} peak{plural} of {curves} of {} faint curves, up to {}",
                series.name,
                all.len(),
                significant(highest, 2)
            )
        })
    };
    let texts: Vec<String> = panel.series.iter().filter_map(of).collect();
    if texts.is_empty() {
        String::new()
    } else {
        format!("Above the axes (triangles): {}.", texts.join("; "))
    }
}

/// Tallies of the marks that need a place. NaN in a member or a band is not an omission: the run
/// was shorter, or the centre is missing too.
fn drawn(panel: &Panel) -> Vec<Tally> {
    let (x, y) = (panel.x_scale, panel.y_scale);
    let place = move |(&a, &b): (&f64, &f64)| Reason::of(x, a).or(Reason::of(y, b));
    let centers = panel.series.iter().flat_map(move |s| s.x.iter().zip(&s.center)).map(place);
    let members = panel.series.iter().flat_map(|s| members(s, y));
    let bands = panel.series.iter().flat_map(|s| edges(s, y));
    let dots = panel.points.iter().flat_map(move |p| p.x.iter().zip(&p.y)).map(place);
    let bars = panel.bars.iter().flat_map(|b| bars(b, (x, y)));
    let rules = panel.rules.iter().map(|rule| match rule.line {
        Line::Horizontal(at) => Reason::of(y, at),
        Line::Vertical(at) => Reason::of(x, at),
        Line::Slope { slope, intercept } => {
            Reason::of(Scale::Linear, slope).or(Reason::of(Scale::Linear, intercept))
        }
    });
    vec![
        Tally::new("points of curves", centers),
        Tally::new("points of faint curves", members),
        Tally::new("edges of bands", bands),
        Tally::new("dots", dots),
        Tally::new("bars", bars),
        Tally::new("dashed lines", rules),
    ]
}

fn members(series: &Series, scale: Scale) -> impl Iterator<Item = Option<Reason>> {
    let values = series.members.iter().flat_map(|member| &member.y).filter(|v| !v.is_nan());
    values.map(move |&v| Reason::of(scale, v))
}

/// Upper edges, and the lower ones that do not just reach the bottom.
fn edges(series: &Series, scale: Scale) -> impl Iterator<Item = Option<Reason>> {
    let lo = series.band.iter().flat_map(|band| &band.lo).map(move |&v| (v, Reason::of(scale, v)));
    let hi = series.band.iter().flat_map(|band| &band.hi).map(move |&v| (v, Reason::of(scale, v)));
    let lo = lo.map(|(v, reason)| (v, reason.filter(|r| *r != Reason::NotPositive)));
    lo.chain(hi).filter(|(v, _)| !v.is_nan()).map(|(_, reason)| reason)
}

/// A bar without height is drawn where it would stand.
fn bars(bars: &Bars, (x, y): (Scale, Scale)) -> impl Iterator<Item = Option<Reason>> {
    bars.edges.windows(2).zip(&bars.heights).map(move |(ends, &height)| {
        let top = Reason::of(y, height).filter(|_| height != 0.0);
        Reason::of(x, ends[0]).or(Reason::of(x, ends[1])).or(top)
    })
}

/// Tallies of the cells and dots that need a colour, and are grey without.
fn colored(panel: &Panel) -> Vec<Tally> {
    let cells = panel.heat_map.iter().flat_map(|map| map.values.iter().map(|&v| (map.scale, v)));
    let cells = cells.map(|(scale, v)| Reason::of(scale, v));
    let shade = |points: &Points| points.shade.clone().unwrap_or_default();
    let shades = panel.points.iter().flat_map(shade);
    let shades = shades.map(|v| Reason::of(panel.shade_scale, v));
    vec![Tally::new("cells", cells), Tally::new("dots", shades)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Band, Color, HeatMap, MemberCurve, Rule};

    fn series(center: &[f64]) -> Series {
        let x = (0..center.len()).map(|i| i as f64).collect();
        Series::new("a", Color::RED, x, center.to_vec())
    }

    fn note(panels: &[Panel]) -> String {
        notes(&Figure { panels: panels.to_vec(), ..Figure::default() })
    }

    #[test]
    fn every_reason_is_counted_for_every_kind_of_mark() {
        let band = Band { lo: vec![-1.0, f64::NAN, 1.0], hi: vec![f64::INFINITY, f64::NAN, 2.0] };
        let members = vec![MemberCurve { name: "seed 0".into(), y: vec![0.0, f64::NAN, 1.0] }];
        let curve = Series { band: Some(band), members, ..series(&[f64::NAN, 0.0, 1.0]) };
        let rule = |y| Rule { name: "r".into(), color: Color::RED, line: Line::Horizontal(y) };
        let panel = Panel {
            y_scale: Scale::Log,
            series: vec![curve],
            rules: vec![rule(f64::INFINITY), rule(2.0)],
            ..Panel::default()
        };
        let expected = "\nNot drawn: 2 of 3 points of curves (1 not a number; 1 not above zero, on a \
                        logarithmic scale), 1 of 2 points of faint curves (not above zero, on a \
                        logarithmic scale), 1 of 4 edges of bands (infinite), 1 of 2 dashed lines \
                        (infinite).";
        assert_eq!(note(&[panel]), expected);
        let points = Points {
            name: String::new(),
            color: Color::RED,
            x: vec![1.0; 3],
            y: vec![1.0, f64::NAN, 2.0],
            shade: Some(vec![1.0, 2.0, f64::NAN]),
        };
        let edges = vec![0.0, 1.0, 2.0, f64::INFINITY];
        let heights = vec![1.0, f64::NAN, 1.0];
        let bars = Bars { name: String::new(), color: Color::RED, edges, heights };
        let (points, bars) = (vec![points], vec![bars]);
        let panel = Panel { points, bars, title: "b".into(), ..Panel::default() };
        let expected = "\n“b”: Not drawn: 1 of 3 dots (not a number), 2 of 3 bars (1 not a number; 1 \
                        infinite). Grey: 1 of 3 dots (not a number).";
        assert_eq!(note(&[panel, Panel::default()]), expected);
    }

    #[test]
    fn peaks_above_the_axes_are_counted() {
        let member = |y: [f64; 4]| MemberCurve { name: String::new(), y: y.into() };
        let ups = [[1.0, 1e3, 1e4, 1.0], [1e7, 1.0, 1.0, 150.0], [1.0; 4]].map(member);
        let curve = Series { members: ups.into(), ..series(&[1.0; 4]) };
        let panel = |y_most| Panel { series: vec![curve.clone()], y_most, ..Panel::default() };
        let expected =
            "\nAbove the axes (triangles): a 3 peaks of 2 of 3 faint curves, up to 1.0e7.";
        assert_eq!(note(&[panel(Some(100.0))]), expected);
        assert_eq!(note(&[panel(None)]), "");
    }

    #[test]
    fn what_is_drawn_needs_no_note() {
        let bars = Bars {
            name: String::new(),
            color: Color::RED,
            edges: vec![1.0, 2.0],
            heights: vec![0.0],
        };
        let whole = [5e-324, 1.0, f64::MAX];
        for y_scale in [Scale::Linear, Scale::Log, Scale::SymLog { linear: f64::MAX }] {
            let (series, bars) = (vec![series(&whole)], vec![bars.clone()]);
            assert_eq!(note(&[Panel { y_scale, series, bars, ..Panel::default() }]), "");
        }
    }

    #[test]
    fn an_empty_panel_has_its_reason() {
        let of = |y_scale, center: &[f64]| {
            reason(&Panel { y_scale, series: vec![series(center)], ..Panel::default() })
        };
        assert_eq!(of(Scale::Linear, &[]), "nothing to draw: there are no numbers");
        let texts = [
            of(Scale::Linear, &[f64::NAN, f64::NAN]),
            of(Scale::Log, &[f64::INFINITY, -1.0]),
            of(Scale::SymLog { linear: 0.0 }, &[1.0]),
        ];
        let expected = [
            "not a number",
            "infinite; not above zero, on a logarithmic scale",
            "on a scale whose threshold is not a positive number",
        ];
        let expected =
            expected.map(|text| format!("nothing to draw: no mark has a place ({text})"));
        assert_eq!(texts, expected);
        let line = Line::Slope { slope: 0.0, intercept: 9.0 };
        let rule = Rule { name: "r".into(), color: Color::RED, line };
        let outside = reason(&Panel { rules: vec![rule], ..Panel::default() });
        assert_eq!(outside, "nothing to draw: nothing of it lies within the axes");
        let note = "few draws".to_string();
        assert_eq!(reason(&Panel { note, ..Panel::default() }), "nothing to draw: few draws");
        let (rows, columns, values) = (1, 2, vec![f64::NAN; 2]);
        let heat_map = Some(HeatMap { rows, columns, values, ..HeatMap::default() });
        let panel = Panel { heat_map, ..Panel::default() };
        assert!(reason(&panel).ends_with("no mark has a place (not a number)"));
    }
}
