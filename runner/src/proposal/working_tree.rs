//! The working tree as a proposal: its files read in this process, without any filter program.
//!
//! A file is unchanged when its raw bytes, its bytes after the base's `text` and `eol` attributes,
//! or (where the base has an LFS pointer) its sha256 and size are those of the base. Files are
//! opened component by component below one directory handle, never through a symlink.

use std::collections::BTreeMap;

use passmuster_policy::change::Mode;
use passmuster_policy::path::RepoPath;

use super::staged::copy_index;
use super::{Note, Proposal, ProposalError, TemporaryIndex, no_working_tree};
use crate::base::Base;
use crate::git::attributes::{LineEnds, has_attributes, line_ends};
use crate::git::blobs::{BlobReader, BlobWriter};
use crate::git::objects::{TreeEntry, tree_entries};
use crate::git::quarantine::{self, Update};
use crate::git::stores::LfsPointer;
use crate::git::{Git, GitError};
use crate::repository::Repository;

mod files;
mod listing;
mod suspects;

use files::{Files, Found};
use suspects::{Suspect, suspects};

pub(super) fn resolve(repository: &Repository, base: Base) -> Result<Proposal, ProposalError> {
    if repository.layout().is_none() {
        return Err(no_working_tree(repository, "a proposal without a patch"));
    }
    let (candidate_tree, notes) = tree(repository, &base.tree)?;
    Ok(Proposal {
        base,
        candidate_tree,
        patch_sha256: None,
        notes,
    })
}

/// The tree of a plain directory's files, those that its `.gitignore` files name left out.
pub(super) fn plain_tree(repository: &Repository) -> Result<String, ProposalError> {
    let empty = TemporaryIndex::empty(repository.git())?.write_tree(repository.git())?;
    Ok(tree(repository, &empty)?.0)
}

/// Base tree, with every difference that the files on disk show.
fn tree(repository: &Repository, base: &str) -> Result<(String, Vec<Note>), ProposalError> {
    let git = repository.git();
    let Some(root) = repository.work_tree() else {
        return Err(no_working_tree(repository, "a proposal without a patch"));
    };
    let index = TemporaryIndex::of_tree(git, base)?;
    let entries = tree_entries(git, base)?;
    let attributes = has_attributes(&entries);
    let user_index = match repository.layout() {
        Some(layout) => copy_index(repository, layout)?,
        None => None,
    };
    let paths = listing::paths(repository, root, entries, &index, user_index.as_deref())?;
    let files = Files::open(root, repository.settings())?;
    let mut notes = paths.notes;
    let suspects = suspects(root, repository.settings(), paths.tracked, &mut notes)?;
    let ends = match attributes {
        true => line_ends(git, &index.file(), suspects.keys())?,
        false => std::collections::HashMap::new(),
    };
    let updates = Storing {
        git,
        files: &files,
        ends,
        notes: &mut notes,
    }
    .store(suspects)?;
    if updates.is_empty() {
        return Ok((base.to_owned(), notes));
    }
    // Git's own check of the paths; an empty index is the fastest to ask.
    TemporaryIndex::empty(git)?.update(git, &updates)?;
    Ok((quarantine::tree_with(git, base, &updates)?, notes))
}

/// Decides about each suspect, and stores the contents that are new.
struct Storing<'a> {
    git: &'a Git,
    files: &'a Files,
    ends: std::collections::HashMap<RepoPath, LineEnds>,
    notes: &'a mut Vec<Note>,
}

