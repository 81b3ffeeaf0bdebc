//! Which paths the working tree may have: those of the base, those of the index, and untracked
//! files that nothing ignores.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use passmuster_policy::change::Mode;
use passmuster_policy::path::RepoPath;

use crate::git::layout::Layout;
use crate::git::objects::TreeEntry;
use crate::git::settings::{self, Settings};
use crate::git::{Git, GitError};
use crate::proposal::{Note, TemporaryIndex};
use crate::repository::Repository;

/// What is known about a path before the disk is looked at.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// The base's entry.
    pub(super) base: Option<TreeEntry>,
    /// The mode in the user's index.
    pub(super) index_mode: Option<Mode>,
    /// Left out of a sparse checkout: absence means nothing.
    pub(super) skip_worktree: bool,
}

impl Expected {
    /// The mode that git last knew, for what the disk cannot tell.
    pub(super) fn known_mode(&self) -> Option<Mode> {
        self.index_mode.or(self.base.as_ref().map(|base| base.mode))
    }
}

/// All paths to look at, and what was left out.
pub(super) struct Paths {
    pub(super) tracked: BTreeMap<RepoPath, Expected>,
    pub(super) notes: Vec<Note>,
}

pub(super) fn paths(
    repository: &Repository,
    root: &Path,
    entries: Vec<TreeEntry>,
    base_index: &TemporaryIndex,
    user_index: Option<&Path>,
) -> Result<Paths, GitError> {
    let git = repository.git();
    let mut tracked = BTreeMap::new();
    for entry in entries {
        let expected = Expected {
            base: Some(entry.clone()),
            ..Expected::default()
        };
        tracked.insert(entry.path, expected);
    }
    if let Some(index) = user_index {
        add_index(git, index, &mut tracked)?;
    }
    let mut notes = Vec::new();
    for path in untracked(repository, root, &base_index.file())? {
        match path.strip_suffix(b"/") {
            Some(nested) if !tracked.contains_key(&RepoPath::new(nested)) => {
                notes.push(Note::NestedRepositorySkipped(RepoPath::new(nested)));
            }
            Some(_) => {}
            None => drop(tracked.entry(RepoPath::new(path)).or_default()),
        }
    }
    Ok(Paths { tracked, notes })
}

/// Files that were added by force although ignored are tracked; so are those of a sparse checkout.
fn add_index(
    git: &Git,
    index: &Path,
    tracked: &mut BTreeMap<RepoPath, Expected>,
) -> Result<(), GitError> {
    let purpose = "list the index";
    let listing = git
        .command(purpose, ["ls-files", "-s", "-t", "-z"])
        .index(index)
        .run()?;
    for record in listing
        .split(|byte| *byte == 0)
        .filter(|record| !record.is_empty())
    {
        let (tag, mode, path) =
            index_record(record).ok_or_else(|| GitError::malformed(purpose, record))?;
        let expected = tracked.entry(RepoPath::new(path)).or_default();
        expected.index_mode = Some(mode);
        expected.skip_worktree = tag == b'S';
    }
    Ok(())
}

/// `TAG MODE OID STAGE\tPATH`
fn index_record(record: &[u8]) -> Option<(u8, Mode, &[u8])> {
    let tab = record.iter().position(|byte| *byte == b'\t')?;
    let head = std::str::from_utf8(record.get(..tab)?).ok()?;
    let mut words = head.split(' ');
    let tag = *words.next()?.as_bytes().first()?;
    Some((tag, Mode::from_git(words.next()?)?, record.get(tab + 1..)?))
}

/// Untracked, not ignored; a nested repository ends with a slash.
fn untracked(repository: &Repository, root: &Path, index: &Path) -> Result<Vec<Vec<u8>>, GitError> {
    let git = repository.git();
    if let Some(layout) = repository.layout() {
        adopt_excludes(git, layout)?;
    }
    let mut excludes = OsString::from("core.excludesFile=");
    excludes.push(personal_excludes(git, repository.settings())?);
    let mut arguments = vec![OsString::from("-c"), excludes];
    arguments.extend(["ls-files", "-o", "-z", "--exclude-standard"].map(OsString::from));
    let command = git
        .command("list untracked files", arguments)
        .index(index)
        .work_tree(root);
    let listing = command.run()?;
    let listed = listing
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty());
    Ok(listed.map(<[u8]>::to_vec).collect())
}

/// Copies the repository's own `info/exclude` to where git looks for it.
fn adopt_excludes(git: &Git, layout: &Layout) -> Result<(), GitError> {
    let source = layout.common_dir.join("info/exclude");
    if !source.is_file() {
        return Ok(());
    }
    std::fs::copy(&source, git.directory().join("info/exclude"))
        .map(drop)
        .map_err(GitError::io(format!("read {}", source.display())))
}

/// The file of ignore patterns that this user keeps for all repositories, as git finds it; only
/// its path is needed, and only this one key of the personal configuration is looked at.
fn personal_excludes(git: &Git, repository: &Settings) -> Result<PathBuf, GitError> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let config = std::env::var_os("XDG_CONFIG_HOME")
        .filter(|value| !value.is_empty())
        .map_or_else(|| home.join(".config"), PathBuf::from)
        .join("git");
    let mut found = repository.excludes_file.clone();
    for file in [home.join(".gitconfig"), config.join("config")] {
        if found.is_none() && file.is_absolute() {
            let entries = settings::entries(git, &file)?;
            let named = entries
                .into_iter()
                .rfind(|(key, _)| key == "core.excludesfile");
            found = named.map(|(_, value)| PathBuf::from(value));
        }
    }
    let file = found.unwrap_or_else(|| config.join("ignore"));
    Ok(file
        .strip_prefix("~")
        .map(|below| home.join(below))
        .unwrap_or(file))
}
