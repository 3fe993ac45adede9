//! A matrix as cells: what is written beside it, and runs of cells of one colour as path data.

use std::collections::BTreeMap;

use super::axis::Axis;
use super::curve::Frame;
use super::font::{shortened, width};
use super::layout::{TICK, WIDER};
use super::shade::Shading;
use super::svg::{INK, Medium, Svg, hex, px};
use super::tick::{self, Tick};
use super::{HeatMap, Panel};

/// Longer names are cut.
const LONGEST_NAME: f64 = 84.0;
/// From baseline to baseline of two names.
const NAME_HEIGHT: f64 = 1.35 * TICK;
/// How far the name of the first or last column may hang over.
const OVERHANG: f64 = 8.0;

/// Columns from the left, rows from the top: the two axes in cells.
pub(super) fn axes(map: &HeatMap) -> (Axis, Axis) {
    let most = |cells: usize| cells.max(1) as f64;
    (Axis::between(0.0, most(map.columns)), Axis::between(most(map.rows), 0.0))
}

/// Names of the blocks of rows, or indices, beside axes `height` high.
pub(super) fn row_ticks(map: &HeatMap, height: f64) -> Vec<Tick> {
    let pitch = height / map.rows.max(1) as f64;
    if map.row_blocks.is_empty() {
        return index_ticks(map.rows, (height / 30.0) as usize);
    }
    let named = |_: f64, name: &str| (shortened(name, TICK, LONGEST_NAME), NAME_HEIGHT);
    block_ticks(&map.row_blocks, pitch, named)
}

/// Names of the blocks of columns, or indices, below axes `width` wide.
pub(super) fn column_ticks(
    map: &HeatMap,
    frame_width: f64,
    fits: impl Fn(&[Tick]) -> bool,
) -> Vec<Tick> {
    let pitch = frame_width / map.columns.max(1) as f64;
    if map.column_blocks.is_empty() {
        let most = (frame_width / 40.0) as usize;
        let fewer = (1..=most).rev().map(|n| index_ticks(map.columns, n));
        return fewer.into_iter().find(|t| fits(t)).unwrap_or_default();
    }
    let named = |middle: f64, name: &str| {
        let inside = 2.0 * (middle.min(frame_width - middle) + OVERHANG) / WIDER;
        let name = shortened(name, TICK, LONGEST_NAME.min(inside));
        let room = WIDER * width(&name, TICK) + 6.0;
        (name, room)
    };
    block_ticks(&map.column_blocks, pitch, named)
}

/// Indices at the middles of their cells.
fn index_ticks(cells: usize, most: usize) -> Vec<Tick> {
    let last = cells.saturating_sub(1) as f64;
    let ticks = if last > 0.0 { tick::linear(0.0, last, most) } else { tick::linear(0.0, 1.0, 1) };
    let whole = |t: &Tick| t.value.fract() == 0.0 && t.value < cells as f64;
    let centred = |t: Tick| Tick::new(t.value + 0.5, format!("{}", t.value));
    ticks.into_iter().filter(whole).map(centred).collect()
}

/// Marks between the blocks, and as many of their names as have room, those of large ones first.
/// `named` tells the name and its length along the axis for a block with its middle there.
fn block_ticks(
    blocks: &[(String, usize)],
    pitch: f64,
    named: impl Fn(f64, &str) -> (String, f64),
) -> Vec<Tick> {
    let ends = ends(blocks);
    let mut order: Vec<usize> = (0..blocks.len()).filter(|&i| blocks[i].1 > 0).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(blocks[i].1));
    let (mut ticks, mut taken) = (Vec::new(), Vec::<(f64, f64)>::new());
    for i in order {
        let middle = ends[i] - blocks[i].1 as f64 / 2.0;
        let (name, room) = named(middle * pitch, &blocks[i].0);
        let (start, end) = (middle * pitch - room / 2.0, middle * pitch + room / 2.0);
        if taken.iter().all(|&(a, b)| end <= a || b <= start) {
            taken.push((start, end));
            ticks.push(Tick::name(middle, name));
        }
    }
    ticks.extend([0.0].into_iter().chain(ends).map(|end| Tick::new(end, String::new())));
    ticks
}

