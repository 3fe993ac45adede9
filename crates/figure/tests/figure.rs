//! Figures from the outside: contents of the SVG, the PNG, the PDF and the CSV.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

#[path = "figure/marks.rs"]
mod marks;

use std::path::Path;

use roxmltree::{Document, Node};
use tiny_skia::Pixmap;
use windtunnel_figure::{
    Band, Bars, Color, ColorMap, Error, Figure, HeatMap, Line, MemberCurve, Panel, Points, Rule,
    Scale, Series,
};

/// A linear congruential generator (Knuth's MMIX constants), uniform in 0..1.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Exponential decays with noise, six seeds and the range of their halves as band.
fn losses(name: &str, color: Color, rate: f64) -> Series {
    let mut uniform = Uniform(rate as u64);
    let x: Vec<f64> = (0..=100).map(|i| 100.0 * f64::from(i)).collect();
    let mut run = || {
        x.iter().map(|x| (0.01 + 5.0 * (-x / rate).exp()) * (0.8 + 0.4 * uniform.next())).collect()
    };
    let runs: Vec<Vec<f64>> = (0..6).map(|_| run()).collect();
    let center: Vec<f64> =
        (0..x.len()).map(|i| runs.iter().map(|r| r[i]).sum::<f64>() / 6.0).collect();
    let scaled = |by: f64| center.iter().map(|y| by * y).collect();
    let band = Some(Band { lo: scaled(0.9), hi: scaled(1.1) });
    let members = runs
        .into_iter()
        .enumerate()
        .map(|(i, y)| MemberCurve { name: format!("seed {i}"), y })
        .collect();
    Series { band, members, ..Series::new(name, color, x, center) }
}

fn panel(title: &str, y_scale: Scale, series: Vec<Series>) -> Panel {
    let (title, x_label, y_label) = (title.into(), "step".into(), "loss".into());
    Panel { title, x_label, y_label, y_scale, series, ..Panel::default() }
}

fn curve(y: &[f64]) -> Series {
    Series::new("curve", Color::RED, (0..y.len()).map(|i| i as f64).collect(), y.to_vec())
}

fn figure(panels: Vec<Panel>) -> Figure {
    Figure { title: "Losses".into(), panels, caption: "six seeds, ±10 %".into() }
}

fn three_panels() -> Figure {
    let titles = [
        "Setting 1: N = 20, Gaussian",
        "Setting 2: N = 5, Gaussian",
        "Setting 3: N = 20, heavy-tailed",
    ];
    let pair = || vec![losses("SGDM", Color::BLACK, 900.0), losses("Adam", Color::RED, 500.0)];
    figure(titles.map(|title| panel(title, Scale::Log, pair())).into())
}

fn of_class<'a>(node: Node<'a, 'a>, class: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.descendants().filter(move |n| n.attribute("class") == Some(class))
}

fn texts(node: Node) -> Vec<String> {
    let text = |n: Node| n.descendants().filter_map(|n| n.text().filter(|_| n.is_text())).collect();
    node.descendants().filter(|n| n.has_tag_name("text")).map(text).collect()
}

/// Points of a path of absolute M, L, V and H.
fn points(d: &str) -> Vec<(f64, f64)> {
    let pair = |p: &str| p.split_once(' ').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()));
    d.split(['M', 'L', 'Z']).filter_map(pair).collect()
}

/// Left, top, right, bottom of the axes of a panel, from the path `M left top V bottom H right M…`.
fn axes_box(panel: Node) -> [f64; 4] {
    let d = of_class(panel, "axes").next().unwrap().attribute("d").unwrap();
    let numbers: Vec<f64> =
        d.split(['M', 'V', 'H', ' ']).filter_map(|n| n.parse().ok()).take(4).collect();
    [numbers[0], numbers[1], numbers[3], numbers[2]]
}

