//! New namespaces, in which a process has every capability, and changes of the view.
//!
//! What needs a capability is tried in namespaces of its own where they can be had, so that the control succeeds for an
//! ordinary user as well, and touches nothing.

use nix::libc;

use crate::entry::Control::{Differs, Succeeds};
use crate::entry::{Entry, call};

const NAMESPACES: &str = "namespaces";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    call((NAMESPACES, "unshare-user"), Succeeds, "EPERM", "", libc::SYS_unshare, "0x10000000"),
    call((NAMESPACES, "unshare-user-and-network"), Succeeds, "EPERM", "", libc::SYS_unshare, "0x50000000"),
    call((NAMESPACES, "unshare-user-and-mounts"), Succeeds, "EPERM", "", libc::SYS_unshare, "0x10020000"),
    call((NAMESPACES, "clone-with-a-user-namespace"), Succeeds, "EPERM", "", libc::SYS_clone, "0x10000011 0 0 0 0"),
    call((NAMESPACES, "clone3-with-a-user-namespace"), Succeeds, "ENOSYS", "at 0 0x10000000 at 32 17", libc::SYS_clone3, "page 88"),
    call((NAMESPACES, "enter-a-namespace"), Differs, "EPERM", "", libc::SYS_setns, "-1 0"),
    call((NAMESPACES, "mount-a-file-system"), Succeeds, "EPERM", "user", libc::SYS_mount, "none {scratch} tmpfs 0 0"),
    call((NAMESPACES, "bind-a-directory"), Succeeds, "EPERM", "user", libc::SYS_mount, "{grant} {scratch} none 0x1000 0"),
    call((NAMESPACES, "uncover-what-is-masked"), Differs, "EPERM", "user", libc::SYS_umount2, "{masked} 2"),
    call((NAMESPACES, "change-the-root"), Succeeds, "EPERM", "user", libc::SYS_chroot, "{scratch}"),
    call((NAMESPACES, "pivot-the-root"), Differs, "EPERM", "user", libc::SYS_pivot_root, "{scratch} {scratch}"),
    call((NAMESPACES, "open-a-file-system"), Succeeds, "EPERM", "user", libc::SYS_fsopen, "tmpfs 0"),
    call((NAMESPACES, "make-a-mount"), Differs, "EPERM", "user", libc::SYS_fsmount, "-1 0 0"),
    call((NAMESPACES, "pick-a-file-system"), Differs, "EPERM", "user", libc::SYS_fspick, "-1 {scratch} 0"),
    call((NAMESPACES, "copy-a-mount"), Succeeds, "EPERM", "user", libc::SYS_open_tree, "-100 {scratch} 1"),
    call((NAMESPACES, "move-a-mount"), Differs, "EPERM", "user", libc::SYS_move_mount, "-1 page -1 page 4"),
    call((NAMESPACES, "make-mounts-writable"), Differs, "EPERM", "user", libc::SYS_mount_setattr, "-100 {scratch} 0 page 4"),
    call((NAMESPACES, "name-the-host"), Succeeds, "EPERM", "user", libc::SYS_sethostname, "probe 5"),
    call((NAMESPACES, "name-the-domain"), Succeeds, "EPERM", "user", libc::SYS_setdomainname, "probe 5"),
];
