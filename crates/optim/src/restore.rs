//! Why saved buffers do not fit an optimizer.

use std::error::Error;
use std::fmt;

/// Why [`Optimizer::restore`](super::Optimizer::restore) refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// A buffer that the optimizer needs was not given.
    Missing {
        /// The buffer.
        name: String,
    },
    /// A buffer was given that the optimizer does not have.
    Unknown {
        /// The buffer.
        name: String,
    },
    /// A buffer has the wrong length.
    Length {
        /// The buffer.
        name: String,
        /// Length in the optimizer: its dimension.
        expected: usize,
        /// Length as given.
        found: usize,
    },
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name } => write!(f, "optimizer buffer `{name}` is missing")?,
            Self::Unknown { name } => write!(f, "optimizer has no buffer `{name}`")?,
            Self::Length { name, expected, found } => {
                write!(f, "optimizer buffer `{name}` has {found} values, expected {expected}")?
            }
        }
        f.write_str("; restore with the optimizer and model that were saved")
    }
}

impl Error for RestoreError {}
