//! Objects that other processes of the host share by key or name.

use nix::libc;

use crate::entry::Control::Succeeds;
use crate::entry::{Entry, call, code};

const IPC: &str = "ipc";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    call((IPC, "find-shared-memory"), Succeeds, "ENOENT", "", libc::SYS_shmget, "{key} 0 0"),
    call((IPC, "find-a-semaphore"), Succeeds, "ENOENT", "", libc::SYS_semget, "{key} 0 0"),
    call((IPC, "find-a-message-queue"), Succeeds, "ENOENT", "", libc::SYS_msgget, "{key} 0"),
    call((IPC, "open-a-posix-message-queue"), Succeeds, "ENOENT", "", libc::SYS_mq_open, "{queue} 0 0 0"),
    code(IPC, "open-posix-shared-memory", Succeeds, "ENOENT", |s| std::fs::File::open(s.text("shm")?).map(drop)),
];
