//! What files of a tree contain as a checkout would have them: line ends, large files, submodules.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use passmuster_policy::change::Mode;
use passmuster_policy::path::RepoPath;
use thiserror::Error;

use crate::digest::sha256;
use crate::git::attributes::{LineEnds, crlf_paths};
use crate::git::blobs::BlobReader;
use crate::git::objects::{TreeEntry, require_blobs, tree_entries};
use crate::git::stores::{External, ExternalKind, externals};
use crate::git::{Git, GitError};
use crate::layers::Snapshot;
use crate::repository::{Repository, RepositoryError};

/// How deep submodules may lie in submodules.
const DEPTH: u32 = 8;

/// A tree's content cannot be read.
#[derive(Debug, Error)]
pub enum ContentError {
    /// Git failed, or objects are missing.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A submodule's local store cannot be read.
    #[error("submodule {path}: {source}")]
    Submodule {
        /// Where the submodule is.
        path: RepoPath,
        /// Why.
        source: RepositoryError,
    },
}

/// Reads the bytes of tree entries, wherever they are kept.
pub struct Content {
    git: Git,
    /// Of the repository's own objects; a known verdict needs none, so it starts with the first file.
    own: Option<BlobReader>,
    /// Of the submodules' objects.
    readers: Vec<BlobReader>,
    /// Object id → index of its reader, for objects of submodules.
    elsewhere: HashMap<String, usize>,
    line_ends: HashMap<RepoPath, LineEnds>,
    /// Object id of a pointer → the content. Not by path: there each tree may have another one, or a
    /// file of its own.
    large: HashMap<String, Large>,
    cache: PathBuf,
    // The readers' private git directories go with these.
    submodules: Vec<Repository>,
}

/// What an LFS pointer stands for.
#[derive(Clone, Debug)]
struct Large {
    /// Its file in the local store.
    file: PathBuf,
    /// Sha256 that the pointer names, hex.
    sha256: String,
}

impl Large {
    /// The bytes. Whoever can write to the repository can write to the store, and the tree's id only
    /// vouches for content whose hash is right.
    fn read(&self) -> io::Result<Vec<u8>> {
        let bytes = fs::read(&self.file)?;
        if sha256(&bytes) == self.sha256 {
            return Ok(bytes);
        }
        let place = self.file.display();
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "{place} is damaged: its sha256 is not its name; remove it and run `git lfs fetch`"
            ),
        ))
    }
}

impl Content {
    /// Reads from the objects of this repository; submodules' private directories go below `cache`.
    pub fn new(git: &Git, cache: &Path) -> Self {
        Self {
            git: git.clone(),
            own: None,
            readers: Vec::new(),
            elsewhere: HashMap::new(),
            line_ends: HashMap::new(),
            large: HashMap::new(),
            cache: cache.to_owned(),
            submodules: Vec::new(),
        }
    }

    /// All entries of a tree with those of its submodules, and what is not here: large files and
    /// submodules that were never fetched.
    pub fn snapshot(
        &mut self,
        repository: &Repository,
        tree: &str,
    ) -> Result<(Snapshot, Vec<External>), ContentError> {
        let mut entries = tree_entries(repository.git(), tree)?;
        // Anywhere else all content is there, and looking for it takes longer than the rest.
        if repository.settings().partial {
            require_blobs(repository.git(), &entries)?;
        }
        for (path, ends) in crlf_paths(repository.git(), tree, &entries)? {
            // What the base says counts: it is read first.
            self.line_ends.entry(path).or_insert(ends);
        }
        let found = externals(repository.git(), repository.layout(), &entries)?;
        let missing = self.add_externals(found, &RepoPath::new(""), &mut entries, DEPTH)?;
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        let mut absent: Vec<RepoPath> = missing.iter().map(|one| one.path.clone()).collect();
        absent.sort();
        Ok((
            Snapshot {
                id: tree.to_owned(),
                entries,
                absent,
            },
            missing,
        ))
    }

