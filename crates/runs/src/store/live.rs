//! The rows of a run at work, for other processes to follow.
//!
//! `STORE/partial/ID.rows` is text that only grows: a line with the run, then a line per row with
//! a checksum, the step, the bits of the value in hexadecimal and the metric as a JSON string.
//!
//! ```text
//! windtunnel rows 1 0123456789abcdef
//! 7fa0763c 50 3fe0000000000000 "held_out_loss"
//! ```
//!
//! A checksum is the CRC-32 of the one before it and the rest of its own line, so that it answers
//! for all lines so far. A reader that goes on where it stopped notices both a torn line and a
//! file that was replaced by another.
//!
//! The rows of a run are a function of its id, and so are the bytes of this file. A run that
//! resumes cuts the file where it differs from the rows of its checkpoint and writes the same
//! lines again; readers that were further than that just wait. No result depends on this file: it
//! is not flushed to the disk, and removed when the run is finished.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Error, Guard, ROWS, Row, RunId, Store, disk, seal};

/// Position of a reader or writer in the text of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Position {
    /// Bytes before it.
    bytes: u64,
    /// Rows before it.
    rows: usize,
    /// The last checksum before it; that of the first line has no digits in the file.
    checksum: u32,
}

/// Writer of the rows of a run at work.
#[derive(Debug)]
pub struct LiveRows {
    path: PathBuf,
    file: File,
    checksum: u32,
    /// Lines that are not in the file yet.
    pending: Vec<u8>,
}

impl LiveRows {
    /// Adds a row, which others see after the next [`flush`](Self::flush).
    pub fn push(&mut self, row: &Row) {
        write_line(&mut self.checksum, row, &mut self.pending);
    }

    /// Shows the rows so far to others.
    ///
    /// # Errors
    /// If they cannot be written. A part of them may be in the file, which is of no more use then.
    pub fn flush(&mut self) -> Result<(), Error> {
        let written = self.file.write_all(&self.pending);
        self.pending.clear();
        written.map_err(Error::io("write", &self.path))
    }
}

impl Store {
    /// The file of rows of the run `id` with those up to its checkpoint, ready for the next ones.
    /// None where locks do not work: two processes cannot write to one file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn live_rows(
        &self,
        id: &RunId,
        guard: &Guard,
        rows: &[Row],
    ) -> Result<Option<LiveRows>, Error> {
        if !guard.is_effective() {
            return Ok(None);
        }
        let path = self.partial_path(id, ROWS);
        let (text, checksum) = encode(id, rows);
        let file = append(&path, &text).map_err(Error::io("write", &path))?;
        Ok(Some(LiveRows { path, file, checksum, pending: Vec::new() }))
    }

    /// The rows of the run `id` at work, from the first.
    pub(crate) fn tail(&self, id: &RunId) -> Tail {
        let path = self.partial_path(id, ROWS);
        Tail { path, id: id.clone(), at: Position::default() }
    }
}

/// The file at `path`, holding `text` and open at its end. What it has of the text already stays in
/// it all the time.
fn append(path: &Path, text: &[u8]) -> std::io::Result<File> {
    let mut file = File::options().read(true).append(true).create(true).open(path)?;
    let mut old = Vec::new();
    (&file).take(text.len() as u64).read_to_end(&mut old)?;
    let common = old.iter().zip(text).take_while(|(old, new)| old == new).count();
    file.set_len(common as u64)?;
    file.write_all(&text[common..])?;
    Ok(file)
}

/// Reader of the rows of a run at work.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    id: RunId,
    at: Position,
}

/// Rows that a [`Tail`] has read.
#[derive(Debug, Default)]
pub(crate) struct NewRows {
    /// The rows.
    pub(crate) rows: Vec<Row>,
    /// Whether they begin again at the first, because those that were read before are others than the
    /// file has now.
    pub(crate) restarted: bool,
}

/// Digits of a checksum.
const DIGITS: usize = 8;
/// Bytes that are read at a time.
const CHUNK: u64 = 1 << 20;

impl Tail {
    /// Adds the rows since the last call; none where there is no file, or no whole row more.
    ///
    /// # Errors
    /// If there is a file that cannot be read.
    pub(crate) fn read(&mut self, new: &mut NewRows) -> Result<(), Error> {
        let Some(mut file) = disk::open_if_present(&self.path)? else { return Ok(()) };
        let before = self.at;
        self.go_on(&mut file, new)?;
        if self.at == before && self.is_replaced(&mut file)? {
            self.restart(new);
            self.go_on(&mut file, new)?;
        }
        Ok(())
    }

    /// Adds the rows that were not read yet of all those of the finished run.
    pub(crate) fn finish(&mut self, all: &[Row], new: &mut NewRows) {
        let known = all.get(..self.at.rows).map(|known| encode(&self.id, known).1);
        if self.at.rows > 0 && known != Some(self.at.checksum) {
            self.restart(new);
        }
        new.rows.extend_from_slice(&all[self.at.rows..]);
        let (text, checksum) = encode(&self.id, all);
        self.at = Position { bytes: text.len() as u64, rows: all.len(), checksum };
    }

