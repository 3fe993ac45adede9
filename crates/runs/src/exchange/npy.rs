//! One array of an npz file, read in chunks: headers of formats 1 to 3, real numbers of any width.

use std::io::{self, Read};

use half::f16;

use super::literal::Literal;

/// Longest header, as numpy has it by default.
const MAX_HEADER: usize = 10_000;
/// Bytes that are decoded at a time; a multiple of every item's size.
const CHUNK: usize = 1 << 16;

/// Header of an array.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    /// Sizes of the axes.
    pub(super) shape: Vec<usize>,
    item: Item,
    fortran: bool,
    /// Bytes of the header itself.
    len: usize,
}

/// Type of the numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Item {
    kind: Kind,
    size: usize,
    big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Bool,
    Int,
    Uint,
    Float,
}

impl Header {
    /// The header at the start of `reader`, which is left at the first number.
    ///
    /// # Errors
    /// Bytes that are not a header, or a header of numbers that no f64 can hold.
    pub(super) fn read(reader: &mut impl Read) -> Result<Header, String> {
        let text = |e: io::Error| match e.kind() {
            io::ErrorKind::UnexpectedEof => format!("not an npy array ({e})"),
            _ => format!("cannot be read ({e}); write it with numpy.savez or savez_compressed"),
        };
        let mut magic = [0; 8];
        reader.read_exact(&mut magic).map_err(text)?;
        if !magic.starts_with(b"\x93NUMPY") {
            return Err("not an npy array (it does not begin with \\x93NUMPY)".into());
        }
        let mut bytes = [0; 4];
        let width = match magic[6] {
            1 => 2,
            2 | 3 => 4,
            other => return Err(format!("npy format {other}; formats 1 to 3 are known")),
        };
        reader.read_exact(&mut bytes[..width]).map_err(text)?;
        let len = u32::from_le_bytes(bytes) as usize;
        if len > MAX_HEADER {
            return Err(format!("its header claims {len} bytes; at most {MAX_HEADER} are read"));
        }
        let mut literal = vec![0; len];
        reader.read_exact(&mut literal).map_err(text)?;
        Self::parse(&literal, 8 + width + len)
    }

    fn parse(literal: &[u8], len: usize) -> Result<Header, String> {
        let wrong = |what: &str| format!("its npy header has {what}");
        let text = String::from_utf8_lossy(literal);
        let value = Literal::parse(&text).map_err(|problem| format!("its npy header {problem}"))?;
        let Literal::Dict(entries) = value else { return Err(wrong("no dictionary")) };
        let entry = |name: &str| {
            let found = entries.iter().find(|(key, _)| *key == Literal::Text(name.into()));
            found.map(|(_, value)| value).ok_or_else(|| wrong(&format!("no `{name}`")))
        };
        let Literal::List(sizes) = entry("shape")? else {
            return Err(wrong("no tuple as its shape"));
        };
        let size = |value: &Literal<'_>| match value {
            Literal::Integer(n) => n.parse().map_err(|_| wrong(&format!("the size {n}"))),
            _ => Err(wrong("a shape that is not of integers")),
        };
        let shape = sizes.iter().map(size).collect::<Result<Vec<_>, _>>()?;
        let fortran = match entry("fortran_order")? {
            Literal::Word("True") => true,
            Literal::Word("False") => false,
            _ => return Err(wrong("neither True nor False as `fortran_order`")),
        };
        let item = match entry("descr")? {
            Literal::Text(descr) => Item::parse(descr)?,
            _ => return Err("a structured array; save one plain array of numbers".into()),
        };
        Ok(Header { shape, item, fortran, len })
    }

    /// Number of values, unless it overflows.
    pub(super) fn values(&self) -> Option<usize> {
        self.shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n))
    }

    /// Bytes of the whole entry, unless they overflow.
    pub(super) fn bytes(&self) -> Option<u64> {
        let bytes = self.values()?.checked_mul(self.item.size)?.checked_add(self.len)?;
        Some(bytes as u64)
    }

    /// Appends all values in C order to `values`, which has room for them.
    ///
    /// # Errors
    /// An entry that ends before its last number, continues after it, or fails its checksum; an
    /// integer that no f64 equals.
    pub(super) fn decode(
        &self,
        reader: &mut impl Read,
        values: &mut Vec<f64>,
    ) -> Result<(), String> {
        let total = self.values().ok_or("its shape overflows")?;
        values.resize(total, 0.0);
        let mut place = Place::new(&self.shape, self.fortran);
        let mut chunk = [0; CHUNK];
        let mut left = total;
        while left > 0 {
            let count = left.min(CHUNK / self.item.size);
            let bytes = &mut chunk[..count * self.item.size];
            reader.read_exact(bytes).map_err(|e| match e.kind() {
                io::ErrorKind::UnexpectedEof => format!("it ends {left} numbers too early"),
                _ => e.to_string(),
            })?;
            for item in bytes.chunks_exact(self.item.size) {
                let value = self.item.value(item);
                values[place.next()] = value.map_err(|value| {
                    format!("it holds {value}, which no float64 is: save it as float64")
                })?;
            }
            left -= count;
        }
        // Reading to the end is what compares the archive's checksum.
        match reader.read(&mut chunk[..1]) {
            Ok(0) => Ok(()),
            Ok(_) => Err("it goes on after its last number".into()),
            Err(e) => Err(e.to_string()),
        }
    }
}

