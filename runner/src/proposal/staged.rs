//! The index as a proposal: exactly the tree that `git commit` would record.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use passmuster_policy::path::RepoPath;

use super::{ProposalError, TemporaryIndex, no_working_tree};
use crate::git::GitError;
use crate::git::layout::Layout;
use crate::git::quarantine::write_tree;
use crate::repository::Repository;

/// The tree of the user's index. Git works on a copy, so split and sparse indexes, entries that are
/// only intended to be added and cached trees mean here what they mean to `git commit`.
pub(super) fn tree(repository: &Repository) -> Result<String, ProposalError> {
    let git = repository.git();
    let Some(layout) = repository.layout() else {
        return Err(no_working_tree(repository, "--staged"));
    };
    let Some(copy) = copy_index(repository, layout)? else {
        return Ok(TemporaryIndex::empty(git)?.write_tree(git)?);
    };
    if let Some(path) = first_conflict(repository, &copy)? {
        return Err(ProposalError::Conflict { path });
    }
    Ok(write_tree(git, &copy)?)
}

/// Copies the user's index, and the shared part of a split one, into the private directory; none
/// when nothing was ever staged.
pub(super) fn copy_index(
    repository: &Repository,
    layout: &Layout,
) -> Result<Option<PathBuf>, GitError> {
    let purpose = || format!("copy the index of {}", layout.git_dir.display());
    let private = repository.git().directory();
    let copy = private.join("user-index");
    match fs::copy(layout.git_dir.join("index"), &copy) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(GitError::io(purpose())(error)),
    }
    for entry in fs::read_dir(&layout.git_dir).map_err(GitError::io(purpose()))? {
        let entry = entry.map_err(GitError::io(purpose()))?;
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with("sharedindex.")
        {
            fs::copy(entry.path(), private.join(entry.file_name()))
                .map_err(GitError::io(purpose()))?;
        }
    }
    expand(repository, &copy)?;
    Ok(Some(copy))
}

/// A sparse index has trees as entries, which only git can expand, and which must not be missing
/// where the index is written as a tree. Rewriting makes it full: our directory is not sparse.
fn expand(repository: &Repository, copy: &Path) -> Result<(), GitError> {
    let purpose = "read a sparse index";
    let bytes = fs::read(copy).map_err(GitError::io(purpose))?;
    // The name of the extension; finding it elsewhere costs one needless rewrite.
    if !bytes.windows(4).any(|window| window == b"sdir") {
        return Ok(());
    }
    let arguments = ["update-index", "--force-write-index"];
    repository
        .git()
        .command(purpose, arguments)
        .index(copy)
        .run()
        .map(drop)
}

fn first_conflict(repository: &Repository, index: &Path) -> Result<Option<RepoPath>, GitError> {
    let purpose = "look for conflicts in the index";
    let listing = repository
        .git()
        .command(purpose, ["ls-files", "-u", "-z"])
        .index(index)
        .run()?;
    let first = listing.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(first
        .splitn(2, |byte| *byte == b'\t')
        .nth(1)
        .map(RepoPath::new))
}
