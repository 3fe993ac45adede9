//! Prompts in an npz file: `Z` [B, n+1, d+1] and `y` `[B]`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use windtunnel_model::Transformer;
use windtunnel_model::task::MAX_DIM;
use zip::ZipArchive;
use zip::result::ZipError;

use super::npy::Header;
use super::{Error, Source};
use crate::spec::Memory;

/// Bytes that evaluating the prompts of a file may take, those of all workspaces included.
const MAX_BYTES: usize = 2 << 30;

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

/// Computation that prompts are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Loss and gradient.
    Loss,
    /// The gradient of every prompt too, as instruments of noise need.
    PromptGradients,
}

/// An npz file of which the headers are read and fit together, and no number yet.
#[derive(Debug)]
pub struct PromptFile {
    path: PathBuf,
    archive: ZipArchive<File>,
    /// Number of prompts B.
    len: usize,
    dim: usize,
    context_len: usize,
}

impl PromptFile {
    /// Reads the headers of `Z` `[B, n+1, d+1]` and `y` `[B]` of an npz file.
    ///
    /// # Errors
    /// A file that cannot be read, a missing array, another shape, a type that is not of real
    /// numbers, an entry of another size than its header claims.
    pub fn open(path: &Path) -> Result<PromptFile, Error> {
        let source = Source(path);
        let mut file = File::open(path).map_err(|e| source.error(e))?;
        let mut magic = [0; 6];
        // A file too short for this is not an archive either, which is found below.
        if file.read(&mut magic).is_ok() && &magic == b"\x93NUMPY" {
            return Err(source.error(
                "a single array (npy); both arrays belong in one npz file: np.savez(\"prompts.npz\", \
                 Z=Z, y=y)",
            ));
        }
        let mut archive =
            ZipArchive::new(file).map_err(|e| source.error(format!("not an npz file ({e})")))?;
        let shape = header(&source, &mut archive, "Z")?.shape;
        let targets = header(&source, &mut archive, "y")?.shape;
        let &[len, tokens, token] = shape.as_slice() else {
            return Err(source.error(format!("`Z` has shape {shape:?}, not [B, n+1, d+1]")));
        };
        if len == 0 || tokens < 2 || !(2..=MAX_DIM + 1).contains(&token) {
            return Err(source.error(format!(
                "`Z` has shape {shape:?}, not [B, n+1, d+1] with B >= 1, n >= 1 and d from 1 to \
                 {MAX_DIM}"
            )));
        }
        if targets != [len] {
            return Err(source.error(format!(
                "`y` has shape {targets:?}, but `Z` has {len} prompts: expected [{len}]"
            )));
        }
        let (dim, context_len) = (token - 1, tokens - 1);
        Ok(PromptFile { path: path.into(), archive, len, dim, context_len })
    }

    /// Dimension d.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Refuses prompts that would take more than 2 GiB: as float64, as `model` reads them, and with
    /// all that is computed from them at a time.
    ///
    /// # Errors
    /// Too many prompts, with how many fit; less free memory than that.
    pub fn fits(&self, model: &Transformer, purpose: Use) -> Result<(), Error> {
        let needed = |len: usize| {
            let tokens = (self.context_len + 1).saturating_mul(self.dim + 1).saturating_add(1);
            let memory = Memory::of(model, self.context_len, len);
            // The tokens are dropped for the form that the model reads, before gradients are made.
            let tokens = tokens.saturating_mul(8).saturating_mul(len);
            let first = match purpose {
                Use::Loss => tokens,
                Use::PromptGradients => tokens.max(memory.gradients),
            };
            [memory.prompts, memory.sums, memory.workspaces, memory.scores]
                .into_iter()
                .fold(first, usize::saturating_add)
        };
        let bytes = needed(self.len);
        if bytes <= MAX_BYTES {
            // A limit on the memory of the process shows here, and not in the middle of the work.
            let room = Vec::<u8>::new().try_reserve_exact(bytes);
            let too_little = |_| {
                let mib = bytes.div_ceil(1 << 20);
                Source(&self.path).error(format!(
                    "evaluating it would take {mib} MiB of memory, more than there is: split the file"
                ))
            };
            return room.map_err(too_little);
        }
        let shape = [self.len, self.context_len + 1, self.dim + 1];
        // The largest number that fits, found by halving, for the advice.
        let (mut fit, mut too_many) = (0, self.len);
        while too_many - fit > 1 {
            let middle = fit + (too_many - fit) / 2;
            *(if needed(middle) <= MAX_BYTES { &mut fit } else { &mut too_many }) = middle;
        }
        let remedy = match fit {
            0 => "one prompt alone is too large for this model".into(),
            _ => format!("split the file into parts of at most {fit} prompts"),
        };
        Err(Source(&self.path).error(format!(
            "`Z` has shape {shape:?}, and evaluating it would take {:.1} GiB of memory, more than {} \
             GiB: {remedy}",
            bytes as f64 / f64::from(1 << 30),
            MAX_BYTES >> 30
        )))
    }

