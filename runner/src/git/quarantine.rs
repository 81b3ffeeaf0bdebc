//! Where git writes: an object directory of its own, without alternates.
//!
//! When git writes an object that is already in a store that it can see, it sets that file's time
//! to now, also in the user's store. So the writing commands see none of it: what they need is
//! copied in, and what they wrote is moved to our objects afterwards.

use std::fs;
use std::io;
use std::path::Path;

use super::objects::{BlobReader, BlobWriter};
use super::{Git, GitError};

/// Writes the tree of an index file. Whether all its blobs are there shows when they are read.
pub fn write_tree(git: &Git, index: &Path) -> Result<String, GitError> {
    let arguments = ["write-tree", "--missing-ok"];
    let purpose = "write the candidate's tree";
    let tree = git
        .quarantined()
        .command(purpose, arguments)
        .index(index)
        .line()?;
    release(git)?;
    Ok(tree)
}

/// Copies blobs into the quarantine, for a command that changes them.
pub fn admit<'a>(git: &Git, oids: impl IntoIterator<Item = &'a str>) -> Result<(), GitError> {
    let mut oids = oids.into_iter().peekable();
    if oids.peek().is_none() {
        return Ok(());
    }
    let mut reader = BlobReader::start(git)?;
    let mut writer = BlobWriter::start(&git.quarantined())?;
    for oid in oids {
        writer.add(&reader.read(oid)?)?;
    }
    writer.finish()
}

/// Moves all that was written into our objects.
pub fn release(git: &Git) -> Result<(), GitError> {
    let (from, to) = (git.quarantined().objects().to_path_buf(), git.objects());
    move_loose(&from, to).map_err(GitError::io("move new objects out of the quarantine"))
}

/// Only loose objects: a pack here holds copies of what was there before.
fn move_loose(from: &Path, to: &Path) -> io::Result<()> {
    for directory in fs::read_dir(from)? {
        let directory = directory?;
        if directory.file_name().len() != 2 {
            continue;
        }
        let target = to.join(directory.file_name());
        fs::create_dir_all(&target)?;
        for object in fs::read_dir(directory.path())? {
            let object = object?;
            // Git's temporary files are no objects yet.
            if !object.file_name().to_string_lossy().starts_with("tmp_") {
                fs::rename(object.path(), target.join(object.file_name()))?;
            }
        }
    }
    Ok(())
}
