//! The change: the difference from the base tree to the candidate tree, as data.

use serde::{Deserialize, Serialize};

use crate::path::RepoPath;

/// All that differs between the base and the candidate, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// One entry a changed path; a rename is one entry under its new path.
    pub files: Vec<FileChange>,
}

/// What happened to one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The path on the candidate, or on the base where the file is gone.
    pub path: RepoPath,
    /// How the path changed.
    pub kind: ChangeKind,
    /// The entry on the base; none for an added file.
    pub before: Option<Entry>,
    /// The entry on the candidate; none for a removed file.
    pub after: Option<Entry>,
    /// True where git calls either side binary; then there are no hunks.
    pub binary: bool,
    /// Changed line ranges, in order.
    pub hunks: Vec<Hunk>,
    /// True where the file or the whole change has more text than is kept: then some hunks have
    /// their line numbers and counts, but not all of their lines.
    pub truncated: bool,
}

/// How a path changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Not in the base.
    Added,
    /// Not in the candidate.
    Deleted,
    /// Other content or another mode under the same path.
    Modified,
    /// Moved from the path given here, content equal or similar.
    Renamed(RepoPath),
    /// Copied from the path given here, which is still there.
    Copied(RepoPath),
    /// Became another kind of entry (file, symlink, gitlink).
    TypeChanged,
}

/// A tree entry: mode, object id, size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The kind, from git's mode.
    pub mode: Mode,
    /// Object id, lower-case hex (of the commit for a gitlink).
    pub oid: String,
    /// Size of the blob in bytes; 0 for a gitlink.
    pub size: u64,
    /// Where a symlink points; none for every other kind.
    pub link_target: Option<RepoPath>,
}

/// The modes that git knows for a tree entry that is not a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// 100644
    File,
    /// 100755
    Executable,
    /// 120000
    Symlink,
    /// 160000, a submodule's commit
    Gitlink,
}

impl Mode {
    /// Reads git's octal mode; other regular modes (100664 of old repositories) are plain files.
    pub fn from_git(octal: &str) -> Option<Self> {
        match octal {
            "100755" => Some(Self::Executable),
            "120000" => Some(Self::Symlink),
            "160000" => Some(Self::Gitlink),
            regular if regular.starts_with("100") => Some(Self::File),
            _ => None,
        }
    }

    /// Git's octal mode.
    pub fn as_git(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
            Self::Gitlink => "160000",
        }
    }
}

/// One run of changed lines; no context lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// First removed line on the base, from 1 (the line before, when nothing was removed).
    pub before_start: u32,
    /// Removed lines.
    pub before_lines: u32,
    /// First added line on the candidate, from 1 (the line before, when nothing was added).
    pub after_start: u32,
    /// Added lines.
    pub after_lines: u32,
    /// The added lines, without line ends; invalid UTF-8 replaced.
    pub added: Vec<String>,
    /// The removed lines, without line ends; invalid UTF-8 replaced.
    pub removed: Vec<String>,
}
