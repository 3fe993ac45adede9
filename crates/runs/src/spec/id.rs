//! Names of runs.

use std::fmt;
use std::str::FromStr;

/// Name of a run: 16 lower-case hexadecimal digits, the hash of everything that its results
/// depend on.
///
/// Two runs of the same name have the same contents, which is why the store may keep whichever
/// arrives first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

/// Error returned when a text is not a [`RunId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no run id: write 16 hexadecimal digits, lower case, as `list` shows them")]
pub struct ParseRunIdError(String);

impl RunId {
    /// Number of digits.
    pub const LEN: usize = 16;

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<u64> for RunId {
    /// The run whose spec has this hash.
    fn from(hash: u64) -> Self {
        RunId(format!("{hash:016x}"))
    }
}

impl FromStr for RunId {
    type Err = ParseRunIdError;

    fn from_str(text: &str) -> Result<Self, ParseRunIdError> {
        if text.len() == Self::LEN && is_lower_hex(text) {
            Ok(RunId(text.to_owned()))
        } else {
            Err(ParseRunIdError(text.to_owned()))
        }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sixteen_lower_hex_digits_are_ids() {
        let id: RunId = "0123456789abcdef".parse().unwrap();
        assert_eq!(id, RunId::from(0x0123_4567_89ab_cdef));
        assert_eq!(id.to_string(), "0123456789abcdef");
        for text in
            ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "../../../../etc/p"]
        {
            let error = text.parse::<RunId>().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
