//! A proposal, in whatever form it comes, becomes two tree ids: base and candidate.

mod error;
mod patch;
mod patch_text;
mod staged;
mod touched;
mod working_tree;

use passmuster_policy::path::RepoPath;

use crate::base::{self, Base, BaseTrust};
use crate::git::objects::tree_entries;
use crate::git::quarantine::{self, Update};
use crate::git::stores::External;
use crate::git::{Git, GitError, stores};
use crate::repository::Repository;

pub use error::{Misfit, ProposalError};
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
    /// A revision of the repository; a tree, where the base is pinned.
    Head(&'a str),
    /// What is in the index.
    Staged,
    /// Tracked changes, and untracked files that are not ignored.
    WorkingTree,
    /// One that was read before, through the same [`Repository`].
    Read(&'a Proposal),
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

    /// Large files and submodules of the candidate, with where their content is.
    pub fn externals(&self, repository: &Repository) -> Result<Vec<External>, GitError> {
        let entries = tree_entries(repository.git(), &self.candidate_tree)?;
        stores::externals(repository.git(), repository.layout(), &entries)
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

/// The base of a proposal: the operator's revision, else what the rules of [`crate::base`] give for
/// its form. A plain directory is its own.
pub fn base_of(
    repository: &Repository,
    input: Input<'_>,
    revision: Option<&str>,
) -> Result<Base, ProposalError> {
    match (revision, input) {
        (_, Input::Read(proposal)) => Ok(proposal.base.clone()),
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
            let tree = base::tree_named(repository, revision)?;
            recorded(repository.git(), tree, base, revision)
        }
        Input::Staged => recorded(
            repository.git(),
            staged::tree(repository)?,
            base,
            "the index",
        ),
        Input::WorkingTree => working_tree::resolve(repository, base),
        Input::Read(proposal) => Ok(proposal.clone()),
    }
}

/// A tree that somebody else recorded. It may name paths that git itself would never make, such as
/// `.git/config`; reading it into an index is git's own check for that.
fn recorded(
    git: &Git,
    candidate_tree: String,
    base: Base,
    name: &str,
) -> Result<Proposal, ProposalError> {
    if candidate_tree != base.tree {
        TemporaryIndex::of_tree(git, &candidate_tree)
            .map_err(|error| ProposalError::of_recorded_tree(error, name))?;
    }
    Ok(Proposal {
        base,
        candidate_tree,
        patch_sha256: None,
        notes: Vec::new(),
    })
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

    /// One call for all updates; removals first, so that a file may become a directory. Git
    /// refuses paths that no tree may have.
    fn update(&self, git: &Git, updates: &[(RepoPath, Update)]) -> Result<(), GitError> {
        let (mut removals, mut additions) = (Vec::new(), Vec::new());
        for (path, update) in updates {
            let (list, head) = match update {
                None => (&mut removals, format!("0 {}\t", git.format().zero())),
                Some((mode, oid)) => (&mut additions, format!("{} {oid}\t", mode.as_git())),
            };
            list.extend(
                head.bytes()
                    .chain(path.as_bytes().iter().copied())
                    .chain([0]),
            );
        }
        removals.extend(additions);
        let purpose = "put the changed files into a temporary index";
        let command = git.command(purpose, ["update-index", "-z", "--index-info"]);
        command.index(&self.file()).input(removals).run().map(drop)
    }

    fn write_tree(&self, git: &Git) -> Result<String, GitError> {
        quarantine::write_tree(git, &self.file())
    }
}
