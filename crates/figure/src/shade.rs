//! Numbers as colours, and the colour bar beside a panel.

use super::axis::Axis;
use super::color::Color;
use super::drawing::{Anchor, Attribute, Drawing};
use super::font::width;
use super::lines::Lines;
use super::mark::{ColorMap, HeatMap};
use super::panel::Panel;
use super::path::Path;
use super::scale::Scale;
use super::style::{INK, LABEL, TICK, TICK_GAP, TICK_LENGTH, WIDER};
use super::tick::Tick;

/// Number of colours a map is reduced to; odd, so that one of them is in the middle.
pub(super) const LEVELS: usize = 129;
/// Colour of values without a place on the scale.
pub(super) const MISSING: Color = Color(0xb4, 0xb4, 0xb4);

/// Viridis of matplotlib (van der Walt and Smith, CC0), every seventeenth of its 256 colours.
const VIRIDIS: [u32; 16] = [
    0x440154, 0x481a6c, 0x472f7d, 0x414487, 0x39568c, 0x31688e, 0x2a788e, 0x23888e, 0x1f988b,
    0x22a884, 0x35b779, 0x54c568, 0x7ad151, 0xa5db36, 0xd2e21b, 0xfde725,
];
/// RdBu of ColorBrewer 2.0 (Brewer, Apache 2.0) from blue to red, its middle made white.
const BLUE_RED: [u32; 11] = [
    0x053061, 0x2166ac, 0x4393c3, 0x92c5de, 0xd1e5f0, 0xffffff, 0xfddbc7, 0xf4a582, 0xd6604d,
    0xb2182b, 0x67001f,
];

/// Gap between the axes and the bar, and width of the bar.
const GAP: f64 = 12.0;
const BAR: f64 = 10.0;
/// Gap between the tick labels and the label of the bar.
const LABEL_GAP: f64 = 5.0;
/// Room right of everything.
const AFTER: f64 = 6.0;

/// The colours of one panel.
pub(super) struct Shading {
    axis: Axis,
    map: ColorMap,
}

impl Shading {
    /// Shading of the heat map, or else of the shaded points together; none if there are neither.
    pub(super) fn of(panel: &Panel) -> Option<Self> {
        if let Some(map) = &panel.heat_map {
            return Some(Self::of_map(map));
        }
        let mut shades = panel.points.iter().filter_map(|p| p.shade.as_ref()).peekable();
        shades.peek()?;
        let axis = Axis::new(panel.shade_scale, shades.flatten().copied(), 0.0);
        Some(Self { axis, map: ColorMap::Sequential })
    }

    fn of_map(map: &HeatMap) -> Self {
        // Where the scale has its middle, so that it becomes the middle of the colours.
        let inverse = |v: f64| (1.0 / v).min(f64::MAX);
        let mirrored = |v: f64| if map.scale == Scale::Log { inverse(v) } else { -v };
        let diverging = map.color_map == ColorMap::Diverging;
        let mirrored = map.values.iter().filter(|_| diverging).map(|&v| mirrored(v));
        let axis = Axis::new(map.scale, map.values.iter().copied().chain(mirrored), 0.0);
        Self { axis, map: map.color_map }
    }

    /// Index of the colour of `value`; none if the scale has no place for it.
    pub(super) fn level(&self, value: f64) -> Option<usize> {
        let fraction = self.axis.fraction(value)?.clamp(0.0, 1.0);
        Some((fraction * (LEVELS - 1) as f64).round() as usize)
    }

    pub(super) fn color(&self, level: Option<usize>) -> Color {
        level.map_or(MISSING, |level| self.map.color(level as f64 / (LEVELS - 1) as f64))
    }
}

impl ColorMap {
    /// The colour at a fraction of the range.
    pub(super) fn color(self, fraction: f64) -> Color {
        match self {
            Self::Sequential => between(&VIRIDIS, fraction),
            Self::Diverging => between(&BLUE_RED, fraction),
        }
    }
}

fn between(anchors: &[u32], fraction: f64) -> Color {
    let place = fraction.clamp(0.0, 1.0) * (anchors.len() - 1) as f64;
    let (first, part) = (place.floor() as usize, place.fract());
    let (a, b) = (anchors[first], anchors[(first + 1).min(anchors.len() - 1)]);
    let channel = |shift: u32| {
        let [a, b] = [a, b].map(|anchor| f64::from(anchor >> shift & 0xff));
        (a + part * (b - a)).round() as u8
    };
    Color(channel(16), channel(8), channel(0))
}

/// The bar at the right of a panel, as high as its axes.
pub(super) struct ColorBar {
    pub(super) shading: Shading,
    ticks: Vec<Tick>,
    /// Label, upwards; measured from the right end of the axes.
    label: Lines,
    height: f64,
}

impl ColorBar {
    /// The bar of a panel whose axes are `height` high, if it needs one.
    pub(super) fn of(panel: &Panel, height: f64) -> Option<Self> {
        let shading = Shading::of(panel)?;
        let ticks = shading.axis.ticks((height / 30.0) as usize);
        let widest = ticks.iter().map(|t| width(&t.label, TICK)).fold(0.0, f64::max);
        let labels_end = GAP + BAR + TICK_LENGTH + TICK_GAP + WIDER * widest;
        let label = Lines::below(labels_end + LABEL_GAP, &panel.shade_label, LABEL, height);
        Some(Self { shading, ticks, label, height })
    }

