//! Figures from data to files: panels of curves with bands, points, histograms and heat maps, in
//! one style.
//!
//! ```
//! use windtunnel_figure::{Color, Figure, Panel, Scale, Series};
//!
//! let steps: Vec<f64> = (0..=100).map(f64::from).collect();
//! let loss = steps.iter().map(|step| 0.95_f64.powf(*step)).collect();
//! let panel = Panel {
//!     x_label: "step".into(),
//!     y_label: "held-out loss".into(),
//!     y_scale: Scale::Log,
//!     series: vec![Series::new("Adam", Color::RED, steps, loss)],
//!     ..Panel::default()
//! };
//! let caption = "One run.".into();
//! let figure = Figure { title: "A quadratic".into(), panels: vec![panel], caption };
//!
//! assert!(figure.svg().starts_with("<svg"));
//! assert!(figure.pdf().starts_with(b"%PDF"));
//! assert!(figure.png(1.0)?.starts_with(b"\x89PNG"));
//! // Every number drawn, one line per point.
//! assert!(figure.csv().lines().count() > 100);
//! # Ok::<(), windtunnel_figure::Error>(())
//! ```
//!
//! A [`Figure`] knows nothing of runs, stores or specs. It becomes an SVG (text stays text), a
//! PNG, a PDF, and a CSV of every number drawn. Equal figures give equal bytes. PNG and PDF use
//! the fonts bundled with this module, so they look the same on a machine without any.
//!
//! Values that cannot be drawn leave a gap in their curve or histogram, or a grey cell: NaN, ±∞,
//! and on a log axis those that are not above zero. The small print says how many they are, and a
//! panel without anything to show says why. So no number makes a figure fail.
//!
//! # Inside
//! The figure as data is in `figure`, `panel`, `series` and `mark`. `layout` places everything,
//! `draw` turns it into a list of elements (`drawing`), from which `svg`, `png` and `pdf` each make
//! their format.

mod axis;
mod bars;
mod color;
mod csv;
mod curve;
mod description;
mod draw;
mod drawing;
mod export;
mod figure;
mod font;
mod frame;
mod heat_map;
mod layout;
mod legend;
mod lines;
mod mark;
mod omitted;
mod panel;
mod path;
mod pdf;
mod png;
mod points;
mod rule;
mod scale;
mod series;
mod shade;
mod style;
mod svg;
mod symlog;
pub mod table;
mod tick;

pub use color::Color;
pub use figure::Figure;
pub use mark::{Bars, ColorMap, HeatMap, Line, Points, Rule};
pub use panel::Panel;
pub use png::Error;
pub use scale::Scale;
pub use series::{Band, MemberCurve, Series};
