//! Data in, picture out: panels of curves with bands, points, histograms and heat maps, in one
//! house style.
//!
//! A [`Figure`] knows nothing of runs, stores or specs. It becomes an SVG (text stays text), a
//! PNG, a PDF, and a CSV of every number drawn. Equal figures give equal bytes. PNG and PDF use
//! the fonts bundled with this module, so they look the same on a machine without any.
//!
//! What cannot be drawn leaves a gap in its curve or histogram, or a grey cell: NaN, ±∞, and on a
//! log axis what is not above zero. The small print says how much of it there is, and a panel
//! without anything to show says why: no number makes a figure fail.

mod axis;
mod bars;
mod csv;
mod curve;
mod draw;
mod export;
mod font;
mod heat_map;
mod layout;
mod legend;
mod mark;
mod omitted;
mod points;
mod rule;
mod shade;
mod svg;
mod symlog;
pub mod table;
mod tick;

use svg::Medium;

pub use export::Error;
pub use mark::{Bars, ColorMap, HeatMap, Line, Points, Rule};

/// Panels in rows of at most three, one legend above them, one caption below.
///
/// Every text but the names in the CSV may raise and lower: `10^{−2}`, `λ_{max}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// Heading; none when empty.
    pub title: String,
    /// Panels, row by row.
    pub panels: Vec<Panel>,
    /// Small print below the panels, wrapped: seeds, what the band is, spec. What the panels
    /// cannot draw is added to it.
    pub caption: String,
}

/// One pair of axes. A label equal to that of the panel on the left (`y_label`) or below
/// (`x_label`) is written once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// Heading of the panel.
    pub title: String,
    /// What x is, with its unit.
    pub x_label: String,
    /// What y is, with its unit.
    pub y_label: String,
    /// Scale of x.
    pub x_scale: Scale,
    /// Scale of y.
    pub y_scale: Scale,
    /// Curves, the first one lowest.
    pub series: Vec<Series>,
    /// Histograms, below everything else.
    pub bars: Vec<Bars>,
    /// Dots, above everything else.
    pub points: Vec<Points>,
    /// Dashed lines between bars and curves.
    pub rules: Vec<Rule>,
    /// Coloured cells that fill the panel, alone: the axes count cells, the scales do not apply.
    pub heat_map: Option<HeatMap>,
    /// What the colours of shaded points or of the heat map mean, with its unit: label of the
    /// colour bar, which is there if they are.
    pub shade_label: String,
    /// Scale of the colours of shaded points; a heat map has its own.
    pub shade_scale: Scale,
    /// Points of curves that were left out on purpose, NaN in their place: the caption says why.
    pub cut: usize,
    /// Sentences for the small print, such as what was left out before; stands in the panel as the
    /// reason where there is nothing to draw.
    pub note: String,
}

/// How numbers become lengths along an axis, or colours.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Scale {
    /// In proportion.
    #[default]
    Linear,
    /// Equal ratios, equal lengths.
    Log,
    /// Linear within ±`linear`, which takes the room of a decade; equal ratios beyond, both ways.
    SymLog {
        /// Where the linear part ends; where it is not positive and finite nothing can be drawn.
        linear: f64,
    },
}

impl Scale {
    fn is_usable(self) -> bool {
        match self {
            Self::Linear | Self::Log => true,
            Self::SymLog { linear } => linear > 0.0 && linear.is_finite(),
        }
    }
}

/// A curve with what surrounds it. All vectors are as long as `x`.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Entry of the legend, which has one per name and colour; none when empty.
    pub name: String,
    /// Colour of curve, band and members.
    pub color: Color,
    /// Abscissae, shared by everything in the series.
    pub x: Vec<f64>,
    /// The bold curve: mean, median, or the only run.
    pub center: Vec<f64>,
    /// Shaded region around it.
    pub band: Option<Band>,
    /// What was averaged, drawn faint.
    pub members: Vec<Member>,
}

/// Lower and upper edge of a shaded region; on a log axis it reaches the bottom where `lo` is too small.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Lower edge.
    pub lo: Vec<f64>,
    /// Upper edge.
    pub hi: Vec<f64>,
}

/// One of the curves behind a [`Series`], such as a seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its name in the CSV, such as `seed 3`.
    pub name: String,
    /// Ordinates; NaN after the end of a run shorter than the others.
    pub y: Vec<f64>,
}

