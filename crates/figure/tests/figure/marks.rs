//! Points, bars, rules and heat maps.

use roxmltree::Document;
use tiny_skia::Pixmap;
use windtunnel_figure::{Bars, Color, ColorMap, Figure, HeatMap, Line, Panel, Points, Rule, Scale};

use super::{Uniform, assert_snapshot, axes_box, curve, figure, of_class, panel, points, texts};

/// Bars, a curve, points and rules of every kind on axes of both signs; a matrix beside them.
pub(super) fn every_mark() -> Figure {
    let rule = |name: &str, line| Rule { name: name.into(), color: Color::CYCLE[2], line };
    let marks = Panel {
        x_scale: Scale::SymLog { linear: 0.1 },
        bars: vec![Bars {
            name: "histogram".into(),
            color: Color::CYCLE[3],
            edges: vec![-1.0, 0.0, 0.5, 2.0],
            heights: vec![2.0, f64::NAN, 0.7],
        }],
        points: vec![
            Points {
                name: "shaded".into(),
                color: Color::RED,
                x: vec![-2.0, 0.0, 3.0],
                y: vec![1.0, 2.0, 0.5],
                shade: Some(vec![0.0, 10.0, f64::NAN]),
            },
            Points {
                name: "plain".into(),
                color: Color::RED,
                x: vec![1.0],
                y: vec![1.5],
                shade: None,
            },
        ],
        rules: vec![
            rule("bound", Line::Horizontal(2.5)),
            rule("", Line::Vertical(-1.5)),
            rule("slope", Line::Slope { slope: 0.5, intercept: 1.0 }),
        ],
        shade_label: "step".into(),
        ..panel("Marks", Scale::Linear, vec![curve(&[1.0, 2.0, 1.25])])
    };
    let matrix = HeatMap {
        rows: 2,
        columns: 3,
        values: vec![-1e4, -1.0, 0.0, 1e-3, f64::NAN, 1e4],
        row_blocks: vec![("P".into(), 1), ("Q".into(), 1)],
        column_blocks: vec![("P".into(), 1), ("Q".into(), 2)],
        scale: Scale::SymLog { linear: 1e-3 },
        color_map: ColorMap::Diverging,
    };
    let matrix = Panel {
        title: "Matrix".into(),
        heat_map: Some(matrix),
        shade_label: "entry".into(),
        ..Panel::default()
    };
    figure(vec![marks, matrix])
}

#[test]
fn marks_have_legend_entries_colour_bars_and_places_inside_the_axes() {
    let svg = every_mark().svg();
    let document = Document::parse(&svg).unwrap();
    let texts = texts(document.root());
    for once in ["histogram", "shaded", "plain", "bound", "slope", "curve", "entry", "P", "Q"] {
        // Blocks are named at both axes.
        let expected = if ["P", "Q"].contains(&once) { 2 } else { 1 };
        assert_eq!(texts.iter().filter(|t| *t == once).count(), expected, "{once}: {texts:?}");
    }
    assert_eq!(of_class(document.root(), "color-bar").count(), 2);
    let [left, top, right, bottom] = axes_box(document.root());
    let marks = ["points", "rule"].into_iter().flat_map(|c| of_class(document.root(), c));
    let paths = marks.flat_map(|n| n.descendants()).filter_map(|n| n.attribute("d"));
    let sloping = paths.filter(|d| !d.contains(['H', 'V']));
    let dots: Vec<(f64, f64)> = sloping.flat_map(|d| points(&d.replace("h.01", ""))).collect();
    assert!(dots.len() > 4 + 100, "{}", dots.len());
    for (x, y) in dots {
        let inside = left - 0.01 <= x && x <= right + 0.01 && top - 0.01 <= y && y <= bottom + 0.01;
        assert!(inside, "({x}, {y}) outside {left} {top} {right} {bottom}");
    }
}

