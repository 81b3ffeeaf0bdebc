//! Which protections there are without namespaces, read back from inside, and which there are not.

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket, socketpair};

use super::Payload;
use crate::enforcement::{self, Enforcement, Protection, Status};
use crate::error::Failure;
use crate::limits;
use crate::spec::Limits;

/// What only a namespace gives, and what there is instead.
const MISSING: [(Protection, &str); 9] = [
    (
        Protection::UserNamespace,
        "this machine gives no namespaces: ids inside are ids outside",
    ),
    (
        Protection::MountNamespace,
        "no namespaces: Landlock alone keeps files from being read and written; that they exist, their names, sizes and \
         times can be asked for, /tmp is the machine's and closed, /etc/passwd is the machine's",
    ),
    (
        Protection::PidNamespace,
        "no namespaces: processes of the machine can be listed with their command lines; Landlock keeps them from being \
         signalled, traced and looked into",
    ),
    (
        Protection::NetworkNamespace,
        "no namespaces: the interfaces and connections of the machine can be listed, and no socket can be made",
    ),
    (
        Protection::IpcNamespace,
        "no namespaces: System V objects and message queues are refused altogether",
    ),
    (
        Protection::UtsNamespace,
        "no namespaces: the host name is the machine's",
    ),
    (
        Protection::CgroupNamespace,
        "no namespaces: the name of its control group can be seen",
    ),
    (
        Protection::ReadOnlyRoot,
        "the root is the machine's; Landlock keeps it from being written",
    ),
    (
        Protection::Loopback,
        "without a network namespace no server on loopback can be allowed",
    ),
];

/// Checks every protection that is left; the first that does not hold is the error.
pub(crate) fn verify(requested: &Limits, payload: Payload) -> Result<Vec<Enforcement>, Failure> {
    let status = Status::read()?;
    let capabilities = if payload.of_root {
        status.has_no_capability()
    } else {
        status.has_no_usable_capability()
    };
    let mut held = vec![
        (Protection::PayloadIdentity, status.runs_as(payload.ids)),
        (Protection::Capabilities, capabilities),
        (Protection::NoNewPrivs, status.is("NoNewPrivs", "1")),
        (Protection::Seccomp, status.is("Seccomp", "2")),
        (Protection::Network, has_no_sockets()),
    ];
    held.extend(limits::verify(requested));
    enforcement::require(&held)?;
    let held = held.into_iter().map(|(protection, _)| protection).chain([
        Protection::Descriptors,
        Protection::WallClock,
        Protection::OutputLimit,
    ]);
    let missing = MISSING.map(|(protection, why)| Enforcement::absent(protection, why));
    Ok(held
        .map(|protection| entry(protection, payload))
        .chain(missing)
        .collect())
}

fn entry(protection: Protection, payload: Payload) -> Enforcement {
    let why = match protection {
        Protection::Network => {
            "by the system call filter alone: no socket can be made but pairs that are connected to each other"
        }
        Protection::PayloadIdentity if !payload.of_root => {
            "it is the caller's own user: what the caller may do and neither Landlock nor the filter asks about, it may do"
        }
        Protection::Capabilities if !payload.of_root => {
            "the bounding set cannot be emptied without rights; no_new_privs keeps it without effect"
        }
        Protection::RlimitProcesses if !payload.of_root => {
            "all processes of the caller's user count together"
        }
        _ => return Enforcement::enforced(protection),
    };
    Enforcement::degraded(protection, why)
}

/// Tries to make what could reach anything, and what has to work.
fn has_no_sockets() -> bool {
    let none = SockFlag::SOCK_CLOEXEC;
    let families = [
        AddressFamily::Inet,
        AddressFamily::Inet6,
        AddressFamily::Unix,
        AddressFamily::Netlink,
        AddressFamily::Vsock,
    ];
    let kinds = [SockType::Stream, SockType::Datagram, SockType::Raw];
    let none_made = families.iter().all(|family| {
        kinds
            .iter()
            .all(|kind| socket(*family, *kind, none, None).is_err())
    });
    let pair = |kind| socketpair(AddressFamily::Unix, kind, None, none);
    none_made && pair(SockType::Datagram).is_err() && pair(SockType::Stream).is_ok()
}
