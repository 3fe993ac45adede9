//! Results that are no runs and take long: computed once, kept in the store under a key that names
//! all that they depend on.

use serde::Serialize;
use serde::de::DeserializeOwned;
use windtunnel_runs::store::{Error, Store};

/// The value under a key, if the store has one of this type.
///
/// # Errors
/// A store that cannot be read.
pub(crate) fn recall<T: DeserializeOwned>(store: &Store, key: &str) -> Result<Option<T>, Error> {
    Ok(store.cached(key)?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Keeps a value under a key, in place of what was there.
///
/// # Errors
/// A store that cannot be written.
pub(crate) fn keep<T: Serialize>(store: &Store, key: &str, value: &T) -> Result<(), String> {
    let text = serde_json::to_string(value).map_err(|error| error.to_string())?;
    store.cache(key, &text).map_err(|error| error.to_string())
}

/// The value under a key, read from the store or computed and kept there.
///
/// # Errors
/// A store that can be neither read nor written, or what the computation failed for.
pub(crate) fn obtain<T: Serialize + DeserializeOwned>(
    store: &Store,
    key: &str,
    compute: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    if let Some(known) = recall(store, key).map_err(|error| error.to_string())? {
        return Ok(known);
    }
    let value = compute()?;
    keep(store, key, &value)?;
    Ok(value)
}
