//! Giving up every privilege, in an order in which no later step needs what an earlier one gave up.

use std::fs;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, setresgid, setresuid};

use crate::error::{Failure, Step};
use crate::identity::INSIDE;
use crate::sys;

/// Each bit with its lock: root is nothing special, ids do not move capabilities, none are kept,
/// none become ambient. (SECBIT_* of linux/securebits.h; KEEP_CAPS itself is left clear and locked
/// so.)
const SECUREBITS: libc::c_ulong = 0b11 | 0b11 << 2 | 0b10 << 4 | 0b11 << 6;

/// Becomes the payload's ids. The group first: afterwards there is no right to.
pub(crate) fn take_identity() -> Result<(), Failure> {
    let failed = |errno| Failure::new(Step::TakeIdentity, errno);
    let (uid, gid) = (Uid::from_raw(INSIDE), Gid::from_raw(INSIDE));
    setresgid(gid, gid, gid).map_err(failed)?;
    setresuid(uid, uid, uid).map_err(failed)
}

/// Has a change of ids move no capability, for good.
pub(crate) fn lock_securebits() -> Result<(), Failure> {
    sys::prctl(libc::PR_SET_SECUREBITS, [SECUREBITS, 0, 0, 0])
        .map_err(|errno| Failure::new(Step::DropPrivileges, errno))
}

/// Empties and locks all capability sets and forbids gaining any by exec.
pub(crate) fn drop_privileges() -> Result<(), Failure> {
    let failed = |errno| Failure::new(Step::DropPrivileges, errno);
    for capability in 0..=last_capability()? {
        sys::prctl(libc::PR_CAPBSET_DROP, [capability, 0, 0, 0]).map_err(failed)?;
    }
    let clear_all = [libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong, 0, 0, 0];
    sys::prctl(libc::PR_CAP_AMBIENT, clear_all).map_err(failed)?;
    // Both steps above and this one need CAP_SETPCAP, so the sets themselves go last.
    lock_securebits()?;
    sys::capset_none().map_err(failed)?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, [1, 0, 0, 0]).map_err(failed)
}

/// Where every set is empty from the start, which is read back later, nothing is left to drop; only
/// gaining any by exec is still to be forbidden.
pub(crate) fn give_up_gains() -> Result<(), Failure> {
    let failed = |errno| Failure::new(Step::DropPrivileges, errno);
    sys::capset_none().map_err(failed)?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, [1, 0, 0, 0]).map_err(failed)
}

fn last_capability() -> Result<libc::c_ulong, Failure> {
    let path = "/proc/sys/kernel/cap_last_cap";
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::io(Step::DropPrivileges, path, &error))?;
    text.trim()
        .parse()
        .map_err(|_| Failure::at(Step::DropPrivileges, path, Errno::EINVAL))
}
