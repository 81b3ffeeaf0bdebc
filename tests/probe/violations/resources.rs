//! More of the machine than the limits give.

use std::io;

use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::entry::Control::{Succeeds, SucceedsForRoot};
use crate::entry::{Entry, call, code, found};
use crate::scene::Scene;

const RESOURCES: &str = "resources";

/// More than the limits of a policy that writes none (4096 and 8192). A machine gives far more, so without a sandbox it is
/// no rise.
const MORE_FILES: u64 = 5000;
const MORE_PROCESSES: u64 = 9000;

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    code(RESOURCES, "raise-the-limit-of-open-files", Succeeds, "EPERM", |_| Ok(setrlimit(Resource::RLIMIT_NOFILE, MORE_FILES, MORE_FILES)?)),
    code(RESOURCES, "raise-the-limit-of-processes", Succeeds, "EPERM", |_| Ok(setrlimit(Resource::RLIMIT_NPROC, MORE_PROCESSES, MORE_PROCESSES)?)),
    code(RESOURCES, "let-the-core-handler-start", Succeeds, "nothing", core_of_zero),
    call((RESOURCES, "run-in-real-time"), SucceedsForRoot, "EPERM", "at 0 1", libc::SYS_sched_setscheduler, "0 1 page"),
    call((RESOURCES, "come-before-others"), SucceedsForRoot, "EACCES|EPERM", "", libc::SYS_setpriority, "0 0 -20"),
    call((RESOURCES, "read-the-disk-in-real-time"), SucceedsForRoot, "EPERM", "", libc::SYS_ioprio_set, "1 0 0x2000"),
    call((RESOURCES, "make-a-posix-message-queue"), Succeeds, "EMFILE", "", libc::SYS_mq_open, "{own-queue} 0102 0600 0"),
];

/// The kernel starts a `|` handler, outside and as root, for a limit of zero; a sandbox holds it at one.
fn core_of_zero(_: &Scene) -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    found(getrlimit(Resource::RLIMIT_CORE)? == (0, 0))
}
