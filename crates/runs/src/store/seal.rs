//! A checksum inside a file whose format leaves no room after its end.
//!
//! A sealed file contains [`PLACEHOLDER`] once, in a text field of its metadata, with the eight
//! zeros replaced by the CRC-32 of the file *with* the zeros. (The common CRC-32, as of zlib and
//! PNG: it notices every error within 32 consecutive bits and misses others once in 2³².) So the
//! file stays an ordinary safetensors or Parquet file, and no parser sees a byte of a damaged one.

/// Key of the metadata field that holds the checksum.
pub(super) const KEY: &str = "windtunnel.checksum";
/// Value of that field before the file is sealed.
pub(super) const PLACEHOLDER: &str = "windtunnel.crc32:00000000";

const ZEROS: &[u8; 8] = b"00000000";
const MARK_LEN: usize = PLACEHOLDER.len() - ZEROS.len();

/// Writes the checksum into `bytes`, which contain the placeholder.
///
/// # Errors
/// If a text in the file reads like the placeholder, so that it would be taken for it.
pub(super) fn close(bytes: &mut [u8]) -> Result<(), String> {
    let digits = find_mark(bytes).ok_or("the file has no field for its checksum")?;
    if find_mark(&bytes[digits..]).is_some() {
        return Err(format!("`{}` is reserved for the checksum", &PLACEHOLDER[..MARK_LEN]));
    }
    let checksum = checksum(bytes, digits);
    bytes[digits..digits + ZEROS.len()].copy_from_slice(&checksum);
    Ok(())
}

/// Checks that `bytes` are those that were sealed.
///
/// # Errors
/// If they are not.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let found = find_mark(bytes).and_then(|at| Some((at, bytes.get(at..at + ZEROS.len())?)));
    let (digits, stored) = found.ok_or("the part with the checksum is missing")?;
    if stored == checksum(bytes, digits) { Ok(()) } else { Err("the checksum differs".into()) }
}

/// Position at which the digits begin.
fn find_mark(bytes: &[u8]) -> Option<usize> {
    let mark = &PLACEHOLDER.as_bytes()[..MARK_LEN];
    bytes.windows(MARK_LEN).position(|window| window == mark).map(|at| at + MARK_LEN)
}

/// The checksum in hexadecimal, for digits at `digits..digits + 8`.
fn checksum(bytes: &[u8], digits: usize) -> [u8; 8] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..digits]);
    crc.update(ZEROS);
    crc.update(&bytes[digits + ZEROS.len()..]);
    hex(crc.finalize())
}

/// A CRC-32 in hexadecimal.
pub(super) fn hex(crc: u32) -> [u8; 8] {
    std::array::from_fn(|i| b"0123456789abcdef"[(crc >> (28 - 4 * i)) as usize & 15])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_common_crc32() {
        let mut bytes = *b"123456789windtunnel.crc32:00000000987654321";
        close(&mut bytes).unwrap();
        // zlib.crc32 of the same bytes before sealing.
        assert_eq!(&bytes[26..34], b"e9f0d077");
    }

    #[test]
    fn a_second_placeholder_is_refused() {
        let mut bytes = PLACEHOLDER.repeat(2).into_bytes();
        assert!(close(&mut bytes).unwrap_err().contains("reserved"));
    }
}
