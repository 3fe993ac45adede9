//! The catalogue of metrics: every name that a row of a run can have, with unit, scale, meaning and
//! recorder.
//!
//! A [`Metric`] is an entry of the [`CATALOGUE`] with its parameters, a [`Name`] a metric or a part
//! of it, such as an end of its interval. Names are text in stores and files only; code has the
//! typed handle, which displays as that text and is read back from it:
//!
//! ```
//! use windtunnel_measure::metric::{Metric, Name, Part};
//!
//! let name = Metric::NoiseTailIndex(1000).part(Part::Lo);
//! assert_eq!(name.to_string(), "grad_noise.b1000.tail_index.lo");
//! assert_eq!("grad_noise.b1000.tail_index.lo".parse(), Ok(name));
//!
//! let unknown = "held_out_los".parse::<Name>().unwrap_err();
//! assert_eq!(unknown.nearest.as_deref(), Some("held_out_loss"));
//! ```
//!
//! A new metric is one entry of `catalogue.rs` and the line that records it. Without the entry
//! nothing can be recorded:
//!
//! ```compile_fail
//! # let mut readings = windtunnel_measure::instrument::Readings::default();
//! readings.record("grad_nrom", 1.0);
//! ```

mod absent;
mod catalogue;
mod entry;
mod instrument;
mod name;
mod nearest;
mod parameter;

pub use absent::Absent;
pub use catalogue::{CATALOGUE, Metric};
pub use entry::{Better, Entry, Part, RecordedBy, Scale, Unit};
pub use instrument::Instrument;
pub use name::{Name, Unknown};
pub use nearest::nearest;
pub use parameter::{Label, OtherConvention, Pair, Percent, Rival};
