//! Trees on disk: the base once per tree id, a candidate as the files that differ.
//!
//! The base becomes a plain directory. A candidate becomes an overlay layer for it: changed files,
//! and a whiteout for each path that is gone. Either way the bytes come from git objects, never
//! from the user's working tree, and every write goes through a directory handle of the layer.
//!
//! # Times
//!
//! Build tools decide by modification times what is up to date, so a wrong time is a wrong verdict.
//! Files that equal what a prepared layer was made from carry [`PAST`]; every other file carries
//! the time at which it was written. So nothing that a layer holds can look newer than a file that
//! it was not made from.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, OpenOptions, OpenOptionsExt, PermissionsExt};
use nix::fcntl::AtFlags;
use nix::sys::stat::{Mode as NixMode, SFlag, UtimensatFlags, mknodat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchownat};
use passmuster_policy::change::Mode;
use passmuster_policy::path::RepoPath;
use thiserror::Error;

use crate::git::objects::TreeEntry;

/// Modification time of a file that a prepared layer has seen: 2001-09-09 01:46:40 UTC.
///
/// Late enough for ZIP archives (1980), early enough to lie before anything a build writes.
pub const PAST: Duration = Duration::from_secs(1_000_000_000);

/// A tree could not be written.
#[derive(Debug, Error)]
#[error("cannot write {path} of the tree: {source}")]
pub struct TreeError {
    /// The path inside the tree.
    pub path: RepoPath,
    /// Why.
    pub source: io::Error,
}

/// Which time a file gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileTime {
    /// [`PAST`].
    Past,
    /// The moment of writing.
    Now,
}

/// Who owns what is written: the ids under which the sandboxed command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Host user id.
    pub uid: u32,
    /// Host group id.
    pub gid: u32,
}

/// Writes trees and layers below one directory.
pub struct TreeWriter<'a> {
    root: Dir,
    owner: Owner,
    read_blob: &'a mut dyn FnMut(&TreeEntry) -> io::Result<Vec<u8>>,
    current: (Vec<u8>, Dir),
    made: BTreeSet<Vec<u8>>,
}

impl<'a> TreeWriter<'a> {
    /// A writer for the existing, empty directory `root`. `read_blob` gives the bytes that a
    /// checkout of the entry would have.
    pub fn new(
        root: &Path,
        owner: Owner,
        read_blob: &'a mut dyn FnMut(&TreeEntry) -> io::Result<Vec<u8>>,
    ) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(root, cap_std::ambient_authority())?;
        give(&root, OsStr::new("."), owner)?;
        let current = (Vec::new(), root.try_clone()?);
        Ok(Self {
            root,
            owner,
            read_blob,
            current,
            made: BTreeSet::new(),
        })
    }

    /// Writes every entry; `time` chooses each file's modification time.
    pub fn write_all(
        &mut self,
        entries: &[TreeEntry],
        time: &dyn Fn(&TreeEntry) -> FileTime,
    ) -> Result<(), TreeError> {
        for entry in entries {
            self.write(entry, time(entry))
                .map_err(|source| at(&entry.path, source))?;
        }
        Ok(())
    }

    /// Writes every entry as an empty file (links and directories as they are), for a prepare step
    /// that may see that a file exists but not what it says.
    pub fn write_blank(&mut self, entries: &[TreeEntry]) -> Result<(), TreeError> {
        for entry in entries {
            let blank = match entry.mode {
                Mode::File | Mode::Executable => plain(entry.path.as_bytes())
                    .and_then(|_| self.write_bytes(entry, b"", FileTime::Now)),
                Mode::Symlink | Mode::Gitlink => self.write(entry, FileTime::Now),
            };
            blank.map_err(|source| at(&entry.path, source))?;
        }
        Ok(())
    }

    /// Hides a path of the layers below: an overlay whiteout, a character device 0:0, which any
    /// user may make since Linux 5.8.
    pub fn hide(&mut self, path: &RepoPath) -> Result<(), TreeError> {
        let (parent, name) = split(path);
        plain(path.as_bytes()).map_err(|source| at(path, source))?;
        let directory = self.directory(parent).map_err(|source| at(path, source))?;
        mknodat(
            directory.as_fd(),
            OsStr::from_bytes(name),
            SFlag::S_IFCHR,
            NixMode::empty(),
            0,
        )
        .map_err(|errno| at(path, errno.into()))
    }

    fn write(&mut self, entry: &TreeEntry, time: FileTime) -> io::Result<()> {
        plain(entry.path.as_bytes())?;
        match entry.mode {
            Mode::File | Mode::Executable => {
                let bytes = (self.read_blob)(entry)?;
                self.write_bytes(entry, &bytes, time)
            }
            Mode::Symlink => {
                let target = (self.read_blob)(entry)?;
                self.write_link(&entry.path, &target, time)
            }
            // A submodule whose content is not there is an empty directory, as after a plain clone.
            Mode::Gitlink => self.directory(entry.path.as_bytes()).map(drop),
        }
    }

    fn write_bytes(&mut self, entry: &TreeEntry, bytes: &[u8], time: FileTime) -> io::Result<()> {
        let owner = self.owner;
        let (parent, name) = split(&entry.path);
        let directory = self.directory(parent)?;
        let name = OsStr::from_bytes(name);
        let mode = if entry.mode == Mode::Executable {
            0o755
        } else {
            0o644
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode);
        let mut file = directory.open_with(name, &options)?;
        file.write_all(bytes)?;
        // The umask of whoever started us has no say in what a test sees.
        file.set_permissions(cap_std::fs::Permissions::from_mode(mode))?;
        if time == FileTime::Past {
            let past = SystemTime::UNIX_EPOCH + PAST;
            let file = file.into_std();
            file.set_times(
                std::fs::FileTimes::new()
                    .set_modified(past)
                    .set_accessed(past),
            )?;
        }
        give(directory, name, owner)
    }

    fn write_link(&mut self, path: &RepoPath, target: &[u8], time: FileTime) -> io::Result<()> {
        let owner = self.owner;
        let (parent, name) = split(path);
        let directory = self.directory(parent)?;
        let name = OsStr::from_bytes(name);
        // Contents, not a path of ours: it may point anywhere, also out of the tree.
        directory.symlink_contents(OsStr::from_bytes(target), name)?;
        if time == FileTime::Past {
            let past = TimeSpec::from(PAST);
            utimensat(
                directory.as_fd(),
                name,
                &past,
                &past,
                UtimensatFlags::NoFollowSymlink,
            )?;
        }
        give(directory, name, owner)
    }

    /// The handle of a directory of the tree, made with its parents where needed. One handle is
    /// kept: entries come sorted, so the next one mostly wants the same directory.
    fn directory(&mut self, path: &[u8]) -> io::Result<&Dir> {
        if self.current.0 != path {
            self.make_directories(path)?;
            let opened = if path.is_empty() {
                self.root.try_clone()?
            } else {
                self.root.open_dir(OsStr::from_bytes(path))?
            };
            self.current = (path.to_owned(), opened);
        }
        Ok(&self.current.1)
    }

    fn make_directories(&mut self, path: &[u8]) -> io::Result<()> {
        let ends = path
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'/')
            .map(|(at, _)| at);
        for end in ends.chain([path.len()]).filter(|end| *end > 0) {
            let directory = path.get(..end).unwrap_or(path);
            if self.made.contains(directory) {
                continue;
            }
            let name = OsStr::from_bytes(plain(directory)?);
            self.root
                .create_dir_with(name, DirBuilder::new().mode(0o755))?;
            give(&self.root, name, self.owner)?;
            self.made.insert(directory.to_owned());
        }
        Ok(())
    }
}

