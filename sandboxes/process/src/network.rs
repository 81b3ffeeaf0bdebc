//! The network inside: loopback and nothing else.

use std::fs;
use std::net::TcpListener;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::error::{Failure, Step};
use crate::sys;

/// Brings `lo` up; the kernel gives it 127.0.0.1 and ::1 by itself.
pub(crate) fn loopback_up() -> Result<(), Failure> {
    let failed = |errno| Failure::new(Step::Loopback, errno);
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .map_err(failed)?;
    let flags = sys::interface_up(&socket, c"lo").map_err(failed)?;
    let up = libc::IFF_UP as libc::c_short;
    if flags & up == up {
        Ok(())
    } else {
        Err(failed(Errno::ENETDOWN))
    }
}

/// Whether `lo` is the only interface there is.
pub(crate) fn is_cut_off() -> bool {
    let Ok(devices) = fs::read_to_string("/proc/net/dev") else {
        return false;
    };
    devices
        .lines()
        .filter_map(|line| line.split_once(':'))
        .all(|(name, _)| name.trim() == "lo")
}

/// Whether servers can listen on loopback, in both families where the kernel has both.
pub(crate) fn loopback_works() -> bool {
    let has_v6 = fs::exists("/proc/net/if_inet6").unwrap_or(false);
    TcpListener::bind("127.0.0.1:0").is_ok() && (!has_v6 || TcpListener::bind("[::1]:0").is_ok())
}
