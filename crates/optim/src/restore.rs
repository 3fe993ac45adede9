//! The error of a saved state that does not fit an optimizer.

use std::error::Error;
use std::fmt;

/// Error returned when a saved state does not fit an optimizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// A part of the state that the optimizer needs was not given.
    Missing {
        /// Its name.
        name: String,
    },
    /// A part was given that the optimizer does not have.
    Unknown {
        /// Its name.
        name: String,
    },
    /// A part has the wrong length.
    Length {
        /// Its name.
        name: String,
        /// Length in the optimizer.
        expected: usize,
        /// Length as given.
        found: usize,
    },
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name } => write!(f, "optimizer state `{name}` is missing")?,
            Self::Unknown { name } => write!(f, "optimizer has no state `{name}`")?,
            Self::Length { name, expected, found } => {
                write!(f, "optimizer state `{name}` has {found} values, expected {expected}")?
            }
        }
        f.write_str("; restore with the optimizer and model that were saved")
    }
}

impl Error for RestoreError {}
