//! Figures and charts of samples that axes and statistics are not made for.

use roxmltree::Document;
use windtunnel_figure::table::Table;
use windtunnel_figure::{
    Band, Bars, Color, ColorMap, Figure, HeatMap, Line, Panel, Points, Rule, Scale, Series,
};
use windtunnel_lab::baseline::Baseline;
use windtunnel_lab::chart::{self, Group, Member};
use windtunnel_math::objective::Block;
use windtunnel_measure::landscape::{Hessian, NoiseSample, Reference};
use windtunnel_paper::report::{Page, PagePart};
use windtunnel_runs::store::{Row, RunId};

use super::dice::Dice;

/// Every metric that a chart looks for.
const METRICS: [&str; 30] = [
    "held_out_loss",
    "held_out_median",
    "held_out_grad_norm",
    "hessian_norm",
    "path_smoothness",
    "directional_smoothness",
    "directional_smoothness.neg_grad",
    "directional_smoothness.sgd",
    "directional_smoothness.adam",
    "robust_condition_number",
    "robust_condition_number.diag.lower.live",
    "robust_condition_number.eigen.lower.all",
    "robust_condition_number.eigen.lower.live",
    "eigenvalue.0",
    "eigenvalue.1",
    "eigenvalue.2",
    "stability_ratio",
    "js_distance",
    "loss.max",
    "loss.q99",
    "loss.mean",
    "loss.q75",
    "loss.q50",
    "loss.q25",
    "loss.q05",
    "update_cos_neg_full_grad",
    "update_cos_newton",
    "predicted_decrease",
    "realised_decrease",
    "grad_norm",
];

/// The largest coordinate that a page of some panels can have.
const FARTHEST: f64 = 20_000.0;

/// Numbers in a text of path data or places.
fn numbers(text: &str) -> impl Iterator<Item = f64> {
    let separate = |c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-'));
    text.split(separate).filter_map(|number| number.parse().ok())
}

/// Checks that the SVG is XML with all places on the page, and that every panel has ink or a
/// reason.
fn check_svg(svg: &str) {
    let document = Document::parse(svg).unwrap();
    for node in document.descendants() {
        for attribute in node.attributes().filter(|a| !a.name().starts_with("data-")) {
            let value = attribute.value();
            assert!(!value.contains("NaN") && !value.contains("inf"), "{value}");
            let place = ["d", "x", "y", "width", "height"].contains(&attribute.name());
            for number in numbers(if place { value } else { "" }) {
                assert!(number.abs() < FARTHEST, "{number} in {value}");
            }
        }
        let class = |name: &str| node.descendants().any(|n| n.attribute("class") == Some(name));
        if node.attribute("class") == Some("panel") {
            assert!(class("axes"), "a panel without axes");
            let marks = ["center", "points", "bars", "rule", "cells", "band", "member", "reason"];
            assert!(marks.into_iter().any(class), "a panel with neither marks nor a reason: {svg}");
        }
    }
}

fn check(figure: &Figure, everything: bool) {
    check_svg(&figure.svg());
    assert!(figure.csv().starts_with("panel,series,member,x,y\n"));
    if everything {
        assert!(figure.png(1.0).unwrap().starts_with(b"\x89PNG"));
        assert!(figure.pdf().starts_with(b"%PDF"));
        let part = PagePart { id: "a", figures: vec![figure.into()], ..PagePart::default() };
        let html = Page { title: "fuzz", parts: vec![part], ..Page::default() }.html();
        let drawings = html.split("<svg").skip(1).map(|rest| rest.split_once("</svg>").unwrap().0);
        drawings.for_each(|rest| check_svg(&format!("<svg{rest}</svg>")));
    }
}

fn scale(dice: &mut Dice) -> Scale {
    match dice.below(4) {
        0 => Scale::Linear,
        1 => Scale::Log,
        2 => Scale::SymLog { linear: 1e-3 },
        _ => Scale::SymLog { linear: dice.number() },
    }
}

