//! Layout of a figure: margins from measured text, panels in rows and columns.

use super::axis::Axis;
use super::figure::Figure;
use super::font::width;
use super::frame::Frame;
use super::legend::{self, Entry};
use super::lines::Lines;
use super::mark::Line;
use super::panel::Panel;
use super::shade::ColorBar;
use super::style::{
    CAPTION, COLUMN, HEADING, LABEL, LEADING, MARGIN, PAGE, TICK, TICK_GAP, TICK_LENGTH, TITLE,
    WIDER,
};
use super::tick::Tick;
use super::{heat_map, omitted};

/// Room right of a panel, where half of the last x label hangs over.
const OVERHANG: f64 = 14.0;
/// Gap between a y label and the widest tick label.
const LABEL_GAP: f64 = 5.0;
/// Gap between the title of a panel and its axes.
const HEADING_GAP: f64 = 3.0;
/// Least width of a panel's axes.
const NARROWEST: f64 = 110.0;
/// Share of the x axis of points and bars that is added at both its ends.
const X_PAD: f64 = 0.03;
/// Gap below a row of panels.
const ROW_GAP: f64 = 10.0;

/// A figure in pixels.
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) title: Lines,
    pub(super) legend: Vec<Entry>,
    pub(super) panels: Vec<Placed>,
    pub(super) caption: Lines,
}

/// A panel with its axes and texts.
pub(super) struct Placed {
    pub(super) frame: Frame,
    pub(super) x_ticks: Vec<Tick>,
    pub(super) y_ticks: Vec<Tick>,
    pub(super) title: Lines,
    pub(super) x_label: Lines,
    /// Label of y, upwards; its baselines are columns of pixels.
    pub(super) y_label: Lines,
    pub(super) color_bar: Option<ColorBar>,
}

/// The layout of a figure.
pub(super) fn layout(figure: &Figure) -> Layout {
    let grid = Grid::of(figure);
    let room = grid.page - 2.0 * MARGIN;
    let title = Lines::below(MARGIN, &figure.title, TITLE, room / WIDER);
    let (legend, height) = legend::place(figure, MARGIN, room, title.end());
    let mut top = title.end() + height;
    let mut panels = Vec::new();
    for row in figure.panels.chunks(grid.columns()) {
        let (placed, height) = grid.place_row(panels.len(), row.len(), top);
        panels.extend(placed);
        top += height;
    }
    let caption = format!("{}{}", figure.caption, omitted::notes(figure));
    let caption = Lines::below(top + 2.0, &caption, CAPTION, room / WIDER);
    let height = (caption.end() + MARGIN).ceil();
    Layout { width: grid.page, height, title, legend, panels, caption }
}

/// Columns of panels and their sizes.
struct Grid<'a> {
    figure: &'a Figure,
    /// Width of the page.
    page: f64,
    /// Widths of the margins left and right of each column.
    margins: Vec<f64>,
    rooms: Vec<f64>,
    /// Size of every panel's axes.
    width: f64,
    height: f64,
}

impl<'a> Grid<'a> {
    fn of(figure: &'a Figure) -> Self {
        let (columns, page, height) = match figure.panels.len() {
            0 | 1 => (1, COLUMN, 210.0),
            2 | 4 => (2, PAGE, 190.0),
            _ => (3, PAGE, 150.0),
        };
        let mut grid = Self::sized(figure, columns, (page, height));
        let square = |p: &Panel| p.heat_map.as_ref().is_some_and(|map| map.rows == map.columns);
        if figure.panels.iter().any(square) {
            // Margins depend on the height: a few rounds make the cells as good as square.
            for _ in 0..3 {
                let square = grid.width.round().clamp(0.7 * height, 1.3 * height);
                grid = Self::sized(figure, columns, (page, square));
            }
        }
        grid
    }

