//! Addresses outside, sockets of the host, and families that leave a network namespace. Listeners of the test play the
//! internet and the host's daemons.

use std::io;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::libc;

use crate::entry::Control::{Differs, Succeeds};
use crate::entry::{Entry, call, code, found, nothing};
use crate::scene::Scene;

const NETWORK: &str = "network";
const UNREACHABLE: &str = "ENETUNREACH|EADDRNOTAVAIL";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    code(NETWORK, "connect-to-the-hosts-loopback", Succeeds, "ECONNREFUSED", |s| connect(s, "tcp4")),
    code(NETWORK, "connect-to-the-hosts-loopback-by-ipv6", Succeeds, "ECONNREFUSED", |s| connect(s, "tcp6")),
    code(NETWORK, "connect-to-the-hosts-loopback-by-mapped-address", Succeeds, "ECONNREFUSED|ENETUNREACH", |s| connect(s, "mapped")),
    code(NETWORK, "send-to-the-hosts-loopback", Succeeds, "ECONNREFUSED", |s| ask(s, "udp")),
    code(NETWORK, "connect-to-the-internet", Succeeds, UNREACHABLE, |s| connect(s, "internet4")),
    code(NETWORK, "connect-to-the-internet-by-ipv6", Succeeds, UNREACHABLE, |s| connect(s, "internet6")),
    code(NETWORK, "connect-to-the-metadata-service", Succeeds, UNREACHABLE, |s| connect(s, "metadata")),
    code(NETWORK, "send-to-a-name-server", Succeeds, UNREACHABLE, |s| ask(s, "nameserver")),
    code(NETWORK, "know-a-name-server", Succeeds, "nothing", know_a_name_server),
    code(NETWORK, "connect-to-an-abstract-socket", Succeeds, "ECONNREFUSED|EPERM", connect_abstract),
    code(NETWORK, "connect-to-a-socket-by-path", Succeeds, "ENOENT", |s| UnixStream::connect(s.path("victim", "daemon.sock")?).map(drop)),
    code(NETWORK, "connect-to-the-agent", Succeeds, "nothing", connect_to_the_agent),
    call((NETWORK, "open-a-packet-socket"), Succeeds, "EPERM", "net", libc::SYS_socket, "17 3 0"),
    call((NETWORK, "open-a-raw-socket"), Succeeds, "EPERM", "net", libc::SYS_socket, "2 3 1"),
    call((NETWORK, "open-a-raw-socket-by-ipv6"), Succeeds, "EPERM", "net", libc::SYS_socket, "10 3 58"),
    call((NETWORK, "open-a-ping-socket"), Differs, "EAFNOSUPPORT", "", libc::SYS_socket, "2 2 1"),
    call((NETWORK, "open-a-vsock-socket"), Succeeds, "EPERM", "", libc::SYS_socket, "40 1 0"),
    call((NETWORK, "open-an-xdp-socket"), Differs, "EAFNOSUPPORT", "net", libc::SYS_socket, "44 3 0"),
    call((NETWORK, "open-a-device-event-socket"), Succeeds, "EAFNOSUPPORT", "", libc::SYS_socket, "16 3 15"),
    call((NETWORK, "open-an-audit-socket"), Differs, "EAFNOSUPPORT", "", libc::SYS_socket, "16 3 9"),
];

fn address(scene: &Scene, key: &str) -> io::Result<SocketAddr> {
    scene.text(key)?.parse().map_err(io::Error::other)
}

fn connect(scene: &Scene, key: &str) -> io::Result<()> {
    TcpStream::connect_timeout(&address(scene, key)?, Duration::from_secs(5)).map(drop)
}

/// A datagram only counts as arrived when it is answered.
fn ask(scene: &Scene, key: &str) -> io::Result<()> {
    let to = address(scene, key)?;
    let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.connect(to)?;
    socket.send(b"probe")?;
    socket.recv(&mut [0; 16]).map(drop)
}

fn know_a_name_server(scene: &Scene) -> io::Result<()> {
    let text = std::fs::read_to_string(scene.path("etc", "resolv.conf")?)?;
    found(text.lines().any(|line| line.starts_with("nameserver")))
}

fn connect_abstract(scene: &Scene) -> io::Result<()> {
    let address = std::os::unix::net::SocketAddr::from_abstract_name(scene.text("abstract")?)?;
    UnixStream::connect_addr(&address).map(drop)
}

fn connect_to_the_agent(_: &Scene) -> io::Result<()> {
    let path = std::env::var_os("SSH_AUTH_SOCK").ok_or_else(nothing)?;
    UnixStream::connect(path).map(drop)
}
