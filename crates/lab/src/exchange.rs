//! Prompts and parameters of other implementations: npz and safetensors in, safetensors out.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use npyz::{DType, NpyFile};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use windtunnel_core::model::{Corner, Parameterization, Transformer};
use windtunnel_core::task::MAX_DIM;

/// Prompts as tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenPrompts {
    /// Dimension d.
    pub dim: usize,
    /// Context length n.
    pub context_len: usize,
    /// [B, n+1, d+1], one token (x, y) per row, the query last.
    pub z: Vec<f64>,
    /// `[B]`, the ⟨w⋆, x_q⟩ to predict.
    pub targets: Vec<f64>,
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Error {
    path: PathBuf,
    problem: String,
}

struct Source<'a>(&'a Path);

impl Source<'_> {
    fn error(&self, problem: impl ToString) -> Error {
        Error { path: self.0.into(), problem: problem.to_string() }
    }

    fn bytes(&self) -> Result<Vec<u8>, Error> {
        std::fs::read(self.0).map_err(|e| self.error(e))
    }

    fn safetensors<'a>(&self, bytes: &'a [u8]) -> Result<SafeTensors<'a>, Error> {
        SafeTensors::deserialize(bytes)
            .map_err(|e| self.error(format!("not a safetensors file ({e})")))
    }

    fn missing(&self, name: &str, names: &[&str]) -> Error {
        self.error(format!("no tensor named `{name}`; it has: {}", names.join(", ")))
    }

    fn floats(&self, name: &str, dtype: Dtype, data: &[u8]) -> Result<Vec<f64>, Error> {
        match dtype {
            Dtype::F32 => {
                let words = data.as_chunks::<4>().0.iter();
                Ok(words.map(|&b| f64::from(f32::from_le_bytes(b))).collect())
            }
            Dtype::F64 => {
                Ok(data.as_chunks::<8>().0.iter().map(|&b| f64::from_le_bytes(b)).collect())
            }
            other => Err(self.error(format!("`{name}` is {other:?}, not F32 or F64"))),
        }
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
    let source = Source(path);
    let bytes = source.bytes()?;
    let file = source.safetensors(&bytes)?;
    let names = names(&file);
    if let Some(other) = names.iter().find(|name| name.starts_with("mlp.")) {
        return Err(source.error(format!(
            "it has a tensor `{other}`, which only models with an encoder have: describe the model \
             in a spec and give it with --spec"
        )));
    }
    let tensor = file.tensor("params").map_err(|_| source.missing("params", &names))?;
    match *tensor.shape() {
        [depth, 2, dim, columns] if dim == columns && depth > 0 && (1..=MAX_DIM).contains(&dim) => {
            Ok(Transformer::linear(depth, dim))
        }
        _ => Err(source.error(format!(
            "`params` has shape {:?}, not [L, 2, d, d] with L >= 1 and d from 1 to {MAX_DIM}; for \
             other models than the sparse linear one give a spec with --spec",
            tensor.shape()
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
    let bytes = source.bytes()?;
    let file = source.safetensors(&bytes)?;
    let wanted = tensors(model);
    let found = names(&file);
    // Whatever else is beside the parameters, such as the state of an optimizer, is not looked at.
    let unknown =
        |name: &&&str| name.starts_with("mlp.") && !wanted.iter().any(|(n, _)| n == **name);
    if let Some(other) = found.iter().find(unknown) {
        return Err(source.error(format!(
            "it has a tensor `{other}`, which the model of the spec does not: set model.encoder = \
             \"mlp\""
        )));
    }
    let mut params = Vec::with_capacity(model.params());
    for (name, shape) in wanted {
        let missing = |_| source.missing(&name, &found);
        let tensor = file.tensor(&name).map_err(missing)?;
        if tensor.shape() != shape {
            return Err(source.error(format!(
                "`{name}` has shape {:?}, but the model of the spec has {shape:?}: {}",
                tensor.shape(),
                axes(model, &name)
            )));
        }
        let values = source.floats(&name, tensor.dtype(), tensor.data())?;
        finite(&source, &name, &values)?;
        params.extend(values);
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

/// Names of the tensors of a file, sorted.
fn names<'a>(file: &'a SafeTensors<'_>) -> Vec<&'a str> {
    let mut names = file.names();
    names.sort_unstable();
    names
}

/// What the axes of a tensor are.
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

/// Writes values of all parameters of `model`, such as a gradient, in double precision under the
/// names and shapes of [`tensors`].
///
/// # Errors
/// A file that cannot be written.
///
/// # Panics
/// When there is not one value for each parameter.
pub fn write_params(path: &Path, model: &Transformer, values: &[f64]) -> Result<(), Error> {
    assert_eq!(values.len(), model.params(), "parameters of {model:?}");
    let source = Source(path);
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut rest = bytes.as_slice();
    let mut views = Vec::new();
    for (name, shape) in tensors(model) {
        let (own, after) = rest.split_at(8 * shape.iter().product::<usize>());
        rest = after;
        let view = TensorView::new(Dtype::F64, shape, own).map_err(|e| source.error(e))?;
        views.push((name, view));
    }
    let file = safetensors::serialize(views, None).map_err(|e| source.error(e))?;
    std::fs::write(path, file).map_err(|e| source.error(e))
}

/// Reads `Z` `[B, n+1, d+1]` and `y` `[B]` (float32 or float64) of an npz file.
///
/// # Errors
/// A file that cannot be read, a missing array, another type or shape, non-finite entries, a query
/// whose label slot is not 0.
pub fn read_prompts(path: &Path) -> Result<TokenPrompts, Error> {
    let source = Source(path);
    let file = File::open(path).map_err(|e| source.error(e))?;
    let mut archive =
        zip::ZipArchive::new(file).map_err(|e| source.error(format!("not an npz file ({e})")))?;
    let (shape, z) = array(&source, &mut archive, "Z")?;
    let (targets_shape, targets) = array(&source, &mut archive, "y")?;
    let &[prompts, tokens, token] = shape.as_slice() else {
        return Err(source.error(format!("`Z` has shape {shape:?}, not [B, n+1, d+1]")));
    };
    if prompts == 0 || tokens < 2 || !(2..=MAX_DIM + 1).contains(&token) {
        return Err(source.error(format!(
            "`Z` has shape {shape:?}, not [B, n+1, d+1] with B >= 1, n >= 1 and d from 1 to {MAX_DIM}"
        )));
    }
    if targets_shape != [prompts] {
        return Err(source.error(format!(
            "`y` has shape {targets_shape:?}, but `Z` has {prompts} prompts: expected [{prompts}]"
        )));
    }
    finite(&source, "Z", &z)?;
    finite(&source, "y", &targets)?;
    for (prompt, rows) in z.chunks_exact(tokens * token).enumerate() {
        let label = rows[tokens * token - 1];
        if label != 0.0 {
            return Err(source.error(format!(
                "prompt {prompt} has {label} in the query's label slot `Z[{prompt}, -1, -1]`, which \
                 must be 0: the query comes last and its label belongs in `y`"
            )));
        }
    }
    Ok(TokenPrompts { dim: token - 1, context_len: tokens - 1, z, targets })
}

fn finite(source: &Source<'_>, name: &str, values: &[f64]) -> Result<(), Error> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => {
            Err(source.error(format!("`{name}` holds {} at flat position {at}", values[at])))
        }
        None => Ok(()),
    }
}

/// One array in C order, with its shape.
fn array(
    source: &Source<'_>,
    archive: &mut zip::ZipArchive<File>,
    name: &str,
) -> Result<(Vec<usize>, Vec<f64>), Error> {
    let names = archive.file_names().filter_map(Result::ok);
    let names: Vec<String> = names.map(|n| n.trim_end_matches(".npy").into()).collect();
    let names = names.join(", ");
    let entry = archive
        .by_name(&format!("{name}.npy"))
        .map_err(|_| source.error(format!("no array named `{name}`; it has: {names}")))?;
    let bad = |e: std::io::Error| source.error(format!("`{name}`: {e}"));
    // Read to the end, which is where the archive's checksum is compared.
    let mut entry = entry;
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(bad)?;
    let mut rest = bytes.as_slice();
    let npy = NpyFile::new(&mut rest).map_err(bad)?;
    let shape: Vec<usize> = npy.shape().iter().map(|&n| n as usize).collect();
    let strides: Vec<usize> = npy.strides().iter().map(|&n| n as usize).collect();
    let elements = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    let fits = elements.is_some_and(|elements| elements <= bytes.len());
    if !fits {
        return Err(source.error(format!(
            "`{name}` claims the shape {shape:?}, but the file has {} bytes for it",
            bytes.len()
        )));
    }
    let stored = floats(npy).map_err(bad)?;
    if !rest.is_empty() {
        return Err(
            source.error(format!("`{name}` has {} bytes after its last number", rest.len()))
        );
    }
    let mut values = Vec::with_capacity(stored.len());
    for flat in 0..stored.len() {
        let mut rest = flat;
        let mut at = 0;
        for (&len, &stride) in shape.iter().zip(&strides).rev() {
            at += rest % len * stride;
            rest /= len;
        }
        values.push(stored[at]);
    }
    Ok((shape, values))
}

fn floats<R: Read>(npy: NpyFile<R>) -> std::io::Result<Vec<f64>> {
    let kind = match npy.dtype() {
        DType::Plain(kind) => kind.to_string(),
        other => other.descr(),
    };
    match kind.trim_start_matches(['<', '>', '=', '|']) {
        "f8" => npy.into_vec::<f64>(),
        "f4" => Ok(npy.into_vec::<f32>()?.into_iter().map(f64::from).collect()),
        _ => Err(std::io::Error::other(format!("type {kind}, not float32 or float64"))),
    }
}
