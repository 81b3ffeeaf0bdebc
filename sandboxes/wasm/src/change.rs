//! The change that a plugin judges, as the caller hands it over: everything but the bytes of files.

use serde::{Deserialize, Serialize};

/// Which of the two trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What the change starts from.
    Base,
    /// The base with the change applied.
    Candidate,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Only the candidate has it.
    Added,
    /// Other bytes or another mode.
    Modified,
    /// Only the base has it.
    Deleted,
    /// It had another path on the base.
    Renamed,
    /// A file became a link or a submodule, or the other way round.
    TypeChanged,
}

/// What kind of entry a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A file.
    File,
    /// A file that may be executed.
    Executable,
    /// A symbolic link.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

/// Line ranges of one hunk, without context lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// First line on the base, from 1.
    pub old_start: u32,
    /// Lines on the base.
    pub old_lines: u32,
    /// First line on the candidate, from 1.
    pub new_start: u32,
    /// Lines on the candidate.
    pub new_lines: u32,
}

/// One file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Its path on the candidate; on the base where it was deleted.
    pub path: String,
    /// Its path on the base, where that is another one.
    pub old_path: Option<String>,
    /// What became of it.
    pub status: Status,
    /// What it was.
    pub old_mode: Option<Mode>,
    /// What it is.
    pub new_mode: Option<Mode>,
    /// Has no lines, and so no hunks.
    pub binary: bool,
    /// In the order of the file.
    pub hunks: Vec<Hunk>,
}

/// The whole change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSet {
    /// In the byte order of their paths.
    pub files: Vec<ChangedFile>,
    /// Files that cannot be named, because their path is no UTF-8.
    pub unnamed: u32,
}