#[test]
fn the_svg_is_xml_with_every_title_and_legend_entry() {
    let mut figure = three_panels();
    figure.panels[0].title = "N < 20 & \"Gaussian\"\u{1}".into();
    figure.panels[1].series[0].name = "w^{⋆} <b>".into();
    let svg = figure.svg();
    let document = Document::parse(&svg).unwrap();
    let texts = texts(document.root());
    let expected = [
        "Losses",
        "N < 20 & \"Gaussian\"\u{fffd}",
        "Setting 2: N = 5, Gaussian",
        "SGDM",
        "Adam",
        "w⋆ <b>",
    ];
    for text in expected.into_iter().chain(["step", "loss", "10−2", "10000", "six seeds, ±10 %"])
    {
        assert!(texts.iter().any(|t| t == text), "{text:?} is not among {texts:?}");
    }
    for once in ["SGDM", "Adam", "loss"] {
        assert_eq!(texts.iter().filter(|t| *t == once).count(), 1, "{once}");
    }
}

#[test]
fn every_finite_datum_lies_inside_the_axes() {
    let mut uniform = Uniform(1);
    for (case, scale) in [Scale::Linear, Scale::Log].into_iter().cycle().take(40).enumerate() {
        let decades = [0.001, 1.0, 8.0, 290.0][case / 2 % 4];
        let sign = if case % 3 == 0 && scale == Scale::Linear { -1.0 } else { 1.0 };
        let mut draw = || {
            (0..20).map(|_| sign * 10_f64.powf(decades * (2.0 * uniform.next() - 1.0))).collect()
        };
        let lo: Vec<f64> = draw();
        let hi = lo.iter().map(|lo| lo * 3.0).collect();
        let members = vec![MemberCurve { name: "seed 0".into(), y: draw() }];
        let series = Series { band: Some(Band { lo, hi }), members, ..curve(&draw()) };
        let svg = figure(vec![panel("", scale, vec![series])]).svg();
        let document = Document::parse(&svg).unwrap();
        let [left, top, right, bottom] = axes_box(document.root());
        for (class, count) in [("center", 20), ("member", 20), ("band", 40)] {
            let path = of_class(document.root(), class).next().unwrap();
            let points = points(path.attribute("d").unwrap());
            assert_eq!(points.len(), count);
            for (x, y) in points {
                // Places are rounded to 0.01.
                let inside =
                    left - 0.01 <= x && x <= right + 0.01 && top - 0.01 <= y && y <= bottom + 0.01;
                assert!(
                    inside,
                    "case {case}: {class} at ({x}, {y}) outside {left} {top} {right} {bottom}"
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_a_gap() {
    for (bad, scale) in [
        (f64::NAN, Scale::Linear),
        (f64::INFINITY, Scale::Linear),
        (-1.0, Scale::Log),
        (0.0, Scale::Log),
    ] {
        let svg =
            figure(vec![panel("", scale, vec![curve(&[1.0, 2.0, bad, 4.0, 5.0, 6.0, bad])])]).svg();
        let document = Document::parse(&svg).unwrap();
        let paths: Vec<_> = of_class(document.root(), "center").collect();
        let d = paths[0].attribute("d").unwrap();
        assert_eq!((paths.len(), d.matches('M').count(), points(d).len()), (1, 2, 5), "{bad}: {d}");
    }
}

#[test]
fn any_numbers_make_a_picture() {
    let nasty =
        [0.0, -0.0, 1.0, -1.0, 0.1, 5e-324, 1e-300, 1e300, -1e300, f64::MAX, f64::MIN, f64::NAN];
    let nasty =
        [&nasty[..], &[f64::INFINITY, f64::NEG_INFINITY, 1.0 + f64::EPSILON, 1e15, 1e-15]].concat();
    let mut uniform = Uniform(2);
    let mut pick =
        |n: usize| (0..n).map(|_| nasty[(uniform.next() * nasty.len() as f64) as usize]).collect();
    let thresholds = [1e-3, 5e-324, 1e295, f64::MAX, 0.0, f64::NAN];
    let scale = |n: usize| match n % 3 {
        0 => Scale::Linear,
        1 => Scale::Log,
        _ => Scale::SymLog { linear: thresholds[n / 9 % thresholds.len()] },
    };
    for case in 0..400 {
        let n = case % 5;
        let x: Vec<f64> = pick(n);
        let band = (case % 3 == 0).then(|| Band { lo: pick(n), hi: pick(n) });
        let members = vec![MemberCurve { name: "seed 0".into(), y: pick(n) }];
        let series = Series { band, members, ..Series::new("nasty", Color::BLACK, x, pick(n)) };
        let points = (0..case / 9 % 2).map(|_| Points {
            name: "nasty".into(),
            color: Color::RED,
            x: pick(n),
            y: pick(n),
            shade: Some(pick(n)),
        });
        let marks = Panel {
            x_scale: scale(case),
            points: points.collect(),
            ..panel("", scale(case / 3), vec![series])
        };
        let (name, color) = (String::new(), Color::RED);
        let bars = Bars { name: name.clone(), color, edges: pick(n + 1), heights: pick(n) };
        let slope = Line::Slope { slope: pick(1)[0], intercept: pick(1)[0] };
        let rule = |line| Rule { name: name.clone(), color, line };
        let rules = [slope, Line::Horizontal(pick(1)[0]), Line::Vertical(pick(1)[0])].map(rule);
        let histogram = Panel {
            x_scale: scale(case / 3),
            bars: vec![bars],
            rules: rules.into(),
            ..panel("", scale(case), vec![])
        };
        let (rows, columns) = (n, case % 7);
        let color_map = [ColorMap::Sequential, ColorMap::Diverging][case % 2];
        let values = pick(rows * columns);
        let map =
            HeatMap { rows, columns, values, scale: scale(case), color_map, ..HeatMap::default() };
        let matrix = Panel { heat_map: Some(map), ..panel("", scale(case), vec![]) };
        let figure = figure(vec![marks, histogram, matrix]);
        let svg = figure.svg();
        let document = Document::parse(&svg).unwrap();
        let attributes = document.descendants().flat_map(|node| node.attributes());
        for value in attributes.map(|attribute| attribute.value()) {
            assert!(!value.contains("NaN") && !value.contains("inf"), "case {case}: {value}");
        }
        // Small print and reasons are sentences.
        let prose = ["caption", "reason"].into_iter().flat_map(|c| of_class(document.root(), c));
        let prose: Vec<String> = prose.flat_map(texts).collect();
        let labels = texts(document.root()).into_iter().filter(|text| !prose.contains(text));
        let longest = labels.map(|text| text.chars().count()).max();
        assert!(longest < Some(20), "case {case}: {figure:?}");
        if case % 40 == 0 {
            figure.png(0.5).unwrap();
            figure.pdf();
        }
    }
}

#[test]
fn a_figure_without_data_says_so() {
    let empty = figure(vec![
        panel("", Scale::Log, vec![]),
        panel("", Scale::Linear, vec![curve(&[f64::NAN])]),
    ]);
    let svg = empty.svg();
    assert_eq!(svg.matches("nothing to draw").count(), 2);
    let reasons = ["there are no numbers", "no mark has a place", "1 of 1 points of curves"];
    assert!(reasons.iter().all(|reason| svg.contains(reason)), "{svg}");
    assert!(!three_panels().svg().contains("nothing to draw"));
    Figure::default().png(1.0).unwrap();
}

#[test]
fn the_csv_reads_back_to_the_same_bits() {
    let numbers = [
        0.1 + 0.2,
        -0.0,
        5e-324,
        f64::MAX,
        1e300,
        -1.5e-7,
        12345.678,
        1e15,
        f64::NAN,
        f64::NEG_INFINITY,
    ];
    let band = Some(Band { lo: numbers.to_vec(), hi: numbers.to_vec() });
    let members = vec![MemberCurve { name: "seed 3".into(), y: numbers.to_vec() }];
    let series = Series {
        band,
        members,
        ..Series::new("curve", Color::RED, numbers.to_vec(), numbers.to_vec())
    };
    let csv = figure(vec![panel("a, \"b\"", Scale::Log, vec![series])]).csv();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("panel,series,member,x,y"));
    for member in ["center", "band_lo", "band_hi", "seed 3"] {
        for number in numbers {
            let cells = lines.next().unwrap().strip_prefix("\"a, \"\"b\"\"\",curve,").unwrap();
            let cells: Vec<_> = cells.split(',').collect();
            assert_eq!(cells[0], member);
            for cell in &cells[1..] {
                let read: f64 = cell.parse().unwrap();
                assert!(
                    read.to_bits() == number.to_bits() || read.is_nan() && number.is_nan(),
                    "{number}: {cell}"
                );
                assert!(cell.len() <= 24, "{cell}");
            }
        }
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn the_png_has_its_size_and_ink_in_every_panel() {
    let figure = three_panels();
    let svg = figure.svg();
    let document = Document::parse(&svg).unwrap();
    let size = |name| document.root_element().attribute(name).unwrap().parse::<f64>().unwrap();
    let png = Pixmap::decode_png(&figure.png(2.0).unwrap()).unwrap();
    assert_eq!(
        (f64::from(png.width()), f64::from(png.height())),
        (2.0 * size("width"), 2.0 * size("height"))
    );
    assert_eq!(png.pixel(0, 0).unwrap().demultiply().red(), 255);
    let inked = |[left, top, right, bottom]: [f64; 4], is_ink: &dyn Fn(u8, u8) -> bool| {
        let columns = (2.0 * left) as u32..(2.0 * right) as u32;
        let dots =
            columns.flat_map(|x| ((2.0 * top) as u32..(2.0 * bottom) as u32).map(move |y| (x, y)));
        dots.filter_map(|(x, y)| png.pixel(x, y)).filter(|p| is_ink(p.red(), p.green())).count()
    };
    for panel in of_class(document.root(), "panel") {
        let [left, top, right, bottom] = axes_box(panel);
        let inside = [left + 2.0, top, right, bottom - 2.0];
        // Curves 3.4 dots wide across some 390 dots.
        assert!(inked(inside, &|r, _| r < 60) > 1000, "no black curve");
        assert!(inked(inside, &|r, g| r > 180 && g < 90) > 1000, "no red curve");
        assert!(inked([left, top - 16.0, right, top - 2.0], &|r, _| r < 90) > 200, "no title");
        assert!(
            inked([left - 24.0, top, left - 5.0, bottom], &|r, _| r < 90) > 100,
            "no tick labels"
        );
    }
}

#[test]
fn equal_figures_give_equal_bytes() {
    for make in [three_panels, marks::every_mark] {
        let (a, b) = (make(), make());
        assert_eq!(a.svg(), b.svg());
        assert_eq!(a.csv(), b.csv());
        assert!(a.png(1.0).unwrap() == b.png(1.0).unwrap());
        assert!(a.pdf() == b.pdf());
        assert!(a.pdf().starts_with(b"%PDF"));
    }
}

#[test]
fn the_pdf_is_one_page_as_large_as_the_svg_and_its_fonts() {
    for figure in [three_panels(), marks::every_mark(), Figure::default()] {
        let svg = figure.svg();
        let document = Document::parse(&svg).unwrap();
        let size = |name| document.root_element().attribute(name).unwrap().parse::<f32>().unwrap();
        // 5.5 inches of 72 points to 640 pixels.
        let points = |name| 0.61875 * size(name);
        let page = format!("/MediaBox [0 0 {} {}]", points("width"), points("height"));
        let pdf = figure.pdf();
        let has = |text: &str| pdf.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(has(&page), "no {page}");
        assert!(has("/Count 1") && !has("/Image"));
        assert_eq!(has("/FontFile2") && has("/ToUnicode"), !figure.panels.is_empty());
    }
}

fn assert_snapshot(svg: &str, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(file);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, svg).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(
        svg == expected,
        "differs from {}; if that is meant, set UPDATE_SNAPSHOTS=1:\n{svg}",
        path.display()
    );
}

#[test]
fn a_tiny_figure_is_as_it_was() {
    let band = Some(Band { lo: vec![0.5, 0.05, 0.005], hi: vec![2.0, 0.2, 0.02] });
    let members = vec![MemberCurve { name: "seed 0".into(), y: vec![1.5, f64::NAN, 0.01] }];
    let tiny = Series { band, members, ..curve(&[1.0, 0.1, 0.01]) };
    let svg = figure(vec![panel("‖∇f‖^{2}", Scale::Log, vec![tiny])]).svg();
    assert_snapshot(&svg, "figure.svg");
}

#[test]
fn unusable_scales_are_refused() {
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 16.1] {
        assert!(matches!(Figure::default().png(scale), Err(Error::Scale(_))), "{scale}");
    }
}

#[test]
#[should_panic(expected = "series \"curve\": x has 2 values, band_hi has 1")]
fn shapes_that_differ_are_the_callers_mistake() {
    let band = Some(Band { lo: vec![1.0; 2], hi: vec![1.0; 1] });
    figure(vec![panel("", Scale::Log, vec![Series { band, ..curve(&[1.0, 2.0]) }])]).svg();
}
