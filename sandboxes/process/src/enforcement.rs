//! Which protections hold, read back from the kernel rather than assumed.

use std::collections::BTreeMap;
use std::fs;

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};
use serde::{Deserialize, Serialize};

use crate::error::{Failure, Step};
use crate::identity::{self, Identity};
use crate::limits;
use crate::namespaces::Membership;
use crate::network::{self, Loopback};
use crate::spec::Limits;

/// Everything that a sandbox may protect by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// Ids inside mean nothing outside.
    UserNamespace,
    /// Mounts of its own.
    MountNamespace,
    /// Sees and reaches only its own processes.
    PidNamespace,
    /// Interfaces, ports and abstract Unix sockets of its own.
    NetworkNamespace,
    /// System V IPC and POSIX message queues of its own.
    IpcNamespace,
    /// Host name of its own.
    UtsNamespace,
    /// Cannot see where in the cgroup tree it is.
    CgroupNamespace,
    /// Runs as an unprivileged id inside, which is never host root outside.
    PayloadIdentity,
    /// Every capability set is empty and locked.
    Capabilities,
    /// No program can gain privileges.
    NoNewPrivs,
    /// System calls are filtered.
    Seccomp,
    /// Landlock as a second layer over the view.
    Landlock,
    /// The root is a new tmpfs and read-only.
    ReadOnlyRoot,
    /// No way to any network.
    Network,
    /// The loopback interface works, IPv4 and IPv6.
    Loopback,
    /// No descriptor of the caller is open.
    Descriptors,
    /// No core dumps.
    RlimitCore,
    /// Open descriptors per process.
    RlimitOpenFiles,
    /// Processes and threads.
    RlimitProcesses,
    /// Bytes per file.
    RlimitFileSize,
    /// Locked memory.
    RlimitLockedMemory,
    /// POSIX message queues.
    RlimitMessageQueues,
    /// Wall-clock time.
    WallClock,
    /// Bytes kept of each output stream.
    OutputLimit,
    /// Memory of all processes together, swap included.
    MemoryLimit,
    /// Processes and threads together.
    ProcessLimit,
    /// Processor time of all processes together.
    CpuLimit,
    /// Time without output and without use of the processor.
    IdleLimit,
    /// What is refused is told.
    DenialReports,
    /// Bytes and inodes of all writable directories that are on disk.
    DiskLimit,
}

impl std::fmt::Display for Protection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// How far a protection holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In force as described.
    Enforced,
    /// In force by a weaker means.
    Degraded,
    /// Not in force.
    Absent,
}

/// One protection and its state in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforcement {
    /// The protection.
    pub protection: Protection,
    /// How far it holds.
    pub state: State,
    /// Why it does not hold fully, or by what it holds where that differs between machines.
    pub why: Option<String>,
}

impl Enforcement {
    pub(crate) fn enforced(protection: Protection) -> Self {
        Self {
            protection,
            state: State::Enforced,
            why: None,
        }
    }

    /// In force, by a means that not every machine has.
    pub(crate) fn enforced_by(protection: Protection, means: &str) -> Self {
        Self {
            why: Some(means.into()),
            ..Self::enforced(protection)
        }
    }

    pub(crate) fn degraded(protection: Protection, why: &str) -> Self {
        Self {
            protection,
            state: State::Degraded,
            why: Some(why.into()),
        }
    }

    pub(crate) fn absent(protection: Protection, why: &str) -> Self {
        Self {
            protection,
            state: State::Absent,
            why: Some(why.into()),
        }
    }
}

/// Refuses to go on without one of these.
pub(crate) fn require(held: &[(Protection, bool)]) -> Result<(), Failure> {
    match held.iter().find(|(_, holds)| !holds) {
        None => Ok(()),
        Some((protection, _)) => Err(Failure::at(
            Step::Verify,
            protection.to_string(),
            Errno::ENOTRECOVERABLE,
        )),
    }
}

/// Checks every required protection from inside; the first that does not hold is the error.
pub(crate) fn verify(
    outside: &Membership,
    requested: &Limits,
) -> Result<Vec<Enforcement>, Failure> {
    let status = Status::read()?;
    let loopback = network::loopback();
    let mut held: Vec<_> = Membership::of_self()?.apart_from(outside).collect();
    held.extend([
        (
            Protection::PayloadIdentity,
            status.runs_as(identity::inside()),
        ),
        (Protection::Capabilities, status.has_no_capability()),
        (Protection::NoNewPrivs, status.is("NoNewPrivs", "1")),
        (Protection::Seccomp, status.is("Seccomp", "2")),
        (Protection::ReadOnlyRoot, root_is_read_only()),
        (Protection::Network, network::is_cut_off()),
        (Protection::Loopback, loopback != Loopback::Broken),
    ]);
    held.extend(limits::verify(requested));
    require(&held)?;
    let mut list: Vec<_> = held
        .into_iter()
        .map(|(protection, _)| Enforcement::enforced(protection))
        .collect();
    if loopback == Loopback::OnlyV4 {
        list.retain(|entry| entry.protection != Protection::Loopback);
        list.push(Enforcement::degraded(
            Protection::Loopback,
            "this machine has IPv6 switched off",
        ));
    }
    // The worker checks its descriptors itself and does not start the program otherwise; helper and
    // caller hold the other two.
    list.extend(
        [
            Protection::Descriptors,
            Protection::WallClock,
            Protection::OutputLimit,
        ]
        .map(Enforcement::enforced),
    );
    // The keeper adds the limits that it keeps itself.
    Ok(list)
}

/// The fields of /proc/self/status.
pub(crate) struct Status(BTreeMap<String, String>);

impl Status {
    pub(crate) fn read() -> Result<Self, Failure> {
        let path = "/proc/self/status";
        let text =
            fs::read_to_string(path).map_err(|error| Failure::io(Step::Verify, path, &error))?;
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Ok(Self(
            fields
                .map(|(name, value)| (name.into(), value.trim().into()))
                .collect(),
        ))
    }

    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.0.get(name).is_some_and(|found| found == value)
    }

    /// All four ids of each kind are these.
    pub(crate) fn runs_as(&self, ids: Identity) -> bool {
        [("Uid", ids.uid), ("Gid", ids.gid)]
            .iter()
            .all(|(name, id)| *id != 0 && self.is(name, &[id.to_string().as_str(); 4].join("\t")))
    }

    pub(crate) fn has_no_capability(&self) -> bool {
        self.has_no_usable_capability() && self.is_empty("CapBnd")
    }

    /// None that is held or passed on. The bounding set only limits what exec could give.
    pub(crate) fn has_no_usable_capability(&self) -> bool {
        let mut sets = ["CapInh", "CapPrm", "CapEff", "CapAmb"].iter();
        sets.all(|name| self.is_empty(name))
    }

    fn is_empty(&self, set: &str) -> bool {
        self.is(set, "0000000000000000")
    }
}

fn root_is_read_only() -> bool {
    statvfs("/").is_ok_and(|root| root.flags().contains(FsFlags::ST_RDONLY))
}
