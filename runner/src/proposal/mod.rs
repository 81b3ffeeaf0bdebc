//! A proposal, in whatever form it comes, becomes two tree ids: base and candidate.

mod patch;
mod patch_text;
mod staged;
mod working_tree;

use passmuster_policy::path::RepoPath;
use thiserror::Error;

use crate::base::{self, Base, BaseError, BaseTrust};
use crate::git::stores::External;
use crate::git::{Git, GitError, quarantine, stores};
use crate::repository::Repository;

pub use patch_text::PATCH_CAP;

/// The forms in which a change is proposed.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A patch: unified diff, git diff, `format-patch` mails, several in one file.
    Patch {
        /// The text, at most [`PATCH_CAP`] bytes.
        bytes: &'a [u8],
        /// File name, or `-` for standard input; for messages.
        name: &'a str,
    },
    /// A revision of the repository.
    Head(&'a str),
    /// What is in the index.
    Staged,
    /// Tracked changes, and untracked files that are not ignored.
    WorkingTree,
}

/// A proposal as two trees in our private git directory.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What it is measured against.
    pub base: Base,
    /// The candidate's tree id; equal to the base's for an empty change.
    pub candidate_tree: String,
    /// Sha256 of the patch as it came; none for the other forms.
    pub patch_sha256: Option<String>,
    /// What the reader should know about how the change was read.
    pub notes: Vec<Note>,
}

impl Proposal {
    /// True when there is nothing to verify (`empty-change`).
    pub fn is_empty(&self) -> bool {
        self.base.tree == self.candidate_tree
    }

    /// Large files and submodules of the candidate, with where their content is. One call reads
    /// the tree with sizes, so ask once.
    pub fn externals(&self, repository: &Repository) -> Result<Vec<External>, GitError> {
        stores::externals(repository.git(), repository.layout(), &self.candidate_tree)
    }
}

/// Something that was read in a way that the proposer may not expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Line counts of hunks were wrong and were counted anew.
    Recounted,
    /// CRLF line ends of the whole patch were read as LF.
    LineEndsConverted,
    /// Paths have no `a/` and `b/` in front (`-p0`).
    NoPathPrefix,
    /// A fifo, socket or device was left out.
    SpecialFileSkipped(RepoPath),
    /// An untracked repository inside the working tree was left out.
    NestedRepositorySkipped(RepoPath),
    /// A file that the base keeps as an LFS pointer changed; its bytes were taken as they are.
    LfsContentTaken(RepoPath),
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Recounted => {
                f.write_str("applied with --recount: the hunk headers count wrongly")
            }
            Self::LineEndsConverted => f.write_str("the patch has CRLF line ends, read as LF"),
            Self::NoPathPrefix => {
                f.write_str("applied with -p0: the paths have no a/ and b/ in front")
            }
            Self::SpecialFileSkipped(path) => {
                write!(f, "{path} is a fifo, socket or device and was left out")
            }
            Self::NestedRepositorySkipped(path) => {
                write!(
                    f,
                    "{path} is an untracked repository of its own and was left out"
                )
            }
            Self::LfsContentTaken(path) => {
                write!(
                    f,
                    "{path} is an LFS file that changed; its content was taken, not a pointer"
                )
            }
        }
    }
}

/// Why a proposal did not become two trees.
#[derive(Debug, Error)]
pub enum ProposalError {
    /// The patch does not fit the base.
    #[error("{name} does not apply to {base}: {}", place(path.as_ref(), *line, reason))]
    DoesNotApply {
        /// The patch's name.
        name: String,
        /// The base, in words.
        base: String,
        /// The file of the first hunk that failed.
        path: Option<RepoPath>,
        /// The hunk's first line on the base.
        line: Option<u32>,
        /// Git's words.
        reason: String,
        /// What would help, when we found something.
        hint: Option<String>,
    },
    /// The patch writes where no patch may.
    #[error("{name} is unsafe: {}: {reason}", place_path(path))]
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

fn place(path: Option<&RepoPath>, line: Option<u32>, reason: &str) -> String {
    match (path, line) {
        (Some(path), Some(line)) => format!("{path}:{line}: {reason}"),
        (Some(path), None) => format!("{path}: {reason}"),
        (None, _) => reason.to_owned(),
    }
}

fn place_path(path: &RepoPath) -> String {
    path.to_string()
}

impl ProposalError {
    /// The reason code of §7 of the design; none for an error of usage or of the machine.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::DoesNotApply { .. } => Some("patch-does-not-apply"),
            Self::Unsafe { .. } => Some("patch-unsafe"),
            Self::Base(error) => Some(error.code()),
            Self::Git(GitError::ObjectsMissing { .. }) => Some("objects-missing"),
            _ => None,
        }
    }

    /// True where the proposal itself is at fault, so that the verdict is `fail` (exit code 1);
    /// everything else is exit code 2.
    pub fn is_verdict(&self) -> bool {
        matches!(self, Self::DoesNotApply { .. } | Self::Unsafe { .. })
    }

    /// What would help, when we found something.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::DoesNotApply { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }
}

