//! A fresh /proc of the new pid namespace, with the parts about the machine read-only or hidden.

use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::attach::{bind, mount_point};
use super::sources::detach;
use crate::error::{Failure, Step};

/// Settings of the machine: readable, because programs ask for limits there, never writable.
pub(crate) const READ_ONLY: [&str; 5] = ["sys", "irq", "bus", "fs", "pressure"];

/// Files that describe or steer the machine's kernel.
pub(crate) const HIDDEN_FILES: [&str; 8] = [
    "kcore",
    "keys",
    "key-users",
    "sysrq-trigger",
    "timer_list",
    "kmsg",
    "sched_debug",
    "latency_stats",
];

/// Directories that describe the machine's devices.
pub(crate) const HIDDEN_DIRECTORIES: [&str; 3] = ["acpi", "scsi", "asound"];

/// Mounts /proc. The kernel allows this in a user namespace only while a whole /proc is visible, so
/// the host's must still be attached.
pub(super) fn mount_fresh() -> Result<(), Failure> {
    let target = Path::new("/proc");
    mount_point(target, true)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), target, Some("proc"), flags, None::<&str>)
        .map_err(|errno| Failure::at(Step::MountProc, target, errno))
}

/// Covers what must not be written or read. Needs /dev/null in place.
pub(super) fn restrict() -> Result<(), Failure> {
    let present = |name: &&str| Path::new("/proc").join(name).exists();
    for name in READ_ONLY.iter().filter(|name| present(name)) {
        let path = Path::new("/proc").join(name);
        bind(&detach(&path, false, libc::MOUNT_ATTR_RDONLY)?, &path)?;
    }
    for name in HIDDEN_FILES.iter().filter(|name| present(name)) {
        let empty = detach(Path::new("/dev/null"), false, libc::MOUNT_ATTR_RDONLY)?;
        bind(&empty, &Path::new("/proc").join(name))?;
    }
    for name in HIDDEN_DIRECTORIES.iter().filter(|name| present(name)) {
        let path = Path::new("/proc").join(name);
        let flags =
            MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(
            Some("tmpfs"),
            &path,
            Some("tmpfs"),
            flags,
            Some("size=4k,mode=555"),
        )
        .map_err(|errno| Failure::at(Step::MountProc, &path, errno))?;
    }
    Ok(())
}