    fn restart(&mut self, new: &mut NewRows) {
        *new = NewRows { rows: Vec::new(), restarted: new.restarted || self.at.rows > 0 };
        self.at = Position::default();
    }

    /// Adds the whole rows after the position, which moves behind them.
    fn go_on(&mut self, file: &mut File, new: &mut NewRows) -> Result<(), Error> {
        loop {
            let before = self.at;
            let chunk = self.chunk(file, before.bytes)?;
            self.at.read(&self.id, &chunk, &mut new.rows);
            if self.at == before {
                return Ok(());
            }
        }
    }

    /// Whether the file no longer begins with what was read, asked where the next line does not go on
    /// from there. A torn or damaged line does not go on either, but its writer will cut it.
    fn is_replaced(&self, file: &mut File) -> Result<bool, Error> {
        if self.at.bytes == 0 || !self.chunk(file, self.at.bytes)?.contains(&b'\n') {
            return Ok(false);
        }
        let mut at = Position::default();
        while at.bytes < self.at.bytes {
            let before = at;
            let len = self.at.bytes - at.bytes;
            let mut chunk = self.chunk(file, at.bytes)?;
            chunk.truncate(usize::try_from(len).unwrap_or(usize::MAX));
            at.read(&self.id, &chunk, &mut Vec::new());
            if at == before {
                break;
            }
        }
        Ok(at != self.at)
    }

    fn chunk(&self, file: &mut File, from: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))
            .and_then(|_| file.take(CHUNK).read_to_end(&mut bytes))
            .map_err(Error::io("read", &self.path))?;
        Ok(bytes)
    }
}

impl Position {
    /// Moves behind the whole lines at the beginning of `bytes`, which follow it, and adds their rows.
    fn read(&mut self, id: &RunId, bytes: &[u8], rows: &mut Vec<Row>) {
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.bytes == 0 {
                if line != first_line(id).as_bytes() {
                    return;
                }
                self.checksum = first_checksum(id);
            } else {
                let Some((checksum, row)) = read_line(self.checksum, line) else { return };
                (self.checksum, self.rows) = (checksum, self.rows + 1);
                rows.push(row);
            }
            self.bytes += line.len() as u64;
        }
    }
}

/// The text of a run with these rows, and its last checksum.
fn encode(id: &RunId, rows: &[Row]) -> (Vec<u8>, u32) {
    let mut text = first_line(id).into_bytes();
    let mut checksum = first_checksum(id);
    rows.iter().for_each(|row| write_line(&mut checksum, row, &mut text));
    (text, checksum)
}

fn first_line(id: &RunId) -> String {
    format!("windtunnel rows 1 {id}\n")
}

fn first_checksum(id: &RunId) -> u32 {
    crc32fast::hash(first_line(id).as_bytes())
}

/// Adds the line of `row` to `text` after a line of this checksum, which becomes its own.
fn write_line(checksum: &mut u32, row: &Row, text: &mut Vec<u8>) {
    let (line, body) = (text.len(), text.len() + DIGITS + 1);
    text.resize(body, b' ');
    // Writing to memory does not fail.
    let _ = write!(text, "{} {:016x} ", row.step, row.value.to_bits());
    let _ = serde_json::to_writer(&mut *text, &row.metric);
    *checksum = chain(*checksum, &text[body..]);
    text[line..line + DIGITS].copy_from_slice(&seal::hex(*checksum));
    text.push(b'\n');
}

/// The row of a whole line after one of this checksum, with its own.
fn read_line(before: u32, line: &[u8]) -> Option<(u32, Row)> {
    let line = str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (digits, body) = line.split_once(' ')?;
    let checksum = chain(before, body.as_bytes());
    if digits.as_bytes() != seal::hex(checksum) {
        return None;
    }
    let (step, rest) = body.split_once(' ')?;
    let (bits, metric) = rest.split_once(' ')?;
    let value = f64::from_bits(u64::from_str_radix(bits, 16).ok()?);
    let metric: String = serde_json::from_str(metric).ok()?;
    Some((checksum, Row::new(step.parse().ok()?, metric, value)))
}

fn chain(before: u32, body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&before.to_le_bytes());
    crc.update(body);
    crc.finalize()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// Rows cannot be written, as on a full disk.
    #[test]
    fn rows_that_cannot_be_written_are_an_error_with_the_file() {
        let file = File::options().write(true).open("/dev/full").unwrap();
        let path = PathBuf::from("partial/run.rows");
        let mut live = LiveRows { path, file, checksum: 0, pending: Vec::new() };
        live.flush().unwrap();
        live.push(&Row::new(1, "loss", 0.5));
        let error = live.flush().unwrap_err().to_string();
        assert!(error.contains("partial/run.rows") && error.contains("free some space"), "{error}");
        live.flush().unwrap();
    }
}
