//! Prompts and parameters of other programs, damaged outside and inside their containers.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use windtunnel_model::Transformer;
use windtunnel_runs::exchange::{
    Error, PromptFile, TokenPrompts, encode_params, read_model, read_params,
};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::dice::Dice;

const DAMAGES: usize = 600;

/// An array in NumPy's format, version 1.
fn npy(header: &str, values: &[f64]) -> Vec<u8> {
    let mut header = header.as_bytes().to_vec();
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(b' ');
    }
    header.push(b'\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header);
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    bytes
}

fn header(descr: &str, shape: &str) -> String {
    format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")
}

fn npz(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn read_prompts(path: &Path) -> Result<TokenPrompts, Error> {
    PromptFile::open(path)?.read()
}

/// Three prompts of two tokens in two dimensions.
fn prompts() -> (Vec<u8>, Vec<u8>) {
    let z: Vec<f64> = (0..18).map(|i| if i % 6 == 5 { 0.0 } else { f64::from(i) }).collect();
    (npy(&header("<f8", "(3, 2, 3)"), &z), npy(&header("<f8", "(3,)"), &[1.0, 2.0, 3.0]))
}

#[test]
fn a_damaged_npz_is_refused_or_read_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.npz");
    let ((z, y), mut dice) = (prompts(), Dice::new(6));
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let bytes = npz(&[("Z", &z), ("y", &y)], method);
        fs::write(&path, &bytes).unwrap();
        let whole = read_prompts(&path).unwrap();
        let mut refused = 0;
        for _ in 0..DAMAGES {
            fs::write(&path, dice.damaged(&bytes, &z)).unwrap();
            match read_prompts(&path) {
                Ok(read) => assert_eq!(read, whole),
                Err(error) => {
                    assert!(error.to_string().contains("prompts.npz"), "{error}");
                    refused += 1;
                }
            }
        }
        assert!(refused > DAMAGES / 2, "{refused} refused");
    }
}

#[test]
fn a_damaged_array_is_an_array_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.npz");
    let ((z, y), mut dice) = (prompts(), Dice::new(7));
    let mut refused = 0;
    for _ in 0..DAMAGES {
        let damaged = [dice.damaged(&z, &y), dice.damaged(&y, &z)];
        let (z, y) = if dice.one_in(2) { (&damaged[0], &y) } else { (&z, &damaged[1]) };
        fs::write(&path, npz(&[("Z", z), ("y", y)], CompressionMethod::Stored)).unwrap();
        match read_prompts(&path) {
            Ok(read) => assert_eq!(read.z.len() % (read.context_len + 1), 0),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > DAMAGES / 2, "{refused} refused");
}

/// Well-formed headers of arrays that are missing.
#[test]
fn an_array_that_claims_too_much_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.npz");
    let (_, y) = prompts();
    let shapes = [
        "()",
        "(0,)",
        "(3,)",
        "(3, 2)",
        "(3, 2, 3, 1)",
        "(0, 2, 3)",
        "(3, 0, 3)",
        "(3, 2, 0)",
        "(-3, 2, 3)",
        "(99999999999999999999999, 2, 3)",
        "(4294967296, 4294967296, 3)",
        "(18446744073709551615, 1, 1)",
        "(3, 2, 1000000)",
        "(9, 2, 1)",
        "(1, 1, 18)",
        "(3.0, 2, 3)",
        "('a',)",
        "3",
    ];
    let types =
        ["<f8", ">f8", "<f4", "<i8", "|O", "<c16", "<f2", "|S8", "", "<f", "<M8[ns]", "<f16"];
    for descr in types {
        for shape in shapes {
            let z = npy(&header(descr, shape), &[0.0; 18]);
            fs::write(&path, npz(&[("Z", &z), ("y", &y)], CompressionMethod::Stored)).unwrap();
            let read = read_prompts(&path);
            assert!(read.is_err(), "{descr} {shape}: {read:?}");
        }
    }
    // The valid file is accepted, so the refusals above are about the header.
    let z = npy(&header("<f8", "(3, 2, 3)"), &[0.0; 18]);
    fs::write(&path, npz(&[("Z", &z), ("y", &y)], CompressionMethod::Stored)).unwrap();
    assert_eq!(read_prompts(&path).unwrap().context_len, 1);
}

#[test]
fn damaged_parameters_are_parameters_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.safetensors");
    let (model, mut dice) = (Transformer::linear(2, 3), Dice::new(8));
    let values: Vec<f64> = (0..model.params()).map(|i| i as f64).collect();
    let bytes = encode_params(&model, &values).unwrap();
    fs::write(&path, &bytes).unwrap();
    assert_eq!(read_params(&path, &model).unwrap(), values);
    let mut refused = 0;
    for _ in 0..DAMAGES {
        fs::write(&path, dice.damaged(&bytes, b"{\"params\":[1e999]}")).unwrap();
        refused += usize::from(check_params(&path, &model).is_none());
    }
    assert!(refused > DAMAGES / 4, "{refused} refused");
}

/// The format has no checksum: other numbers are read, but as many as the model has, and all
/// finite.
fn check_params(path: &Path, model: &Transformer) -> Option<()> {
    let found = read_model(path);
    let params = read_params(path, model).ok()?;
    assert!(params.len() == model.params() && params.iter().all(|p| p.is_finite()));
    assert_eq!(found.unwrap().dim, model.dim);
    Some(())
}