    /// Reads the numbers.
    ///
    /// # Errors
    /// Too little memory, damaged or non-finite entries, a query whose label slot is not 0.
    pub fn read(mut self) -> Result<TokenPrompts, Error> {
        let source = Source(&self.path);
        let z = array(&source, &mut self.archive, "Z")?;
        let targets = array(&source, &mut self.archive, "y")?;
        source.finite("Z", &z)?;
        source.finite("y", &targets)?;
        let prompt_len = (self.context_len + 1) * (self.dim + 1);
        for (prompt, rows) in z.chunks_exact(prompt_len).enumerate() {
            let label = rows[prompt_len - 1];
            if label != 0.0 {
                return Err(source.error(format!(
                    "prompt {prompt} has {label} in the query's label slot `Z[{prompt}, -1, -1]`, \
                     which must be 0: the query comes last and its label belongs in `y`"
                )));
            }
        }
        Ok(TokenPrompts { dim: self.dim, context_len: self.context_len, z, targets })
    }
}

/// The header of one array, whose size is that of its entry.
fn header(
    source: &Source<'_>,
    archive: &mut ZipArchive<File>,
    name: &str,
) -> Result<Header, Error> {
    let index = index(source, archive, name)?;
    let mut entry = archive.by_index(index).map_err(|e| source.error(unreadable(name, &e)))?;
    let header = Header::read(&mut entry).map_err(|e| source.error(format!("`{name}`: {e}")))?;
    let size = entry.size();
    if header.bytes() != Some(size) {
        let claimed =
            header.bytes().map_or("more bytes than can be".into(), |n| format!("{n} bytes"));
        return Err(source.error(format!(
            "`{name}` claims the shape {:?}, {claimed} with its header, but the file has {size} bytes \
             for it",
            header.shape
        )));
    }
    Ok(header)
}

/// The values of one array in C order.
fn array(
    source: &Source<'_>,
    archive: &mut ZipArchive<File>,
    name: &str,
) -> Result<Vec<f64>, Error> {
    let index = index(source, archive, name)?;
    let mut entry = archive.by_index(index).map_err(|e| source.error(unreadable(name, &e)))?;
    let bad = |e: String| source.error(format!("`{name}`: {e}"));
    let header = Header::read(&mut entry).map_err(bad)?;
    let mut values = source.room(name, header.values().unwrap_or(usize::MAX))?;
    header.decode(&mut entry, &mut values).map_err(bad)?;
    Ok(values)
}

/// The entry of an array: `Z`, `Z.npy`, or the only one of that name in some folder.
fn index(source: &Source<'_>, archive: &ZipArchive<File>, name: &str) -> Result<usize, Error> {
    let names = (0..archive.len()).filter_map(|k| Some((k, archive.name_for_index(k)?.ok()?)));
    let names: Vec<(usize, String)> =
        names.map(|(k, n)| (k, n.strip_suffix(".npy").unwrap_or(&n).to_string())).collect();
    let listed = || names.iter().map(|(_, n)| n.as_str()).collect::<Vec<_>>().join(", ");
    if let Some((index, _)) = names.iter().find(|(_, n)| n == name) {
        return Ok(*index);
    }
    let in_folder = |n: &str| n.rsplit('/').next() == Some(name);
    let mut found = names.iter().filter(|(_, n)| in_folder(n));
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(*index),
        (Some(_), Some(_)) => {
            Err(source
                .error(format!("`{name}` is in several folders: {}; keep one of them", listed())))
        }
        _ => Err(source.error(format!("no array named `{name}`; it has: {}", listed()))),
    }
}

fn unreadable(name: &str, error: &ZipError) -> String {
    match error {
        ZipError::CompressionMethodNotSupported(_) | ZipError::UnsupportedArchive(_) => format!(
            "`{name}` cannot be read ({error}); write the file with np.savez or np.savez_compressed"
        ),
        _ => format!("`{name}` cannot be read ({error})"),
    }
}
