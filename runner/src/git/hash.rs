//! Object ids computed in this process, the way git computes them.

use std::io::{self, Read};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::digest::hex;

/// The hash that names a repository's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectFormat {
    /// 40 hex digits.
    Sha1,
    /// 64 hex digits.
    Sha256,
}

impl ObjectFormat {
    /// Git's name of the format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// Length of an object id in hex digits.
    pub fn hex_length(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
        }
    }

    /// The id of the tree without entries.
    pub fn empty_tree(self) -> &'static str {
        match self {
            Self::Sha1 => "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
            Self::Sha256 => "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
        }
    }

    /// The id that stands for no object.
    pub fn zero(self) -> String {
        "0".repeat(self.hex_length())
    }

    /// True for a full lower-case object id of this format.
    pub fn is_oid(self, text: &str) -> bool {
        text.len() == self.hex_length()
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }

    /// The id of a blob of these bytes.
    pub fn blob(self, bytes: &[u8]) -> String {
        let mut hasher = BlobHasher::new(self, bytes.len() as u64);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The id of a blob of `size` bytes read from `source`; none when the length is another.
    pub fn blob_from(self, size: u64, source: &mut impl Read) -> io::Result<Option<String>> {
        let mut hasher = BlobHasher::new(self, size);
        let mut buffer = vec![0; 64 * 1024];
        let mut seen = 0_u64;
        loop {
            let read = source.read(&mut buffer)?;
            let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else {
                return Ok((seen == size).then(|| hasher.finish()));
            };
            seen += chunk.len() as u64;
            hasher.update(chunk);
        }
    }
}

/// A blob's id, as its bytes come in.
pub enum BlobHasher {
    /// For [`ObjectFormat::Sha1`].
    Sha1(Sha1),
    /// For [`ObjectFormat::Sha256`].
    Sha256(Sha256),
}

impl BlobHasher {
    /// Starts with git's header for a blob of `size` bytes.
    pub fn new(format: ObjectFormat, size: u64) -> Self {
        let mut hasher = match format {
            ObjectFormat::Sha1 => Self::Sha1(Sha1::new()),
            ObjectFormat::Sha256 => Self::Sha256(Sha256::new()),
        };
        hasher.update(format!("blob {size}\0").as_bytes());
        hasher
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// The id in hex.
    pub fn finish(self) -> String {
        match self {
            Self::Sha1(hasher) => hex(&hasher.finalize()),
            Self::Sha256(hasher) => hex(&hasher.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_has_the_id_that_git_gives_it() {
        // `printf 'hello\n' | git hash-object --stdin`
        assert_eq!(
            ObjectFormat::Sha1.blob(b"hello\n"),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_has_no_id() {
        let mut source = &b"hello\n"[..];
        assert_eq!(ObjectFormat::Sha1.blob_from(5, &mut source).unwrap(), None);
    }
}