impl Item {
    fn parse(descr: &str) -> Result<Item, String> {
        let (order, rest) = match descr.chars().next() {
            Some(c @ ('<' | '>' | '=' | '|')) => (c, &descr[1..]),
            _ => ('|', descr),
        };
        let mut chars = rest.chars();
        let kind = chars.next();
        let size = chars.as_str().parse::<usize>().unwrap_or(0);
        let kind = match (kind, size) {
            (Some('b'), 1) | (Some('?'), 0) => Kind::Bool,
            (Some('i'), 1 | 2 | 4 | 8) => Kind::Int,
            (Some('u'), 1 | 2 | 4 | 8) => Kind::Uint,
            (Some('f'), 2 | 4 | 8) => Kind::Float,
            (Some('O'), _) => {
                return Err(refused(descr, "Python objects, which take running code to read"));
            }
            (Some('c'), _) => return Err(refused(descr, "complex numbers")),
            (Some('f'), _) => return Err(refused(descr, "wider than float64")),
            _ => return Err(refused(descr, "not numbers")),
        };
        // `=` is the order of the machine that wrote it, most likely little-endian as all are.
        Ok(Item { kind, size: size.max(1), big_endian: order == '>' })
    }

    /// The number in `bytes`, or the integer that no f64 equals.
    fn value(self, bytes: &[u8]) -> Result<f64, i128> {
        let mut word = [0; 8];
        word[..self.size].copy_from_slice(bytes);
        if self.big_endian {
            word[..self.size].reverse();
        }
        let bits = u64::from_le_bytes(word);
        let exact = |integer: i128| match integer as f64 {
            x if x as i128 == integer => Ok(x),
            _ => Err(integer),
        };
        match (self.kind, self.size) {
            (Kind::Bool, _) => Ok(f64::from(u8::from(bits != 0))),
            (Kind::Uint, _) => exact(bits.into()),
            (Kind::Int, size) => {
                let unused = 64 - 8 * size as u32;
                exact((((bits << unused) as i64) >> unused).into())
            }
            (Kind::Float, 2) => Ok(f16::from_bits(bits as u16).into()),
            (Kind::Float, 4) => Ok(f32::from_bits(bits as u32).into()),
            (Kind::Float, _) => Ok(f64::from_bits(bits)),
        }
    }
}

fn refused(descr: &str, what: &str) -> String {
    format!(
        "type {descr} ({what}); save it as real numbers: np.savez(…, Z=np.asarray(Z, np.float64), …)"
    )
}

/// Place of the next number of a file in C order.
struct Place<'a> {
    shape: &'a [usize],
    strides: Vec<usize>,
    at: Vec<usize>,
    flat: usize,
    fortran: bool,
}

impl<'a> Place<'a> {
    fn new(shape: &'a [usize], fortran: bool) -> Place<'a> {
        let mut strides = vec![1_usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
        }
        Place { shape, strides, at: vec![0; shape.len()], flat: 0, fortran }
    }

    fn next(&mut self) -> usize {
        let here = self.flat;
        if !self.fortran {
            self.flat += 1;
            return here;
        }
        for (axis, at) in self.at.iter_mut().enumerate() {
            *at += 1;
            self.flat += self.strides[axis];
            if *at < self.shape[axis] {
                break;
            }
            self.flat -= *at * self.strides[axis];
            *at = 0;
        }
        here
    }
}