fn name(dice: &mut Dice) -> String {
    let long = "x".repeat(400);
    (*dice.pick(&["", "a", "λ_{max}^{", "<b>&\"", "a name of several words", &long])).into()
}

fn marks(dice: &mut Dice, n: usize) -> Panel {
    let color = Color::RED;
    let member =
        |dice: &mut Dice| windtunnel_figure::MemberCurve { name: name(dice), y: dice.sample(n) };
    let series = |dice: &mut Dice| Series {
        band: dice.one_in(2).then(|| Band { lo: dice.sample(n), hi: dice.sample(n) }),
        members: (0..dice.below(3)).map(|_| member(dice)).collect(),
        ..Series::new(name(dice), color, dice.sample(n), dice.sample(n))
    };
    let points = |dice: &mut Dice| Points {
        name: name(dice),
        color,
        x: dice.sample(n),
        y: dice.sample(n),
        shade: dice.one_in(2).then(|| dice.sample(n)),
    };
    let bars = |dice: &mut Dice| {
        let (name, edges, heights) = (name(dice), dice.sample(n + 1), dice.sample(n));
        Bars { name, color, edges, heights }
    };
    let rule = |dice: &mut Dice| {
        let (slope, intercept) = (dice.number(), dice.number());
        let lines =
            [Line::Horizontal(slope), Line::Vertical(slope), Line::Slope { slope, intercept }];
        Rule { name: name(dice), color, line: *dice.pick(&lines) }
    };
    Panel {
        title: name(dice),
        x_label: name(dice),
        y_label: name(dice),
        x_scale: scale(dice),
        y_scale: scale(dice),
        shade_scale: scale(dice),
        shade_label: name(dice),
        series: (0..dice.below(3)).map(|_| series(dice)).collect(),
        points: (0..dice.below(2)).map(|_| points(dice)).collect(),
        bars: (0..dice.below(2)).map(|_| bars(dice)).collect(),
        rules: (0..dice.below(3)).map(|_| rule(dice)).collect(),
        ..Panel::default()
    }
}

fn matrix(dice: &mut Dice, rows: usize) -> Panel {
    let columns = dice.below(6);
    let values = dice.sample(rows * columns);
    let scale = scale(dice);
    let color_map = *dice.pick(&[ColorMap::Sequential, ColorMap::Diverging]);
    let row_blocks = if dice.one_in(2) { vec![(name(dice), rows)] } else { Vec::new() };
    let map = HeatMap { rows, columns, values, scale, color_map, row_blocks, ..HeatMap::default() };
    Panel { title: name(dice), heat_map: Some(map), ..Panel::default() }
}

#[test]
fn any_numbers_are_a_figure() {
    let mut dice = Dice::new(9);
    for case in 0..400 {
        let n = [0, 1, 2, 3, 20][case % 5];
        let panels = (0..1 + dice.below(3)).map(|_| match dice.one_in(4) {
            true => matrix(&mut dice, n),
            false => marks(&mut dice, n),
        });
        let panels = panels.collect();
        let figure = Figure { title: name(&mut dice), panels, caption: name(&mut dice) };
        check(&figure, case % 20 == 0);
    }
}

/// Rows of every metric, at steps that all metrics have or only some.
fn member(dice: &mut Dice, seed: u64) -> Member {
    let steps = *dice.pick(&[0, 1, 2, 12]);
    let mut rows = Vec::new();
    for metric in METRICS.iter().filter(|_| !dice.one_in(9)).collect::<Vec<_>>() {
        let values = dice.sample(steps);
        let row = |(step, value)| Row::new(step as u64, *metric, value);
        rows.extend(values.into_iter().enumerate().map(row).filter(|_| !dice.one_in(15)));
    }
    Member { run: RunId::from(seed), seed, rows: rows.into() }
}

fn group(dice: &mut Dice, name: &str) -> Group {
    let members = (0..1 + dice.below(3) as u64).map(|seed| member(dice, seed)).collect();
    Group { name: name.into(), color: Color::RED, members }
}

