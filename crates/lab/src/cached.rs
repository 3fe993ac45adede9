//! Cached results other than runs: computed once and stored under a key that names every input.

use serde::Serialize;
use serde::de::DeserializeOwned;
use windtunnel_runs::store::{Error, Store};

/// The cached value of a key, if the store has one of this type.
///
/// # Errors
/// A store that cannot be read.
pub(crate) fn recall<T: DeserializeOwned>(store: &Store, key: &str) -> Result<Option<T>, Error> {
    Ok(store.cached(key)?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Caches a value under a key and replaces the old one.
///
/// # Errors
/// A store that cannot be written.
pub(crate) fn keep<T: Serialize>(store: &Store, key: &str, value: &T) -> Result<(), String> {
    let text = serde_json::to_string(value).map_err(|error| error.to_string())?;
    store.cache(key, &text).map_err(|error| error.to_string())
}

/// The value of a key, from the cache of the store or computed and cached.
///
/// # Errors
/// A store that can be neither read nor written, or a failed computation.
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
