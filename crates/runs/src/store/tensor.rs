//! Named arrays, and the file of final parameters and optimizer state.

use std::collections::BTreeMap;

use safetensors::Dtype;

use super::RunId;
use super::blob::{self, Blob};

/// A named array in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    name: String,
    shape: Vec<usize>,
    data: TensorData,
}

/// Elements of a [`Tensor`], stored bit for bit.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorData {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

impl Tensor {
    /// A tensor of `data`.
    ///
    /// # Panics
    /// If `shape` has not as many elements as `data`.
    pub fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>, data: TensorData) -> Self {
        let (name, shape) = (name.into(), shape.into());
        let (elements, len) = (shape.iter().product::<usize>(), data.len());
        assert_eq!(elements, len, "tensor `{name}`: shape {shape:?}, but {len} elements");
        Tensor { name, shape, data }
    }

    /// Name, unique within a run.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Size of each axis; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements.
    pub fn data(&self) -> &TensorData {
        &self.data
    }

    /// Whether all elements are finite.
    pub fn is_finite(&self) -> bool {
        match &self.data {
            TensorData::F32(x) => x.iter().all(|v| v.is_finite()),
            TensorData::F64(x) => x.iter().all(|v| v.is_finite()),
        }
    }

    pub(super) fn to_blob(&self) -> Blob {
        match &self.data {
            TensorData::F32(x) => Blob::new(Dtype::F32, &self.shape, x, |v| v.to_le_bytes()),
            TensorData::F64(x) => Blob::new(Dtype::F64, &self.shape, x, |v| v.to_le_bytes()),
        }
    }

    pub(super) fn from_blob(name: &str, blob: &Blob) -> Result<Self, String> {
        let data = match blob.dtype() {
            Dtype::F32 => TensorData::F32(blob.elements(f32::from_le_bytes)),
            Dtype::F64 => TensorData::F64(blob.elements(f64::from_le_bytes)),
            other => return Err(format!("tensor `{name}` holds {other}, not F32 or F64")),
        };
        // Does not panic: `blob::unpack` has checked each length against its shape.
        Ok(Tensor::new(name, blob.shape(), data))
    }
}

impl TensorData {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            TensorData::F32(x) => x.len(),
            TensorData::F64(x) => x.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Key of the metadata field that names the run.
const RUN: &str = "run";

/// The bytes of a safetensors file of the tensors of run `id`; the same arguments give the same
/// bytes.
pub(super) fn encode(id: &RunId, tensors: &[Tensor]) -> Result<Vec<u8>, String> {
    let blobs = tensors.iter().map(|t| (t.name.clone(), t.to_blob())).collect();
    blob::pack(blobs, BTreeMap::from([(RUN.into(), id.to_string())]))
}

/// The tensors of such a file, sorted by name, and the run that it names, if any.
pub(super) fn decode(bytes: &[u8]) -> Result<(Vec<Tensor>, Option<String>), String> {
    let (blobs, metadata) = blob::unpack(bytes)?;
    let tensors = blobs.iter().map(|(name, blob)| Tensor::from_blob(name, blob));
    Ok((tensors.collect::<Result<_, _>>()?, metadata.get(RUN).cloned()))
}