    /// Replaces submodules among `entries` by their files and notes where large files are; `prefix`
    /// is where the tree in which they were found lies in the whole.
    fn add_externals(
        &mut self,
        found: Vec<External>,
        prefix: &RepoPath,
        entries: &mut Vec<TreeEntry>,
        depth: u32,
    ) -> Result<Vec<External>, ContentError> {
        let mut missing = Vec::new();
        let pointers: HashMap<RepoPath, String> = match found.is_empty() {
            true => HashMap::new(),
            false => entries
                .iter()
                .map(|entry| (entry.path.clone(), entry.oid.clone()))
                .collect(),
        };
        for mut external in found {
            external.path = below(prefix, &external.path);
            match (&external.available_at, external.kind) {
                (Some(file), ExternalKind::Lfs) => {
                    let pointer = pointers.get(&external.path);
                    let large = Large {
                        file: file.clone(),
                        sha256: external.oid.clone(),
                    };
                    self.large.extend(pointer.map(|oid| (oid.clone(), large)));
                }
                (Some(directory), ExternalKind::Submodule) if depth > 0 => {
                    let found = self.submodule(directory, &external, entries, depth - 1)?;
                    missing.extend(found);
                }
                _ => missing.push(external),
            }
        }
        Ok(missing)
    }

    fn submodule(
        &mut self,
        directory: &Path,
        external: &External,
        entries: &mut Vec<TreeEntry>,
        depth: u32,
    ) -> Result<Vec<External>, ContentError> {
        let failed = |source| ContentError::Submodule {
            path: external.path.clone(),
            source,
        };
        let repository = Repository::open(directory, &self.cache).map_err(failed)?;
        let tree = format!("{}^{{tree}}", external.oid);
        let inside = match tree_entries(repository.git(), &tree) {
            // The store is there, but not this commit: fetched before the submodule moved on.
            Err(GitError::ObjectsMissing { .. } | GitError::Failed { .. }) => {
                return Ok(vec![external.clone()]);
            }
            result => result?,
        };
        let held_elsewhere = externals(repository.git(), repository.layout(), &inside)?;
        let reader = self.readers.len();
        self.readers.push(BlobReader::start(repository.git())?);
        entries.retain(|entry| entry.path != external.path);
        for mut entry in inside {
            entry.path = below(&external.path, &entry.path);
            self.elsewhere.insert(entry.oid.clone(), reader);
            entries.push(entry);
        }
        let missing = self.add_externals(held_elsewhere, &external.path, entries, depth)?;
        self.submodules.push(repository);
        Ok(missing)
    }

    /// The bytes of a file or link.
    pub fn read(&mut self, entry: &TreeEntry) -> io::Result<Vec<u8>> {
        if let Some(large) = self.large.get(&entry.oid)
            && entry.mode != Mode::Symlink
        {
            return large.read();
        }
        let bytes = self
            .reader(&entry.oid)
            .and_then(|reader| reader.read(&entry.oid))
            .map_err(io::Error::other)?;
        Ok(
            match self
                .line_ends
                .get(&entry.path)
                .filter(|_| entry.mode != Mode::Symlink)
            {
                Some(ends) => ends.checked_out(&bytes).into_owned(),
                None => bytes,
            },
        )
    }
}

impl Content {
    /// The process that knows this object.
    fn reader(&mut self, oid: &str) -> Result<&mut BlobReader, GitError> {
        let elsewhere = self.elsewhere.get(oid).copied();
        if let Some(reader) = elsewhere.and_then(|index| self.readers.get_mut(index)) {
            return Ok(reader);
        }
        match &mut self.own {
            Some(reader) => Ok(reader),
            none => Ok(none.insert(BlobReader::start(&self.git)?)),
        }
    }
}

fn below(prefix: &RepoPath, path: &RepoPath) -> RepoPath {
    if prefix.as_bytes().is_empty() {
        return path.clone();
    }
    RepoPath::new([prefix.as_bytes(), b"/", path.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_counts_only_with_the_hash_that_its_pointer_names() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("content");
        fs::write(&file, "good one").unwrap();
        let sha256 = "bc4159bea41e075d65cfb0acf9cc2ea377f7d2284ce8e1109d73d0d4ccf5f8f5".to_owned();
        let large = Large { file, sha256 };
        assert_eq!(large.read().unwrap(), b"good one");
        fs::write(&large.file, "good two").unwrap();
        let error = large.read().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
