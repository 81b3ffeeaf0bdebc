//! The texts that the static rules look at, read from git's objects and handed to them.

use passmuster_policy::change::{Change, Entry, Mode};
use passmuster_policy::finding::Finding;
use passmuster_policy::mixed::Side;
use passmuster_policy::policy::Policy;
use passmuster_policy::rules::{self, Sides};

use crate::git::blobs::BlobReader;
use crate::git::{Git, GitError};
use crate::parts::TEXT_CAP;

/// Most bytes of all texts together.
const TOTAL: u64 = 64 << 20;

/// The findings of the rules that read changed files.
pub fn inspect(git: &Git, change: &Change, policy: &Policy) -> Result<Vec<Finding>, GitError> {
    let mut texts = Reading {
        blobs: BlobReader::start(git)?,
        room: TOTAL,
    };
    let mut sides = Vec::with_capacity(change.files.len());
    for file in &change.files {
        let read = rules::reads(&file.path);
        sides.push(Sides {
            before: texts.side(file.before.as_ref(), read)?,
            after: texts.side(file.after.as_ref(), read)?,
        });
    }
    Ok(rules::inspect_texts(change, policy, &sides))
}

/// Reads blobs as long as there is room for them.
struct Reading {
    blobs: BlobReader,
    room: u64,
}

impl Reading {
    fn side(&mut self, entry: Option<&Entry>, read: bool) -> Result<Side, GitError> {
        let Some(entry) = entry else {
            return Ok(Side::Absent);
        };
        let regular = matches!(entry.mode, Mode::File | Mode::Executable);
        if !read || !regular || entry.size > (TEXT_CAP as u64).min(self.room) {
            return Ok(Side::Opaque);
        }
        self.room -= entry.size;
        Ok(Side::Text(self.blobs.read(&entry.oid)?))
    }
}