/// What a candidate's layer has to contain over the base.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LayerPlan {
    /// Entries to write: added, or different from the base.
    pub write: Vec<TreeEntry>,
    /// Paths to hide: the highest ones below which the candidate has nothing.
    pub hide: Vec<RepoPath>,
}

/// Compares two trees, each sorted by path as git lists them.
pub fn layer_plan(base: &[TreeEntry], candidate: &[TreeEntry]) -> LayerPlan {
    let old: BTreeMap<&RepoPath, (Mode, &str)> = base
        .iter()
        .map(|entry| (&entry.path, (entry.mode, entry.oid.as_str())))
        .collect();
    let new: BTreeSet<&RepoPath> = candidate.iter().map(|entry| &entry.path).collect();
    let changed = |entry: &&TreeEntry| {
        old.get(&entry.path)
            .is_none_or(|old| *old != (entry.mode, entry.oid.as_str()))
    };
    let write: Vec<TreeEntry> = candidate.iter().filter(changed).cloned().collect();
    let directories = directories(candidate);
    let hide: BTreeSet<RepoPath> = base
        .iter()
        .filter(|entry| !new.contains(&entry.path))
        .filter_map(|entry| highest_free(&entry.path, &new, &directories))
        .collect();
    LayerPlan {
        write,
        hide: hide.into_iter().collect(),
    }
}

/// The directories of a tree.
fn directories(entries: &[TreeEntry]) -> BTreeSet<&[u8]> {
    entries
        .iter()
        .flat_map(|entry| prefixes(split(&entry.path).0))
        .collect()
}

/// The shortest leading part of `path` that the candidate does not have. None when the candidate
/// has a directory in its place, or a file where a directory was: what it writes hides the path.
fn highest_free(
    path: &RepoPath,
    files: &BTreeSet<&RepoPath>,
    directories: &BTreeSet<&[u8]>,
) -> Option<RepoPath> {
    let prefix = prefixes(path.as_bytes()).find(|prefix| !directories.contains(prefix))?;
    let prefix = RepoPath::new(prefix);
    (!files.contains(&prefix)).then_some(prefix)
}

