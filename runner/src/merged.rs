//! Layers without overlayfs: what an overlay would show, copied.
//!
//! Needed where the kernel refuses overlays, and for directories that a policy wants copied because
//! an overlay cannot rename directories of a lower layer. Understands what we and the kernel write
//! into layers: whiteouts (character device 0:0) and opaque directories (`user.overlay.opaque`).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use thiserror::Error;

use crate::trees::Owner;

/// The attribute by which overlayfs, mounted with `userxattr`, marks a directory that hides the
/// ones of the same name below it.
pub const OPAQUE: &str = "user.overlay.opaque";

/// A layer could not be copied.
#[derive(Debug, Error)]
#[error("cannot copy {}: {source}", path.display())]
pub struct CopyError {
    path: PathBuf,
    source: io::Error,
}

/// Copies what an overlay of `layers` (top first) shows at `below` into the existing directory
/// `target`, keeping modes and times. Files are cloned where the file system can.
pub fn copy(
    layers: &[PathBuf],
    below: &Path,
    target: &Path,
    owner: Owner,
) -> Result<(), CopyError> {
    copy_directory(visible_directories(layers, below), target, owner)
}

/// The directories that make up one merged directory, top first: those above the first one that
/// hides the rest.
pub(crate) fn visible_directories(layers: &[PathBuf], below: &Path) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = layers.to_vec();
    for part in below.components() {
        directories = descend(&directories, Path::new(part.as_os_str()));
    }
    directories
}

fn descend(directories: &[PathBuf], name: &Path) -> Vec<PathBuf> {
    let mut visible = Vec::new();
    for directory in directories.iter().map(|directory| directory.join(name)) {
        match fs::symlink_metadata(&directory) {
            Ok(meta) if meta.is_dir() => {
                let hides = is_opaque(&directory);
                visible.push(directory);
                if hides {
                    break;
                }
            }
            // A file or a whiteout ends the merge; nothing here lets it go on.
            Ok(_) => break,
            Err(_) => {}
        }
    }
    visible
}

/// One level after the other and not by recursion: how deep it goes is up to whoever wrote the layers.
fn copy_directory(sources: Vec<PathBuf>, target: &Path, owner: Owner) -> Result<(), CopyError> {
    let mut pending = vec![(sources, target.to_owned())];
    let mut made = Vec::new();
    while let Some((sources, target)) = pending.pop() {
        for (name, (source, kind)) in merged_entries(&sources)? {
            let to = target.join(&name);
            if kind.is_dir() {
                fs::create_dir(&to).map_err(failed(&to))?;
                pending.push((descend(&sources, Path::new(&name)), to.clone()));
                made.push((source, to));
            } else if kind.is_file() || kind.is_symlink() {
                copy_leaf(&source, &to, kind).map_err(failed(&source))?;
                finish(&source, &to, owner).map_err(failed(&to))?;
            }
            // A whiteout says that there is nothing; sockets and pipes of a build have no reader here.
        }
    }
    // A directory gets its mode and time when nothing is made in it any more; it comes after its parent in the list.
    for (source, to) in made.iter().rev() {
        finish(source, to, owner).map_err(failed(to))?;
    }
    Ok(())
}

/// Name → topmost entry of that name.
fn merged_entries(
    sources: &[PathBuf],
) -> Result<BTreeMap<OsString, (PathBuf, FileType)>, CopyError> {
    let mut entries = BTreeMap::new();
    for source in sources {
        for entry in fs::read_dir(source).map_err(failed(source))? {
            let entry = entry.map_err(failed(source))?;
            let kind = entry.file_type().map_err(failed(&entry.path()))?;
            entries
                .entry(entry.file_name())
                .or_insert((entry.path(), kind));
        }
    }
    Ok(entries)
}

fn copy_leaf(from: &Path, to: &Path, kind: FileType) -> io::Result<()> {
    if kind.is_symlink() {
        symlink(fs::read_link(from)?, to)
    } else {
        fs::copy(from, to).map(drop)
    }
}

