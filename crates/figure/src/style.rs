//! The style of figures: sizes in pixels, and inks.

use super::color::Color;

/// Ink of text and axes.
pub(super) const INK: Color = Color(0x1a, 0x1a, 0x1a);
/// Ink of the caption and other secondary elements.
pub(super) const FAINT_INK: Color = Color(0x55, 0x55, 0x55);

/// Widths of a figure with one panel and with several: a column of 3.25 inches, as in two-column
/// papers, and the 5.5 inches of text of an ICLR or NeurIPS page.
pub(super) const COLUMN: f64 = 378.0;
pub(super) const PAGE: f64 = 640.0;
/// Inches to a pixel on paper. All figures share it, so that letters have one size in all of them.
pub(super) const INCHES: f64 = 5.5 / PAGE;

/// Sizes of letters; on paper 6.5 points for the smallest.
pub(super) const TITLE: f64 = 14.0;
pub(super) const HEADING: f64 = 12.0;
pub(super) const LABEL: f64 = 11.5;
pub(super) const TICK: f64 = 10.5;
pub(super) const CAPTION: f64 = 10.5;
/// Distance from baseline to baseline, in letter sizes.
pub(super) const LEADING: f64 = 1.35;
/// Factor of room for the wider letters that a browser without Helvetica, Arial or a twin may set.
pub(super) const WIDER: f64 = 1.12;

/// Length of a labelled tick.
pub(super) const TICK_LENGTH: f64 = 4.0;
/// Gap from a tick to its label.
pub(super) const TICK_GAP: f64 = 3.0;
/// Margin around the page.
pub(super) const MARGIN: f64 = 12.0;
