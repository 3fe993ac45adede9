//! Sealed safetensors files: named arrays of bytes and text metadata.

use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors, View};

use super::seal;

/// Elements of one array, in little-endian bytes.
pub(super) struct Blob {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Blob {
    /// The bytes of `elements`.
    pub(super) fn new<T: Copy, const N: usize>(
        dtype: Dtype,
        shape: &[usize],
        elements: &[T],
        to_bytes: fn(T) -> [u8; N],
    ) -> Self {
        let bytes = elements.iter().flat_map(|&x| to_bytes(x)).collect();
        Blob { dtype, shape: shape.to_vec(), bytes }
    }

    /// The elements, `N` bytes each.
    pub(super) fn elements<T, const N: usize>(&self, from_bytes: fn([u8; N]) -> T) -> Vec<T> {
        self.bytes.as_chunks::<N>().0.iter().map(|&x| from_bytes(x)).collect()
    }

    pub(super) fn dtype(&self) -> Dtype {
        self.dtype
    }

    pub(super) fn shape(&self) -> &[usize] {
        &self.shape
    }
}

impl View for &Blob {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Text metadata of a file.
pub(super) type Metadata = BTreeMap<String, String>;

/// The bytes of a sealed file; the same arguments give the same bytes.
///
/// # Errors
/// If a name occurs twice or is one that the format reserves.
pub(super) fn pack(blobs: Vec<(String, Blob)>, mut metadata: Metadata) -> Result<Vec<u8>, String> {
    check_names(&blobs)?;
    metadata.insert(seal::KEY.into(), seal::PLACEHOLDER.into());
    let views = blobs.iter().map(|(name, blob)| (name, blob));
    let unordered = metadata.clone().into_iter().collect();
    let mut bytes = safetensors::serialize(views, Some(unordered)).map_err(|e| e.to_string())?;
    sort_metadata(&mut bytes, &metadata)?;
    seal::close(&mut bytes)?;
    Ok(bytes)
}

/// Writes the metadata in the order of their keys over what the library wrote in that of a hash map,
/// which is as long.
fn sort_metadata(bytes: &mut [u8], metadata: &Metadata) -> Result<(), String> {
    const START: &[u8] = br#"{"__metadata__":"#;
    let sorted = serde_json::to_vec(metadata).map_err(|e| e.to_string())?;
    let at = LENGTH + START.len();
    match bytes.get(LENGTH..at) {
        Some(START) if bytes.len() >= at + sorted.len() => {
            bytes[at..at + sorted.len()].copy_from_slice(&sorted);
            Ok(())
        }
        _ => Err("the header does not begin with the metadata".into()),
    }
}

/// Bytes of the header's length, before it.
const LENGTH: usize = 8;

/// Arrays and metadata of a sealed file.
///
/// # Errors
/// If a byte is not as it was written.
pub(super) fn unpack(bytes: &[u8]) -> Result<(BTreeMap<String, Blob>, Metadata), String> {
    seal::check(bytes)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
    let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let blobs = file.iter().map(|(name, view)| {
        let (dtype, shape, bytes) = (view.dtype(), view.shape().to_vec(), view.data().to_vec());
        (name.to_owned(), Blob { dtype, shape, bytes })
    });
    Ok((blobs.collect(), header.metadata().iter().flatten().map(owned).collect()))
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

fn check_names(blobs: &[(String, Blob)]) -> Result<(), String> {
    let mut names: Vec<_> = blobs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("two tensors are named `{}`", pair[0]));
    }
    match names.binary_search(&"__metadata__") {
        Ok(_) => Err("no tensor may be named `__metadata__`".into()),
        Err(_) => Ok(()),
    }
}
