//! Curves as data: the bold one, the band around it, the faint ones behind it.

use super::color::Color;

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
    /// Shaded region around the bold curve.
    pub band: Option<Band>,
    /// Curves that were averaged, drawn faint.
    pub members: Vec<MemberCurve>,
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
pub struct MemberCurve {
    /// Its name in the CSV, such as `seed 3`.
    pub name: String,
    /// Ordinates; NaN after the end of a run shorter than the others.
    pub y: Vec<f64>,
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
    pub(super) fn curves(&self) -> Vec<(&str, &[f64])> {
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
