//! Where everything goes: margins from measured text, rows and columns, the legend.

use super::axis::Axis;
use super::curve::Frame;
use super::font::{width, wrap};
use super::tick::Tick;
use super::{Color, Figure, Panel};

/// Sizes of letters in pixels.
pub(super) const TITLE: f64 = 14.0;
pub(super) const HEADING: f64 = 12.0;
pub(super) const LABEL: f64 = 11.5;
pub(super) const TICK: f64 = 10.5;
pub(super) const CAPTION: f64 = 10.5;
/// From baseline to baseline, in letter sizes.
pub(super) const LEADING: f64 = 1.35;
/// Length of a tick; a minor one has 0.6 of it.
pub(super) const TICK_LENGTH: f64 = 4.0;
/// From a tick to its label.
pub(super) const TICK_GAP: f64 = 3.0;
/// Length of a line in the legend, and the space between it and its name.
pub(super) const SAMPLE: (f64, f64) = (24.0, 6.0);

pub(super) const MARGIN: f64 = 12.0;
/// Room to the right of a panel, where half of the last x label hangs over.
const OVERHANG: f64 = 14.0;
/// Between two entries of the legend.
const LEGEND_GAP: f64 = 22.0;
/// A browser without Helvetica, Arial or a twin may set wider letters: room for them.
const WIDER: f64 = 1.12;

/// A figure in pixels.
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Baseline of the first line of each.
    pub(super) title: Lines,
    pub(super) entries: Vec<Entry>,
    pub(super) panels: Vec<Placed>,
    pub(super) caption: Lines,
}

/// Lines of text under each other.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) lines: Vec<String>,
    pub(super) size: f64,
    /// Baseline of the first.
    pub(super) top: f64,
}

/// A series in the legend: its left end and the middle of its height.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) color: Color,
    pub(super) banded: bool,
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A panel with its axes and texts.
pub(super) struct Placed {
    pub(super) frame: Frame,
    pub(super) x_ticks: Vec<Tick>,
    pub(super) y_ticks: Vec<Tick>,
    pub(super) title: Lines,
    pub(super) x_label: Lines,
    /// Runs upwards; `top` is the x of the first line.
    pub(super) y_label: Lines,
}

/// Numbers of columns, width of the page, height of a panel's axes.
struct Grid {
    columns: usize,
    page: f64,
    height: f64,
}

impl Grid {
    fn of(panels: usize) -> Self {
        let (columns, page, height) = match panels {
            0 | 1 => (1, 420.0, 240.0),
            2 | 4 => (2, 620.0, 195.0),
            _ => (3, 760.0, 170.0),
        };
        Self { columns, page, height }
    }
}

impl Lines {
    fn new(text: &str, size: f64, room: f64, above: f64) -> Self {
        // The baseline is 0.8 of a letter's size below the top of the line.
        Self { lines: wrap(text, size, room), size, top: above + 0.8 * size }
    }

    fn height(&self) -> f64 {
        self.lines.len() as f64 * self.size * LEADING
    }
}

/// The layout of a figure.
pub(super) fn layout(figure: &Figure) -> Layout {
    let grid = Grid::of(figure.panels.len());
    let room = grid.page - 2.0 * MARGIN;
    let title = Lines::new(&figure.title, TITLE, room / WIDER, MARGIN);
    let mut y = MARGIN + title.height() + if title.lines.is_empty() { 0.0 } else { 4.0 };
    let (entries, height) = legend(figure, room, y);
    y += height;
    let mut panels = Vec::new();
    for row in 0..figure.panels.len().div_ceil(grid.columns) {
        let (placed, height) = place_row(figure, &grid, row, y);
        panels.extend(placed);
        y += height;
    }
    let caption = Lines::new(&figure.caption, CAPTION, room / WIDER, y + 2.0);
    let height = y + caption.height() + MARGIN;
    Layout { width: grid.page, height, title, entries, panels, caption }
}

/// The legend's entries, centred line by line, and the height of them all.
fn legend(figure: &Figure, room: f64, top: f64) -> (Vec<Entry>, f64) {
    let mut lines: Vec<(Vec<Entry>, f64)> = Vec::new();
    for mut entry in distinct_entries(figure) {
        let wide = SAMPLE.0 + SAMPLE.1 + WIDER * width(&entry.name, LABEL);
        match lines.last_mut() {
            Some((line, used)) if *used + LEGEND_GAP + wide <= room => {
                entry.x = *used + LEGEND_GAP;
                *used += LEGEND_GAP + wide;
                line.push(entry);
            }
            _ => lines.push((vec![entry], wide)),
        }
    }
    let pitch = LABEL * 1.5;
    let height = if lines.is_empty() { 0.0 } else { lines.len() as f64 * pitch + 6.0 };
    let mut entries = Vec::new();
    for (i, (line, used)) in lines.into_iter().enumerate() {
        let (left, y) = (MARGIN + (room - used).max(0.0) / 2.0, top + (i as f64 + 0.5) * pitch);
        entries.extend(line.into_iter().map(|entry| Entry { x: entry.x + left, y, ..entry }));
    }
    (entries, height)
}