    /// Width from the right end of the axes to the next column.
    pub(super) fn width(&self) -> f64 {
        self.label.end() + AFTER
    }

    /// Draws the bar right of axes with this upper right corner.
    pub(super) fn draw(&self, drawing: &mut Drawing, (right, top): (f64, f64)) {
        drawing.open([Attribute::Class("color-bar")]);
        let (left, bottom) = (right + GAP, top + self.height);
        for level in 0..LEVELS {
            // Up to the top, so that the next colour leaves no seam.
            let start = bottom - self.height * level as f64 / LEVELS as f64;
            let path = Path::at(left, start).right(BAR).vertical_to(top).right(-BAR).close();
            drawing.path(path, [Attribute::Fill(Some(self.shading.color(Some(level))))]);
        }
        self.draw_ticks(drawing, left, (top, bottom));
        self.label.draw_upwards(drawing, right, (top + bottom) / 2.0);
        drawing.close();
    }

    fn draw_ticks(&self, drawing: &mut Drawing, left: f64, (top, bottom): (f64, f64)) {
        let right = left + BAR;
        let mut path = Path::at(left, top)
            .horizontal_to(right)
            .vertical_to(bottom)
            .horizontal_to(left)
            .close();
        for tick in &self.ticks {
            let Some(fraction) = self.shading.axis.fraction(tick.value) else { continue };
            let y = bottom - self.height * fraction;
            path.push(Path::at(right, y).right(tick.length()));
            let place = (right + TICK_LENGTH + TICK_GAP, y + 0.36 * TICK);
            tick.draw_label(drawing, place, Anchor::Start);
        }
        let style =
            [Attribute::Fill(None), Attribute::Stroke(Some(INK)), Attribute::StrokeWidth(0.6)];
        drawing.path(path, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of WCAG 2.
    fn luminance(Color(r, g, b): Color) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    fn levels(map: ColorMap) -> Vec<f64> {
        let shading = Shading { axis: Axis::between(0.0, 1.0), map };
        (0..LEVELS).map(|level| luminance(shading.color(Some(level)))).collect()
    }

    fn heat_map(scale: Scale, color_map: ColorMap, values: &[f64]) -> Shading {
        let (values, columns) = (values.to_vec(), values.len());
        Shading::of_map(&HeatMap {
            rows: 1,
            columns,
            values,
            scale,
            color_map,
            ..HeatMap::default()
        })
    }

    #[test]
    fn the_sequential_map_grows_brighter_at_every_level() {
        let levels = levels(ColorMap::Sequential);
        assert!(levels.windows(2).all(|pair| pair[0] < pair[1]), "{levels:?}");
        // Over half of the way from black to white, so that it reads in grey.
        assert!(levels[LEVELS - 1] - levels[0] > 0.5);
    }

    #[test]
    fn the_diverging_map_is_white_in_the_middle_and_darker_both_ways_alike() {
        let levels = levels(ColorMap::Diverging);
        let middle = LEVELS / 2;
        assert_eq!(ColorMap::Diverging.color(0.5), Color(255, 255, 255));
        assert!(levels[..=middle].windows(2).all(|pair| pair[0] < pair[1]), "{levels:?}");
        assert!(levels[middle..].windows(2).all(|pair| pair[0] > pair[1]), "{levels:?}");
        for i in 0..middle {
            let (blue, red) = (levels[i], levels[LEVELS - 1 - i]);
            assert!((blue - red).abs() < 0.06, "{blue} and {red}, {i} from the ends");
        }
    }

    #[test]
    fn zero_is_white_whatever_the_range() {
        let white = Some(LEVELS / 2);
        for scale in [Scale::Linear, Scale::SymLog { linear: 1e-3 }] {
            for values in [&[-2.0, 900.0][..], &[0.0, 0.0], &[3.0], &[-1e300, 1.0], &[f64::NAN]] {
                let shading = heat_map(scale, ColorMap::Diverging, values);
                if values != [f64::NAN] && !values[0].is_nan() {
                    assert_eq!(shading.level(0.0), white, "{scale:?} {values:?}");
                    let mirrored = shading.level(-values[0]).unwrap();
                    assert_eq!(shading.level(values[0]), Some(LEVELS - 1 - mirrored));
                }
                assert_eq!(shading.color(shading.level(f64::NAN)), MISSING);
            }
        }
        assert_eq!(heat_map(Scale::Log, ColorMap::Diverging, &[0.1, 1e3]).level(1.0), white);
        assert_eq!(heat_map(Scale::Log, ColorMap::Sequential, &[0.1, 1e3]).level(0.0), None);
        assert_eq!(
            heat_map(Scale::Linear, ColorMap::Sequential, &[1.0, 3.0]).level(3.0),
            Some(LEVELS - 1)
        );
    }
}
