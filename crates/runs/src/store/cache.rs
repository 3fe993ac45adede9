//! Cache of results other than runs that take long: any text, under a key that says what it is a
//! function of.
//!
//! They are in `STORE/kept`, the first name of this cache, which stores that exist have.
//!
//! A file is a line of its checksum, a line of the key, and the text. A file that is damaged, or
//! belongs to another key, counts as absent: the text is computed again and replaced.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use super::digest::sha256;
use super::{Error, Store, disk};

/// Bytes of a file that are looked through for its key.
const MAX_KEY: u64 = 4096;

impl Store {
    /// The text that is cached under `key`, if it is whole.
    ///
    /// # Errors
    /// If there is a file that cannot be read.
    pub fn cached(&self, key: &str) -> Result<Option<String>, Error> {
        let bytes = disk::read(&self.cache_folder().join(file(key)))?;
        Ok(bytes.and_then(|bytes| open(key, &String::from_utf8(bytes).ok()?)))
    }

    /// Caches `text` under `key`, durably, in place of what was there.
    ///
    /// # Errors
    /// If it cannot be written.
    ///
    /// # Panics
    /// If the key has more than one line.
    pub fn cache(&self, key: &str, text: &str) -> Result<(), Error> {
        assert!(!key.contains('\n'), "a key of several lines");
        let body = format!("{key}\n{text}");
        let whole = format!("{:08x}\n{body}", crc32fast::hash(body.as_bytes()));
        let folder = self.cache_folder();
        disk::make_folder(&folder)?;
        disk::replace(&folder, &file(key), whole.as_bytes())
    }

    /// The keys of cached texts that begin with `prefix`; damage below the key is not looked for.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn cached_keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let folder = self.cache_folder();
        let key = |name: String| {
            // A file that cannot be opened has just been swept by someone else.
            let mut lines =
                BufReader::new(disk::open(&folder.join(name)).ok()?.take(MAX_KEY)).lines();
            let _checksum = lines.next()?.ok()?;
            lines.next()?.ok().filter(|key| key.starts_with(prefix))
        };
        Ok(disk::names(&folder)?.into_iter().filter_map(key).collect())
    }

    /// The folder of the cache, `STORE/kept`.
    pub(super) fn cache_folder(&self) -> PathBuf {
        self.root.join("kept")
    }
}

fn open(key: &str, whole: &str) -> Option<String> {
    let (checksum, body) = whole.split_once('\n')?;
    if checksum != format!("{:08x}", crc32fast::hash(body.as_bytes())) {
        return None;
    }
    let (own, text) = body.split_once('\n')?;
    (own == key).then(|| text.to_string())
}

fn file(key: &str) -> String {
    let mut digits = sha256(key.as_bytes());
    digits.truncate(16);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cached_comes_back_unless_a_byte_is_wrong() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        assert_eq!(store.cached("a key").unwrap(), None);
        store.cache("a key", "first\nof two lines").unwrap();
        store.cache("a key", "second\nof two lines").unwrap();
        assert_eq!(store.cached("a key").unwrap().as_deref(), Some("second\nof two lines"));
        assert_eq!(store.cached("another key").unwrap(), None);
        let path = store.cache_folder().join(file("a key"));
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert_eq!(store.cached("a key").unwrap(), None, "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(store.cached("a key").unwrap(), None, "cut at {at}");
        }
    }
}