#[test]
fn rules_alone_are_a_picture_and_reached_by_the_axes() {
    for line in [Line::Horizontal(7.0), Line::Vertical(7.0)] {
        let rule = Rule { name: String::new(), color: Color::RED, line };
        let panel = Panel { rules: vec![rule], ..panel("", Scale::Linear, vec![]) };
        let svg = figure(vec![panel]).svg();
        assert!(!svg.contains("nothing to draw") && svg.contains("stroke-dasharray"), "{svg}");
    }
}

#[test]
fn the_csv_has_every_number_of_every_mark() {
    let csv = every_mark().csv();
    let marks = [
        "Marks,curve,center,0,1",
        "Marks,curve,center,1,2",
        "Marks,curve,center,2,1.25",
        "Marks,histogram,bar,-1,2",
        "Marks,histogram,bar,0,NaN",
        "Marks,histogram,bar,0.5,0.7",
        "Marks,histogram,bar_end,2,0",
        "Marks,shaded,points,-2,1",
        "Marks,shaded,points,0,2",
        "Marks,shaded,points,3,0.5",
        "Marks,shaded,shade,-2,0",
        "Marks,shaded,shade,0,10",
        "Marks,shaded,shade,3,NaN",
        "Marks,plain,points,1,1.5",
        "Marks,bound,rule,NaN,2.5",
        "Marks,,rule,-1.5,NaN",
        "Marks,slope,rule_slope,0.5,1",
    ];
    let matrix = [
        "Matrix,row 0,cell,0,-10000",
        "Matrix,row 0,cell,1,-1",
        "Matrix,row 0,cell,2,0",
        "Matrix,row 1,cell,0,0.001",
        "Matrix,row 1,cell,1,NaN",
        "Matrix,row 1,cell,2,10000",
        "Matrix,P,row_block,0,1",
        "Matrix,Q,row_block,1,1",
        "Matrix,P,column_block,0,1",
        "Matrix,Q,column_block,1,2",
    ];
    let lines: Vec<_> = csv.lines().skip(1).collect();
    assert_eq!(lines, [&marks[..], &matrix].concat());
}

#[test]
fn every_mark_is_as_it_was() {
    assert_snapshot(&every_mark().svg(), "marks.svg");
}

#[test]
fn a_large_matrix_is_a_small_picture_and_its_cells_have_their_colours() {
    // Ten decades of both signs: as good as no two neighbours alike.
    let mut uniform = Uniform(3);
    let values: Vec<f64> = (0..150 * 150)
        .map(|i| (if i % 2 == 0 { 1.0 } else { -1.0 }) * 10_f64.powf(10.0 * uniform.next() - 5.0))
        .collect();
    let scale = Scale::SymLog { linear: 1e-5 };
    let color_map = ColorMap::Diverging;
    let map = HeatMap { rows: 150, columns: 150, values, scale, color_map, ..HeatMap::default() };
    let figure = figure(vec![Panel { heat_map: Some(map.clone()), ..Panel::default() }]);
    let svg = figure.svg();
    assert!(svg.len() < 400_000, "{} bytes", svg.len());
    let [left, top, right, bottom] = axes_box(Document::parse(&svg).unwrap().root());
    assert!((right - left - (bottom - top)).abs() < 3.0, "the cells are no squares");
    let png = Pixmap::decode_png(&figure.png(4.0).unwrap()).unwrap();
    for (i, value) in map.values.iter().enumerate().step_by(97) {
        let x = left + (right - left) * ((i % 150) as f64 + 0.5) / 150.0;
        let y = top + (bottom - top) * ((i / 150) as f64 + 0.5) / 150.0;
        let dot = png.pixel((4.0 * x) as u32, (4.0 * y) as u32).unwrap();
        let (red, blue) = (i32::from(dot.red()), i32::from(dot.blue()));
        let warm = red - blue;
        // Pale near zero.
        let sign = if value.abs() < 1e-3 { 0.0 } else { value.signum() };
        assert!(sign == 0.0 || f64::from(warm) * sign > 0.0, "cell {i}: {value} is {dot:?}");
    }
}