    /// The grid of panels with axes `height` high on a page so wide, or wider if little is left of
    /// it between margins.
    fn sized(figure: &'a Figure, columns: usize, (page, height): (f64, f64)) -> Self {
        let (mut margins, mut rooms) = (vec![0.0; columns], vec![OVERHANG; columns]);
        for (index, panel) in figure.panels.iter().enumerate() {
            let margin: &mut f64 = &mut margins[index % columns];
            *margin = margin.max(LeftMargin::of(figure, index, columns, height).width());
            let room: &mut f64 = &mut rooms[index % columns];
            *room = ColorBar::of(panel, height).map_or(*room, |bar| room.max(bar.width()));
        }
        let taken = 2.0 * MARGIN + margins.iter().sum::<f64>() + rooms.iter().sum::<f64>();
        let page = page.max((taken + columns as f64 * NARROWEST).ceil());
        Self { figure, page, margins, rooms, width: (page - taken) / columns as f64, height }
    }

    fn columns(&self) -> usize {
        self.margins.len()
    }

    /// Places `count` panels from the one numbered `first` in a row below `top`; returns them and
    /// the row's height.
    fn place_row(&self, first: usize, count: usize, top: f64) -> (Vec<Placed>, f64) {
        let titles: Vec<_> = (first..first + count).map(|i| self.title(i, top)).collect();
        let titles_end = titles.iter().map(Lines::end).fold(top, f64::max);
        let mut left = MARGIN;
        let mut row = Vec::new();
        for (column, title) in titles.into_iter().enumerate() {
            // Titles of one line stand right above their axes, whatever their neighbours have.
            let title_end = title.end();
            let title = title.moved(titles_end - title_end);
            let corner = (left + self.margins[column], titles_end + HEADING_GAP);
            row.push(self.place(first + column, corner, title));
            left += self.margins[column] + self.width + self.rooms[column];
        }
        let under_axes = titles_end + HEADING_GAP + self.height + below_axes();
        let bottom = row.iter().map(|p| p.x_label.end()).fold(under_axes, f64::max);
        (row, bottom + ROW_GAP - top)
    }

    fn title(&self, index: usize, top: f64) -> Lines {
        Lines::below(top, &self.figure.panels[index].title, HEADING, self.width + OVERHANG)
    }

    /// Places the panel numbered `index`, with the upper left corner of its axes at (`left`,
    /// `top`).
    fn place(&self, index: usize, (left, top): (f64, f64), title: Lines) -> Placed {
        let Self { figure, width, height, .. } = *self;
        let panel = &figure.panels[index];
        let LeftMargin { axis, ticks, label } =
            LeftMargin::of(figure, index, self.columns(), height);
        let frame = Frame { left, top, width, height, x: x_axis(panel), y: axis };
        let y_label = label.moved(left - self.margins[index % self.columns()]);
        let (x_label, x_ticks) = (self.x_label(index, frame.bottom()), x_ticks(panel, &frame));
        let color_bar = ColorBar::of(panel, height);
        Placed { x_ticks, y_ticks: ticks, title, x_label, y_label, color_bar, frame }
    }

    /// The label below the tick labels, unless the panel below has the same.
    fn x_label(&self, index: usize, bottom: f64) -> Lines {
        let label = &self.figure.panels[index].x_label;
        let below = self.figure.panels.get(index + self.columns());
        let text = if below.is_some_and(|p| p.x_label == *label) { "" } else { label };
        Lines::below(bottom + below_axes(), text, LABEL, self.width + OVERHANG)
    }
}

/// Height of x ticks and their labels.
fn below_axes() -> f64 {
    TICK_LENGTH + TICK_GAP + TICK * LEADING
}

/// Margin left of the axes of a panel.
struct LeftMargin {
    axis: Axis,
    ticks: Vec<Tick>,
    /// Label of y, measured from the left end of the margin; none if the panel on the left has the
    /// same.
    label: Lines,
}