fn distinct_entries(figure: &Figure) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for series in figure.panels.iter().flat_map(|p| &p.series).filter(|s| !s.name.is_empty()) {
        let banded = series.band.is_some();
        match entries.iter_mut().find(|e| e.name == series.name && e.color == series.color) {
            Some(entry) => entry.banded |= banded,
            None => {
                let (name, color) = (series.name.clone(), series.color);
                entries.push(Entry { name, color, banded, x: 0.0, y: 0.0 });
            }
        }
    }
    entries
}

/// What is left of the axes of a panel: label lines, then tick labels.
struct LeftMargin {
    y: Axis,
    ticks: Vec<Tick>,
    label: Lines,
    width: f64,
}

impl LeftMargin {
    fn of(figure: &Figure, grid: &Grid, index: usize) -> Self {
        let panel = &figure.panels[index];
        let y = Axis::new(panel.y_scale, ordinates(panel), 0.04);
        let ticks = y.ticks((grid.height / 32.0) as usize);
        let repeated = !index.is_multiple_of(grid.columns)
            && figure.panels[index - 1].y_label == panel.y_label;
        let text = if repeated { "" } else { &panel.y_label };
        let label = Lines::new(text, LABEL, grid.height, 0.0);
        let widest = ticks.iter().map(|t| width(&t.label, TICK)).fold(0.0, f64::max);
        let gap = if label.lines.is_empty() { 0.0 } else { 5.0 };
        let width = label.height() + gap + widest + TICK_GAP + TICK_LENGTH;
        Self { y, ticks, label, width }
    }
}

fn ordinates(panel: &Panel) -> impl Iterator<Item = f64> {
    panel.series.iter().flat_map(|s| s.curves()).flat_map(|(_, y)| y.iter().copied())
}

/// Widths of the left margins of each column: the widest of its panels.
fn column_margins(figure: &Figure, grid: &Grid) -> Vec<f64> {
    let mut margins = vec![0.0; grid.columns];
    for index in 0..figure.panels.len() {
        let margin: &mut f64 = &mut margins[index % grid.columns];
        *margin = margin.max(LeftMargin::of(figure, grid, index).width);
    }
    margins
}

/// The panels of a row whose top is at `top`, and its height with the space below.
fn place_row(figure: &Figure, grid: &Grid, row: usize, top: f64) -> (Vec<Placed>, f64) {
    let margins = column_margins(figure, grid);
    let fixed = margins.iter().sum::<f64>() + grid.columns as f64 * OVERHANG + 2.0 * MARGIN;
    let wide = (grid.page - fixed) / grid.columns as f64;
    let first = row * grid.columns;
    let row = first..(first + grid.columns).min(figure.panels.len());

    let title_of = |i: usize| Lines::new(&figure.panels[i].title, HEADING, wide + OVERHANG, 0.0);
    let titles = row.clone().map(|i| title_of(i).height()).fold(0.0, f64::max);
    let mut left = MARGIN;
    let mut placed = Vec::new();
    for index in row {
        left += margins[index % grid.columns];
        let space = Space { left, top: top + titles + 3.0, width: wide, height: grid.height };
        let title = title_of(index);
        // Titles of one line stand right above their panels, whatever their neighbours have.
        let title = Lines { top: title.top + top + titles - title.height(), ..title };
        placed.push(place(figure, grid, index, space, title));
        left += wide + OVERHANG;
    }
    let below = placed.iter().map(|p| p.x_label.height()).fold(0.0, f64::max);
    let x_ticks = TICK_LENGTH + TICK_GAP + TICK * LEADING;
    (placed, titles + 3.0 + grid.height + x_ticks + below + 10.0)
}

/// Room for the axes of one panel.
struct Space {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

fn place(figure: &Figure, grid: &Grid, index: usize, space: Space, title: Lines) -> Placed {
    let panel = &figure.panels[index];
    let margin = LeftMargin::of(figure, grid, index);
    let Space { left, top, width, height } = space;
    let x = Axis::new(panel.x_scale, panel.series.iter().flat_map(|s| s.x.iter().copied()), 0.0);
    let frame = Frame { left, top, width, height, x, y: margin.y };
    let x_ticks = fitting_ticks(&frame);
    let repeated =
        figure.panels.get(index + grid.columns).is_some_and(|p| p.x_label == panel.x_label);
    let text = if repeated { "" } else { &panel.x_label };
    let under = frame.bottom() + TICK_LENGTH + TICK_GAP + TICK * LEADING;
    let x_label = Lines::new(text, LABEL, width + OVERHANG, under);
    let first_line = left - margin.width + 0.8 * LABEL;
    let y_label = Lines { top: first_line, ..margin.label };
    Placed { frame, x_ticks, y_ticks: margin.ticks, title, x_label, y_label }
}

/// As many ticks of the x axis as have room for their labels.
fn fitting_ticks(frame: &Frame) -> Vec<Tick> {
    let fits = |ticks: &[Tick]| {
        let labelled: Vec<_> = ticks.iter().filter(|t| !t.label.is_empty()).collect();
        labelled.windows(2).all(|pair| {
            let apart = frame.column(pair[1].value).zip(frame.column(pair[0].value));
            let room = (width(&pair[0].label, TICK) + width(&pair[1].label, TICK)) / 2.0;
            apart.is_some_and(|(b, a)| (b - a).abs() >= room * WIDER + 6.0)
        })
    };
    let most = (frame.width / 40.0) as usize;
    (1..=most).rev().map(|n| frame.x.ticks(n)).find(|t| fits(t)).unwrap_or_default()
}
