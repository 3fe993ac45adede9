//! Standard output: text or JSON, and readers that go away.

use std::io::Write;

use crate::error::Error;

/// Prints `text` as it is.
pub fn print(text: &str) -> Result<(), Error> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|cause| {
        if cause.kind() == std::io::ErrorKind::BrokenPipe {
            Error::ClosedPipe
        } else {
            Error::Write { path: "standard output".into(), cause }
        }
    })
}

/// Prints a value as indented JSON. Numbers that JSON lacks (NaN, infinities) become `null`.
pub fn json(value: &impl serde::Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::Failed(e.to_string()))?;
    print(&format!("{text}\n"))
}
