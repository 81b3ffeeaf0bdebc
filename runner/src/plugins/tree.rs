//! The trees that plugins look into, straight from git's objects: no checkout, so the same bytes on every machine. A large
//! file that LFS keeps is its pointer, and a submodule is an entry without content.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use passmuster_policy::change::Mode;
use passmuster_wasm::{Node, Source, SourceError, Tree};

use super::change::mode;
use crate::git::blobs::BlobReader;
use crate::git::objects::tree_entries;
use crate::git::{Git, GitError};
use crate::layers::Snapshot;

/// Bytes of a file up to which the last one that was read is kept, for reads of one part after the other.
const KEPT: u64 = 16 << 20;

/// The tree of a snapshot, listed when the first plugin asks.
pub(super) fn tree(git: &Git, snapshot: &Snapshot) -> Tree {
    Tree::new(Objects {
        git: git.clone(),
        id: snapshot.id.clone(),
        known: Mutex::new(Known::default()),
    })
}

struct Objects {
    git: Git,
    id: String,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Object ids by path, once the tree was listed.
    ids: BTreeMap<String, String>,
    reader: Option<BlobReader>,
    /// The last file.
    last: Option<(String, Vec<u8>)>,
}

impl Source for Objects {
    fn list(&self) -> Result<Vec<Node>, SourceError> {
        let entries = tree_entries(&self.git, &self.id).map_err(|error| failed(&error))?;
        let named = |entry: &crate::git::objects::TreeEntry| entry.path.as_str().map(str::to_owned);
        let nodes = entries.iter().filter_map(|entry| {
            Some(Node {
                path: named(entry)?,
                mode: mode(entry.mode),
            })
        });
        let files = entries.iter().filter(|entry| entry.mode != Mode::Gitlink);
        let ids = files.filter_map(|entry| Some((named(entry)?, entry.oid.clone())));
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ids = ids.collect();
        Ok(nodes.collect())
    }

    fn size(&self, path: &str) -> Result<u64, SourceError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(id) = known.ids.get(path).cloned() else {
            return Err(SourceError::Absent);
        };
        known
            .reader(&self.git)?
            .size(&id)
            .map_err(|error| failed(&error))
    }

    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, SourceError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(id) = known.ids.get(path).cloned() else {
            return Err(SourceError::Absent);
        };
        known.part(&self.git, &id, offset, length)
    }
}

impl Known {
    fn reader(&mut self, git: &Git) -> Result<&mut BlobReader, SourceError> {
        match &mut self.reader {
            Some(reader) => Ok(reader),
            none => Ok(none.insert(BlobReader::start(git).map_err(|error| failed(&error))?)),
        }
    }

    fn part(
        &mut self,
        git: &Git,
        id: &str,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, SourceError> {
        let cut = |bytes: &[u8]| {
            let start = usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let end = start.saturating_add(length).min(bytes.len());
            bytes.get(start..end).unwrap_or_default().to_vec()
        };
        if let Some((_, bytes)) = self.last.as_ref().filter(|(last, _)| last == id) {
            return Ok(cut(bytes));
        }
        let reader = self.reader(git)?;
        let size = reader.size(id).map_err(|error| failed(&error))?;
        if size > KEPT {
            // The change may hold more than this machine has memory for.
            let reader = BlobReader::start(git).map_err(|error| failed(&error))?;
            let part = reader.read_part(id, offset, length as u64);
            return part.map_err(|error| failed(&error));
        }
        let bytes = reader.read(id).map_err(|error| failed(&error))?;
        let part = cut(&bytes);
        self.last = Some((id.to_owned(), bytes));
        Ok(part)
    }
}

fn failed(error: &GitError) -> SourceError {
    match error {
        GitError::ObjectsMissing { .. } => SourceError::Absent,
        other => SourceError::Failed(other.to_string()),
    }
}
