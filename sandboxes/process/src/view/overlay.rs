//! Overlays: layers merged, and writable by copying into a scratch directory.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::attach::bind;
use super::sources::Detached;
use crate::error::{Failure, Step};

/// Where layers are attached while the overlay is mounted; it takes its own references, so they can
/// go again at once.
const STAGING: &str = "/.layers";

/// Mounts an overlay; without a scratch directory it is read-only.
pub(super) fn mount_at(
    target: &Path,
    lowers: &[Detached],
    scratch: Option<&Detached>,
) -> Result<(), Failure> {
    let failed = |errno| Failure::at(Step::MountOverlay, target, errno);
    let places: Vec<_> = (0..lowers.len())
        .map(|number| Path::new(STAGING).join(number.to_string()))
        .collect();
    for (layer, place) in lowers.iter().zip(&places) {
        bind(layer, place)?;
    }
    let writable = Path::new(STAGING).join("scratch");
    if let Some(scratch) = scratch {
        bind(scratch, &writable)?;
    }
    let options = options(&places, scratch.map(|_| writable.as_path()));
    let mut flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    if scratch.is_none() {
        flags |= MsFlags::MS_RDONLY;
    }
    mount(
        Some("overlay"),
        target,
        Some("overlay"),
        flags,
        Some(options.as_str()),
    )
    .map_err(failed)?;
    for place in places.iter().chain(scratch.map(|_| &writable)) {
        umount2(place, MntFlags::MNT_DETACH).map_err(failed)?;
        // Never recursively: were the mount still there, that would empty the layer.
        remove_place(place)?;
    }
    remove_place(Path::new(STAGING))
}

fn remove_place(place: &Path) -> Result<(), Failure> {
    fs::remove_dir(place).map_err(|error| Failure::io(Step::MountOverlay, place, &error))
}

/// `userxattr`: without it a mount in a user namespace succeeds but deleting what a layer holds
/// fails with EIO. `volatile`: the scratch directory does not outlive the runner, so nothing is
/// gained by syncing it.
fn options(lowers: &[PathBuf], scratch: Option<&Path>) -> String {
    let lowers: Vec<_> = lowers
        .iter()
        .map(|place| place.display().to_string())
        .collect();
    let mut options = format!("userxattr,lowerdir={}", lowers.join(":"));
    if let Some(scratch) = scratch {
        let scratch = scratch.display();
        options += &format!(",upperdir={scratch}/upper,workdir={scratch}/work,volatile");
    }
    options
}

/// Removes an overlay's work directory. The kernel leaves directories in it that not even their
/// owner may enter.
pub(crate) fn remove_work(scratch: &Path) -> io::Result<()> {
    let work = scratch.join("work");
    if !is_directory(&work) {
        return Ok(());
    }
    open_up(&work)?;
    fs::remove_dir_all(&work)
}

fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if is_directory(&path) {
            open_up(&path)?;
        }
    }
    Ok(())
}

fn is_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|kind| kind.is_dir())
}
