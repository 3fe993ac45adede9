//! Standard output for results, as text or JSON; standard error for messages. A closed output is no
//! error.

use std::io::{IsTerminal, Write};

use crate::error::Error;

/// Prints `text` unchanged.
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

/// Prints a value as indented JSON.
pub fn json(value: &impl serde::Serialize) -> Result<(), Error> {
    print(&json_text(value)?)
}

/// A value as indented JSON. Numbers that JSON lacks (NaN, infinities) become `null`.
pub fn json_text(value: &impl serde::Serialize) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::Failed(e.to_string()))?;
    Ok(text + "\n")
}

/// Prints a line on standard error. A failure is ignored, because results do not depend on it.
pub fn say(line: &str) {
    let _ = std::io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

/// Ends the line of a terminal that a bar or a `^C` may have begun.
pub fn end_line() {
    if std::io::stderr().is_terminal() {
        say("");
    }
}
