//! A figure as data.

use super::panel::Panel;

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
