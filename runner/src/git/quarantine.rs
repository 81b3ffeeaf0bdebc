//! Where git writes: an object directory of its own, from which the user's objects are not seen.
//!
//! When git writes an object that is already in a store that it can see, it sets that file's time
//! to now, also in the user's store. So the writing commands see none of it: what they need is
//! copied to `preimages`, and what they wrote is moved to our objects afterwards. What a killed
//! run leaves half written goes with its view.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use super::objects::{BlobReader, BlobWriter};
use super::{Git, GitError};

/// Files of one pack in the order in which they may appear: git looks for the index.
const PACK_FILES: [&str; 3] = ["pack", "rev", "idx"];

/// Writes the tree of an index file. Whether all its blobs are there shows when they are read.
pub fn write_tree(git: &Git, index: &Path) -> Result<String, GitError> {
    let arguments = ["write-tree", "--missing-ok"];
    let quarantined = git.quarantined();
    let command = quarantined.command("write the candidate's tree", arguments);
    let tree = command.index(index).line()?;
    release(git)?;
    Ok(tree)
}

/// Copies blobs to where the quarantine sees them, for a command that changes them.
pub fn admit<'a>(git: &Git, oids: impl IntoIterator<Item = &'a str>) -> Result<(), GitError> {
    let mut oids = oids.into_iter().peekable();
    if oids.peek().is_none() {
        return Ok(());
    }
    let mut reader = BlobReader::start(git)?;
    let mut writer = BlobWriter::start(&git.borrowing(&git.directory().join("preimages")))?;
    for oid in oids {
        writer.add(&reader.read(oid)?)?;
    }
    writer.finish()
}

/// Moves all that was written into our objects: contents before the trees that name them.
fn release(git: &Git) -> Result<(), GitError> {
    let quarantined = git.quarantined();
    let (from, to) = (quarantined.objects(), git.objects());
    move_packs(&from.join("pack"), &to.join("pack"))
        .and_then(|()| move_loose(from, to))
        .map_err(GitError::io("move new objects out of the quarantine"))
}

fn move_packs(from: &Path, to: &Path) -> io::Result<()> {
    let files: Vec<_> = fs::read_dir(from)?.collect::<Result<_, _>>()?;
    for extension in PACK_FILES {
        let chosen = |path: &Path| path.extension() == Some(OsStr::new(extension));
        for file in files.iter().filter(|file| chosen(&file.path())) {
            fs::rename(file.path(), to.join(file.file_name()))?;
        }
    }
    Ok(())
}

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
