//! Namespaces: which ones a sandbox has, how its user namespace maps ids, and how to see that they
//! are new.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getppid, pause};
use serde::{Deserialize, Serialize};

use crate::enforcement::Protection;
use crate::error::{Failure, Step};
use crate::identity::{INSIDE, Identity};
use crate::sys::{self, Cloned};

/// Each namespace with its clone flag and its name under /proc/self/ns.
const ALL: [(Protection, libc::c_int, &str); 7] = [
    (Protection::UserNamespace, libc::CLONE_NEWUSER, "user"),
    (Protection::MountNamespace, libc::CLONE_NEWNS, "mnt"),
    (Protection::PidNamespace, libc::CLONE_NEWPID, "pid"),
    (Protection::NetworkNamespace, libc::CLONE_NEWNET, "net"),
    (Protection::IpcNamespace, libc::CLONE_NEWIPC, "ipc"),
    (Protection::UtsNamespace, libc::CLONE_NEWUTS, "uts"),
    (Protection::CgroupNamespace, libc::CLONE_NEWCGROUP, "cgroup"),
];

/// The clone flags of a sandbox, but for its network.
pub(crate) fn flags() -> libc::c_int {
    let all = ALL.iter().fold(0, |flags, (_, flag, _)| flags | flag);
    all & !libc::CLONE_NEWNET
}

/// Leaves the caller's network. Creating a network takes the kernel as long as all else together, so
/// init does it itself, while the keeper is still busy with init's ids and limits.
pub(crate) fn leave_network() -> Result<(), Failure> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| Failure::new(Step::Namespaces, errno))
}

/// The identities of the namespaces that a process is in, in the order of [`ALL`].
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Membership(Vec<(Protection, std::ffi::OsString)>);

impl Membership {
    /// Reads those of the calling process.
    pub(crate) fn of_self() -> Result<Self, Failure> {
        ALL.iter()
            .map(|(protection, _, name)| {
                let link = format!("/proc/self/ns/{name}");
                let id = fs::read_link(&link)
                    .map_err(|error| Failure::io(Step::Verify, &link, &error))?;
                Ok((*protection, id.into_os_string()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The namespaces that are not shared with `other`.
    pub(crate) fn apart_from<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (Protection, bool)> + 'a {
        self.0
            .iter()
            .zip(&other.0)
            .map(|((protection, ours), (_, theirs))| (*protection, ours != theirs))
    }
}

/// Maps the payload's inside ids to its host ids, one of each and nothing else.
pub(crate) fn map_ids(child: Pid, payload: Identity) -> Result<(), Failure> {
    // Denied for everyone: a group that the caller is in only to be refused something must stay.
    write(child, "setgroups", "deny")?;
    write(child, "uid_map", &format!("{INSIDE} {} 1", payload.uid))?;
    write(child, "gid_map", &format!("{INSIDE} {} 1", payload.gid))
}

fn write(child: Pid, name: &str, content: &str) -> Result<(), Failure> {
    let path = format!("/proc/{child}/{name}");
    fs::write(&path, content).map_err(|error| Failure::io(Step::IdMap, path, &error))
}

/// A user namespace that no process lives in: it only carries an id map for mounts.
pub(crate) struct UserNamespace(OwnedFd);

impl UserNamespace {
    /// The map that shows what belongs to host root as belonging to the payload. Needs real root.
    pub(crate) fn shifting_root_to(payload: Identity) -> Result<Self, Failure> {
        let failed = |errno| Failure::new(Step::ShiftOwner, errno);
        match sys::clone_process(libc::CLONE_NEWUSER, None).map_err(failed)? {
            Cloned::Child => wait_to_be_killed(),
            Cloned::Parent { pid, pidfd } => {
                let namespace = Self::map_and_open(pid, payload);
                // The descriptor keeps the namespace; the process has done its work.
                sys::pidfd_kill(pidfd.as_fd(), libc::SIGKILL).map_err(failed)?;
                waitpid(pid, None).map_err(failed)?;
                namespace
            }
        }
    }

    fn map_and_open(pid: Pid, payload: Identity) -> Result<Self, Failure> {
        for (name, id) in [("uid_map", payload.uid), ("gid_map", payload.gid)] {
            let path = format!("/proc/{pid}/{name}");
            fs::write(&path, format!("0 {id} 1"))
                .map_err(|error| Failure::io(Step::ShiftOwner, path, &error))?;
        }
        let path = format!("/proc/{pid}/ns/user");
        fs::File::open(&path)
            .map(|file| Self(file.into()))
            .map_err(|error| Failure::io(Step::ShiftOwner, path, &error))
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The life of a process that only holds a namespace open. It must not outlive the keeper, not even
/// one that is killed.
fn wait_to_be_killed() -> ! {
    let tied = sys::prctl(
        libc::PR_SET_PDEATHSIG,
        [libc::SIGKILL as libc::c_ulong, 0, 0, 0],
    );
    // A parent in another user namespace is in the same pid namespace, so its death shows as
    // another parent.
    while tied.is_ok() && getppid().as_raw() > 1 {
        pause();
    }
    std::process::exit(1)
}