/// Checks that text and HTML have no infinity or NaN without a reason.
fn check_table(table: &Table) {
    assert!(table.rows.iter().all(|row| row.len() == table.head.len()), "{table:?}");
    let text = table.text();
    let words = text.split(|c: char| !c.is_alphanumeric());
    let bare: Vec<&str> = words.filter(|word| ["NaN", "inf"].contains(word)).collect();
    assert!(bare.is_empty(), "{bare:?} in {text}");
    assert!(table.html().starts_with("<table>"));
}

#[test]
fn any_rows_are_charts() {
    let mut dice = Dice::new(10);
    for case in 0..60 {
        let groups = [group(&mut dice, "sgd"), group(&mut dice, "adam")];
        let line = |dice: &mut Dice| {
            let [mean, median] = [dice.number(), dice.number()];
            Baseline { name: "GD".into(), mean, median, scalars: None }
        };
        let lines = [line(&mut dice), line(&mut dice)];
        let first = &groups[0].members[0];
        let charts = [
            chart::conditioning(&groups),
            chart::smoothness(&groups),
            chart::spectrum(&groups),
            chart::stability(&groups),
            chart::heterogeneity(&groups),
            chart::losses(&groups),
            chart::update_geometry(&groups),
            chart::generalized(&groups[0], first),
            chart::held_out(&groups, &lines),
        ];
        charts.iter().flatten().for_each(|figure| check(figure, case % 10 == 0));
        let steps: Vec<u64> = (0..12).collect();
        let tables = [
            chart::condition_ratios(&groups[0], &groups[1], &steps),
            chart::negative_steps(&groups),
            chart::generalized_fits(&groups),
        ];
        tables.iter().flatten().for_each(check_table);
    }
}

#[test]
fn any_noise_and_any_hessian_are_pictures() {
    let mut dice = Dice::new(11);
    let blocks = |sizes: &[usize]| {
        let block = |(at, size): (usize, usize)| Block {
            name: format!("p{at}"),
            range: at..at + size,
            shape: None,
            unused: false,
        };
        let starts = sizes.iter().scan(0, |end, size| {
            *end += size;
            Some(*end - size)
        });
        starts.zip(sizes.iter().copied()).map(block).collect::<Vec<_>>()
    };
    for case in 0..60 {
        let sizes = *dice.pick(&[&[4, 4][..], &[1], &[9], &[2, 3]]);
        let dim = sizes.iter().sum();
        let draws = *dice.pick(&[1, 2, 5, 40, 200]);
        let reference = Reference {
            grad: vec![0.0; dim],
            loss: 0.0,
            standard_error: 0.0,
            standard_errors: vec![0.0; dim],
            samples: 9,
        };
        let sample = NoiseSample { batch_size: 3, vectors: dice.sample(draws * dim), reference };
        check(&chart::noise(&sample, "what"), case % 10 == 0);
        check(&chart::noise_by_coordinate(&sample, &blocks(sizes), "what"), case % 10 == 0);
        let hessian = Hessian::from_entries(dim, dice.sample(dim * dim));
        check(&chart::hessian(&hessian, &blocks(sizes), "what"), case % 10 == 0);
    }
}

/// Cases that `measure` could not draw: a threshold of 1e291 or of 1e−299.
#[test]
fn a_hessian_of_any_size_is_drawn() {
    for size in [1e-305, 1e-295, 1.0, 1e295, f64::MAX] {
        let hessian = Hessian::from_entries(2, vec![size, -size, 0.5 * size, f64::INFINITY]);
        let block = Block { name: "p".into(), range: 0..2, shape: None, unused: false };
        let figure = chart::hessian(&hessian, &[block], "what");
        let svg = figure.svg();
        check_svg(&svg);
        assert!(svg.contains("Grey: 1 of 4 cells (infinite)"), "{size}: {svg}");
        let colors = svg.split("class=\"cells\"").nth(1).unwrap().matches("color=\"#").count();
        assert!(colors >= 3, "{size}: {colors} colours");
    }
}