/// Where each block ends, in cells.
fn ends(blocks: &[(String, usize)]) -> Vec<f64> {
    let sum = |sum: &mut usize, (_, cells): &(String, usize)| {
        *sum += cells;
        Some(*sum as f64)
    };
    blocks.iter().scan(0, sum).collect()
}

/// Draws cells, separators of the blocks and the box around them.
pub(super) fn draw(svg: &mut Svg, frame: &Frame, panel: &Panel, shading: &Shading) {
    let Some(map) = &panel.heat_map else { return };
    let (x, y) = (frame.width / map.columns.max(1) as f64, frame.height / map.rows.max(1) as f64);
    let corner = format!("{} {}", px(frame.left), px(frame.top));
    let place = format!("transform=\"translate({corner}) scale({x:.6} {y:.6})\"");
    let cells = cells(map, shading);
    // No background may shine through between neighbours. Who smooths every edge gets larger
    // cells below: above they would favour the colours drawn last.
    if svg.medium == Medium::Paper {
        let larger = "stroke=\"currentColor\" stroke-width=\"0.3\"";
        draw_cells(svg, &cells, shading, &format!("class=\"ground\" {place} {larger}"));
    }
    let crisp = "shape-rendering=\"crispEdges\"";
    draw_cells(svg, &cells, shading, &format!("class=\"cells\" {place} {crisp}"));
    let style = format!("fill=\"none\" stroke=\"{INK}\" stroke-width=\"0.6\"");
    svg.path(&separators(map, frame), &format!("class=\"separators\" {style}"));
}

fn draw_cells(svg: &mut Svg, cells: &Cells, shading: &Shading, attributes: &str) {
    svg.open(&format!("fill=\"currentColor\" {attributes}"));
    for (&level, d) in cells {
        svg.path(d, &format!("color=\"{}\"", hex(shading.color(level))));
    }
    svg.close();
}

/// Path data of the cells of each colour.
type Cells = BTreeMap<Option<usize>, String>;

/// The cells, one subpath for neighbours in a row that share a colour.
fn cells(map: &HeatMap, shading: &Shading) -> Cells {
    let mut paths = Cells::new();
    for (r, row) in map.values.chunks(map.columns.max(1)).enumerate() {
        let levels: Vec<_> = row.iter().map(|&v| shading.level(v)).collect();
        let mut c = 0;
        for run in levels.chunk_by(|a, b| a == b) {
            let n = run.len();
            paths.entry(run[0]).or_default().push_str(&format!("M{c} {r}h{n}v1h-{n}z"));
            c += n;
        }
    }
    paths
}