impl LeftMargin {
    fn of(figure: &Figure, index: usize, columns: usize, height: f64) -> Self {
        let panel = &figure.panels[index];
        let axis = y_axis(panel);
        let ticks = y_ticks(panel, &axis, height);
        let first = index.is_multiple_of(columns);
        let repeated = !first && figure.panels[index - 1].y_label == panel.y_label;
        let text = if repeated { "" } else { &panel.y_label };
        Self { axis, ticks, label: Lines::below(0.0, text, LABEL, height) }
    }

    fn width(&self) -> f64 {
        let widest = self.ticks.iter().map(|t| width(&t.label, TICK)).fold(0.0, f64::max);
        let gap = if self.label.lines.is_empty() { 0.0 } else { LABEL_GAP };
        self.label.end() + gap + widest + TICK_GAP + TICK_LENGTH
    }
}

fn x_axis(panel: &Panel) -> Axis {
    if let Some(map) = &panel.heat_map {
        return heat_map::axes(map).0;
    }
    let rules = panel.rules.iter().filter_map(|r| match r.line {
        Line::Vertical(x) => Some(x),
        _ => None,
    });
    let series = panel.series.iter().flat_map(|s| &s.x);
    let points = panel.points.iter().flat_map(|p| &p.x);
    let bars = panel.bars.iter().flat_map(|b| &b.edges);
    let pad = if panel.points.is_empty() && panel.bars.is_empty() { 0.0 } else { X_PAD };
    Axis::new(panel.x_scale, series.chain(points).chain(bars).copied().chain(rules), pad)
}

fn y_axis(panel: &Panel) -> Axis {
    if let Some(map) = &panel.heat_map {
        return heat_map::axes(map).1;
    }
    let rules = panel.rules.iter().filter_map(|r| match r.line {
        Line::Horizontal(y) => Some(y),
        _ => None,
    });
    let series = panel.series.iter().flat_map(|s| s.curves()).flat_map(|(_, y)| y);
    let points = panel.points.iter().flat_map(|p| &p.y);
    // Bars stand on zero.
    let bars = panel.bars.iter().flat_map(|b| b.heights.iter().chain([&0.0]));
    let most = panel.y_most.unwrap_or(f64::INFINITY);
    let all = series.chain(points).chain(bars).copied().chain(rules);
    Axis::new(panel.y_scale, all.filter(|y| *y <= most), 0.04)
}

fn y_ticks(panel: &Panel, axis: &Axis, height: f64) -> Vec<Tick> {
    match &panel.heat_map {
        Some(map) => heat_map::row_ticks(map, height),
        None => axis.ticks((height / 30.0) as usize),
    }
}

/// As many ticks of the x axis as have room for their labels.
fn x_ticks(panel: &Panel, frame: &Frame) -> Vec<Tick> {
    if let Some(map) = &panel.heat_map {
        return heat_map::column_ticks(map, frame.width, |ticks| labels_fit(frame, ticks));
    }
    let most = (frame.width / 40.0) as usize;
    let fewer = (1..=most).rev().map(|n| frame.x.ticks(n));
    let mut ticks = fewer.into_iter().find(|ticks| labels_fit(frame, ticks)).unwrap_or_default();
    // Half of the last label may hang over, but not leave the page.
    for tick in &mut ticks {
        let room = frame.column(tick.value).map_or(0.0, |x| frame.right() + OVERHANG + MARGIN - x);
        if width(&tick.label, TICK) / 2.0 > room - 1.0 {
            tick.label.clear();
        }
    }
    ticks
}

fn labels_fit(frame: &Frame, ticks: &[Tick]) -> bool {
    let labelled: Vec<_> = ticks.iter().filter(|t| !t.label.is_empty()).collect();
    labelled.windows(2).all(|pair| {
        let apart = frame.column(pair[1].value).zip(frame.column(pair[0].value));
        let room = (width(&pair[0].label, TICK) + width(&pair[1].label, TICK)) / 2.0;
        apart.is_none_or(|(b, a)| b - a >= room * WIDER + 6.0)
    })
}
