//! Parts of the kernel with a history of holes, and ways into other processes.

use nix::libc;

use crate::entry::Control::{Differs, Succeeds, SucceedsForRoot};
use crate::entry::{Attempt, Entry, call};

const KERNEL: &str = "kernel";
/// `lsm_set_self_attr`, which the C library's table does not have yet.
const LSM_SET_SELF_ATTR: i64 = 460;

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    call((KERNEL, "trace-oneself"), Succeeds, "EPERM", "", libc::SYS_ptrace, "0 0 0 0"),
    call((KERNEL, "trace-another-process"), SucceedsForRoot, "EPERM", "", libc::SYS_ptrace, "16902 {victim-pid} 0 0"),
    call((KERNEL, "read-another-process-memory"), Succeeds, "EPERM", "", libc::SYS_process_vm_readv, "{victim-pid} page 0 page 0 0"),
    call((KERNEL, "write-another-process-memory"), Succeeds, "EPERM", "", libc::SYS_process_vm_writev, "{victim-pid} page 0 page 0 0"),
    call((KERNEL, "advise-another-process-memory"), Differs, "EPERM", "", libc::SYS_process_madvise, "-1 page 0 0 0"),
    call((KERNEL, "take-a-descriptor"), Differs, "EPERM", "", libc::SYS_pidfd_getfd, "-1 0 0"),
    call((KERNEL, "compare-processes"), Succeeds, "EPERM", "", libc::SYS_kcmp, "self self 0 0 0"),
    call((KERNEL, "load-a-program-into-the-kernel"), Differs, "EPERM", "", libc::SYS_bpf, "99 0 0"),
    call((KERNEL, "count-events"), Succeeds, "EPERM", "at 0 0x7000000001 at 40 0x60", libc::SYS_perf_event_open, "page 0 -1 -1 0"),
    call((KERNEL, "add-a-key"), Succeeds, "EPERM", "", libc::SYS_add_key, "user probe x 1 -2"),
    call((KERNEL, "ask-for-a-keyring"), Succeeds, "EPERM", "", libc::SYS_keyctl, "0 -3 1"),
    call((KERNEL, "request-a-key"), Differs, "EPERM", "", libc::SYS_request_key, "user probe-nothing 0 0"),
    call((KERNEL, "handle-page-faults"), Succeeds, "EPERM", "", libc::SYS_userfaultfd, "1"),
    call((KERNEL, "hide-memory"), Differs, "EPERM", "", libc::SYS_memfd_secret, "0"),
    call((KERNEL, "set-up-io-uring"), Succeeds, "ENOSYS", "", libc::SYS_io_uring_setup, "1 page"),
    call((KERNEL, "enter-io-uring"), Differs, "ENOSYS", "", libc::SYS_io_uring_enter, "-1 0 0 0 0 0"),
    call((KERNEL, "listen-to-other-system-calls"), Differs, "EPERM", "", libc::SYS_seccomp, "1 8 0"),
    call((KERNEL, "make-data-executable"), Succeeds, "EPERM", "", libc::SYS_personality, "0x400000"),
    call((KERNEL, "switch-off-address-randomisation"), Succeeds, "EPERM", "", libc::SYS_personality, "0x40000"),
    call((KERNEL, "watch-a-file-system"), Succeeds, "EPERM", "", libc::SYS_fanotify_init, "0x200 0"),
    call((KERNEL, "place-memory"), Succeeds, "EPERM", "", libc::SYS_set_mempolicy, "0 0 0"),
    call((KERNEL, "set-a-security-attribute"), Differs, "EPERM", "", LSM_SET_SELF_ATTR, "0 0 0 0"),
    #[cfg(target_arch = "x86_64")]
    call((KERNEL, "read-the-descriptor-table"), Succeeds, "EPERM", "", libc::SYS_modify_ldt, "0 page 4096"),
    #[cfg(target_arch = "x86_64")]
    Entry { class: KERNEL, name: "enter-by-32-bit", control: Succeeds, inside: "SIGSYS", attempt: Attempt::Special("int80") },
];
