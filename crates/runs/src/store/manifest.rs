//! `meta.json`: metadata of a run, and hashes that bind its files to it.
//!
//! Beside the keys of its writer it has `run`, the id; `files`, the SHA-256 of every other file of
//! the run; and a checksum of itself ([`seal`]). Files without the three were written before there
//! were any.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::digest::sha256;
use super::{RunId, seal};

const RUN: &str = "run";
const FILES: &str = "files";
const RESERVED: [&str; 3] = [RUN, FILES, seal::KEY];

/// SHA-256 of the other files, by name.
pub(super) type Digests = BTreeMap<String, String>;

/// The bytes of the file for a run of these other files.
///
/// # Errors
/// If the writer's keys are among those that are reserved here.
pub(super) fn encode(
    id: &RunId,
    meta: &Map<String, Value>,
    files: &[(&str, &[u8])],
) -> Result<Vec<u8>, String> {
    if let Some(key) = RESERVED.iter().find(|&&key| meta.contains_key(key)) {
        return Err(format!("the key `{key}` is reserved"));
    }
    let digests = files.iter().map(|&(name, bytes)| (name.to_owned(), sha256(bytes).into()));
    let mut meta = meta.clone();
    meta.insert(RUN.into(), id.as_str().into());
    meta.insert(FILES.into(), Value::Object(digests.collect()));
    meta.insert(seal::KEY.into(), seal::PLACEHOLDER.into());
    let mut bytes = format!("{:#}\n", Value::Object(meta)).into_bytes();
    seal::close(&mut bytes)?;
    Ok(bytes)
}

/// The writer's keys, and the digests of the other files of run `id`: none in a file that was
/// written before there were any.
///
/// # Errors
/// If the file is not what was written, or belongs to another run.
pub(super) fn decode(
    id: &RunId,
    bytes: &[u8],
) -> Result<(Map<String, Value>, Option<Digests>), String> {
    let mut meta: Map<String, Value> = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if !RESERVED.iter().any(|&key| meta.contains_key(key)) {
        return Ok((meta, None));
    }
    seal::check(bytes)?;
    let [run, files, _] = RESERVED.map(|key| meta.remove(key).unwrap_or_default());
    if run.as_str() != Some(id.as_str()) {
        return Err(format!("it belongs to run {}", run.as_str().unwrap_or("?")));
    }
    let digests = serde_json::from_value(files).map_err(|e| format!("`{FILES}`: {e}"))?;
    Ok((meta, Some(digests)))
}
