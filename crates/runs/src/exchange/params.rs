//! Parameters and gradients in safetensors files.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use safetensors::tensor::{Metadata, TensorInfo, TensorView};
use safetensors::{Dtype, SafeTensorError};
use windtunnel_model::task::MAX_DIM;
use windtunnel_model::{Corner, Parameterization, Transformer};

use super::{Error, Source};

/// Longest header that is read; those of large language models have a tenth of that.
const MAX_HEADER: u64 = 16 << 20;
/// Largest number of parameters, the same as in specs: their workspaces take up to 512 bytes for
/// each.
const MAX_PARAMS: usize = 8 << 20;

/// Bytes that are read of a file without a size, such as a pipe.
const MAX_STREAM: u64 = MAX_HEADER + 8 * MAX_PARAMS as u64;

trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// A safetensors file of which only the header is read.
struct Tensors<'a> {
    source: Source<'a>,
    file: Box<dyn ReadSeek>,
    metadata: Metadata,
    /// Offset at which the data begin.
    start: u64,
}

impl<'a> Tensors<'a> {
    fn open(path: &'a Path) -> Result<Tensors<'a>, Error> {
        let source = Source(path);
        let not = |e: String| source.error(format!("not a safetensors file ({e})"));
        let (mut file, whole) = open(path).map_err(|e| source.error(e))?;
        let mut len = [0; 8];
        file.read_exact(&mut len).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => not("it has less than 8 bytes".into()),
            _ => source.error(e),
        })?;
        let len = u64::from_le_bytes(len);
        if len > MAX_HEADER || len > whole.saturating_sub(8) {
            let most = MAX_HEADER >> 20;
            return Err(not(format!(
                "its header claims {len} bytes; the file has {whole}, and at most {most} MiB are read"
            )));
        }
        let mut header = vec![0; len as usize];
        file.read_exact(&mut header).map_err(|e| source.error(e))?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|e| not(e.to_string()))?;
        let (start, data) = (8 + len, metadata.data_len() as u64);
        if start.checked_add(data) != Some(whole) {
            return Err(not(format!(
                "its tensors take {data} bytes, but the file has {} for them: it is cut off or damaged",
                whole - start
            )));
        }
        Ok(Tensors { source, file, metadata, start })
    }

    /// Names, sorted.
    fn names(&self) -> Vec<String> {
        let mut names = self.metadata.offset_keys();
        names.sort_unstable();
        names
    }

    fn info(&self, name: &str) -> Result<&TensorInfo, Error> {
        let missing = || {
            let names = self.names().join(", ");
            self.source.error(format!("no tensor named `{name}`; it has: {names}"))
        };
        self.metadata.info(name).ok_or_else(missing)
    }

    /// The values of a tensor that is known to have `len`.
    fn values(&mut self, name: &str, len: usize) -> Result<Vec<f64>, Error> {
        let TensorInfo { dtype, data_offsets: (begin, end), .. } = *self.info(name)?;
        let size = match dtype {
            Dtype::F32 => 4,
            Dtype::F64 => 8,
            other => {
                return Err(self.source.error(format!("`{name}` is {other:?}, not F32 or F64")));
            }
        };
        if end - begin != size * len {
            return Err(self.source.error(format!("`{name}` has another size than its shape")));
        }
        let mut bytes = vec![0; size * len];
        let read = self.file.seek(SeekFrom::Start(self.start + begin as u64));
        read.and_then(|_| self.file.read_exact(&mut bytes)).map_err(|e| self.source.error(e))?;
        let values: Vec<f64> = match dtype {
            Dtype::F32 => {
                let words = bytes.as_chunks::<4>().0.iter();
                words.map(|&b| f64::from(f32::from_le_bytes(b))).collect()
            }
            _ => bytes.as_chunks::<8>().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
        };
        self.source.finite(name, &values)?;
        Ok(values)
    }
}

/// Names and shapes of the tensors that hold a model's parameters, in their order: `params`, then
/// those of the encoder.
pub fn tensors(model: &Transformer) -> Vec<(String, Vec<usize>)> {
    let encoder = model.encoder.into_iter().flat_map(|encoder| encoder.tensors(model.dim));
    let encoder = encoder.map(|(name, shape)| (name.into(), shape));
    std::iter::once(("params".into(), model.shape())).chain(encoder).collect()
}

