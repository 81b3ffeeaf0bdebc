//! How caller, helper and init speak to each other: JSON values, each preceded by its length as
//! four bytes.
//!
//! Both ends are the same binary, so the format has no version; paths and arguments cross as bytes
//! because they need not be UTF-8.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longer messages are a sign of a broken peer; the largest real one is a specification with
/// generated files.
const LONGEST: usize = 256 << 20;

/// The bytes of one message, length included.
pub(crate) fn encode<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, value)?;
    let length = u32::try_from(bytes.len() - 4).map_err(|_| io::ErrorKind::InvalidData)?;
    bytes.splice(..4, length.to_le_bytes());
    Ok(bytes)
}

/// The body's length that a message's first four bytes announce.
pub(crate) fn body_length(prefix: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(prefix) as usize;
    if length > LONGEST {
        Err(io::ErrorKind::InvalidData.into())
    } else {
        Ok(length)
    }
}

/// The value that a message's body holds.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(body)?)
}

/// Writes one message, blocking.
pub(crate) fn send<T: Serialize>(mut to: impl Write, value: &T) -> io::Result<()> {
    to.write_all(&encode(value)?)
}

/// Reads one message, blocking; a closed peer is `UnexpectedEof`.
pub(crate) fn receive<T: DeserializeOwned>(mut from: impl Read) -> io::Result<T> {
    let mut prefix = [0; 4];
    from.read_exact(&mut prefix)?;
    let mut body = vec![0; body_length(prefix)?];
    from.read_exact(&mut body)?;
    decode(&body)
}

/// Paths as bytes: serde's own form of `PathBuf` refuses what is not UTF-8.
pub(crate) mod path {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        OsString::deserialize(from).map(PathBuf::from)
    }
}

/// As [`path`], for a path that may be missing.
pub(crate) mod optional_path {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_ref().map(|path| path.as_os_str()).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        Ok(Option::<OsString>::deserialize(from)?.map(PathBuf::from))
    }
}

/// An environment as a list of pairs: JSON's keys must be text.
pub(crate) mod pairs {
    use std::collections::BTreeMap;
    use std::ffi::OsString;

    use serde::{Deserialize, Deserializer, Serializer};

    type Environment = BTreeMap<OsString, OsString>;

    pub(crate) fn serialize<S: Serializer>(map: &Environment, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Environment, D::Error> {
        Ok(Vec::<(OsString, OsString)>::deserialize(from)?
            .into_iter()
            .collect())
    }
}
