//! The machine itself: its end, its kernel, its clock, its swap. Arguments are such that nothing happens where the call is
//! let through.

use nix::libc;

use crate::entry::Control::{Differs, DiffersForRoot, Succeeds, SucceedsForRoot};
use crate::entry::{Entry, call};

const MACHINE: &str = "machine";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    call((MACHINE, "reboot"), DiffersForRoot, "EPERM", "", libc::SYS_reboot, "0 0 0 0"),
    call((MACHINE, "load-another-kernel"), DiffersForRoot, "EPERM", "", libc::SYS_kexec_load, "0 0 0 0xffff"),
    call((MACHINE, "load-a-module"), DiffersForRoot, "EPERM", "", libc::SYS_init_module, "page 0 page"),
    call((MACHINE, "load-a-module-file"), DiffersForRoot, "EPERM", "", libc::SYS_finit_module, "-1 page 0"),
    call((MACHINE, "remove-a-module"), DiffersForRoot, "EPERM", "", libc::SYS_delete_module, "probe-nothing 0x800"),
    call((MACHINE, "add-swap"), DiffersForRoot, "EPERM", "", libc::SYS_swapon, "/probe-nothing 0"),
    call((MACHINE, "account-processes"), DiffersForRoot, "EPERM", "", libc::SYS_acct, "/probe-nothing"),
    call((MACHINE, "set-quotas"), Differs, "EPERM", "", libc::SYS_quotactl, "0 0 0 0"),
    call((MACHINE, "set-the-time"), SucceedsForRoot, "EPERM", "", libc::SYS_settimeofday, "0 0"),
    call((MACHINE, "set-a-clock"), Differs, "EPERM", "", libc::SYS_clock_settime, "99 page"),
    call((MACHINE, "steer-the-clock"), Succeeds, "EPERM", "", libc::SYS_adjtimex, "page"),
    call((MACHINE, "read-the-kernels-messages"), SucceedsForRoot, "EPERM", "", libc::SYS_syslog, "10 0 0"),
    #[cfg(target_arch = "x86_64")]
    call((MACHINE, "reach-ports"), DiffersForRoot, "EPERM", "", libc::SYS_iopl, "99"),
];