/// An sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    /// SGDM, as in the paper.
    pub const BLACK: Self = Self(0, 0, 0);
    /// Adam, as in the paper.
    pub const RED: Self = Self(0xcc, 0x33, 0x11);

    /// Black, red and the rest of Paul Tol's *vibrant* scheme, told apart with any of the common
    /// colour vision deficiencies (his technical note SRON/EPS/TN/09-002, issue 3.2).
    pub const CYCLE: [Self; 7] = [
        Self::BLACK,
        Self::RED,
        Self(0x00, 0x77, 0xbb),
        Self(0x00, 0x99, 0x88),
        Self(0xee, 0x77, 0x33),
        Self(0xee, 0x33, 0x77),
        Self(0x33, 0xbb, 0xee),
    ];
}

impl Series {
    /// A bare curve through `(x[i], center[i])`, without band and members.
    pub fn new(name: impl Into<String>, color: Color, x: Vec<f64>, center: Vec<f64>) -> Self {
        Self { name: name.into(), color, x, center, band: None, members: Vec::new() }
    }

    /// Every curve of the series with its name in the CSV: the centre first.
    ///
    /// # Panics
    /// If one is not as long as `x`.
    fn curves(&self) -> Vec<(&str, &[f64])> {
        let mut curves = vec![("center", &self.center[..])];
        if let Some(band) = &self.band {
            curves.extend([("band_lo", &band.lo[..]), ("band_hi", &band.hi[..])]);
        }
        curves.extend(self.members.iter().map(|m| (&m.name[..], &m.y[..])));
        for (name, y) in &curves {
            let (n, m) = (self.x.len(), y.len());
            assert_eq!(n, m, "series {:?}: x has {n} values, {name} has {m}", self.name);
        }
        curves
    }
}

impl Figure {
    /// The figure as an SVG document whose text is text, in Helvetica, Arial or their twins.
    ///
    /// # Units
    /// Pixels of 1/96 inch. Up to 760 wide unless three columns of long labels need more: in a
    /// text 6.75 inch wide, letters of 7 to 8 points.
    ///
    /// # Panics
    /// If lengths that should agree differ, or a heat map shares its panel.
    pub fn svg(&self) -> String {
        self.drawn(Medium::Screen)
    }

    /// The same for a page whose script can hide what has a name and read values off the axes:
    /// named marks have `data-name`, panels `data-frame` (left, top, width, height), `data-x` and
    /// `data-y` (scale, its linear part, both ends in the coordinate of the scale).
    ///
    /// # Panics
    /// As [`Figure::svg`].
    pub fn inline_svg(&self) -> String {
        self.drawn(Medium::Page)
    }

    /// The figure as a PNG on white, `scale` dots to a pixel of the SVG (2 for most uses); fewer
    /// where that would be more than 64 million.
    ///
    /// # Errors
    /// If `scale` is not in (0, 16].
    ///
    /// # Panics
    /// As [`Figure::svg`].
    pub fn png(&self, scale: f32) -> Result<Vec<u8>, Error> {
        export::png(&self.svg(), scale)
    }

    /// The figure as a PDF of one page, fonts embedded.
    ///
    /// # Errors
    /// If the SVG cannot be converted, which would be an error of this module.
    ///
    /// # Panics
    /// As [`Figure::svg`].
    pub fn pdf(&self) -> Result<Vec<u8>, Error> {
        export::pdf(&self.drawn(Medium::Paper))
    }

    /// Every number of the figure, one to a row: `panel,series,member,x,y`.
    ///
    /// | mark | `series` | `member` | `x`, `y` |
    /// |---|---|---|---|
    /// | [`Series`] | its name | `center`, `band_lo`, `band_hi` or the name of a [`Member`] | the point |
    /// | [`Points`] | their name | `points` | the point |
    /// | | | `shade` | x of the point, its shade |
    /// | [`Bars`] | their name | `bar` | left edge, height |
    /// | | | `bar_end` | right edge of the last bar, 0 |
    /// | [`Rule`] | its name | `rule` | NaN, y if horizontal; x, NaN if vertical |
    /// | | | `rule_slope` | slope, intercept |
    /// | [`HeatMap`] | `row 0`, `row 1`, … | `cell` | column from 0, value |
    /// | | name of the block | `row_block`, `column_block` | first row or column, how many |
    ///
    /// Numbers are the shortest that read back to the same bits, or `NaN`, `inf`, `-inf`.
    ///
    /// # Panics
    /// As [`Figure::svg`].
    pub fn csv(&self) -> String {
        self.panels.iter().for_each(Panel::check);
        csv::csv(self)
    }

    fn drawn(&self, medium: Medium) -> String {
        self.panels.iter().for_each(Panel::check);
        draw::figure(self, medium)
    }
}
