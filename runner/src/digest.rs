//! Sha256 of bytes, files and plain data, in hex: the names under which things are kept.

use std::io::{self, Read};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of these bytes.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Of all that `source` gives.
pub fn sha256_of(source: &mut impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = source.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else {
            return Ok(hex(&hasher.finalize()));
        };
        hasher.update(chunk);
    }
}

/// Of the JSON form of plain data.
#[expect(
    clippy::expect_used,
    reason = "plain data: no map with keys that are not strings, the only way to fail"
)]
pub fn digest<T: Serialize>(value: &T) -> String {
    sha256(&serde_json::to_vec(value).expect("plain data has a JSON form"))
}
