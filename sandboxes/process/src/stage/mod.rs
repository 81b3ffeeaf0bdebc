//! A sandbox without namespaces, for machines that give none: Landlock, the system call filter and
//! an id of its own are all that stands around the command.
//!
//! # Theory of operation
//!
//! **Where things are.** Paths inside are the same as in every other sandbox, because shebangs and
//! builds remember them. Without a mount namespace `/sandbox` has to be a real directory, the
//! *stage*: the caller's, closed to everybody's writing, made by root where it is missing (and removed
//! again). What the specification puts there is moved or copied to it before the command starts and
//! moved back afterwards (`place`); there is room for one run at a time, so a lock on the directory
//! makes the next one wait (`claim`). The lock goes with the keeper and init, and whoever takes it
//! finds what a killed pair left, and removes it. What the specification shows at its own path is
//! granted there. What it shows anywhere else cannot be shown, and is an error.
//!
//! **Files.** Landlock is the only layer (`rules`): what is granted can be read, what is writable lies
//! on the stage, and everything else can be neither read, listed nor executed. A masked file is left
//! out of its directory's grant. Landlock has to know scopes (version 6); a kernel that does not go all
//! the way with it is refused.
//!
//! **What Landlock does not ask about.** The names, sizes and times of files (`stat`) and who is listed
//! in `/proc`: both can be seen. Sockets that have a path: the filter allows no socket but connected
//! pairs. Mode, times and attributes of files: nothing of the host belongs to root's payload; where the
//! payload is the caller's own user, the supervisor looks which file it is, and makes the change itself
//! (`metadata`). Priorities and limits of other processes: the filter allows them for the caller of the
//! call alone.
//!
//! **The end.** A process that is scoped by Landlock can signal its own domain and those nested in it.
//! Init is in one domain, the command in a second one within it. So nothing of the command's can signal
//! init, and `kill(-1)` by init reaches exactly what is inside, in one step of the kernel in which nobody
//! forks. Before anything relies on it, init tries to signal a process of its own id outside the domain,
//! which has to fail. Orphans come to init, which ends when it has no child left. Init does not die with
//! the keeper but kills everything when the keeper's pipe closes; should init itself be killed, its
//! orphans come to the keeper, which stops and kills them until none is left.
//!
//! **What is missing** is in the enforcement list (`verify`) and is not made up for: no loopback, so no
//! services and no network for a prepare step; no pseudo-terminals; `/tmp` is the
//! machine's and closed, `TMPDIR` leads to the stage; no `/dev/shm`.

mod claim;
mod keep;
mod metadata;
mod place;
mod rules;
mod transfer;
mod verify;

use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, setresgid, setresuid};

pub(crate) use self::keep::run;
pub(crate) use self::metadata::perform;
pub(crate) use self::rules::{confine, is_confined, nest};
pub(crate) use self::verify::verify;
use crate::credentials;
use crate::error::{Failure, Step};
use crate::identity::Identity;
use crate::spec::{Mount, Spec};

/// Where it is; specifications for it put everything of their own below.
pub const PLACE: &str = "/sandbox";

/// Room for temporary files there.
const TEMPORARY: &str = "/sandbox/tmp";

/// Who the payload is on the host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload {
    pub(crate) ids: Identity,
    /// The caller is root, so the ids are nobody's; otherwise they are the caller's own.
    pub(crate) of_root: bool,
}

/// Becomes the payload's host ids. Root keeps its capabilities over it, because giving them up for good
/// needs one of them.
pub(crate) fn take_identity(payload: Payload) -> Result<(), Failure> {
    let failed = |errno| Failure::new(Step::TakeIdentity, errno);
    let (uid, gid) = (payload.ids.uid, payload.ids.gid);
    if payload.of_root {
        credentials::lock_securebits()?;
    }
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    setresgid(gid, gid, gid).map_err(failed)?;
    setresuid(uid, uid, uid).map_err(failed)
}

/// Gives up what there is to give up.
pub(crate) fn drop_privileges(payload: Payload) -> Result<(), Failure> {
    if payload.of_root {
        credentials::drop_privileges()
    } else {
        credentials::give_up_gains()
    }
}

/// The places that can be written, of a specification whose mounts are placed.
fn writable(spec: &Spec) -> Vec<PathBuf> {
    let places = spec.mounts.iter().filter_map(|mount| match mount {
        Mount::Writable { target, .. } => Some(target.clone()),
        _ => None,
    });
    places.collect()
}

fn is_on_stage(path: &Path) -> bool {
    path.starts_with(PLACE)
}
