//! Why a proposal did not become two trees, and whose fault it is.

use passmuster_policy::path::RepoPath;
use thiserror::Error;

use super::PATCH_CAP;
use crate::base::BaseError;
use crate::git::GitError;
use crate::git::error::sanitise;

/// Why a proposal did not become two trees.
#[derive(Debug, Error)]
pub enum ProposalError {
    /// The patch does not fit the base.
    #[error(transparent)]
    DoesNotApply(Box<Misfit>),
    /// The patch writes where no patch may.
    #[error("{name} is unsafe: {path}: {reason}")]
    Unsafe {
        /// The patch's name.
        name: String,
        /// The path or header that is unsafe.
        path: RepoPath,
        /// Why.
        reason: &'static str,
    },
    /// The input is no patch.
    #[error(
        "{name} is not a patch: {reason}; give a unified diff, such as `git diff --binary` writes"
    )]
    NotAPatch {
        /// The patch's name.
        name: String,
        /// What it is.
        reason: &'static str,
    },
    /// The input is larger than any patch that is read.
    #[error("{name} has {size} bytes; a patch may have {cap}", cap = PATCH_CAP)]
    TooLarge {
        /// The patch's name.
        name: String,
        /// Its size in bytes.
        size: u64,
    },
    /// Paths in conflict cannot be committed, so they are no proposal.
    #[error("{path} is in conflict in the index; resolve it and `git add` it")]
    Conflict {
        /// The first such path.
        path: RepoPath,
    },
    /// A file of the working tree cannot be read.
    #[error("{path} cannot be read: {source}")]
    File {
        /// The file.
        path: RepoPath,
        /// Why.
        source: std::io::Error,
    },
    /// A file changed while it was read.
    #[error("{path} changes while it is read; try again when nothing writes to it")]
    Unstable {
        /// The file.
        path: RepoPath,
    },
    /// This form needs a repository with a working tree.
    #[error(
        "{what} needs a git repository with a working tree, and {directory} has none; give a patch"
    )]
    NoWorkingTree {
        /// The form.
        what: &'static str,
        /// The directory.
        directory: String,
    },
    /// No base.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// Git or the disk failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Where and why a patch does not fit its base.
#[derive(Debug, Error)]
#[error("{name} does not apply to {base}: {}{reason}", self.place())]
pub struct Misfit {
    /// The patch's name.
    pub name: String,
    /// The base, in words.
    pub base: String,
    /// The file of the first hunk that failed.
    pub path: Option<RepoPath>,
    /// The hunk's first line on the base.
    pub line: Option<u32>,
    /// What is wrong there.
    pub reason: String,
    /// What would help, when we found something.
    pub hint: Option<String>,
}

impl Misfit {
    fn place(&self) -> String {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => format!("{path}:{line}: "),
            (Some(path), None) => format!("{path}: "),
            (None, _) => String::new(),
        }
    }
}

impl ProposalError {
    /// Git's refusal to read a recorded tree: an unsafe path, or trouble.
    pub(super) fn of_recorded_tree(error: GitError, name: &str) -> Self {
        let path = match &error {
            GitError::Failed { stderr, .. } => stderr
                .split_once("invalid path '")
                .and_then(|(_, rest)| rest.split_once('\''))
                .map(|(path, _)| RepoPath::from(path)),
            _ => None,
        };
        let reason = "git does not allow this path";
        match path {
            Some(path) => Self::Unsafe {
                name: sanitise(name.as_bytes()),
                path,
                reason,
            },
            None => Self::Git(error),
        }
    }

    /// The reason code of §7 of the design; none for an error of usage or of the machine.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::DoesNotApply(_) => Some("patch-does-not-apply"),
            Self::Unsafe { .. } => Some("patch-unsafe"),
            Self::Base(error) => Some(error.code()),
            Self::Git(GitError::ObjectsMissing { .. }) => Some("objects-missing"),
            _ => None,
        }
    }

    /// True where the proposal itself is at fault, so that the verdict is `fail` (exit code 1);
    /// everything else is exit code 2.
    pub fn is_verdict(&self) -> bool {
        matches!(self, Self::DoesNotApply(_) | Self::Unsafe { .. })
    }

    /// What would help, when we found something.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::DoesNotApply(misfit) => misfit.hint.as_deref(),
            _ => None,
        }
    }
}