/// Gives the copy the owner, mode and time of the original (owner: of the sandboxed command).
fn finish(from: &Path, to: &Path, owner: Owner) -> io::Result<()> {
    let meta = fs::symlink_metadata(from)?;
    std::os::unix::fs::lchown(to, Some(owner.uid), Some(owner.gid))?;
    if !meta.is_symlink() {
        fs::set_permissions(to, fs::Permissions::from_mode(meta.mode() & 0o777))?;
    }
    let time = TimeSpec::new(meta.mtime(), meta.mtime_nsec());
    Ok(utimensat(
        nix::fcntl::AT_FDCWD,
        to,
        &time,
        &time,
        UtimensatFlags::NoFollowSymlink,
    )?)
}

/// Whether a directory hides the ones of the same name in the layers below.
pub fn is_opaque(directory: &Path) -> bool {
    let mut value = [0u8; 1];
    matches!(rustix::fs::lgetxattr(directory, OPAQUE, &mut value), Ok(1)) && value == *b"y"
}

/// Marks a directory so that it hides the ones of the same name in the layers below.
pub fn make_opaque(directory: &Path) -> io::Result<()> {
    Ok(rustix::fs::lsetxattr(
        directory,
        OPAQUE,
        b"y",
        rustix::fs::XattrFlags::empty(),
    )?)
}

/// Takes the mark of [`make_opaque`] away, where there is one.
pub fn show_below(directory: &Path) -> io::Result<()> {
    match rustix::fs::lremovexattr(directory, OPAQUE) {
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => Ok(()),
        result => Ok(result?),
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> CopyError + use<> {
    let path = path.to_owned();
    move |source| CopyError { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::{Mode, SFlag, mknod};

    fn layer(root: &Path, name: &str, files: &[&str]) -> PathBuf {
        let layer = root.join(name);
        fs::create_dir(&layer).unwrap();
        for file in files {
            let path = layer.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        layer
    }

    fn listing(root: &Path) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut pending = vec![root.to_owned()];
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(directory).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    pending.push(path);
                } else {
                    let name = path
                        .strip_prefix(root)
                        .unwrap()
                        .to_string_lossy()
                        .into_owned();
                    found.push((name, fs::read_to_string(path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn a_copy_shows_what_an_overlay_would_show() {
        let dir = tempfile::tempdir().unwrap();
        let low = layer(
            dir.path(),
            "low",
            &["a", "gone", "d/x", "closed/old", "dir/inner"],
        );
        let high = layer(dir.path(), "high", &["a", "d/y", "closed/new", "dir2"]);
        mknod(&high.join("gone"), SFlag::S_IFCHR, Mode::empty(), 0).unwrap();
        make_opaque(&high.join("closed")).unwrap();
        fs::write(high.join("dir"), "high").unwrap();
        let target = dir.path().join("target");
        fs::create_dir(&target).unwrap();
        let meta = fs::metadata(&target).unwrap();
        let owner = Owner {
            uid: meta.uid(),
            gid: meta.gid(),
        };
        copy(&[high, low], Path::new(""), &target, owner).unwrap();
        let expected = [
            ("a", "high"),
            ("closed/new", "high"),
            ("d/x", "low"),
            ("d/y", "high"),
            ("dir", "high"),
            ("dir2", "high"),
        ];
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(name, from)| ((*name).to_owned(), (*from).to_owned()))
            .collect();
        assert_eq!(listing(&target), expected);
    }

    /// As hostile code makes it: every path in it can be named, and the longest just so.
    #[test]
    fn a_deep_layer_needs_no_deep_stack() {
        let dir = tempfile::tempdir().unwrap();
        let low = layer(dir.path(), "low", &[]);
        let room = 4000 - low.as_os_str().len();
        fs::create_dir_all(low.join("d/".repeat(room / 2))).unwrap();
        let target = dir.path().join("t");
        fs::create_dir(&target).unwrap();
        let meta = fs::metadata(&target).unwrap();
        let owner = Owner {
            uid: meta.uid(),
            gid: meta.gid(),
        };
        let thread = std::thread::Builder::new().stack_size(256 << 10);
        let copied = thread.spawn(move || copy(&[low], Path::new(""), &target, owner));
        copied.unwrap().join().unwrap().unwrap();
    }
}
