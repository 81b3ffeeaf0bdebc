//! Sealed records: code under test can write into the report, and what it writes bears no seal.
//!
//! Each line starts with a keyed digest of the rest. The key is made here, handed over in a file that is gone before
//! anything of the tree is loaded, and replaced after each line: whoever finds it in the process later can make no line
//! that comes before one already written, so nothing that was said can be unsaid or rewritten, by whatever outlives the test.

use std::fs::File;
use std::io::{self, Read as _};

use sha2::{Digest as _, Sha256};

use crate::digest::hex;

/// Hex digits of a seal.
const DIGITS: usize = 32;

/// The key of the next line.
#[derive(Clone, Debug)]
pub(super) struct Seal {
    key: [u8; 32],
}

impl Seal {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// The key, for the process that is to write.
    pub(super) fn key(&self) -> String {
        hex(&self.key)
    }

    /// The record of the next line; none where the line does not bear its seal, which then is still expected.
    pub(super) fn open<'l>(&mut self, line: &'l [u8]) -> Option<&'l [u8]> {
        let (seal, record) = split(line)?;
        (seal == self.of(record).as_bytes()).then(|| {
            self.key = digest(&[b"next", &self.key]);
            record
        })
    }

    /// The next line for a record.
    #[cfg(any(test, fuzzing))]
    pub(super) fn line(&mut self, record: &[u8]) -> Vec<u8> {
        let line = [self.of(record).as_bytes(), b" ", record].concat();
        self.open(&line);
        line
    }

    /// Digested twice, so that no seal tells how a longer record would be sealed.
    fn of(&self, record: &[u8]) -> String {
        let inner = digest(&[&self.key, record]);
        let mut seal = hex(&digest(&[&self.key, &inner]));
        seal.truncate(DIGITS);
        seal
    }
}

/// Seal and record of a line, neither looked at.
pub(super) fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|byte| *byte == b' ')?;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().into()
}

/// Bytes that nobody can foretell.
pub(super) fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> [Vec<u8>; 3] {
        let mut seal = Seal::new([7; 32]);
        [b"one".as_slice(), b"two", b"three"].map(|record| seal.line(record))
    }

    fn read(lines: &[&[u8]]) -> Vec<Option<String>> {
        let mut seal = Seal::new([7; 32]);
        let text = |record: &[u8]| String::from_utf8_lossy(record).into_owned();
        lines.iter().map(|line| seal.open(line).map(text)).collect()
    }

    #[test]
    fn a_line_counts_once_in_its_place_and_unchanged() {
        let [one, two, three] = lines();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read(&[&one, &two, &three]),
            [some("one"), some("two"), some("three")]
        );
        let forged = [&one[..DIGITS], b" forged"].concat();
        assert_eq!(read(&[&forged, &one, b"{}"]), [None, some("one"), None]);
        assert_eq!(read(&[&one, &one]), [some("one"), None], "said twice");
        assert_eq!(read(&[&two, &three]), [None, None], "a line is gone");
    }

    #[test]
    fn a_key_found_later_seals_nothing_that_was_said_before() {
        let [one, ..] = lines();
        let mut later = Seal::new([7; 32]);
        later.open(&one);
        let rewritten = later.line(b"passed");
        assert_eq!(read(&[&rewritten]), [None]);
    }

    #[test]
    fn two_keys_are_not_alike() {
        assert_ne!(random().unwrap(), random().unwrap());
    }
}
