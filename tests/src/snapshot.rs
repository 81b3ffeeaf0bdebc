//! Everything about a directory that a program could change, to prove that it changed nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// All entries below a directory, with content, mode, owner, times and inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<PathBuf, Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    mode: u32,
    owner: (u32, u32),
    inode: u64,
    links: u64,
    modified: (i64, i64),
    /// Of a file its bytes, of a symbolic link its target.
    content: Vec<u8>,
}

impl Snapshot {
    /// Reads a directory, `.git` included, without following a link.
    pub fn of(directory: &Path) -> Self {
        let mut entries = BTreeMap::new();
        let mut open = vec![directory.to_path_buf()];
        while let Some(path) = open.pop() {
            let found = fs::symlink_metadata(&path).unwrap();
            if found.is_dir() {
                open.extend(
                    fs::read_dir(&path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            }
            let content = if found.is_file() {
                fs::read(&path).unwrap()
            } else if found.is_symlink() {
                fs::read_link(&path)
                    .unwrap()
                    .as_os_str()
                    .as_bytes()
                    .to_vec()
            } else {
                Vec::new()
            };
            let entry = Entry {
                mode: found.mode(),
                owner: (found.uid(), found.gid()),
                inode: found.ino(),
                links: found.nlink(),
                modified: (found.mtime(), found.mtime_nsec()),
                content,
            };
            entries.insert(path, entry);
        }
        Self(entries)
    }

    /// Fails with the paths that differ, when the directory is no longer as it was.
    #[track_caller]
    pub fn assert_unchanged(&self, directory: &Path) {
        let now = Self::of(directory);
        let differs = |path: &&PathBuf| self.0.get(*path) != now.0.get(*path);
        let mut changed: Vec<&PathBuf> =
            self.0.keys().chain(now.0.keys()).filter(differs).collect();
        changed.sort();
        changed.dedup();
        assert!(changed.is_empty(), "changed: {changed:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "changed")]
    fn equal_bytes_in_a_new_file_are_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "same").unwrap();
        let before = Snapshot::of(directory.path());
        fs::write(directory.path().join("new"), "same").unwrap();
        fs::rename(directory.path().join("new"), &file).unwrap();
        before.assert_unchanged(directory.path());
    }

    #[test]
    fn reading_is_no_change() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("file"), "same").unwrap();
        let before = Snapshot::of(directory.path());
        fs::read(directory.path().join("file")).unwrap();
        before.assert_unchanged(directory.path());
    }
}