fn separators(map: &HeatMap, frame: &Frame) -> String {
    let inner = |blocks| {
        let mut ends = ends(blocks);
        ends.pop();
        ends
    };
    let (left, top) = (px(frame.left), px(frame.top));
    let (right, bottom) = (px(frame.right()), px(frame.bottom()));
    let rows = inner(&map.row_blocks).into_iter().filter_map(|r| frame.row(r));
    let columns = inner(&map.column_blocks).into_iter().filter_map(|c| frame.column(c));
    let rows = rows.map(|y| format!("M{left} {}H{right}", px(y)));
    let columns = columns.map(|x| format!("M{} {top}V{bottom}", px(x)));
    let edges = format!("M{left} {top}H{right}V{bottom}");
    rows.chain(columns).chain([edges]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColorMap, Scale};

    fn panel(rows: usize, columns: usize, values: &[f64]) -> Panel {
        let values = values.to_vec();
        let color_map = ColorMap::Sequential;
        let map = HeatMap { rows, columns, values, color_map, ..HeatMap::default() };
        Panel { heat_map: Some(map), ..Panel::default() }
    }

    fn frame(map: &HeatMap) -> Frame {
        let (x, y) = axes(map);
        Frame { left: 10.0, top: 20.0, width: 90.0, height: 40.0, x, y }
    }

    #[test]
    fn neighbours_of_one_colour_are_one_subpath_and_row_0_is_on_top() {
        let panel = panel(2, 3, &[0.0, 0.0, 1.0, f64::NAN, 1.0, 0.5]);
        let (map, shading) = (panel.heat_map.as_ref().unwrap(), Shading::of(&panel).unwrap());
        let paths: Vec<_> = cells(map, &shading).into_iter().collect();
        let expected = [
            (None, "M0 1h1v1h-1z"),
            (Some(0), "M0 0h2v1h-2z"),
            (Some(64), "M2 1h1v1h-1z"),
            (Some(128), "M2 0h1v1h-1zM1 1h1v1h-1z"),
        ];
        assert_eq!(paths, expected.map(|(level, d)| (level, d.to_string())));
        let mut svg = Svg::new(Medium::Screen, (100.0, 100.0), "");
        draw(&mut svg, &frame(map), &panel, &shading);
        let svg = svg.finish();
        assert!(svg.contains("translate(10 20) scale(30.000000 20.000000)"), "{svg}");
        assert!(svg.contains("M10 20H100V60"), "{svg}");
    }

    #[test]
    fn every_cell_is_drawn_once() {
        let values: Vec<f64> = (0..35).map(|i| f64::from(i * i * 7919 % 13)).collect();
        let panel = panel(5, 7, &values);
        let shading = Shading::of(&panel).unwrap();
        let mut seen = vec![0; 35];
        for (level, d) in cells(panel.heat_map.as_ref().unwrap(), &shading) {
            for subpath in d.split('M').filter(|s| !s.is_empty()) {
                let (column, rest) = subpath.split_once(' ').unwrap();
                let (row, rest) = rest.split_once('h').unwrap();
                let n: usize = rest.split_once('v').unwrap().0.parse().unwrap();
                let first: usize =
                    7 * row.parse::<usize>().unwrap() + column.parse::<usize>().unwrap();
                for cell in first..first + n {
                    seen[cell] += 1;
                    assert_eq!(shading.level(values[cell]), level, "cell {cell}");
                }
            }
        }
        assert_eq!(seen, [1; 35]);
    }

    #[test]
    fn blocks_are_separated_and_named_in_their_middle() {
        let mut panel = panel(2, 3, &[0.0; 6]);
        let map = panel.heat_map.as_mut().unwrap();
        map.column_blocks = vec![("P".into(), 1), ("Q".into(), 2)];
        map.scale = Scale::Linear;
        let frame = frame(map);
        assert_eq!(separators(map, &frame), "M40 20V60M10 20H100V60");
        let ticks = column_ticks(map, frame.width, |_| true);
        let named: Vec<_> = ticks.iter().map(|t| (t.value, &t.label[..], t.marked)).collect();
        let marks = [0.0, 1.0, 3.0].map(|end| (end, "", true));
        assert_eq!(named, [&[(2.0, "Q", false), (0.5, "P", false)][..], &marks].concat());
        let rows = row_ticks(map, frame.height);
        assert_eq!((rows[0].value, &rows[0].label[..], rows.len()), (0.5, "0", 2));
        assert_eq!(frame.row(0.0), Some(20.0));
    }

    #[test]
    fn names_without_room_are_left_out_small_blocks_first() {
        let blocks = [("P1", 1), ("Q1", 99), ("R1", 50), ("P2", 1), ("Q2", 49)];
        let mut panel = panel(1, 200, &[0.0; 200]);
        let map = panel.heat_map.as_mut().unwrap();
        map.column_blocks = blocks.map(|(name, cells)| (name.into(), cells)).into();
        let ticks = column_ticks(map, 120.0, |_| true);
        let names: Vec<_> = ticks.iter().filter(|t| !t.marked).map(|t| &t.label[..]).collect();
        assert_eq!(names, ["Q1", "R1", "Q2", "P1"]);
    }
}
