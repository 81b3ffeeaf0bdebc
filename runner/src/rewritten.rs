//! Which tracked files a run wrote to: they stand in its own layer of the overlay.
//!
//! The layer tells even when the old content was put back, because the kernel copies a file there as
//! soon as it is opened for writing.

use std::collections::HashMap;
use std::fs::{Metadata, symlink_metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use passmuster_policy::path::RepoPath;

use crate::git::objects::TreeEntry;
use crate::merged::is_opaque;

/// The entries of a tree that `upper`, what a run wrote over it, holds or hides.
pub fn rewritten(upper: &Path, entries: &[TreeEntry]) -> Vec<RepoPath> {
    let mut directories = HashMap::new();
    entries
        .iter()
        .filter(|entry| touches(upper, entry.path.as_bytes(), &mut directories))
        .map(|entry| entry.path.clone())
        .collect()
}

/// What the layer has in a directory's place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Above {
    /// Nothing: all below is untouched.
    Nothing,
    /// A directory that is merged with the ones below.
    Merged,
    /// Anything that hides the directory below.
    Hidden,
}

fn touches<'a>(upper: &Path, path: &'a [u8], directories: &mut HashMap<&'a [u8], Above>) -> bool {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    for parent in ends.filter_map(|(end, _)| path.get(..end)) {
        let above = *directories
            .entry(parent)
            .or_insert_with(|| above(&place(upper, parent)));
        match above {
            Above::Nothing => return false,
            Above::Hidden => return true,
            Above::Merged => {}
        }
    }
    is_there(&symlink_metadata(place(upper, path)))
}

/// What a run has locked away with the modes of a directory counts as written to.
fn is_there(found: &io::Result<Metadata>) -> bool {
    found
        .as_ref()
        .map_or_else(|error| error.kind() != ErrorKind::NotFound, |_| true)
}

fn above(directory: &Path) -> Above {
    let found = symlink_metadata(directory);
    match found.as_ref().map(Metadata::is_dir) {
        Err(_) if !is_there(&found) => Above::Nothing,
        Ok(true) if !is_opaque(directory) => Above::Merged,
        _ => Above::Hidden,
    }
}

fn place(upper: &Path, path: &[u8]) -> PathBuf {
    upper.join(std::ffi::OsStr::from_bytes(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merged::make_opaque;
    use passmuster_policy::change::Mode;
    use std::fs;

    #[test]
    fn only_what_is_known_not_to_be_there_is_untouched() {
        let failed = |kind: ErrorKind| Err(io::Error::from(kind));
        assert!(!is_there(&failed(ErrorKind::NotFound)));
        assert!(is_there(&failed(ErrorKind::PermissionDenied)));
    }

    #[test]
    fn files_that_a_layer_holds_or_hides_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let upper = dir.path();
        fs::create_dir_all(upper.join("merged")).unwrap();
        fs::create_dir_all(upper.join("opaque")).unwrap();
        make_opaque(&upper.join("opaque")).unwrap();
        for file in ["merged/written", "replaced", "untracked"] {
            fs::write(upper.join(file), "").unwrap();
        }
        let tracked = [
            "merged/still",
            "merged/written",
            "opaque/gone",
            "other/still",
            "replaced/inner",
            "still",
        ];
        let entry = |path: &&str| TreeEntry {
            path: RepoPath::from(*path),
            mode: Mode::File,
            oid: String::new(),
        };
        let entries: Vec<_> = tracked.iter().map(entry).collect();
        let found = rewritten(upper, &entries);
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["merged/written", "opaque/gone", "replaced/inner"]);
    }
}