/// `a`, `a/b`, `a/b/c` of `a/b/c`.
fn prefixes(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(at, _)| at);
    ends.chain([path.len()])
        .filter_map(move |end| path.get(..end))
}

fn split(path: &RepoPath) -> (&[u8], &[u8]) {
    let bytes = path.as_bytes();
    match bytes.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (
            bytes.get(..at).unwrap_or_default(),
            bytes.get(at + 1..).unwrap_or_default(),
        ),
        None => (b"", bytes),
    }
}

/// Refuses what is no relative path of ordinary names. Git refuses such trees as well; a layer does
/// not depend on that.
fn plain(path: &[u8]) -> io::Result<&[u8]> {
    let odd = |name: &[u8]| matches!(name, b"" | b"." | b"..");
    if path.split(|byte| *byte == b'/').any(odd) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a path inside a tree",
        ));
    }
    Ok(path)
}

fn give(directory: &Dir, name: &OsStr, owner: Owner) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    if uid == Uid::effective() && gid == Gid::effective() {
        return Ok(());
    }
    Ok(fchownat(
        directory.as_fd(),
        name,
        Some(uid),
        Some(gid),
        AtFlags::AT_SYMLINK_NOFOLLOW,
    )?)
}

fn at(path: &RepoPath, source: io::Error) -> TreeError {
    TreeError {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(listing: &[(&str, &str)]) -> Vec<TreeEntry> {
        let entry = |(path, oid): &(&str, &str)| TreeEntry {
            path: RepoPath::from(*path),
            mode: Mode::File,
            oid: (*oid).to_owned(),
        };
        listing.iter().map(entry).collect()
    }

    fn check(base: &[(&str, &str)], candidate: &[(&str, &str)], write: &[&str], hide: &[&str]) {
        let plan = layer_plan(&entries(base), &entries(candidate));
        let paths = |paths: &[&str]| {
            paths
                .iter()
                .map(|path| RepoPath::from(*path))
                .collect::<Vec<_>>()
        };
        let written: Vec<RepoPath> = plan.write.into_iter().map(|entry| entry.path).collect();
        assert_eq!((written, plan.hide), (paths(write), paths(hide)));
    }

    #[test]
    fn a_layer_holds_what_differs_and_hides_what_is_gone() {
        check(
            &[("a", "1"), ("b", "2")],
            &[("a", "1"), ("b", "3"), ("c", "4")],
            &["b", "c"],
            &[],
        );
        check(
            &[("d/a", "1"), ("d/b", "2")],
            &[("d/a", "1")],
            &[],
            &["d/b"],
        );
        // A directory that is gone is hidden as a whole, with what builds have left in it.
        check(
            &[("d/e/a", "1"), ("d/e/b", "2"), ("k", "3")],
            &[("k", "3")],
            &[],
            &["d"],
        );
        // A file where a directory was, and the other way round: what is written hides it.
        check(&[("d/a", "1")], &[("d", "2")], &["d"], &[]);
        check(&[("d", "1")], &[("d/a", "2")], &["d/a"], &[]);
    }

    #[test]
    fn files_seen_by_a_layer_carry_the_past_and_others_the_present() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Owner {
            uid: Uid::effective().as_raw(),
            gid: Gid::effective().as_raw(),
        };
        let mut read = |entry: &TreeEntry| Ok(entry.oid.clone().into_bytes());
        let mut writer = TreeWriter::new(dir.path(), owner, &mut read).unwrap();
        let listing = entries(&[("seen", "1"), ("sub/unseen", "2"), ("sub/x/y", "3")]);
        let time = |entry: &TreeEntry| {
            if entry.path.as_bytes() == b"seen" {
                FileTime::Past
            } else {
                FileTime::Now
            }
        };
        writer.write_all(&listing, &time).unwrap();
        let modified = |name: &str| {
            std::fs::metadata(dir.path().join(name))
                .unwrap()
                .modified()
                .unwrap()
        };
        assert_eq!(modified("seen"), SystemTime::UNIX_EPOCH + PAST);
        assert!(modified("sub/unseen").elapsed().unwrap() < Duration::from_secs(60));
        assert_eq!(
            std::fs::read_to_string(dir.path().join("sub/x/y")).unwrap(),
            "3"
        );
    }

    #[test]
    fn a_name_that_climbs_out_of_the_layer_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("layer");
        std::fs::create_dir(&root).unwrap();
        let owner = Owner {
            uid: Uid::effective().as_raw(),
            gid: Gid::effective().as_raw(),
        };
        let mut read = |_: &TreeEntry| Ok(Vec::new());
        let mut writer = TreeWriter::new(&root, owner, &mut read).unwrap();
        for path in ["../out", "/out", "a/../../out"] {
            assert!(
                writer
                    .write_all(&entries(&[(path, "1")]), &|_| FileTime::Now)
                    .is_err(),
                "{path}"
            );
        }
        assert!(!dir.path().join("out").exists());
    }
}
