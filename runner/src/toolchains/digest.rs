//! Digests of toolchains: the same on every run, different when what runs is different.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::Toolchain;
use crate::digest::{hex, sha256_of};
use crate::memory;

/// Collects labelled parts; each is length-prefixed, so that no two lists of parts collide.
pub(super) struct Parts(Sha256);

impl Parts {
    /// The parts that every toolchain has.
    pub(super) fn of(toolchain: &Toolchain) -> std::io::Result<Self> {
        let mut parts = Self(Sha256::new());
        parts.add("name", toolchain.name.to_string().as_bytes());
        parts.add("version", toolchain.version.as_bytes());
        parts.add("path", toolchain.program.as_os_str().as_encoded_bytes());
        parts.add("executable", file(&toolchain.program)?.as_bytes());
        Ok(parts)
    }

    pub(super) fn add(&mut self, label: &str, bytes: &[u8]) {
        for part in [label.as_bytes(), bytes] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }

    pub(super) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// The sha256 of a file's content, links followed. An executable of 100 MB is read once, then known
/// by its stamp.
pub(super) fn file(path: &Path) -> std::io::Result<String> {
    let mut open = std::fs::File::open(path)?;
    let key = memory::stamp(&open.metadata()?).map(|stamp| format!("sha256 {stamp}"));
    memory::recall(key, || sha256_of(&mut open))
}
