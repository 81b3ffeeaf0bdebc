//! Paths inside a repository: bytes, as git has them, never the host's notion of a path.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path relative to the root of a tree, `/`-separated, not necessarily UTF-8.
///
/// Shown and serialised with `\xNN` for control characters and for each byte that is not part of
/// valid UTF-8, and with `\\` for a backslash: the text is always printable and can be read back.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(Vec<u8>);

impl RepoPath {
    /// Takes the bytes as they are; nothing is checked or normalised.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The raw bytes, as git stores them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path as text when it is UTF-8 (control characters included).
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The components between slashes.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/')
    }

    /// Whether it lies in this directory, or in one of its own.
    #[must_use]
    pub fn is_below(&self, directory: &Self) -> bool {
        let rest = self.0.strip_prefix(directory.0.as_slice());
        rest.is_some_and(|rest| rest.starts_with(b"/"))
    }

    /// Whether the file is a Rust source by its name.
    #[must_use]
    pub fn is_rust(&self) -> bool {
        self.as_bytes().ends_with(b".rs")
    }

    /// The last component.
    pub fn file_name(&self) -> &[u8] {
        self.components().next_back().unwrap_or_default()
    }

    /// Reads the escaped form that [`fmt::Display`] writes.
    pub fn from_escaped(text: &str) -> Self {
        let mut rest = text.as_bytes();
        let mut bytes = Vec::with_capacity(rest.len());
        while let Some((&first, tail)) = rest.split_first() {
            let (byte, after) = match tail {
                [b'\\', after @ ..] if first == b'\\' => (b'\\', after),
                [b'x', high, low, after @ ..] if first == b'\\' => match hex_byte(*high, *low) {
                    Some(byte) => (byte, after),
                    None => (first, tail),
                },
                _ => (first, tail),
            };
            bytes.push(byte);
            rest = after;
        }
        Self(bytes)
    }
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\\' => f.write_str("\\\\")?,
                    control if control.is_control() => {
                        let mut buffer = [0; 4];
                        for byte in control.encode_utf8(&mut buffer).bytes() {
                            write!(f, "\\x{byte:02x}")?;
                        }
                    }
                    plain => write!(f, "{plain}")?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl From<&str> for RepoPath {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RepoPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_escaped(&String::deserialize(deserializer)?))
    }
}

impl schemars::JsonSchema for RepoPath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RepoPath".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A path in the tree; control characters and bytes outside UTF-8 as \\xNN, a backslash doubled."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_escaped_form() {
        let all: Vec<u8> = (0..=255).collect();
        let path = RepoPath::new(all.clone());
        assert_eq!(RepoPath::from_escaped(&path.to_string()).as_bytes(), all);
    }

    #[test]
    fn control_characters_and_broken_utf8_are_shown_as_escapes() {
        let path = RepoPath::new(&b"a\nb\xff\\c"[..]);
        assert_eq!(path.to_string(), r"a\x0ab\xff\\c");
    }
}
