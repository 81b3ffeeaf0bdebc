//! Where the bytes of a plugin come from, and that they are the pinned ones.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use passmuster_policy::change::Mode;
use passmuster_policy::evidence::PolicySource;
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::PluginCheck;
use passmuster_wasm::limits::COMPONENT_BYTES;
use thiserror::Error;

use super::Place;
use super::shipped::ALL;
use crate::digest::sha256;
use crate::git::GitError;
use crate::git::blobs::BlobReader;

/// Where a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is part of this program, by this name.
    Shipped(String),
    /// A file of the base tree.
    Base(RepoPath),
    /// A file of this machine that the operator named.
    File(PathBuf),
}

/// Why there are no bytes of a plugin.
#[derive(Debug, Error)]
pub enum SourceError {
    /// No plugin of that name is part of the program.
    #[error(
        "no plugin `{name}` is shipped; there are: {known}. A file's name ends with `.wasm` or has a `/` in it"
    )]
    NotShipped {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The base has no such file.
    #[error("the base has no file {path}; a plugin counts once it is committed there")]
    NotInBase {
        /// Which.
        path: RepoPath,
    },
    /// A path of this machine in a policy that is not the operator's.
    #[error("{} is a path of this machine, which only a policy of the operator's may name", path.display())]
    NotTheOperators {
        /// Which.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// More bytes than a plugin may have.
    #[error("{what} has more than {} MiB", COMPONENT_BYTES >> 20)]
    TooLarge {
        /// Which.
        what: String,
    },
    /// The base's objects cannot be read.
    #[error(transparent)]
    Git(#[from] GitError),
    /// They are not those that were pinned.
    #[error(
        "{what} has the sha256 {found}, and the policy pins {pinned}; whoever changes a plugin changes its pin in the same commit \
         (`passmuster plugin inspect` shows it)"
    )]
    Digest {
        /// Which.
        what: String,
        /// Its digest.
        found: String,
        /// The policy's.
        pinned: String,
    },
}

impl Origin {
    /// What a policy or a command line means by a word.
    #[must_use]
    pub fn of(word: &str) -> Self {
        if word.starts_with('/') {
            return Self::File(PathBuf::from(word));
        }
        match word.contains('/') || word.ends_with(".wasm") {
            true => Self::Base(word.into()),
            false => Self::Shipped(word.to_owned()),
        }
    }
}

/// The bytes that a policy pins.
pub(super) fn pinned(place: &Place<'_>, asked: &PluginCheck) -> Result<Vec<u8>, SourceError> {
    let origin = Origin::of(&asked.plugin);
    let bytes = match &origin {
        Origin::Base(path) => in_base(place, path)?,
        Origin::File(path) if place.policy.source != PolicySource::Operator => {
            return Err(SourceError::NotTheOperators { path: path.clone() });
        }
        other => bytes_of(other)?,
    };
    let found = sha256(&bytes);
    if found == asked.sha256 {
        return Ok(bytes);
    }
    Err(SourceError::Digest {
        what: asked.plugin.clone(),
        found,
        pinned: asked.sha256.clone(),
    })
}

/// The bytes of a plugin that is shipped or lies in a file; one in the base is read as a file of the working directory.
///
/// # Errors
/// When there is no such plugin, or its file cannot be read.
pub fn bytes_of(origin: &Origin) -> Result<Vec<u8>, SourceError> {
    match origin {
        Origin::Shipped(name) => shipped(name),
        Origin::File(path) => file(path),
        Origin::Base(path) => file(Path::new(OsStr::from_bytes(path.as_bytes()))),
    }
}

fn shipped(name: &str) -> Result<Vec<u8>, SourceError> {
    let found = ALL.iter().find(|one| one.name == name);
    found
        .map(|one| one.bytes.to_vec())
        .ok_or_else(|| SourceError::NotShipped {
            name: name.to_owned(),
            known: ALL
                .iter()
                .map(|one| one.name)
                .collect::<Vec<_>>()
                .join(", "),
        })
}

fn file(path: &Path) -> Result<Vec<u8>, SourceError> {
    let unreadable = |source| SourceError::Unreadable {
        path: path.to_owned(),
        source,
    };
    // A pipe could keep us waiting for ever, and what the kernel makes up as it is read has no size.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let file = options.open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not an ordinary file",
        )));
    }
    let mut bytes = Vec::new();
    let most = COMPONENT_BYTES as u64;
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > most {
        return Err(SourceError::TooLarge {
            what: path.display().to_string(),
        });
    }
    Ok(bytes)
}

fn in_base(place: &Place<'_>, path: &RepoPath) -> Result<Vec<u8>, SourceError> {
    let entry =
        place.base.entries.iter().find(|entry| {
            entry.path == *path && matches!(entry.mode, Mode::File | Mode::Executable)
        });
    let entry = entry.ok_or_else(|| SourceError::NotInBase { path: path.clone() })?;
    let mut reader = BlobReader::start(place.git)?;
    let bytes = reader.read_small(&entry.oid, COMPONENT_BYTES as u64)?;
    bytes.ok_or_else(|| SourceError::TooLarge {
        what: path.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_name_a_path_of_the_tree_or_a_file() {
        for (word, expected) in [
            ("layers", Origin::Shipped("layers".to_owned())),
            ("layers.wasm", Origin::Base("layers.wasm".into())),
            ("checks/layers", Origin::Base("checks/layers".into())),
            ("/opt/layers.wasm", Origin::File("/opt/layers.wasm".into())),
        ] {
            assert_eq!(Origin::of(word), expected, "{word}");
        }
    }
}
