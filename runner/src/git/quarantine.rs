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

use passmuster_policy::change::Mode;
use passmuster_policy::path::RepoPath;

use super::blobs::{BlobReader, BlobWriter};
use super::command::c_quoted;
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

/// What a path of a tree becomes: removed, or this mode and object id.
pub type Update = Option<(Mode, String)>;

/// Writes the tree that differs from `base` by `updates`: only the directories on their way are
/// read and written, however large the rest is. The paths must have been checked by git before.
pub fn tree_with(
    git: &Git,
    base: &str,
    updates: &[(RepoPath, Update)],
) -> Result<String, GitError> {
    let purpose = "write the candidate's tree";
    let quarantined = git.quarantined();
    let command = quarantined.command(purpose, ["fast-import", "--quiet", "--done", "--force"]);
    let answer = command
        .reading(git.objects())
        .input(tree_program(base, updates))
        .run()?;
    release(git)?;
    let text = String::from_utf8_lossy(&answer);
    let tree = text
        .split_ascii_whitespace()
        .nth(2)
        .filter(|oid| git.format().is_oid(oid));
    tree.map(str::to_owned)
        .ok_or_else(|| GitError::malformed(purpose, &answer))
}

/// A commit that nobody will look at, made to ask for its tree.
fn tree_program(base: &str, updates: &[(RepoPath, Update)]) -> Vec<u8> {
    let head = "commit refs/passmuster/candidate\ncommitter passmuster <> 0 +0000\ndata 0\n";
    let mut program = format!("{head}M 040000 {base} \"\"\n").into_bytes();
    let mut additions = Vec::new();
    for (path, update) in updates {
        let (list, line) = match update {
            None => (&mut program, "D ".to_owned()),
            Some((mode, oid)) => (&mut additions, format!("M {} {oid} ", mode.as_git())),
        };
        list.extend(line.bytes().chain(c_quoted(path.as_bytes())).chain([b'\n']));
    }
    // Removals come first, so that a file may become a directory.
    program.extend(additions);
    program.extend(b"ls \"\"\ndone\n");
    program
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
