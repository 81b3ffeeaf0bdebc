//! What a call that waits for its answer is about, as far as its arguments and the process tell.

use std::fs;
use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

/// The port on which resolvers listen.
const RESOLVER: u16 = 53;
/// The longest address that is of interest, an IPv6 one with its scope.
const ADDRESS: usize = 28;

/// Where a socket is told to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    /// Out of the sandbox.
    Outside(SocketAddr),
    /// The resolver inside: a name is about to be looked up.
    Resolver,
    /// Anything else: other processes inside, the kernel, nobody.
    Inside,
}

/// Reads the address that a call of this thread points at. What cannot be read leads nowhere: the
/// kernel will not be able to read it either.
pub(super) fn destination(thread: Pid, address: u64, length: u64) -> Destination {
    let mut bytes = [0; ADDRESS];
    let length = usize::try_from(length).unwrap_or(ADDRESS).min(ADDRESS);
    let Ok(base) = usize::try_from(address) else {
        return Destination::Inside;
    };
    let remote = [RemoteIoVec { base, len: length }];
    let Some(buffer) = bytes.get_mut(..length) else {
        return Destination::Inside;
    };
    match process_vm_readv(thread, &mut [IoSliceMut::new(buffer)], &remote) {
        Ok(read) => bytes.get(..read).map_or(Destination::Inside, classify),
        Err(_) => Destination::Inside,
    }
}

/// Judges a `struct sockaddr`.
fn classify(bytes: &[u8]) -> Destination {
    let Some(address) = internet(bytes) else {
        return Destination::Inside;
    };
    let ip = address.ip().to_canonical();
    if !(ip.is_loopback() || ip.is_unspecified()) {
        Destination::Outside(SocketAddr::new(ip, address.port()))
    } else if address.port() == RESOLVER {
        Destination::Resolver
    } else {
        Destination::Inside
    }
}

/// The address of an `AF_INET` or `AF_INET6` socket.
fn internet(bytes: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = bytes.split_first_chunk()?;
    let (port, rest) = rest.split_first_chunk()?;
    let ip: IpAddr = match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => Ipv4Addr::from(*rest.first_chunk::<4>()?).into(),
        // The flow label comes before the address.
        libc::AF_INET6 => Ipv6Addr::from(*rest.get(4..)?.first_chunk::<16>()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes(*port)))
}

/// The name that a thread goes by.
pub(super) fn name(thread: Pid) -> Option<String> {
    let name = fs::read(format!("/proc/{thread}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(address: &str) -> Vec<u8> {
        let address: SocketAddr = address.parse().unwrap();
        let (family, rest) = match address.ip() {
            IpAddr::V4(ip) => (libc::AF_INET, ip.octets().to_vec()),
            IpAddr::V6(ip) => (libc::AF_INET6, [&[0; 4], ip.octets().as_slice()].concat()),
        };
        let family = (family as u16).to_ne_bytes();
        [&family, address.port().to_be_bytes().as_slice(), &rest].concat()
    }

    #[test]
    fn every_form_of_an_address_is_told_apart_from_loopback() {
        let outside = |text: &str| Destination::Outside(text.parse().unwrap());
        for (address, expected) in [
            ("127.0.0.1:80", Destination::Inside),
            ("127.9.9.9:80", Destination::Inside),
            ("0.0.0.0:80", Destination::Inside),
            ("[::1]:80", Destination::Inside),
            ("[::]:80", Destination::Inside),
            ("[::ffff:127.0.0.1]:80", Destination::Inside),
            ("127.0.0.1:53", Destination::Resolver),
            ("[::1]:53", Destination::Resolver),
            ("192.0.2.1:443", outside("192.0.2.1:443")),
            ("[::ffff:192.0.2.1]:443", outside("192.0.2.1:443")),
            ("[2001:db8::1]:53", outside("[2001:db8::1]:53")),
            ("169.254.169.254:80", outside("169.254.169.254:80")),
        ] {
            assert_eq!(classify(&bytes(address)), expected, "{address}");
        }
        let unix = [&(libc::AF_UNIX as u16).to_ne_bytes(), b"/x".as_slice()].concat();
        for nothing in [b"".as_slice(), &[2], &bytes("192.0.2.1:1")[..7], &unix] {
            assert_eq!(classify(nothing), Destination::Inside, "{nothing:?}");
        }
    }

    #[test]
    fn an_address_is_read_from_the_memory_of_the_process() {
        let address = bytes("192.0.2.1:443");
        let at =
            |pointer: *const u8| destination(Pid::this(), pointer as u64, address.len() as u64);
        assert!(matches!(at(address.as_ptr()), Destination::Outside(_)));
        assert_eq!(at(std::ptr::null()), Destination::Inside);
    }
}
