//! The one error of a spec that cannot be run.

use std::path::PathBuf;

/// Error returned when a TOML document cannot be resolved to a spec: the key, its value and the
/// allowed values.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// The text is not TOML.
    #[error("{origin} is not TOML: {message}")]
    Syntax {
        /// The file, or the override.
        origin: String,
        /// Message of the TOML parser.
        message: String,
    },
    /// The file cannot be read.
    #[error("cannot read the spec {path}: {message}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Message of the operating system, and advice.
        message: String,
    },
    /// A file that sets nothing, most likely left by a write that failed.
    #[error(
        "the spec {path} is empty: it sets no key. `windtunnel init NAME.toml` writes one with every \
         default; leave the file out to train the default"
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A condition that is not `KEY=VALUE`.
    #[error("--where {text}: expected KEY=VALUE, as in --where optimizer.name=sgd")]
    Condition {
        /// Text that was given.
        text: String,
    },
    /// An override that is not `KEY=VALUE`.
    #[error("--set {text}: expected KEY=VALUE, as in --set optimizer.lr=0.05")]
    Override {
        /// Text that was given.
        text: String,
    },
    /// A key that no spec has.
    #[error("unknown key `{key}`{}; known here: {known}", suggestion(nearest))]
    UnknownKey {
        /// Its full path.
        key: String,
        /// The most similar known key.
        nearest: Option<String>,
        /// All keys of the section.
        known: String,
    },
    /// A key of another optimizer or another law of the covariates.
    #[error(
        "`{key}` does not go with `{choice}` = \"{chosen}\"; what does: {known}. Remove it, or \
         change `{choice}`"
    )]
    Misplaced {
        /// Its full path.
        key: String,
        /// The key that decides, as `optimizer.name`.
        choice: String,
        /// The value of that key.
        chosen: String,
        /// All keys of the section as chosen.
        known: String,
    },
    /// A value of the wrong type or outside its range.
    #[error("{key} = {value} is not allowed: {allowed}")]
    Value {
        /// Full path of the key.
        key: String,
        /// Value that was given.
        value: String,
        /// Allowed values, and advice.
        allowed: String,
    },
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or(String::new(), |key| format!(": did you mean `{key}`?"))
}
