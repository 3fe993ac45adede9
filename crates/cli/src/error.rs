//! Errors that end a command early, and their exit codes.

use windtunnel_lab::laboratory;
use windtunnel_runs::spec::SpecError;
use windtunnel_runs::store;

/// Error that ends a command; `main` prints it once.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user's input cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The spec cannot be used.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A file cannot be written.
    #[error("cannot write {path}: {cause}")]
    Write {
        /// The file or folder.
        path: String,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// Some runs could not be computed.
    #[error("{0}")]
    Failed(String),
    /// The user asked to stop.
    #[error("interrupted; the store has lost nothing: give the same command again to go on")]
    Interrupted,
    /// The reader of our output closed it.
    #[error("the output was closed")]
    ClosedPipe,
}

impl From<laboratory::Error> for Error {
    fn from(error: laboratory::Error) -> Error {
        match error {
            laboratory::Error::Unusable(error) => Error::no_store(error),
            laboratory::Error::Store(error) => Error::Store(error),
            laboratory::Error::Spec(error) => Error::Spec(error),
            laboratory::Error::Failed(reason) => Error::Failed(reason),
            laboratory::Error::Interrupted => Error::Interrupted,
        }
    }
}

impl Error {
    /// The error for a `--store` that cannot be used.
    pub fn no_store(error: store::Error) -> Error {
        Error::Usage(format!("--store: {error}"))
    }

    /// Exit code: 2 for usage, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) | Error::Spec(_) => 2,
            Error::Store(
                store::Error::UnknownPrefix { .. } | store::Error::AmbiguousPrefix { .. },
            ) => 2,
            _ => 1,
        }
    }
}
