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

/// Whether every route leads to `lo`. Interfaces alone say little: some kernels put idle tunnels
/// into each new namespace.
pub(crate) fn is_cut_off() -> bool {
    // Without IPv6 in the kernel there is no second table.
    let v6 = fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    fs::read_to_string("/proc/net/route").is_ok_and(|v4| only_loopback(&v4, &v6))
}

/// The kernel's tables of IPv4 (a heading; the interface comes first) and IPv6 (the interface comes
/// last).
fn only_loopback(v4: &str, v6: &str) -> bool {
    let mut v4 = v4
        .lines()
        .skip(1)
        .map(|route| route.split_whitespace().next());
    let mut v6 = v6.lines().map(|route| route.split_whitespace().next_back());
    v4.all(|interface| interface == Some("lo")) && v6.all(|interface| interface == Some("lo"))
}

/// Which address families have a working loopback.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loopback {
    Both,
    /// The machine has IPv6 switched off.
    OnlyV4,
    Broken,
}

/// Tries to listen on loopback.
pub(crate) fn loopback() -> Loopback {
    let has_v6 =
        fs::read_to_string("/proc/net/if_inet6").is_ok_and(|addresses| !addresses.is_empty());
    let listens = |address: &str| TcpListener::bind(address).is_ok();
    match (listens("127.0.0.1:0"), has_v6) {
        (true, false) => Loopback::OnlyV4,
        (true, true) if listens("[::1]:0") => Loopback::Both,
        _ => Loopback::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::only_loopback;

    #[test]
    fn one_route_elsewhere_is_a_way_out() {
        let heading = "Iface\tDestination\tGateway\n";
        let out_v4 = format!("{heading}lo\t0000007F\t00000000\neth0\t00000000\t0102A8C0\n");
        let lo_v6 = "00000000000000000000000000000001 80 0 00 0 0 1 0 80200001       lo\n";
        let out_v6 = "fe800000000000000000000000000000 40 0 00 0 100 1 0 00000001     eth0\n";
        for (v4, v6, expected) in [
            (heading, "", true),
            (heading, lo_v6, true),
            (&out_v4, lo_v6, false),
            (heading, out_v6, false),
        ] {
            assert_eq!(only_loopback(v4, v6), expected, "{v4}{v6}");
        }
    }
}
