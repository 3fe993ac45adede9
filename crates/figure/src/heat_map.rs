//! A matrix as cells: names beside it, and runs of cells of one colour.

use std::collections::BTreeMap;

use super::axis::Axis;
use super::drawing::{Attribute, Cells, Drawing, Run};
use super::font::{shortened, width};
use super::frame::Frame;
use super::mark::HeatMap;
use super::path::Path;
use super::shade::Shading;
use super::style::{INK, TICK, WIDER};
use super::tick::{self, Tick};

/// Greatest length of a name; longer names are cut.
const LONGEST_NAME: f64 = 84.0;
/// Distance from baseline to baseline of two names.
const NAME_HEIGHT: f64 = 1.35 * TICK;
/// Length by which the name of the first or last column may hang over.
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

/// End of each block, in cells.
fn ends(blocks: &[(String, usize)]) -> Vec<f64> {
    let sum = |sum: &mut usize, (_, cells): &(String, usize)| {
        *sum += cells;
        Some(*sum as f64)
    };
    blocks.iter().scan(0, sum).collect()
}

/// Draws cells, separators of the blocks and the box around them.
pub(super) fn draw(drawing: &mut Drawing, frame: &Frame, map: &HeatMap, shading: &Shading) {
    let of_level = |(level, runs)| (shading.color(level), runs);
    drawing.cells(Cells {
        left: frame.left,
        top: frame.top,
        width: frame.width / map.columns.max(1) as f64,
        height: frame.height / map.rows.max(1) as f64,
        columns: map.columns,
        rows: map.rows,
        colors: runs(map, shading).into_iter().map(of_level).collect(),
    });
    let style = [
        Attribute::Class("separators"),
        Attribute::Fill(None),
        Attribute::Stroke(Some(INK)),
        Attribute::StrokeWidth(0.6),
    ];
    drawing.path(separators(map, frame), style);
}

/// The cells of each level, neighbours in a row that share it together.
fn runs(map: &HeatMap, shading: &Shading) -> BTreeMap<Option<usize>, Vec<Run>> {
    let mut runs = BTreeMap::<_, Vec<Run>>::new();
    for (row, values) in map.values.chunks(map.columns.max(1)).enumerate() {
        let levels: Vec<_> = values.iter().map(|&v| shading.level(v)).collect();
        let mut column = 0;
        for alike in levels.chunk_by(|a, b| a == b) {
            let length = alike.len();
            runs.entry(alike[0]).or_default().push(Run { column, row, length });
            column += length;
        }
    }
    runs
}

fn separators(map: &HeatMap, frame: &Frame) -> Path {
    let inner = |blocks| {
        let mut ends = ends(blocks);
        ends.pop();
        ends
    };
    let (left, top, right, bottom) = (frame.left, frame.top, frame.right(), frame.bottom());
    let rows = inner(&map.row_blocks).into_iter().filter_map(|r| frame.row(r));
    let columns = inner(&map.column_blocks).into_iter().filter_map(|c| frame.column(c));
    let rows = rows.map(|y| Path::at(left, y).horizontal_to(right));
    let columns = columns.map(|x| Path::at(x, top).vertical_to(bottom));
    let edges = Path::at(left, top).horizontal_to(right).vertical_to(bottom);
    rows.chain(columns).chain([edges]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::drawing::Medium;
    use super::super::mark::ColorMap;
    use super::super::panel::Panel;
    use super::super::scale::Scale;
    use super::super::svg::{path_data, svg};
    use super::*;

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
        let levels: Vec<_> = runs(map, &shading).into_keys().collect();
        assert_eq!(levels, [None, Some(0), Some(64), Some(128)]);
        let mut drawing = Drawing::new(Medium::Picture, (100.0, 100.0), "");
        draw(&mut drawing, &frame(map), map, &shading);
        let svg = svg(&drawing);
        let mut places = Vec::new();
        for d in ["M0 1h1v1h-1z", "M0 0h2v1h-2z", "M2 1h1v1h-1z", "M2 0h1v1h-1zM1 1h1v1h-1z"] {
            let path = format!("<path d=\"{d}\" color=");
            places.push(svg.find(&path).unwrap_or_else(|| panic!("no {path} in {svg}")));
        }
        assert!(places.is_sorted() && svg.matches(" color=").count() == 4, "{svg}");
        assert!(svg.contains("translate(10 20) scale(30.000000 20.000000)"), "{svg}");
        assert!(svg.contains("M10 20H100V60"), "{svg}");
    }

    #[test]
    fn every_cell_is_drawn_once() {
        let values: Vec<f64> = (0..35).map(|i| f64::from(i * i * 7919 % 13)).collect();
        let panel = panel(5, 7, &values);
        let shading = Shading::of(&panel).unwrap();
        let mut seen = vec![0; 35];
        for (level, runs) in runs(panel.heat_map.as_ref().unwrap(), &shading) {
            for Run { column, row, length } in runs {
                let first = 7 * row + column;
                for cell in first..first + length {
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
        assert_eq!(path_data(&separators(map, &frame)), "M40 20V60M10 20H100V60");
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
