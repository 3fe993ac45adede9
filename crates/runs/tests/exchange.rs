//! Files of other implementations: everything that numpy reads, and nothing that does not fit.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use windtunnel_model::task::MAX_DIM;
use windtunnel_model::{Attention, Transformer};
use windtunnel_runs::exchange::{
    PromptFile, TokenPrompts, Use, encode_params, read_model, read_params,
};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Two prompts of two tokens of two numbers, [2, 2, 2], in C order; labels of the queries are 0.
const Z: [f64; 8] = [1.0, 2.0, 3.0, 0.0, 5.0, 6.0, 7.0, 0.0];
const SHAPE: &str = "(2, 2, 2)";

/// An array as numpy writes it.
fn npy(version: u8, descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let len = text.len() as u32;
    let len =
        if version == 1 { (len as u16).to_le_bytes().to_vec() } else { len.to_le_bytes().to_vec() };
    [b"\x93NUMPY", &[version, 0][..], &len, text.as_bytes(), data].concat()
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn z() -> Vec<u8> {
    npy(1, "'<f8'", false, SHAPE, &doubles(&Z))
}

fn y() -> Vec<u8> {
    npy(1, "'<f8'", false, "(2,)", &doubles(&[0.5, -0.5]))
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn npz(&self, entries: &[(&str, &[u8])], options: SimpleFileOptions) -> PathBuf {
        let path = self.0.path().join("prompts.npz");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        for (name, bytes) in entries {
            zip.start_file(*name, options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
        path
    }
}

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

fn read(path: &Path) -> Result<TokenPrompts, String> {
    PromptFile::open(path).and_then(PromptFile::read).map_err(|e| e.to_string())
}

/// Result of reading `z` beside a good `y`.
fn read_z(z: &[u8]) -> Result<Vec<f64>, String> {
    let folder = Folder::new();
    let path = folder.npz(&[("Z.npy", z), ("y.npy", &y())], stored());
    read(&path).map(|prompts| prompts.z)
}

#[test]
fn every_real_type_is_read_in_either_byte_order() {
    type Encode = fn(f64) -> Vec<u8>;
    // Half precision by hand: 1 = 0x3c00, 2 = 0x4000, 3 = 0x4200, 5 to 7 = 0x4500 to 0x4700.
    let half: Encode = |x| {
        let bits = [0x0000_u16, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600, 0x4700];
        bits[x as usize].to_le_bytes().to_vec()
    };
    let types: [(&str, Encode); 11] = [
        ("f2", half),
        ("f4", |x| (x as f32).to_le_bytes().to_vec()),
        ("f8", |x| x.to_le_bytes().to_vec()),
        ("i1", |x| (x as i8).to_le_bytes().to_vec()),
        ("i2", |x| (x as i16).to_le_bytes().to_vec()),
        ("i4", |x| (x as i32).to_le_bytes().to_vec()),
        ("i8", |x| (x as i64).to_le_bytes().to_vec()),
        ("u1", |x| (x as u8).to_le_bytes().to_vec()),
        ("u2", |x| (x as u16).to_le_bytes().to_vec()),
        ("u4", |x| (x as u32).to_le_bytes().to_vec()),
        ("u8", |x| (x as u64).to_le_bytes().to_vec()),
    ];
    for (name, encode) in types {
        let little: Vec<Vec<u8>> = Z.iter().map(|&x| encode(x)).collect();
        let big: Vec<Vec<u8>> =
            little.iter().map(|bytes| bytes.iter().rev().copied().collect()).collect();
        for (order, items) in [("<", &little), ("|", &little), (">", &big)] {
            let z = npy(1, &format!("'{order}{name}'"), false, SHAPE, &items.concat());
            assert_eq!(read_z(&z).unwrap(), Z, "{order}{name}");
        }
    }
    let flags = npy(1, "'|b1'", false, SHAPE, &[1, 0, 1, 0, 1, 1, 0, 0]);
    assert_eq!(read_z(&flags).unwrap(), [1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    let negative: Vec<u8> = Z.iter().flat_map(|&x| (-x as i16).to_be_bytes()).collect();
    assert_eq!(read_z(&npy(1, "'>i2'", false, SHAPE, &negative)).unwrap(), Z.map(|x| -x));
}

#[test]
fn integers_are_exact_or_refused() {
    let integers = |first: i64| {
        let values = [first, 2, 3, 0, 5, 6, 7, 0];
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        read_z(&npy(1, "'<i8'", false, SHAPE, &bytes))
    };
    assert_eq!(integers(-(1 << 53)).unwrap()[0], -9_007_199_254_740_992.0);
    assert_eq!(integers(i64::MIN).unwrap()[0], -9_223_372_036_854_775_808.0);
    for inexact in [(1 << 53) + 1, i64::MAX] {
        let message = integers(inexact).unwrap_err();
        assert!(message.contains(&inexact.to_string()) && message.contains("float64"), "{message}");
    }
    let unsigned: Vec<u8> =
        [u64::MAX, 0, 0, 0, 0, 0, 0, 0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let message = read_z(&npy(1, "'<u8'", false, SHAPE, &unsigned)).unwrap_err();
    assert!(message.contains("18446744073709551615"), "{message}");
}

#[test]
fn fortran_order_and_all_formats_of_npy_are_read() {
    // The first axis is the fastest: value (i, j, k) at i + 2 j + 4 k.
    let columns: Vec<f64> = (0..8).map(|at| Z[4 * (at % 2) + 2 * (at / 2 % 2) + at / 4]).collect();
    for version in [1, 2, 3] {
        let z = npy(version, "'<f8'", true, SHAPE, &doubles(&columns));
        assert_eq!(read_z(&z).unwrap(), Z, "version {version}");
    }
    // As Python 2 wrote shapes.
    let z = npy(1, "'<f8'", false, "(2L, 2L, 2L)", &doubles(&Z));
    assert_eq!(read_z(&z).unwrap(), Z);
    let message = read_z(&npy(4, "'<f8'", false, SHAPE, &doubles(&Z))).unwrap_err();
    assert!(message.contains("format 4"), "{message}");
}

#[test]
fn members_are_found_by_every_name_and_in_every_archive() {
    let folder = Folder::new();
    let deflated = SimpleFileOptions::default();
    for options in [stored(), deflated, stored().large_file(true), deflated.large_file(true)] {
        for names in
            [["Z.npy", "y.npy"], ["Z", "y"], ["data/Z.npy", "data/y.npy"], ["a/b/Z", "y.npy"]]
        {
            let path = folder
                .npz(&[("other.npy", b"no array"), (names[0], &z()), (names[1], &y())], options);
            let prompts = read(&path).unwrap();
            assert_eq!((prompts.z, prompts.targets), (Z.to_vec(), vec![0.5, -0.5]), "{names:?}");
            assert_eq!((prompts.dim, prompts.context_len), (1, 1));
        }
    }
    // An exact name counts before one in a folder; two folders are one too many.
    let other = npy(1, "'<f8'", false, "(1,)", &doubles(&[9.0]));
    let path = folder.npz(&[("old/y.npy", &other), ("Z.npy", &z()), ("y.npy", &y())], stored());
    assert_eq!(read(&path).unwrap().targets, [0.5, -0.5]);
    let path = folder.npz(&[("a/Z.npy", &z()), ("b/Z.npy", &z()), ("y.npy", &y())], stored());
    assert!(read(&path).unwrap_err().contains("several folders"));
    let path = folder.npz(&[("z.npy", &z()), ("y.npy", &y())], stored());
    assert!(read(&path).unwrap_err().contains("no array named `Z`; it has: z, y"));
}

#[test]
fn types_without_real_numbers_are_refused_with_advice() {
    for (descr, what) in [
        ("'|O'", "Python objects"),
        ("'<c16'", "complex"),
        ("'<f16'", "wider than float64"),
        ("'<U3'", "not numbers"),
        ("'|S3'", "not numbers"),
        ("'<M8[ns]'", "not numbers"),
        ("[('x', '<f8')]", "structured"),
        ("''", "not numbers"),
        ("'é8'", "not numbers"),
    ] {
        let message = read_z(&npy(3, descr, false, SHAPE, &[0; 128])).unwrap_err();
        assert!(message.contains(what) && message.contains("`Z`"), "{descr}: {message}");
    }
    let folder = Folder::new();
    let message = read(&folder.file("Z.npy", &z())).unwrap_err();
    assert!(message.contains("np.savez(\"prompts.npz\", Z=Z, y=y)"), "{message}");
    for bytes in [&b""[..], b"PK", b"\x93NUMPY", b"no archive at all"] {
        assert!(read(&folder.file("prompts.npz", bytes)).is_err());
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused_by_their_headers() {
    for (shape, what) in [
        ("()", "has shape []"),
        ("(8,)", "not [B, n+1, d+1]"),
        ("(2, 1, 4)", "n >= 1"),
        ("(0, 2, 2)", "B >= 1"),
        ("(4, 2, 1)", "d from 1"),
        ("(1, 2, 2)", "`Z` claims"),
        ("(3, 2, 2)", "`Z` claims"),
        ("(1099511627776, 1099511627776, 2)", "more bytes than can be"),
        ("(99999999999999999999999, 2, 2)", "99999999999999999999999"),
        ("(-2, 2, 2)", "-2"),
        ("(2.0, 2, 2)", "not of integers"),
        ("8", "no tuple"),
    ] {
        let count = if shape == "()" {
            1
        } else if shape.starts_with("(0") {
            0
        } else {
            8
        };
        let message = read_z(&npy(1, "'<f8'", false, shape, &doubles(&Z[..count]))).unwrap_err();
        assert!(message.contains(what), "{shape}: {message}");
    }
    let folder = Folder::new();
    let one = npy(1, "'<f8'", false, "()", &doubles(&[0.5]));
    let message = read(&folder.npz(&[("Z.npy", &z()), ("y.npy", &one)], stored())).unwrap_err();
    assert!(message.contains("`y` has shape []") && message.contains("expected [2]"), "{message}");
    // Headers that are long or deep are refused before they are parsed.
    let long = npy(2, &format!("'<f8', 'x': '{}'", "x".repeat(10_000)), false, SHAPE, &doubles(&Z));
    assert!(read_z(&long).unwrap_err().contains("at most 10000"));
    let deep = format!("{}{}", "(".repeat(4000), ")".repeat(4000));
    assert!(read_z(&npy(1, "'<f8'", false, &deep, &doubles(&Z))).unwrap_err().contains("too deep"));
    let mut claims = npy(2, "'<f8'", false, SHAPE, &doubles(&Z));
    claims[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(read_z(&claims).unwrap_err().contains("4294967295"));
}

/// A directory that claims fewer bytes than the entry has: the rest is an error, not memory.
#[test]
fn an_entry_that_goes_on_is_refused_where_it_should_have_ended() {
    let folder = Folder::new();
    let zeros = vec![0; 1 << 20];
    let (honest, long) = (z(), [z(), zeros].concat());
    let path = folder.npz(&[("Z.npy", &long), ("y.npy", &y())], SimpleFileOptions::default());
    let mut bytes = fs::read(&path).unwrap();
    let size = (long.len() as u32).to_le_bytes();
    let places: Vec<usize> = (0..bytes.len() - 3).filter(|&at| bytes[at..at + 4] == size).collect();
    assert_eq!(places.len(), 2, "the size stands in the local header and in the directory");
    for at in places {
        bytes[at..at + 4].copy_from_slice(&(honest.len() as u32).to_le_bytes());
    }
    let message = read(&folder.file("lying.npz", &bytes)).unwrap_err();
    assert!(message.contains("`Z`"), "{message}");
}

#[test]
fn every_cut_and_every_changed_byte_is_an_error_or_changes_nothing() {
    let folder = Folder::new();
    let whole = fs::read(folder.npz(&[("Z.npy", &z()), ("y.npy", &y())], stored())).unwrap();
    for len in 0..whole.len() {
        assert!(read(&folder.file("cut.npz", &whole[..len])).is_err(), "cut at {len}");
    }
    let mut same = 0;
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        // Bytes that say nothing about the contents, such as dates, may differ.
        if let Ok(prompts) = read(&folder.file("changed.npz", &bytes)) {
            assert_eq!((prompts.z, prompts.targets), (Z.to_vec(), vec![0.5, -0.5]), "byte {at}");
            same += 1;
        }
    }
    assert!(same < whole.len() / 3, "{same} of {} bytes do not matter", whole.len());
}

/// Two GiB: as many prompts fit as the message says, and not one more.
#[test]
fn prompts_beyond_the_memory_are_refused_before_they_are_read() {
    let folder = Folder::new();
    let model = Transformer::linear(1024, 8);
    let open = |len: usize| {
        let z = npy(1, "'|b1'", false, &format!("({len}, 2, 9)"), &vec![0; len * 18]);
        let y = npy(1, "'|b1'", false, &format!("({len},)"), &vec![0; len]);
        PromptFile::open(&folder.npz(&[("Z", &z), ("y", &y)], SimpleFileOptions::default()))
            .unwrap()
    };
    let file = open(5000);
    file.fits(&model, Use::Loss).unwrap();
    let message = file.fits(&model, Use::PromptGradients).unwrap_err().to_string();
    assert!(message.contains("[5000, 2, 9]") && message.contains("more than 2 GiB"), "{message}");
    let fit = message.rsplit("at most ").next().unwrap().split(' ').next().unwrap();
    let fit: usize = fit.parse().unwrap();
    // Gradients of 131,072 parameters in double precision, twice over at least.
    assert!((100..(2 << 30) / (16 * 131_072)).contains(&fit), "{message}");
    open(fit).fits(&model, Use::PromptGradients).unwrap();
    open(fit + 1).fits(&model, Use::PromptGradients).unwrap_err();
    // Scores of all pairs of tokens of one prompt alone.
    let z = npy(1, "'|b1'", false, "(1, 5000, 2)", &[0; 10_000]);
    let y = npy(1, "'|b1'", false, "(1,)", &[0]);
    let file = PromptFile::open(&folder.npz(&[("Z", &z), ("y", &y)], stored())).unwrap();
    let model = Transformer { attention: Attention::Softmax, ..Transformer::linear(3, 1) };
    let message = file.fits(&model, Use::Loss).unwrap_err().to_string();
    assert!(message.contains("one prompt alone"), "{message}");
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

#[test]
fn parameters_come_back_and_of_a_large_file_only_they_are_read() {
    let folder = Folder::new();
    let model = Transformer::linear(2, 3);
    let values: Vec<f64> = (0..model.params()).map(|k| k as f64 / 7.0).collect();
    let path = folder.file("params", &encode_params(&model, &values).unwrap());
    assert_eq!(read_model(&path).unwrap(), model);
    assert_eq!(read_params(&path, &model).unwrap(), values);
    // 64 GiB of something else, of which the disk holds nothing.
    let (len, rest) = (8 * values.len(), 64_u64 << 30);
    let end = len as u64 + rest;
    let header = format!(
        r#"{{"params":{{"dtype":"F64","shape":[2,2,3,3],"data_offsets":[0,{len}]}},"else":{{"dtype":"U8","shape":[{rest}],"data_offsets":[{len},{end}]}}}}"#
    );
    let path = folder.file("large", &safetensors(&header, &doubles(&values)));
    let sparse = File::options().write(true).open(&path).unwrap();
    sparse.set_len(8 + header.len() as u64 + end).unwrap();
    assert_eq!(read_params(&path, &model).unwrap(), values);
    sparse.set_len(8 + header.len() as u64 + end - 1).unwrap();
    assert!(read_params(&path, &model).unwrap_err().to_string().contains("cut off or damaged"));
}

#[test]
fn claims_of_a_safetensors_header_are_checked_before_memory_is_taken() {
    let folder = Folder::new();
    let refused = |bytes: &[u8], len: Option<u64>| {
        let path = folder.file("claims", bytes);
        if let Some(len) = len {
            File::options().write(true).open(&path).unwrap().set_len(len).unwrap();
        }
        read_model(&path).unwrap_err().to_string()
    };
    assert!(refused(b"", None).contains("less than 8 bytes"));
    assert!(refused(&u64::MAX.to_le_bytes(), None).contains("18446744073709551615"));
    // A header of 1 GiB that is really there.
    assert!(refused(&(1_u64 << 30).to_le_bytes(), Some(8 + (1 << 30))).contains("16 MiB"));
    let (layers, bytes) = (1_u64 << 32, 1_u64 << 37);
    let header = format!(
        r#"{{"params":{{"dtype":"F64","shape":[{layers},2,{MAX_DIM},{MAX_DIM}],"data_offsets":[0,{}]}}}}"#,
        layers * 2 * 4096 * 8
    );
    assert!(refused(&safetensors(&header, b""), Some(bytes)).contains("cut off"));
    // As many as claimed, sparse: 16 million layers of one dimension.
    let header =
        r#"{"params":{"dtype":"F32","shape":[16777216,2,1,1],"data_offsets":[0,134217728]}}"#;
    let whole = 8 + header.len() as u64 + 134_217_728;
    assert!(refused(&safetensors(header, b""), Some(whole)).contains("at most 8388608"));
}

/// A stream of numbers for fuzzing: the generator of Knuth's MMIX, of which the high bits are good.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    /// `bytes` with up to four of those in `range` replaced by what headers are made of.
    fn mutate(&mut self, bytes: &[u8], range: std::ops::Range<usize>) -> Vec<u8> {
        const ALPHABET: &[u8] = b"0123456789(){}[]',:<>|=?fiubcOLTrues -_\"\\\n\0\xff\xc3";
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = range.start + self.below(range.len());
            bytes[at] = ALPHABET[self.below(ALPHABET.len())];
        }
        bytes
    }
}

/// Headers of an archive whose checksums are right: every one is an error or fits the data.
#[test]
fn random_headers_are_errors_or_fit_what_is_read() {
    let folder = Folder::new();
    let (z, y, mut numbers) = (z(), y(), Numbers(16));
    let mut read_well = 0;
    for _ in 0..1000 {
        let z = numbers.mutate(&z, 0..z.len() - 8 * Z.len());
        let path = folder.npz(&[("Z.npy", &z), ("y.npy", &y)], stored());
        if let Ok(prompts) = read(&path) {
            let TokenPrompts { dim, context_len, z, targets } = prompts;
            assert_eq!(z.len(), targets.len() * (dim + 1) * (context_len + 1));
            read_well += 1;
        }
    }
    assert!((1..500).contains(&read_well), "{read_well} of 1000 were read");

    let model = Transformer::linear(1, 2);
    let whole = encode_params(&model, &[0.5; 8]).unwrap();
    for _ in 0..1000 {
        let bytes = numbers.mutate(&whole, 0..whole.len() - 64);
        let path = folder.file("params", &bytes);
        if let Ok(model) = read_model(&path) {
            let params = read_params(&path, &model).unwrap_or_default();
            assert!(params.is_empty() || params.len() == model.params());
        }
    }
}