impl Storing<'_> {
    fn store(
        mut self,
        suspects: BTreeMap<RepoPath, Suspect>,
    ) -> Result<Vec<(RepoPath, Update)>, ProposalError> {
        if suspects.is_empty() {
            return Ok(Vec::new());
        }
        let mut reader = BlobReader::start(self.git)?;
        let mut writer = BlobWriter::start(&self.git.quarantined())?;
        let mut updates = Vec::new();
        for (path, suspect) in suspects {
            if let Some(update) = self.one(&path, suspect, &mut reader, &mut writer)? {
                updates.push((path, update));
            }
        }
        writer.finish()?;
        Ok(updates)
    }

    fn one(
        &mut self,
        path: &RepoPath,
        suspect: Suspect,
        reader: &mut BlobReader,
        writer: &mut BlobWriter,
    ) -> Result<Option<Update>, ProposalError> {
        match suspect.found {
            Found::Absent | Found::Special | Found::Unpopulated => Ok(Some(None)),
            Found::Commit(oid) => Ok(Some(Some((Mode::Gitlink, oid)))),
            Found::Link(_) => {
                let target = self.files.link_target(path)?;
                writer.add(&target)?;
                Ok(Some(Some((Mode::Symlink, self.git.format().blob(&target)))))
            }
            Found::File { mode, size } => {
                let base = suspect.base;
                if size > files::IN_MEMORY {
                    return self.large(path, mode, base, reader, writer);
                }
                self.small(path, mode, base, reader, writer)
            }
        }
    }

    fn small(
        &mut self,
        path: &RepoPath,
        mode: Mode,
        base: Option<TreeEntry>,
        reader: &mut BlobReader,
        writer: &mut BlobWriter,
    ) -> Result<Option<Update>, ProposalError> {
        let raw = self.files.read(path)?;
        let stored = match self.ends.get(path) {
            Some(ends) => ends.stored(&raw),
            None => raw.as_slice().into(),
        };
        let sha256 = || crate::digest::sha256(&raw);
        if let Some(pointer) = pointer(base.as_ref(), reader)? {
            if pointer.size == raw.len() as u64 && pointer.sha256 == sha256() {
                return Ok(changed(base, mode, None));
            }
            self.lfs_note(path, &stored);
        }
        let oid = self.git.format().blob(&stored);
        let update = changed(base, mode, Some(&oid));
        if update.is_some() {
            writer.add(&stored)?;
        }
        Ok(update)
    }

    /// A file too large for memory is copied first, so that what is hashed is what is stored. Line
    /// ends are left alone: nobody converts text of this size.
    fn large(
        &mut self,
        path: &RepoPath,
        mode: Mode,
        base: Option<TreeEntry>,
        reader: &mut BlobReader,
        writer: &mut BlobWriter,
    ) -> Result<Option<Update>, ProposalError> {
        let copy = self.files.spool(path, self.git.directory())?;
        if let Some(pointer) = pointer(base.as_ref(), reader)? {
            if pointer.size == copy.size() && pointer.sha256 == copy.sha256()? {
                return Ok(changed(base, mode, None));
            }
            self.notes.push(Note::LfsContentTaken(path.clone()));
        }
        let oid = copy.oid(self.git.format())?;
        let update = changed(base, mode, Some(&oid));
        if update.is_some() {
            writer.add_from(copy.size(), &mut copy.open()?)?;
        }
        Ok(update)
    }

    /// A pointer on disk (content never fetched, then edited) is no content.
    fn lfs_note(&mut self, path: &RepoPath, stored: &[u8]) {
        if LfsPointer::parse(stored).is_none() {
            self.notes.push(Note::LfsContentTaken(path.clone()));
        }
    }
}

/// The update that takes the base's entry to `mode` and `oid` (none: the base's own).
fn changed(base: Option<TreeEntry>, mode: Mode, oid: Option<&str>) -> Option<Update> {
    let base = base.as_ref();
    let oid = oid.or(base.map(|base| base.oid.as_str()))?;
    let same = base.is_some_and(|base| base.mode == mode && base.oid == oid);
    (!same).then(|| Some((mode, oid.to_owned())))
}

fn pointer(
    base: Option<&TreeEntry>,
    reader: &mut BlobReader,
) -> Result<Option<LfsPointer>, GitError> {
    match base {
        Some(base) if matches!(base.mode, Mode::File | Mode::Executable) => {
            let small = reader.read_small(&base.oid, 1024)?;
            Ok(small.and_then(|bytes| LfsPointer::parse(&bytes)))
        }
        _ => Ok(None),
    }
}
