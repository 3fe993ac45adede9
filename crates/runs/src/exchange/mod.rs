//! Prompts and parameters of other implementations: npz and safetensors in, safetensors out.
//!
//! Nothing is allocated for what a file claims before its size is checked: headers first, then
//! [`PromptFile::fits`], then the numbers.

mod literal;
mod npy;
mod params;
mod prompts;

use std::path::{Path, PathBuf};

pub use params::{encode_params, read_model, read_params, tensors};
pub use prompts::{PromptFile, TokenPrompts, Use};

/// Error returned when a file of another implementation cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Error {
    path: PathBuf,
    problem: String,
}

struct Source<'a>(&'a Path);

impl Source<'_> {
    fn error(&self, problem: impl ToString) -> Error {
        Error { path: self.0.into(), problem: problem.to_string() }
    }

    fn finite(&self, name: &str, values: &[f64]) -> Result<(), Error> {
        match values.iter().position(|v| !v.is_finite()) {
            Some(at) => {
                Err(self.error(format!("`{name}` holds {} at flat position {at}", values[at])))
            }
            None => Ok(()),
        }
    }

    /// Room for `len` values, or an error where there is no memory for them.
    fn room(&self, name: &str, len: usize) -> Result<Vec<f64>, Error> {
        let mut values = Vec::new();
        values.try_reserve_exact(len).map_err(|_| {
            self.error(format!(
                "there is no memory for the {len} values of `{name}`: split the file"
            ))
        })?;
        Ok(values)
    }
}
