//! Attaching one prepared part of the view at its place.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, symlink};
use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::overlay;
use super::sources::{Detached, Prepared, READ_ONLY, detach};
use crate::error::{Failure, Step};
use crate::sys;

pub(super) fn attach(part: Prepared) -> Result<(), Failure> {
    match part {
        Prepared::Bind { tree, target } => bind(&tree, &target),
        Prepared::Overlay {
            lowers,
            scratch,
            target,
        } => {
            mount_point(&target, true)?;
            overlay::mount_at(&target, &lowers, scratch.as_ref())
        }
        Prepared::Tmpfs { target, size } => tmpfs(&target, size),
        Prepared::File {
            target,
            content,
            executable,
        } => file(&target, &content, if executable { 0o555 } else { 0o444 }),
        Prepared::Symlink { path, to } => below_parents(&path, || symlink(&to, &path))
            .map_err(|error| Failure::io(Step::WriteFile, &path, &error)),
        Prepared::Decoy { target } => write_file(&target, b"", 0o600)
            .map_err(|error| Failure::io(Step::WriteFile, &target, &error)),
        Prepared::Directory { target } => mount_point(&target, true),
    }
}

pub(super) fn bind(tree: &Detached, target: &Path) -> Result<(), Failure> {
    mount_point(target, tree.is_directory)?;
    sys::move_mount(tree.tree.as_fd(), target)
        .map_err(|errno| Failure::at(Step::Attach, target, errno))
}

/// As many inodes as pages, and some for directories: empty files would use memory that no size
/// counts.
fn tmpfs(target: &Path, size: u64) -> Result<(), Failure> {
    mount_point(target, true)?;
    let inodes = size / 4096 + 1024;
    let options = format!("size={size},nr_inodes={inodes},mode=1777");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some("tmpfs"),
        target,
        Some("tmpfs"),
        flags,
        Some(options.as_str()),
    )
    .map_err(|errno| Failure::at(Step::MountTmpfs, target, errno))
}

/// Makes sure that something of the right kind is there to mount on.
pub(super) fn mount_point(target: &Path, directory: bool) -> Result<(), Failure> {
    let made = if directory {
        below_parents(target, || fs::create_dir(target))
    } else {
        write_file(target, b"", 0o444)
    };
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Failure::io(Step::MountPoint, target, &error))
        }
        _ => Ok(()),
    }
}

/// On the root, which becomes read-only, a file is simply written. Elsewhere, or over an existing
/// one, it is mounted: there the payload could change it otherwise.
fn file(target: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    let failed = |error: &io::Error| Failure::io(Step::WriteFile, target, error);
    if below_parents(target, || lies_on_root(target)).map_err(|error| failed(&error))? {
        match write_file(target, content, mode) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            written => return written.map_err(|error| failed(&error)),
        }
    }
    let first = Path::new("/.generated");
    write_file(first, content, mode).map_err(|error| failed(&error))?;
    let tree = detach(first, false, READ_ONLY)?;
    bind(&tree, target)?;
    // The mount keeps it; only the name goes, and not before: what has no name cannot be attached.
    fs::remove_file(first).map_err(|error| failed(&error))
}

fn lies_on_root(target: &Path) -> io::Result<bool> {
    let parent = target.parent().unwrap_or(target);
    Ok(fs::metadata(parent)?.dev() == fs::metadata("/")?.dev())
}

fn write_file(target: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let make = || {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(target)
    };
    below_parents(target, make)?.write_all(content)
}

/// Most directories are there already, so they are made only for what is missed without them.
fn below_parents<T>(path: &Path, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match (make(), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(parent)?;
            make()
        }
        (made, _) => made,
    }
}