/// The sparse linear Transformer whose tensor `params` [L, 2, d, d] a safetensors file has.
///
/// # Errors
/// A file that cannot be read, a missing tensor, another shape.
pub fn read_model(path: &Path) -> Result<Transformer, Error> {
    let file = Tensors::open(path)?;
    if let Some(other) = file.names().iter().find(|name| name.starts_with("mlp.")) {
        return Err(file.source.error(format!(
            "it has a tensor `{other}`, which only models with an encoder have: describe the model \
             in a spec and give it with --spec"
        )));
    }
    let shape = &file.info("params")?.shape;
    match *shape.as_slice() {
        [depth, 2, dim, columns] if dim == columns && depth > 0 && (1..=MAX_DIM).contains(&dim) => {
            let params = depth.saturating_mul(2 * dim * dim);
            if params > MAX_PARAMS {
                return Err(file.source.error(format!(
                    "`params` has {params} values; models of at most {MAX_PARAMS} are evaluated"
                )));
            }
            Ok(Transformer::linear(depth, dim))
        }
        _ => Err(file.source.error(format!(
            "`params` has shape {:?}, not [L, 2, d, d] with L >= 1 and d from 1 to {MAX_DIM}; for \
             other models than the sparse linear one give a spec with --spec",
            shape
        ))),
    }
}

/// Reads the parameters of `model` (f32 or f64) from a safetensors file: [`tensors`] says which; P
/// then Q of each head, in the paper's orientation Zᵀ Q Z with the key on the left.
///
/// # Errors
/// A file that cannot be read, a missing tensor, another type or shape, non-finite entries, a fixed
/// corner that is not 1.
pub fn read_params(path: &Path, model: &Transformer) -> Result<Vec<f64>, Error> {
    let source = Source(path);
    let mut file = Tensors::open(path)?;
    let wanted = tensors(model);
    let found = file.names();
    // Other tensors, such as the state of an optimizer, are not looked at.
    let unknown =
        |name: &&String| name.starts_with("mlp.") && !wanted.iter().any(|(n, _)| n == *name);
    if let Some(other) = found.iter().find(unknown) {
        return Err(source.error(format!(
            "it has a tensor `{other}`, which the model of the spec does not: set model.encoder = \
             \"mlp\""
        )));
    }
    let mut params = Vec::with_capacity(model.params());
    for (name, shape) in wanted {
        let own = &file.info(&name)?.shape;
        if *own != shape {
            return Err(source.error(format!(
                "`{name}` has shape {own:?}, but the model of the spec has {shape:?}: {}",
                axes(model, &name)
            )));
        }
        params.extend(file.values(&name, shape.iter().product())?);
    }
    if let Some(corner) = model.corners().find(|&corner| params[corner] != 1.0) {
        return Err(source.error(format!(
            "`params` has {} at flat position {corner}, a corner of P, which model.corner = \
             \"fixed\" keeps at 1; set model.corner = \"free\" for other values",
            params[corner]
        )));
    }
    Ok(params)
}

/// Names of the axes of a tensor.
fn axes(model: &Transformer, name: &str) -> String {
    if name != "params" {
        return "as PyTorch has the weights of a layer, [outputs, inputs]".into();
    }
    let layers = if model.tied { "1 (tied)" } else { "L" };
    let heads = if model.heads > 1 { "H, " } else { "" };
    let size = match model.parameterization {
        Parameterization::Sparse => "d, d",
        Parameterization::Full(Corner::Fixed | Corner::Free) => "d+1, d+1",
    };
    format!("[{layers}, {heads}2, {size}]")
}

/// A safetensors file of values of all parameters of `model`, such as a gradient, in double precision
/// under the names and shapes of [`tensors`].
///
/// # Errors
/// None in practice: names and sizes are those of the model.
///
/// # Panics
/// If there is not one value for each parameter.
pub fn encode_params(model: &Transformer, values: &[f64]) -> Result<Vec<u8>, SafeTensorError> {
    assert_eq!(values.len(), model.params(), "parameters of {model:?}");
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut rest = bytes.as_slice();
    let mut views = Vec::new();
    for (name, shape) in tensors(model) {
        let (own, after) = rest.split_at(8 * shape.iter().product::<usize>());
        rest = after;
        views.push((name, TensorView::new(Dtype::F64, shape, own)?));
    }
    safetensors::serialize(views, None)
}

/// A file and its size; what has none is read into memory, up to what parameters may take.
fn open(path: &Path) -> std::io::Result<(Box<dyn ReadSeek>, u64)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        return Ok((Box::new(file), metadata.len()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_STREAM).read_to_end(&mut bytes)?;
    let len = bytes.len() as u64;
    Ok((Box::new(Cursor::new(bytes)), len))
}
