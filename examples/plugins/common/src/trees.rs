//! Reading trees: through the host in a component, from memory in tests.

use crate::bindings::passmuster::check::trees as host;
use crate::{CheckError, Mode, Side};

pub use host::{Stat, TreeError};

/// Paths for each call of `find`.
const PAGE: u32 = 4096;
/// Bytes for each call of `read`, unless the host gives less.
const CHUNK: u32 = 1 << 20;

/// One side, read-only. The host's own resource is one; tests have one in memory.
pub trait Tree {
    /// At most `length` bytes of a file from `offset`.
    ///
    /// # Errors
    /// The interface's.
    fn read(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, TreeError>;

    /// What a path is, and its size.
    ///
    /// # Errors
    /// The interface's.
    fn stat(&self, path: &str) -> Result<Stat, TreeError>;

    /// Paths that match a glob, in byte order.
    ///
    /// # Errors
    /// The interface's.
    fn find(&self, glob: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, TreeError>;
}

impl Tree for host::Tree {
    fn read(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, TreeError> {
        Self::read(self, path, offset, length)
    }

    fn stat(&self, path: &str) -> Result<Stat, TreeError> {
        Self::stat(self, path)
    }

    fn find(&self, glob: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, TreeError> {
        Self::find(self, glob, after, limit)
    }
}

/// The tree of one side, from the host.
#[must_use]
pub fn open(side: Side) -> host::Tree {
    host::open(side)
}

/// Why a file's bytes were not read. A check says so instead of passing over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unread {
    /// More bytes than the check takes of one file.
    TooLarge,
    /// It holds a NUL, as no source does.
    Binary,
    /// A symbolic link, which is not followed.
    NotAFile,
    /// A large file whose bytes were not fetched, or a submodule.
    Absent,
}

impl Unread {
    /// The reason, behind "was not read:".
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "it is too large",
            Self::Binary => "it is binary",
            Self::NotAFile => "it is a symbolic link",
            Self::Absent => "its bytes are not here",
        }
    }
}

/// All files, executables and symbolic links, in byte order.
///
/// # Errors
/// `internal` where the host does not list its own tree.
pub fn paths(tree: &impl Tree) -> Result<Vec<String>, CheckError> {
    let mut all: Vec<String> = Vec::new();
    let mut page = PAGE;
    loop {
        let found = match tree.find("**", all.last().map(String::as_str), page) {
            Err(TreeError::TooLarge(most)) if most > 0 && most < u64::from(page) => {
                page = u32::try_from(most).unwrap_or(page);
                continue;
            }
            found => found.map_err(|error| broken("list the tree", &error))?,
        };
        if found.is_empty() {
            return Ok(all);
        }
        all.extend(found);
    }
}

/// A file's bytes, when there are at most `most` and they are text.
///
/// # Errors
/// The inner one says why the bytes are not to be had; the outer one is `internal`.
pub fn text(
    tree: &impl Tree,
    path: &str,
    most: u64,
) -> Result<Result<Vec<u8>, Unread>, CheckError> {
    match bytes(tree, path, most) {
        Ok(bytes) if bytes.contains(&0) => Ok(Err(Unread::Binary)),
        Ok(bytes) => Ok(Ok(bytes)),
        Err(TreeError::TooLarge(_)) => Ok(Err(Unread::TooLarge)),
        Err(TreeError::WrongKind) => Ok(Err(Unread::NotAFile)),
        Err(TreeError::Absent) => Ok(Err(Unread::Absent)),
        Err(error) => Err(broken(&format!("read `{path}`"), &error)),
    }
}

fn bytes(tree: &impl Tree, path: &str, most: u64) -> Result<Vec<u8>, TreeError> {
    let mut all = Vec::new();
    let mut chunk = CHUNK;
    loop {
        let offset = all.len() as u64;
        let some = match tree.read(path, offset, chunk) {
            Err(TreeError::TooLarge(limit)) if limit > 0 && limit < u64::from(chunk) => {
                chunk = u32::try_from(limit).unwrap_or(chunk);
                continue;
            }
            some => some?,
        };
        let ended = some.len() < chunk as usize;
        all.extend(some);
        if all.len() as u64 > most {
            return Err(TreeError::TooLarge(most));
        }
        if ended {
            return Ok(all);
        }
    }
}

/// What a path is and how large, or none where there is nothing.
///
/// # Errors
/// `internal` where the host does not know its own tree.
pub fn stat(tree: &impl Tree, path: &str) -> Result<Option<Stat>, CheckError> {
    match tree.stat(path) {
        Ok(stat) => Ok(Some(stat)),
        Err(TreeError::NotFound | TreeError::WrongKind) => Ok(None),
        Err(TreeError::Absent) => Ok(Some(Stat {
            mode: Mode::Submodule,
            size: 0,
        })),
        Err(error) => Err(broken(&format!("look at `{path}`"), &error)),
    }
}

fn broken(what: &str, error: &TreeError) -> CheckError {
    let why = match error {
        TreeError::NotFound => "it is not there",
        TreeError::WrongKind => "it is something else",
        TreeError::BadPath => "the path is none",
        TreeError::TooLarge(_) => "it is too large",
        TreeError::NotText => "it is no text",
        TreeError::Absent => "its bytes are not here",
    };
    CheckError::Internal(format!("could not {what}: {why}"))
}