/// The base of a proposal: the operator's revision, else what the rules of [`crate::base`] give for
/// its form. A plain directory is its own.
pub fn base_of(
    repository: &Repository,
    input: Input<'_>,
    revision: Option<&str>,
) -> Result<Base, ProposalError> {
    match (revision, input) {
        (Some(revision), _) => Ok(base::pinned(repository, revision)?),
        (None, Input::Head(revision)) => Ok(base::of_revision(repository, revision)?),
        (None, _) if repository.layout().is_some() => Ok(base::head(repository)?),
        (None, Input::Patch { .. }) => plain_base(repository),
        (None, _) => Err(no_working_tree(repository, "a proposal without a patch")),
    }
}

/// Reads a proposal; the base is that of [`base_of`].
pub fn resolve(
    repository: &Repository,
    input: Input<'_>,
    base: Option<&str>,
) -> Result<Proposal, ProposalError> {
    with_base(repository, input, base_of(repository, input, base)?)
}

/// Reads a proposal against a base that was found before; for servers and hooks, whose base is
/// that of [`base::at_start`].
pub fn with_base(
    repository: &Repository,
    input: Input<'_>,
    base: Base,
) -> Result<Proposal, ProposalError> {
    match input {
        Input::Patch { bytes, name } => patch::resolve(repository, bytes, name, base),
        Input::Head(revision) => {
            let commit = base::commit_of(repository, revision)?;
            Ok(tree_only(base::tree_of(repository.git(), &commit)?, base))
        }
        Input::Staged => Ok(tree_only(staged::tree(repository)?, base)),
        Input::WorkingTree => working_tree::resolve(repository, base),
    }
}

fn tree_only(candidate_tree: String, base: Base) -> Proposal {
    Proposal {
        base,
        candidate_tree,
        patch_sha256: None,
        notes: Vec::new(),
    }
}

/// A plain directory is its own base: the tree of its files as they are now.
fn plain_base(repository: &Repository) -> Result<Base, ProposalError> {
    let tree = working_tree::plain_tree(repository)?;
    Ok(Base {
        tree,
        commit: None,
        ref_name: None,
        trust: BaseTrust::Local,
    })
}

fn no_working_tree(repository: &Repository, what: &'static str) -> ProposalError {
    let directory = repository.root().display().to_string();
    ProposalError::NoWorkingTree { what, directory }
}

/// A temporary index that holds `tree`, in the private directory.
struct TemporaryIndex {
    directory: tempfile::TempDir,
}

impl TemporaryIndex {
    fn of_tree(git: &Git, tree: &str) -> Result<Self, GitError> {
        let index = Self::empty(git)?;
        let purpose = "read the base into a temporary index";
        git.command(purpose, ["read-tree", tree])
            .index(&index.file())
            .run()?;
        Ok(index)
    }

    fn empty(git: &Git) -> Result<Self, GitError> {
        let directory = tempfile::Builder::new()
            .prefix("index-")
            .tempdir_in(git.directory())
            .map_err(GitError::io("make a temporary index"))?;
        Ok(Self { directory })
    }

    fn file(&self) -> std::path::PathBuf {
        self.directory.path().join("index")
    }

    fn write_tree(&self, git: &Git) -> Result<String, GitError> {
        quarantine::write_tree(git, &self.file())
    }
}
