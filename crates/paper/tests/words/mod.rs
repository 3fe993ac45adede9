//! Words that texts for readers must not contain.

/// Bare forms of values that are not finite numbers.
const WRONG: [&str; 4] = ["NaN", "inf", "Infinity", "null"];

/// Panics with the surrounding text if a text has one of [`WRONG`] as a word.
pub fn assert_worded(text: &str, case: &str) {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    if let Some(word) = words.find(|word| WRONG.contains(word)) {
        // A slice of `text`, so the difference of addresses is the offset.
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        let start = (at.saturating_sub(200)..at).find(|i| text.is_char_boundary(*i)).unwrap_or(at);
        panic!("{case}: {word} in …{}", &text[start..at + word.len()]);
    }
}
